package engine_test

import (
	"crypto/tls"
	"io"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gannet-io/gannet/engine"
)

// PROXY headers for a client at 203.0.113.7; the bytes are explained in package proxies.
const (
	proxyV1    = "PROXY TCP4 203.0.113.7 10.0.0.1 51234 443\r\n"
	proxyV2    = "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\xcb\x00\x71\x07\x0a\x00\x00\x01\xc8\x22\x01\xbb"
	proxyV2TLS = "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x1e\xcb\x00\x71\x07\x0a\x00\x00\x01\xc8\x22\x01\xbb" +
		"\x20\x00\x0f\x01\x00\x00\x00\x00\x21\x00\x07TLSv1.3"
	proxyLocal = "\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00"
)

// serveProxied is serveOn with PROXY headers in one of the modes.
func serveProxied(t *testing.T, network string, mode engine.ProxyProtocol, h *handler, more ...func(*engine.Config)) *server {
	t.Helper()
	address := "127.0.0.1:0"
	if network == "unix" {
		address = filepath.Join(t.TempDir(), "socket")
	}
	ln, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	return serveWith(t, ln, engine.ListenerConfig{ProxyProtocol: mode}, h, more...)
}

func TestPROXYHeadersOfTrustedProxiesAreBelieved(t *testing.T) {
	const off, optional, required = engine.ProxyOff, engine.ProxyOptional, engine.ProxyRequired
	here, elsewhere := []string{"127.0.0.1", "unix"}, []string{"192.0.2.0/24"}
	xff := with("X-Forwarded-For: 198.51.100.9")
	for name, tt := range map[string]struct {
		mode    engine.ProxyProtocol
		trusted []string
		in      string
		want    who
		status  string // of a refusal
		outcome string
	}{
		"v1":                     {optional, here, proxyV1 + request, who{"203.0.113.7", false}, "", "accepted"},
		"v1, required":           {required, here, proxyV1 + request, who{"203.0.113.7", false}, "", "accepted"},
		"v2":                     {optional, here, proxyV2 + request, who{"203.0.113.7", false}, "", "accepted"},
		"v2 over TLS":            {required, here, proxyV2TLS + request, who{"203.0.113.7", true}, "", "accepted"},
		"none":                   {optional, here, xff, who{"198.51.100.9", false}, "", "accepted"},
		"for the proxy itself":   {required, here, proxyLocal + xff, who{"198.51.100.9", false}, "", "accepted"},
		"and X-Forwarded-For":    {optional, here, proxyV1 + xff, who{"203.0.113.7", false}, "", "accepted"},
		"a proxy behind another": {optional, append(here, "203.0.113.0/24"), proxyV1 + xff, who{"198.51.100.9", false}, "", "accepted"},
		"two":                    {optional, append(here, "203.0.113.7"), proxyV1 + proxyV1 + request, who{}, "400", "malformed_request_line"},
		"off, v1":                {off, here, proxyV1 + request, who{}, "400", "malformed_request_line"},
		"off, v2":                {off, here, proxyV2 + request, who{}, "400", "malformed_request_line"},
		"stranger, v1":           {optional, elsewhere, proxyV1 + request, who{}, "400", "malformed_request_line"},
		"stranger, v2":           {optional, elsewhere, proxyV2 + request, who{}, "400", "malformed_request_line"},
		"stranger, none":         {optional, elsewhere, xff, who{"127.0.0.1", false}, "", "accepted"},
		"stranger, required":     {required, elsewhere, proxyV1 + request, who{}, "403", "not_a_proxy"},
		"missing":                {required, here, request, who{}, "400", "proxy_header_missing"},
		"malformed v1":           {optional, here, "PROXY TCP4 a b\r\n" + request, who{}, "400", "malformed_proxy_header"},
		"malformed v2":           {optional, here, strings.Replace(proxyV2, "\x21\x11", "\x31\x11", 1) + request, who{}, "400", "malformed_proxy_header"},
	} {
		for _, network := range []string{"tcp", "unix"} {
			t.Run(name+" on "+network, func(t *testing.T) {
				h, came, went := witness()
				s := serveProxied(t, network, tt.mode, h, trusting(t, 0, tt.trusted...))
				c := raw(t, s)
				c.write(tt.in)
				if tt.status != "" {
					c.wantStatus(tt.status)
					c.wantGone()
				} else {
					want := tt.want
					if network == "unix" && want.addr == "127.0.0.1" {
						want.addr = ""
					}
					c.wantBytes(accepted)
					if got := wait(t, came, "Upgrade"); got != want {
						t.Errorf("in Upgrade the client is %v, want %v", got, want)
					}
					c.echo("hello")
					_ = c.Close()
					if got := wait(t, went, "Closed"); got != want {
						t.Errorf("in Closed the client is %v, want %v", got, want)
					}
				}
				s.wantConns(0)
				s.wantMetrics(map[string]string{`gannet_engine_handshakes_total{outcome="` + tt.outcome + `"}`: "1"})
			})
		}
	}
}

