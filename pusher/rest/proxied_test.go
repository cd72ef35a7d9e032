package rest_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"testing"

	"github.com/gannet-io/gannet/engine/proxies"
	"github.com/gannet-io/gannet/pusher/rest"
)

// PROXY headers for 203.0.113.7; the bytes are explained in package proxies.
const (
	proxyV1    = "PROXY TCP4 203.0.113.7 10.0.0.1 51234 443\r\n"
	proxyV2    = "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\xcb\x00\x71\x07\x0a\x00\x00\x01\xc8\x22\x01\xbb"
	proxyV2TLS = "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x1e\xcb\x00\x71\x07\x0a\x00\x00\x01\xc8\x22\x01\xbb" +
		"\x20\x00\x0f\x01\x00\x00\x00\x00\x21\x00\x07TLSv1.3"
)

func TestPROXYHeadersAreReadBeforeRequests(t *testing.T) {
	here, elsewhere := trust(t, 0, "127.0.0.1"), trust(t, 0, "192.0.2.1")
	request := head("GET", sign("GET", "/apps/3/channels", ""), "")
	for name, tt := range map[string]struct {
		trust      *proxies.Trust
		required   bool
		in         string
		status     int
		body       string // of a refusal
		requireTLS bool
	}{
		"v1":                      {trust: here, in: proxyV1 + request, status: 200},
		"v2":                      {trust: here, required: true, in: proxyV2 + request, status: 200},
		"v2 over TLS":             {trust: here, in: proxyV2TLS + request, status: 200, requireTLS: true},
		"v2, plain":               {trust: here, in: proxyV2 + request, status: 403, body: "TLS is required here, use https", requireTLS: true},
		"none":                    {trust: here, in: request, status: 200},
		"none, but required":      {trust: here, required: true, in: request, status: 400, body: "PROXY protocol header expected"},
		"malformed":               {trust: here, in: "PROXY x\r\n" + request, status: 400, body: "Malformed PROXY protocol header"},
		"of a stranger":           {trust: elsewhere, in: proxyV1 + request, status: 400, body: "Malformed HTTP request"},
		"of a stranger, v2":       {trust: elsewhere, in: proxyV2 + request, status: 400, body: "Malformed HTTP request"},
		"of a stranger, required": {trust: elsewhere, required: true, in: proxyV1 + request, status: 403, body: "Only proxies may connect here"},
		"a stranger's request":    {trust: elsewhere, in: request, status: 200},
	} {
		t.Run(name, func(t *testing.T) {
			l := start(t, func(_ *lab, c *rest.Config) { c.Trust, c.RequireTLS = tt.trust, tt.requireTLS })
			c := l.dialProxied(tt.trust, tt.required)
			io.WriteString(c, tt.in)
			got := read(t, bufio.NewReader(c), "GET")
			if got.status != tt.status || tt.body != "" && got.body != tt.body {
				t.Errorf("got %d %q, want %d %q", got.status, got.body, tt.status, tt.body)
			}
		})
	}
}

// dialProxied has the server listen once more, for proxies, and dials that.
func (l *lab) dialProxied(trust *proxies.Trust, required bool) net.Conn {
	l.t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		l.t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- l.server.Serve(rest.Proxied(ln, trust, required)) }()
	l.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := l.server.Shutdown(ctx); err != nil {
			l.t.Errorf("Shutdown: %v", err)
		}
		if err := <-served; err != nil {
			l.t.Errorf("Serve: %v", err)
		}
	})
	addr := l.addr
	l.addr = ln.Addr().String()
	defer func() { l.addr = addr }()
	c := l.dial()
	l.t.Cleanup(func() { c.Close() })
	return c
}

func TestPROXYHeadersMayComeInPieces(t *testing.T) {
	for _, header := range []string{proxyV1, proxyV2TLS} {
		// A pipe has the other side read what is written piece by piece.
		for cut := 1; cut < len(header); cut++ {
			ours, theirs := net.Pipe()
			c := rest.ProxiedConn(theirs)
			go func() {
				io.WriteString(ours, header[:cut])
				io.WriteString(ours, header[cut:]+"hello")
				ours.Close()
			}()
			got, err := io.ReadAll(c)
			if err != nil || string(got) != "hello" || c.RemoteAddr().String() != "203.0.113.7:0" {
				t.Fatalf("cut at %d: got %q of %s, %v", cut, got, c.RemoteAddr(), err)
			}
		}
	}
}
