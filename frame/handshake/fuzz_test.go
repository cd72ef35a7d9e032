package handshake_test

import (
	"bufio"
	"bytes"
	"net/http"
	"testing"

	"github.com/gannet-io/gannet/frame/handshake"
)

// FuzzHandshake wants the same answer however the bytes are split, and a head that
// is accepted as a handshake to say the same to net/http.
func FuzzHandshake(f *testing.F) {
	for _, seed := range []string{
		rfcRequest, browserRequest, head("Content-Length: 0"), head("Transfer-Encoding: chunked"), head("Host : x"), head(" folded"),
		"GET http://h/p?q HTTP/1.1\r\nHost: x\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET / HTTP/1.0\n\n", "\x16\x03\x01",
		"POST /e HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", "GET / HTTP/1.1\r\nA: \x00\r\n\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 2000 {
			return // the splits cost the square of the size
		}
		wantSplitsToAgree(t, b)
		r, n, err := handshake.Parse(b, limits)
		if n == 0 {
			return
		}
		if err != nil || n > len(b) || !bytes.HasSuffix(b[:n], []byte("\r\n\r\n")) || bytes.Count(b[:n], []byte("\r\n\r\n")) != 1 {
			t.Fatalf("Parse(%q) = %d, %v", b, n, err)
		}
		if r.Check() != nil {
			return
		}
		req, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(b)))
		if err != nil {
			return // it is stricter about hosts and escapes
		}
		if req.Method != "GET" || req.RequestURI != string(r.Target) || req.Host != string(r.Host) || req.URL.RawQuery != string(r.Query) ||
			req.ContentLength != 0 || len(req.TransferEncoding) != 0 || req.Header.Get("Sec-Websocket-Key") != string(r.Key) ||
			req.Header.Get("Origin") != string(r.Origin) || req.Header.Get("Sec-Websocket-Version") != "13" {
			t.Errorf("%q: net/http reads %+v, Parse %q %q %q", b, req, r.Host, r.Path, r.Query)
		}
	})
}
