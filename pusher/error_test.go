package pusher_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gannet-io/gannet/pusher"
)

func TestOnlyTheVectorsCloseCodesAreFatal(t *testing.T) {
	for _, c := range load(t).CloseCodes {
		if c.Code < 4000 {
			continue
		}
		if got := (&pusher.Error{Code: c.Code}).Fatal(); got != c.Close {
			t.Errorf("code %d: Fatal() = %v, want %v", c.Code, got, c.Close)
		}
	}
	if (&pusher.Error{}).Fatal() {
		t.Error("an error without a code must not close the connection")
	}
}

// Pusher's own words, from reports about its clients; people search for them.
func TestMessagesAreInPushersWords(t *testing.T) {
	for _, c := range []struct {
		err  *pusher.Error
		code int
		want string
	}{
		{pusher.ErrAppNotFound("X"), 4001, "App key X not in this cluster. Did you forget to specify the cluster?"},
		{pusher.ErrUnauthorizedTimeout, 4009, "Connection not authorized within timeout"},
		{pusher.ErrTerminated, 4009, "You got disconnected by the app."},
		{pusher.Terminated(0), 4009, "You got disconnected by the app."},
		{pusher.Terminated(4200), 4200, "You got disconnected by the app."},
		{pusher.ErrClientEventRate, 4301, "Client event rejected due to rate limit"},
		{pusher.ExistingSubscription("X"), 0, "Existing subscription to channel X"},
		{pusher.NoSubscription("X"), 0, "No current subscription to channel X, or subscription in progress"},
		{pusher.AuthRequired("X"), 0, "Auth info required to subscribe to X"},
		{pusher.BadAuthFormat("X"), 0, "Auth value for subscription to X is invalid: should be of format 'key:signature'"},
		{pusher.BadAuthKey("KEY"), 0, "Invalid key in subscription auth data: 'KEY'"},
		{pusher.BadSignature("1.2:X", "beef"), 0, "Invalid signature: Expected HMAC SHA256 hex digest of 1.2:X, but got beef"},
		{pusher.UnsupportedEvent("x"), 0, "Unsupported event received on socket: 'x'"},
		{pusher.ClientEventNotSubscribed("X"), 0, "Cannot broadcast client event (connection not subscribed to channel X)"},
		{pusher.BadSigninFormat(), 0, "Invalid format: auth must have the format key:signature"},
	} {
		if c.err.Message != c.want || c.err.Code != c.code {
			t.Errorf("got %d %q, want %d %q", c.err.Code, c.err.Message, c.code, c.want)
		}
		if c.err.Reason == "" || strings.ToLower(c.err.Reason) != c.err.Reason || strings.ContainsAny(c.err.Reason, " -") {
			t.Errorf("%q: reason %q is no snake_case word", c.err.Message, c.err.Reason)
		}
	}
}

func TestEchoedNamesAreCutBetweenRunes(t *testing.T) {
	for pad := range 4 {
		got := pusher.BadChannel(strings.Repeat("a", pad) + strings.Repeat("🎉", 1000)).Message
		if !utf8.ValidString(got) {
			t.Errorf("message of a name with %d letters in front is not UTF-8: %q", pad, got)
		}
		if limit := len("Invalid channel name: ''") + 200; len(got) > limit || len(got) < limit-3 {
			t.Errorf("message has %d bytes, want %d or up to three fewer", len(got), limit)
		}
	}
}
