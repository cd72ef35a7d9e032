package engine_test

import (
	"log/slog"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/gannet-io/gannet/engine"
	"github.com/gannet-io/gannet/engine/proxies"
	"github.com/gannet-io/gannet/frame/handshake"
)

// who is a client as a Handler sees it.
type who struct {
	addr   string
	secure bool
}

func whoIs(c *engine.Conn) who {
	if !c.ClientAddr().IsValid() {
		return who{"", c.Secure()}
	}
	return who{c.ClientAddr().String(), c.Secure()}
}

// witness returns a handler that tells who comes and who goes.
func witness() (h *handler, came, went chan who) {
	came, went = make(chan who, 8), make(chan who, 8)
	return &handler{
		upgrade: func(c *engine.Conn, _ *handshake.Request) (string, *handshake.Error) {
			came <- whoIs(c)
			return "", nil
		},
		closed: func(c *engine.Conn) { went <- whoIs(c) },
	}, came, went
}

func trusting(t testing.TB, header proxies.Header, networks ...string) func(*engine.Config) {
	t.Helper()
	trust, err := proxies.NewTrust(networks, header)
	if err != nil {
		t.Fatal(err)
	}
	return func(c *engine.Config) { c.Trust = trust }
}

// with returns request with more header lines.
func with(lines ...string) string {
	return strings.TrimSuffix(request, "\r\n") + strings.Join(append(lines, "\r\n"), "\r\n")
}

func TestTheClientBehindATrustedProxyIsKnown(t *testing.T) {
	const stranger, inside = "192.0.2.0/24", "127.0.0.0/8"
	for name, tt := range map[string]struct {
		network string
		trusted []string
		header  proxies.Header
		lines   []string
		want    who
	}{
		"nobody is trusted":      {"tcp", nil, 0, []string{"X-Forwarded-For: 203.0.113.7", "X-Forwarded-Proto: https"}, who{"127.0.0.1", false}},
		"the peer is a stranger": {"tcp", []string{stranger, "unix"}, 0, []string{"X-Forwarded-For: 203.0.113.7", "X-Forwarded-Proto: https"}, who{"127.0.0.1", false}},
		"the peer is a proxy":    {"tcp", []string{inside}, 0, []string{"X-Forwarded-For: 198.51.100.9, 203.0.113.7", "X-Forwarded-Proto: https"}, who{"203.0.113.7", true}},
		"in two lines":           {"tcp", []string{inside}, 0, []string{"X-Forwarded-For: 203.0.113.7", "X-Forwarded-For: 127.0.0.9"}, who{"203.0.113.7", false}},
		"an IPv6 client":         {"tcp", []string{inside}, 0, []string{"X-Forwarded-For: 2001:db8::7"}, who{"2001:db8::7", false}},
		"a proxy that is silent": {"tcp", []string{inside}, 0, nil, who{"127.0.0.1", false}},
		"RFC 7239":               {"tcp", []string{inside}, proxies.Forwarded, []string{"X-Forwarded-For: 198.51.100.9", "Forwarded: for=203.0.113.7;proto=https"}, who{"203.0.113.7", true}},
		"RFC 7239 not asked for": {"tcp", []string{inside}, 0, []string{"Forwarded: for=203.0.113.7;proto=https"}, who{"127.0.0.1", false}},
		"on a Unix socket":       {"unix", []string{"unix"}, 0, []string{"X-Forwarded-For: 203.0.113.7", "X-Forwarded-Proto: wss"}, who{"203.0.113.7", true}},
		"IPv6 on a Unix socket":  {"unix", []string{"unix"}, 0, []string{"X-Forwarded-For: 2001:db8::7"}, who{"2001:db8::7", false}},
		"a silent Unix socket":   {"unix", []string{"unix"}, 0, nil, who{"", false}},
		"an untrusted one":       {"unix", []string{inside}, 0, []string{"X-Forwarded-For: 203.0.113.7"}, who{"", false}},
	} {
		t.Run(name, func(t *testing.T) {
			address := "127.0.0.1:0"
			if tt.network == "unix" {
				address = filepath.Join(t.TempDir(), "socket")
			}
			ln, err := net.Listen(tt.network, address)
			if err != nil {
				t.Fatal(err)
			}
			h, came, went := witness()
			s := serveOn(t, ln, h, trusting(t, tt.header, tt.trusted...))
			c := raw(t, s)
			c.write(with(tt.lines...))
			c.wantBytes(accepted)
			if got := wait(t, came, "Upgrade"); got != tt.want {
				t.Errorf("in Upgrade the client is %v, want %v", got, tt.want)
			}
			c.echo("hello")
			_ = c.Close()
			if got := wait(t, went, "Closed"); got != tt.want {
				t.Errorf("in Closed the client is %v, want %v", got, tt.want)
			}
			s.wantConns(0)
		})
	}
}

// A lockedBuffer takes the lines of several loops.
type lockedBuffer struct {
	mu sync.Mutex
	b  strings.Builder // guarded by mu
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestAForgottenProxyIsMentionedOnce(t *testing.T) {
	for name, tt := range map[string]struct {
		trusted []string
		want    int
	}{"nobody is trusted": {nil, 1}, "another is": {[]string{"192.0.2.1"}, 1}, "this one is": {[]string{"127.0.0.1"}, 0}} {
		t.Run(name, func(t *testing.T) {
			var out lockedBuffer
			s := serve(t, &handler{}, trusting(t, 0, tt.trusted...), func(c *engine.Config) { c.Log = slog.New(slog.NewTextHandler(&out, nil)) })
			for range 3 {
				c := raw(t, s)
				c.write(with("X-Forwarded-For: 203.0.113.7"))
				c.wantBytes(accepted)
			}
			dial(t, s)
			if got := strings.Count(out.String(), "names its clients"); got != tt.want {
				t.Errorf("logged %d times, want %d:\n%s", got, tt.want, out.String())
			}
		})
	}
}

// A proxy that keeps its connections sends requests of many clients on one.
func TestEveryRequestOnAKeptConnectionHasAClientOfItsOwn(t *testing.T) {
	h, came, _ := witness()
	s, hl := serveListener(t, h, trusting(t, 0, "127.0.0.1"))
	for i := range 2 {
		c := raw(t, s)
		c.write("GET /up HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 198.51.100.9\r\nX-Forwarded-Proto: https\r\n\r\n")
		conn, err := hl.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if got := conn.RemoteAddr().String(); got != c.LocalAddr().String() {
			t.Errorf("the HTTP server sees the peer %s, want the proxy %s", got, c.LocalAddr())
		}
		want := who{"203.0.113." + strconv.Itoa(i), false}
		adopt(t, s, conn, with("X-Forwarded-For: "+want.addr))
		c.wantBytes(accepted)
		if got := wait(t, came, "Upgrade"); got != want {
			t.Errorf("the client is %v, want %v", got, want)
		}
		_ = c.Close()
	}
	s.wantConns(0)
}
