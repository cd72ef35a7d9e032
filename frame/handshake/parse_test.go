package handshake_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gannet-io/gannet/frame/handshake"
)

func TestParseReadsTheRequestOfTheRFC(t *testing.T) {
	r, n, err := handshake.Parse([]byte(rfcRequest+"\x81\x85"), limits)
	if n != len(rfcRequest) || err != nil {
		t.Fatalf("n = %d, %v; want %d", n, err, len(rfcRequest))
	}
	for _, f := range []struct{ name, got, want string }{
		{"Method", string(r.Method), "GET"},
		{"Target", string(r.Target), "/chat"},
		{"Path", string(r.Path), "/chat"},
		{"Query", string(r.Query), ""},
		{"Proto", string(r.Proto), "HTTP/1.1"},
		{"Host", string(r.Host), "server.example.com"},
		{"Origin", string(r.Origin), "http://example.com"},
		{"Key", string(r.Key), "dGhlIHNhbXBsZSBub25jZQ=="},
		{"Version", string(r.Version), "13"},
		{"Subprotocols", string(r.Subprotocols), "chat, superchat"},
		{"Extensions", string(r.Extensions), ""},
	} {
		if f.got != f.want {
			t.Errorf("%s is %q, want %q", f.name, f.got, f.want)
		}
	}
	if !r.Upgrade {
		t.Error("Upgrade is false")
	}
	if err := r.Check(); err != nil {
		t.Errorf("Check: %v", err)
	}
}

func TestParseReadsWhatABrowserSends(t *testing.T) {
	r, n, err := handshake.Parse([]byte(browserRequest), limits)
	if n != len(browserRequest) || err != nil {
		t.Fatalf("n = %d, %v; want %d", n, err, len(browserRequest))
	}
	if string(r.Path) != "/app/278d425bdf160c739803" || string(r.Query) != "protocol=7&client=js&version=8.4.0&flash=false" {
		t.Errorf("path %q, query %q", r.Path, r.Query)
	}
	if !r.Upgrade || r.Check() != nil || !strings.HasPrefix(string(r.UserAgent), "Mozilla/5.0 (X11") ||
		string(r.Extensions) != "permessage-deflate; client_max_window_bits" {
		t.Errorf("got upgrade %v, %v, agent %q, extensions %q", r.Upgrade, r.Check(), r.UserAgent, r.Extensions)
	}
}

func TestParseAsksForMoreUntilTheHeadIsThere(t *testing.T) {
	for _, req := range []string{rfcRequest, browserRequest, "POST / HTTP/1.0\r\n\r\n"} {
		for cut := range len(req) {
			if _, n, err := handshake.Parse([]byte(req[:cut]), limits); n != 0 || err != nil {
				t.Fatalf("Parse(%q) = %d, %v; want to be asked for more", req[:cut], n, err)
			}
		}
	}
}

func TestParseSplitsTheTarget(t *testing.T) {
	for _, tt := range []struct{ target, path, query, host string }{
		{"/", "/", "", "h"},
		{"/a?b?c", "/a", "b?c", "h"},
		{"/a?", "/a", "", "h"},
		{"/a%2fb?x=%20", "/a%2fb", "x=%20", "h"},
		{"/a?u=http://x@y/z", "/a", "u=http://x@y/z", "h"},
		{"//evil/path", "//evil/path", "", "h"},
		{"*", "*", "", "h"},
		{"example.com:443", "example.com:443", "", "h"},
		{"http://other:80/a?b", "/a", "b", "other:80"},
		{"WS://other", "/", "", "other"},
		{"https://other?q", "/", "q", "other"},
		{"gopher://other/a", "gopher://other/a", "", "h"},
		{"/\xc3\xa9", "/\xc3\xa9", "", "h"},
	} {
		r, _, err := handshake.Parse([]byte("GET "+tt.target+" HTTP/1.1\r\nHost: h\r\n\r\n"), limits)
		if err != nil || string(r.Target) != tt.target || string(r.Path) != tt.path || string(r.Query) != tt.query || string(r.Host) != tt.host {
			t.Errorf("%q: target %q, path %q, query %q, host %q, %v; want %q", tt.target, r.Target, r.Path, r.Query, r.Host, err, tt)
		}
	}
}

