package echo_test

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/gobwas/ws"
)

func closing(code uint16, reason string) []byte {
	return fr(finClose, string(binary.BigEndian.AppendUint16(nil, code))+reason)
}

// RFC 6455 §7.4: codes that may be on the wire are answered alike, others by 1002. What comes behind a close frame is
// not looked at (§5.5.1).
func TestCloseCodes(t *testing.T) {
	var talks []talk
	good := []uint16{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999}
	for _, code := range good {
		talks = append(talks,
			talk{fmt.Sprint(code), join(fr(finText, "a"), closing(code, ""), fr(finText, "b")), []message{text("a")}, code},
			talk{fmt.Sprint(code, " with a reason"), join(closing(code, "Grüße"), fr(finPing, "")), nil, code})
	}
	for _, code := range []uint16{0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 5001, 65535} {
		talks = append(talks, talk{fmt.Sprint(code), closing(code, ""), nil, 1002}, talk{fmt.Sprint(code, " with a reason"), closing(code, "x"), nil, 1002})
	}
	hold(t, talks)
}

// §5.5.1: a payload is nothing, or a code and a reason that is UTF-8, in 125 bytes.
func TestClosePayloads(t *testing.T) {
	hold(t, []talk{
		{"one byte", fr(finClose, "\x03"), nil, 1002},
		{"a reason of 123 bytes", closing(1000, strings.Repeat("*", 123)), nil, 1000},
		{"a reason of 124 bytes", closing(1000, strings.Repeat("*", 124)), nil, 1002},
		{"a reason that is no text", closing(1000, "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80"), nil, 1007},
		{"a reason that ends in a rune", closing(1000, "\xe2\x82"), nil, 1007},
		{"within a message", join(fr(firstText, "a"), closing(1000, "")), nil, 1000},
		{"within a message that goes on", join(fr(firstText, "a"), closing(1001, ""), fr(last, "b")), nil, 1001},
		{"twice", join(closing(1000, ""), closing(1001, "")), nil, 1000},
		{"behind a ping", join(fr(finPing, "p"), closing(1000, "")), []message{pong("p")}, 1000},
		{"before what is no frame", join(closing(1000, ""), []byte("GET / HTTP/1.1\r\n\r\n")), nil, 1000},
		{"behind much", join(fr(finText, strings.Repeat("x", 200_000)), closing(1000, "")), []message{text(strings.Repeat("x", 200_000))}, 1000},
	})
}

// §7.1.5: without a code the answer has none either.
func TestCloseWithoutPayload(t *testing.T) {
	c, _ := dial(t, "")
	c.write(fr(finClose, ""))
	c.want(message{ws.OpClose, ""})
	c.wantEnd()
}

// §7.1.1: the server ends TCP once both close frames are through, and does not wait for the client to.
func TestTheServerHangsUpFirst(t *testing.T) {
	c, _ := dial(t, "")
	c.write(join(fr(finText, "a"), closing(1000, "")))
	c.want(text("a"), closed(1000))
	c.wantEnd()
}

// A client that vanishes in the middle of anything leaves nothing behind; TestMain looks for it.
func TestClientsThatVanish(t *testing.T) {
	wire := join(fr(firstText, "κόσμε"), fr(finPing, "p"), fr(last, strings.Repeat("x", 300)))
	for n := range len(wire) {
		if n > 40 && n%20 != 0 {
			continue
		}
		c, _ := dial(t, "")
		c.write(wire[:n])
		if n%2 == 0 {
			_ = c.SetLinger(0)
		}
		c.Close()
	}
	c, _ := dial(t, "")
	c.write(fr(finText, "still here"))
	c.want(text("still here"))
}