func TestPROXYHeadersMayComeInPieces(t *testing.T) {
	for name, header := range map[string]string{"v1": proxyV1, "v2": proxyV2} {
		t.Run(name, func(t *testing.T) {
			h, came, went := witness()
			s := serveProxied(t, "tcp", engine.ProxyRequired, h, trusting(t, 0, "127.0.0.1"))
			for cut := 1; cut <= len(header); cut++ {
				c := raw(t, s)
				c.write(header[:cut])
				s.on(0, func(*engine.Loop) {})
				c.write(header[cut:] + request + masked(1, true, "hello"))
				c.wantBytes(accepted)
				c.wantText("hello")
				if got := wait(t, came, "Upgrade"); got.addr != "203.0.113.7" {
					t.Fatalf("cut at %d: the client is %v", cut, got)
				}
				_ = c.Close()
				wait(t, went, "Closed")
			}
			s.wantConns(0)
		})
	}
}

func TestPROXYHeadersHoldForEveryRequestOfAConnection(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			h, came, _ := witness()
			hl := engine.NewHTTPListener(nil)
			t.Cleanup(func() { _ = hl.Close() })
			s := serveProxied(t, network, engine.ProxyRequired, h, trusting(t, 0, "127.0.0.1", "unix"), func(c *engine.Config) { c.HTTP = hl })
			c := raw(t, s)
			c.write(proxyV2TLS)
			s.on(0, func(*engine.Loop) {})
			conn := takeFrom(t, c, hl, "")
			if got := conn.RemoteAddr().String(); got != "203.0.113.7:0" {
				t.Errorf("the HTTP server sees the client %s", got)
			}
			if secure, ok := conn.(interface{ Secure() bool }); !ok || !secure.Secure() {
				t.Error("the HTTP server does not see that the client came over TLS")
			}
			// A header in the middle is no header.
			adopt(t, s, conn, with("X-Forwarded-For: 198.51.100.9"))
			c.wantBytes(accepted)
			if got, want := wait(t, came, "Upgrade"), (who{"203.0.113.7", true}); got != want {
				t.Errorf("after coming back the client is %v, want %v", got, want)
			}
			_ = c.Close()

			c = raw(t, s)
			c.write(proxyV2)
			adopt(t, s, takeFrom(t, c, hl, ""), proxyV2+request)
			c.wantStatus("400")
			c.wantGone()
			s.wantConns(0)
		})
	}
}

// A proxy that passes TLS through speaks before its client does. What it said must survive the
// handshake, which is done on another goroutine, and a stay with the HTTP server.
func TestPROXYHeadersComeBeforeTLS(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		for _, together := range []bool{false, true} {
			t.Run(network+", one segment "+strconv.FormatBool(together), func(t *testing.T) {
				h, came, went := witness()
				hl := engine.NewHTTPListener(nil)
				t.Cleanup(func() { _ = hl.Close() })
				s := serveProxied(t, network, engine.ProxyRequired, h, trusting(t, 0, "127.0.0.1", "unix"), func(c *engine.Config) {
					c.HTTP, c.TLS = hl, &engine.TLS{Config: serverTLS(t)}
				})
				want := who{"203.0.113.7", true}
				for _, first := range []bool{false, true} {
					c := raw(t, s)
					if !together {
						c.write(proxyV2)
						s.on(0, func(*engine.Loop) {})
					}
					inner := &headerFirst{Conn: c.Conn}
					if together {
						inner.header = proxyV2
					}
					secure := tls.Client(inner, clientTLS(t))
					if err := secure.Handshake(); err != nil {
						t.Fatal(err)
					}
					c.Conn = secure
					c.r.Reset(secure)
					if first {
						conn := takeFrom(t, c, hl, "")
						if got := conn.RemoteAddr().String(); got != "203.0.113.7:0" {
							t.Errorf("the HTTP server sees the client %s", got)
						}
						adopt(t, s, conn, request)
					} else {
						c.write(request)
					}
					c.wantBytes(accepted)
					if got := wait(t, came, "Upgrade"); got != want {
						t.Errorf("in Upgrade the client is %v, want %v", got, want)
					}
					c.echo("hello")
					_ = c.Close()
					if got := wait(t, went, "Closed"); got.addr != want.addr {
						t.Errorf("in Closed the client is %v, want %v", got, want)
					}
				}
				s.wantConns(0)
			})
		}
	}
}

// headerFirst sends header in one piece with what is first written.
type headerFirst struct {
	net.Conn
	header string
}

func (h *headerFirst) Write(p []byte) (int, error) {
	b := append([]byte(h.header), p...)
	h.header = ""
	if _, err := h.Conn.Write(b); err != nil {
		return 0, err
	}
	return len(p), nil
}

// A conn that never gets as far as its request ends like any other.
func TestHalfAPROXYHeaderTimesOut(t *testing.T) {
	s := serveProxied(t, "tcp", engine.ProxyRequired, &handler{}, trusting(t, 0, "127.0.0.1"), func(c *engine.Config) { c.HeadTimeout = 300 * time.Millisecond })
	c := raw(t, s)
	_, _ = io.WriteString(c.Conn, proxyV2[:20]) // on a busy machine the time may be over before
	c.wantGone()
	s.wantMetrics(map[string]string{`gannet_engine_handshakes_total{outcome="timeout"}`: "1"})
}