func TestUpgradeAndConnectionAreLists(t *testing.T) {
	for _, tt := range []struct {
		upgrade, connection string
		want                bool
	}{
		{"websocket", "Upgrade", true},
		{"WebSocket", "upgrade", true},
		{"WEBSOCKET", "keep-alive, UPGRADE", true},
		{"h2c, websocket", "Upgrade,HTTP2-Settings", true},
		{"\t websocket \t", "close ,\tupgrade\t", true},
		{",,websocket,", ",,Upgrade,", true},
		{"websocket", "keep-alive", false},
		{"websocket", "", false},
		{"websocket", "not-upgrade, upgraded", false},
		{"websocket2", "Upgrade", false},
		{"web socket", "Upgrade", false},
		{"websocket/13", "Upgrade", false},
		{"h2c", "Upgrade", false},
		{"", "Upgrade", false},
	} {
		r, n, err := handshake.Parse([]byte("GET / HTTP/1.1\r\nUpgrade: "+tt.upgrade+"\r\nConnection: "+tt.connection+"\r\n\r\n"), limits)
		if n == 0 || err != nil || r.Upgrade != tt.want {
			t.Errorf("Upgrade: %q, Connection: %q: %v, %d, %v; want %v", tt.upgrade, tt.connection, r.Upgrade, n, err, tt.want)
		}
	}
	r, _, err := handshake.Parse([]byte("GET / HTTP/1.1\r\nConnection: a\r\nupgrade: b\r\nCONNECTION: Upgrade\r\nUpgrade: websocket\r\nConnection: c\r\n\r\n"), limits)
	if err != nil || !r.Upgrade {
		t.Errorf("lists over several headers: %v, %v", r.Upgrade, err)
	}
}

func TestListsInSeveralHeadersAreJoined(t *testing.T) {
	req := []byte(head("Sec-WebSocket-Protocol:", "sec-websocket-protocol:third", "X-Forwarded-For: 1.1.1.1", "x-forwarded-for: 2.2.2.2",
		"Sec-WebSocket-Extensions: a; x=1", "Sec-WebSocket-Extensions: b", "X-Forwarded-Proto: https", "X-FORWARDED-PROTO: http",
		"Forwarded: for=1.1.1.1", "forwarded: for=2.2.2.2"))
	before := string(req)
	r, _, err := handshake.Parse(req, limits)
	if err != nil || string(r.Subprotocols) != "chat, superchat, third" || string(r.ForwardedFor) != "1.1.1.1, 2.2.2.2" || string(r.Extensions) != "a; x=1, b" {
		t.Errorf("got %q, %q, %q, %v", r.Subprotocols, r.ForwardedFor, r.Extensions, err)
	}
	if string(r.ForwardedProto) != "https, http" || string(r.Forwarded) != "for=1.1.1.1, for=2.2.2.2" {
		t.Errorf("got %q, %q", r.ForwardedProto, r.Forwarded)
	}
	if string(req) != before {
		t.Errorf("joining wrote into the request: %q", req)
	}
}

// A request for another server only has to have an end.
func TestParseLeavesPlainRequestsToTheHTTPServer(t *testing.T) {
	for _, req := range []string{
		"GET / HTTP/1.1\r\n\r\n",
		"GET /healthz HTTP/1.0\r\nHost: h\r\n\r\n",
		"POST /apps/1/events HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n",
		"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
		"POST / HTTP/1.1\r\nUpgrade: h2c\r\nConnection: Upgrade\r\nContent-Length: 5\r\n\r\n",
		"M-SEARCH * HTTP/1.1\r\n\r\n",
		"brew / HTTP/1.1\r\nX: \xff\xfe\ttab\r\nEmpty:\r\n\r\n",
	} {
		r, n, err := handshake.Parse([]byte(req+"body \x00\n\r\n\r\n"), limits)
		if n != len(req) || err != nil || r.Upgrade {
			t.Errorf("%q: %d, %v, upgrade %v; want %d", req, n, err, r.Upgrade, len(req))
		}
	}
}

