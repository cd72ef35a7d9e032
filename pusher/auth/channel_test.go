package auth_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/gannet-io/gannet/pusher/auth"
)

// Two vectors are refused although their signature is right, because of what the signed text says; that is judged by
// pusher/wire.
var signedNonsense = map[string]bool{
	"neg-presence-bad-json": true, "neg-presence-no-user-id": true,
	"neg-user-empty-id": true, "neg-user-no-id": true,
}

func TestChannelAuthFollowsTheVectors(t *testing.T) {
	v := load(t)
	for _, c := range v.Channel {
		if got := auth.ChannelText(c.SocketID, c.Channel, c.ChannelData); got != c.Text {
			t.Errorf("%s: text %q, want %q", c.ID, got, c.Text)
		}
		if got := auth.ChannelSignature(v.Credentials.Secret, c.SocketID, c.Channel, c.ChannelData); got != c.HMAC {
			t.Errorf("%s: signature %s, want %s", c.ID, got, c.HMAC)
		}
		key, sig, ok := auth.SplitToken(c.Auth)
		got := ok && key == v.Credentials.Key && auth.CheckChannel(v.Credentials.Secret, sig, c.SocketID, c.Channel, c.ChannelData)
		if want := c.Expect == "accept" || signedNonsense[c.ID]; got != want {
			t.Errorf("%s: accepted %v, want %v", c.ID, got, want)
		}
	}
}

func TestUserAuthFollowsTheVectors(t *testing.T) {
	v := load(t)
	for _, c := range v.User {
		if got := auth.UserText(c.SocketID, c.UserData); got != c.Text {
			t.Errorf("%s: text %q, want %q", c.ID, got, c.Text)
		}
		if got := auth.UserSignature(v.Credentials.Secret, c.SocketID, c.UserData); got != c.HMAC {
			t.Errorf("%s: signature %s, want %s", c.ID, got, c.HMAC)
		}
		key, sig, ok := auth.SplitToken(c.Auth)
		got := ok && key == v.Credentials.Key && auth.CheckUser(v.Credentials.Secret, sig, c.SocketID, c.UserData)
		if want := c.Expect == "accept" || signedNonsense[c.ID]; got != want {
			t.Errorf("%s: accepted %v, want %v", c.ID, got, want)
		}
	}
}

func TestEmptyChannelDataIsSigned(t *testing.T) {
	empty := ""
	if auth.ChannelSignature("s", "1.2", "c", &empty) == auth.ChannelSignature("s", "1.2", "c", nil) {
		t.Error("an empty channel_data and none have the same signature")
	}
}

func TestSplitTokenCutsAtTheFirstColon(t *testing.T) {
	if key, sig, ok := auth.SplitToken("k:a:b"); key != "k" || sig != "a:b" || !ok {
		t.Errorf("SplitToken(k:a:b) = %q, %q, %v", key, sig, ok)
	}
	if _, _, ok := auth.SplitToken("k"); ok {
		t.Error("SplitToken(k) found a colon")
	}
}

func TestCheckRefusesAnythingButTheWholeSignature(t *testing.T) {
	const secret, socket, channel = "s", "1.2", "private-x"
	sig := auth.ChannelSignature(secret, socket, channel, nil)
	for _, wrong := range []string{"", sig[:63], sig + "0", sig + sig, strings.ToUpper(sig), " " + sig, sig + "\n", "x" + sig[1:], sig[:63] + "\x00"} {
		if auth.CheckChannel(secret, wrong, socket, channel, nil) {
			t.Errorf("%q was accepted", wrong)
		}
	}
}

// The MAC is put together by hand, so the standard library has to agree for keys on both sides of a block.
func FuzzSignatureAgreesWithCryptoHMAC(f *testing.F) {
	for _, n := range []int{0, 1, 63, 64, 65, 200} {
		f.Add(strings.Repeat("k", n), "1.2", "private-x", strings.Repeat("d", 10*n))
	}
	f.Fuzz(func(t *testing.T, secret, socket, channel, data string) {
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(socket + ":" + channel + ":" + data))
		want := hex.EncodeToString(mac.Sum(nil))
		if got := auth.ChannelSignature(secret, socket, channel, &data); got != want {
			t.Fatalf("secret %q: got %s, want %s", secret, got, want)
		}
		if !auth.CheckChannel(secret, want, socket, channel, &data) {
			t.Fatalf("secret %q: %s is refused", secret, want)
		}
	})
}
