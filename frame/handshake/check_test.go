package handshake_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/gannet-io/gannet/frame/handshake"
)

func parse(t *testing.T, req string) handshake.Request {
	t.Helper()
	r, n, err := handshake.Parse([]byte(req), limits)
	if n != len(req) || err != nil {
		t.Fatalf("Parse(%q) = %d, %v; want %d", req, n, err, len(req))
	}
	return r
}

func TestCheckAsksForWhatTheRFCAsksFor(t *testing.T) {
	for _, tt := range []struct {
		old, new string // one change to the RFC's request
		status   int
		reason   string
	}{
		{"Upgrade: websocket\r\n", "", 426, "not_an_upgrade"},
		{"Connection: Upgrade", "Connection: close", 426, "not_an_upgrade"},
		{"GET", "POST", 405, "method"},
		{"GET", "get", 405, "method"},
		{"HTTP/1.1", "HTTP/1.0", 505, "http_version"},
		{"/chat", "*", 400, "malformed_target"},
		{"/chat", "example.com:80", 400, "malformed_target"},
		{"/chat", "/chat#top", 400, "malformed_target"},
		{"/chat", "/chat?a#top", 400, "malformed_target"},
		{"Host: server.example.com\r\n", "", 400, "missing_host"},
		{"Host: server.example.com", "Host:  ", 400, "missing_host"},
		{"Sec-WebSocket-Version: 13\r\n", "", 426, "websocket_version"},
		{"Version: 13", "Version: 8", 426, "websocket_version"},
		{"Version: 13", "Version: 13, 8", 426, "websocket_version"},
		{"Version: 13", "Version: 013", 426, "websocket_version"},
		{"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", "", 400, "malformed_key"},
		{"dGhlIHNhbXBsZSBub25jZQ==", "", 400, "malformed_key"},
		{"dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZQ", 400, "malformed_key"},        // no pads
		{"dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZQ=A", 400, "malformed_key"},      // pad in the wrong place
		{"dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZWE=", 400, "malformed_key"},      // 17 bytes
		{"dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25j", 400, "malformed_key"},          // 15 bytes
		{"dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25j-_==", 400, "malformed_key"},      // the URL alphabet
		{"dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBs ZSBub25jZQ=", 400, "malformed_key"},      // a space
		{"dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25j====", 400, "malformed_key"},      // too many pads
		{"dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZQ===", 400, "malformed_key"},     // one byte more
		{"dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub2\xc3\xa9Q==", 400, "malformed_key"}, // not ASCII
	} {
		req := strings.Replace(rfcRequest, tt.old, tt.new, 1)
		r := parse(t, req)
		wantError(t, req, r.Check(), tt.status, tt.reason)
	}
	for _, tt := range [][2]string{
		{"GET /chat", "GET ws://server.example.com/chat"},
		{"Origin: http://example.com\r\n", ""},
		{"Sec-WebSocket-Protocol: chat, superchat\r\n", ""},
		{"dGhlIHNhbXBsZSBub25jZQ==", "++++////0123456789abcd=="},
	} {
		r := parse(t, strings.Replace(rfcRequest, tt[0], tt[1], 1))
		if err := r.Check(); err != nil {
			t.Errorf("%q for %q: %v", tt[1], tt[0], err)
		}
	}
}

func TestOffersComparesWholeTokens(t *testing.T) {
	r := handshake.Request{Subprotocols: []byte("chat,\t superchat ,,v1.json")}
	for _, p := range []string{"chat", "superchat", "v1.json"} {
		if !r.Offers(p) {
			t.Errorf("%q is not offered", p)
		}
	}
	for _, p := range []string{"", "Chat", "super", "chat, superchat", "json", " chat"} {
		if r.Offers(p) {
			t.Errorf("%q is offered", p)
		}
	}
}

func TestErrorsNameTheirReason(t *testing.T) {
	_, _, err := handshake.Parse([]byte("\x16"), limits)
	var e *handshake.Error
	if !errors.As(err, &e) || err.Error() != "handshake: malformed request line" {
		t.Errorf("got %v", err)
	}
}