func TestParseRefuses(t *testing.T) {
	tests := []struct {
		name, req string
		status    int
		reason    string
	}{
		{"a TLS hello", "\x16\x03\x01\x02\x00", 400, "malformed_request_line"},
		{"a PROXY header", "\r\n\r\n\x00\r\nQUIT\n", 400, "malformed_request_line"},
		{"an empty first line", "\r\nGET / HTTP/1.1\r\n\r\n", 400, "malformed_request_line"},
		{"a space before the method", " GET / HTTP/1.1\r\n\r\n", 400, "malformed_request_line"},
		{"HTTP/0.9", "GET /\r\n\r\n", 400, "malformed_request_line"},
		{"only a method", "GET\r\n\r\n", 400, "malformed_request_line"},
		{"no target", "GET  HTTP/1.1\r\n\r\n", 400, "malformed_request_line"},
		{"two spaces", "GET  / HTTP/1.1\r\n\r\n", 400, "malformed_request_line"},
		{"a space in the target", "GET /a b HTTP/1.1\r\n\r\n", 400, "malformed_request_line"},
		{"a tab for a space", "GET\t/ HTTP/1.1\r\n\r\n", 400, "malformed_request_line"},
		{"NUL in the target", "GET /\x00 HTTP/1.1\r\n\r\n", 400, "malformed_request_line"},
		{"DEL in the target", "GET /\x7f HTTP/1.1\r\n\r\n", 400, "malformed_request_line"},
		{"CR in the target", "GET /\r HTTP/1.1\r\n\r\n", 400, "malformed_request_line"},
		{"a space behind the version", "GET / HTTP/1.1 \r\n\r\n", 400, "malformed_request_line"},
		{"a lower-case version", "GET / http/1.1\r\n\r\n", 400, "malformed_request_line"},
		{"a parenthesis in the method", "GE(T / HTTP/1.1\r\n\r\n", 400, "malformed_request_line"},
		{"user information", "GET http://good@evil/ HTTP/1.1\r\n\r\n", 400, "malformed_target"},
		{"no authority", "GET http:///a HTTP/1.1\r\n\r\n", 400, "malformed_target"},
		{"HTTP/2", "PRI * HTTP/2.0\r\n\r\n", 505, "http_version"},
		{"HTTP/1.2", "GET / HTTP/1.2\r\n\r\n", 505, "http_version"},

		{"a bare LF", "GET / HTTP/1.1\n\n", 400, "bare_line_feed"},
		{"a bare LF in the headers", "GET / HTTP/1.1\r\nA: b\nC: d\r\n\r\n", 400, "bare_line_feed"},
		{"a bare LF at the end", "GET / HTTP/1.1\r\n\n", 400, "bare_line_feed"},
		{"a folded header", "GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n", 400, "folded_header"},
		{"a fold before any header", "GET / HTTP/1.1\r\n\tA: b\r\n\r\n", 400, "folded_header"},
		{"a space before the colon", "GET / HTTP/1.1\r\nHost : h\r\n\r\n", 400, "malformed_header_name"},
		{"no colon", "GET / HTTP/1.1\r\nHost\r\n\r\n", 400, "malformed_header_name"},
		{"no name", "GET / HTTP/1.1\r\n: h\r\n\r\n", 400, "malformed_header_name"},
		{"NUL in a name", "GET / HTTP/1.1\r\nHo\x00st: h\r\n\r\n", 400, "malformed_header_name"},
		{"an umlaut in a name", "GET / HTTP/1.1\r\nH\xc3\xb6st: h\r\n\r\n", 400, "malformed_header_name"},
		{"two Hosts", head("host: server.example.com"), 400, "duplicate_header"},
		{"two empty Hosts", "GET / HTTP/1.1\r\nHost:\r\nHost:\r\n\r\n", 400, "duplicate_header"},
		{"two Hosts and an absolute target", "GET http://h/ HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n", 400, "duplicate_header"},
		{"two keys", head("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="), 400, "duplicate_header"},
		{"two versions", head("Sec-WebSocket-Version: 13"), 400, "duplicate_header"},
		{"two Origins", head("Origin: http://evil.example"), 400, "duplicate_header"},

		{"a body", head("Content-Length: 1"), 400, "upgrade_with_body"},
		{"an odd length", head("Content-Length: +0"), 400, "upgrade_with_body"},
		{"two lengths", head("Content-Length: 0", "Content-Length: 5"), 400, "upgrade_with_body"},
		{"a list of lengths", head("Content-Length: 0, 0"), 400, "upgrade_with_body"},
		{"chunks", head("transfer-encoding: chunked"), 400, "upgrade_with_body"},
		{"an empty Transfer-Encoding", head("Transfer-Encoding:"), 400, "upgrade_with_body"},
	}
	for c := range 0x80 {
		if c < 0x20 && c != '\t' && c != '\n' || c == 0x7f {
			for _, at := range []int{0, 3, 7, 8, 11} {
				v := []byte("0123456789ab")
				v[at] = byte(c)
				tests = append(tests, struct {
					name, req string
					status    int
					reason    string
				}{fmt.Sprintf("byte %#x at %d of a value", c, at), "GET / HTTP/1.1\r\nA: " + string(v) + "\r\n\r\n", 400, "malformed_header_value"})
			}
		}
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, n, err := handshake.Parse([]byte(tt.req), limits)
			if n != 0 {
				t.Errorf("%q: n = %d", tt.req, n)
			}
			wantError(t, fmt.Sprintf("%q", tt.req), err, tt.status, tt.reason)
			wantSplitsToAgree(t, []byte(tt.req))
		})
	}
}

func TestALengthOfZeroIsNoBody(t *testing.T) {
	if r, n, err := handshake.Parse([]byte(head("Content-Length: 0", "content-length:\t0 ")), limits); n == 0 || err != nil || !r.Upgrade {
		t.Errorf("got %d, %v, upgrade %v", n, err, r.Upgrade)
	}
}

func TestParseKeepsItsLimits(t *testing.T) {
	line := func(n int) string { // a request line of n bytes with its CRLF
		const around = "GET / HTTP/1.1\r\n"
		return "GET /" + strings.Repeat("a", n-len(around)) + " HTTP/1.1\r\n"
	}
	whole := func(n int) string { // a head of n bytes
		const around = "GET / HTTP/1.1\r\nA: \r\n\r\n"
		return "GET / HTTP/1.1\r\nA: " + strings.Repeat("a", n-len(around)) + "\r\n\r\n"
	}
	for name, req := range map[string]string{
		"longest line": line(4096) + "\r\n",
		"longest head": whole(8192),
		"100 headers":  "GET / HTTP/1.1\r\n" + strings.Repeat("A: b\r\n", 100) + "\r\n",
	} {
		if len(line(4096)) != 4096 || len(whole(8192)) != 8192 {
			t.Fatal("the test is off")
		}
		if _, n, err := handshake.Parse([]byte(req+"more"), limits); n != len(req) || err != nil {
			t.Errorf("%s: %d, %v; want %d", name, n, err, len(req))
		}
		wantSplitsToAgree(t, []byte(req))
	}
	for _, tt := range []struct {
		name, req string
		status    int
		reason    string
	}{
		{"a line of 4097 bytes", line(4097) + "\r\n", 414, "request_line_too_long"},
		{"a line without end", strings.Repeat("a", 4096), 414, "request_line_too_long"},
		{"a head of 8193 bytes", whole(8193), 431, "head_too_large"},
		{"a head without end", "GET / HTTP/1.1\r\nA: " + strings.Repeat("a", 9000), 431, "head_too_large"},
		{"a head of headers without end", "GET / HTTP/1.1\r\n" + strings.Repeat("A: "+strings.Repeat("b", 100)+"\r\n", 90), 431, "head_too_large"},
		{"101 headers", "GET / HTTP/1.1\r\n" + strings.Repeat("A: b\r\n", 101) + "\r\n", 431, "too_many_headers"},
		{"2000 headers", "GET / HTTP/1.1\r\n" + strings.Repeat("A:\r\n", 2000) + "\r\n", 431, "too_many_headers"},
	} {
		_, _, err := handshake.Parse([]byte(tt.req), limits)
		wantError(t, tt.name, err, tt.status, tt.reason)
		wantSplitsToAgree(t, []byte(tt.req))
	}
	if _, n, err := handshake.Parse([]byte(strings.Repeat("a", 4095)), limits); n != 0 || err != nil {
		t.Errorf("4095 bytes of a line: %d, %v; want to be asked for more", n, err)
	}
}
