package rest_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gannet-io/gannet/pusher/rest"
)

// Spelt as some client might: what Config.Upgrade gets shall not be tidied up.
const handshake = "GET /app/key?protocol=7&x=%2f HTTP/1.1\r\nhost: api.test\r\nConnection:keep-alive , Upgrade\r\nupgrade: WebSocket\r\n" +
	"sec-websocket-key:  dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nX-Twice: 1\r\nx-twice: 2\r\n\r\n"

// A handedBack is one call of Config.Upgrade, which returns when done is closed.
type handedBack struct {
	conn net.Conn
	read string
	done chan struct{}
}

// startShared is start with another, shared listener, to which dial connects, and with
// Config.Upgrade, whose calls go to the channel.
func startShared(t *testing.T) (*lab, chan handedBack) {
	t.Helper()
	back := make(chan handedBack)
	l := start(t, func(_ *lab, cfg *rest.Config) {
		cfg.Upgrade = func(conn net.Conn, read []byte) error {
			call := handedBack{conn, string(read), make(chan struct{})}
			back <- call
			<-call.done
			return conn.Close()
		}
	})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasSuffix(t.Name(), "/TLS") {
		borrowed := httptest.NewTLSServer(nil) // for its certificate
		ln = tls.NewListener(ln, borrowed.TLS.Clone())
		l.tls = borrowed.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
		l.tls.ServerName = "example.com"
		borrowed.Close()
	}
	served := make(chan error, 1)
	go func() { served <- l.server.ServeShared(ln) }()
	t.Cleanup(func() {
		if err := l.server.Shutdown(context.Background()); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if err := <-served; err != nil {
			t.Errorf("ServeShared: %v", err)
		}
	})
	l.addr = ln.Addr().String()
	return l, back
}

func TestAHandshakeBehindOtherRequestsGoesToUpgrade(t *testing.T) {
	t.Run("plain", testAHandshakeBehindOtherRequestsGoesToUpgrade)
	t.Run("TLS", testAHandshakeBehindOtherRequestsGoesToUpgrade)
}

func testAHandshakeBehindOtherRequestsGoesToUpgrade(t *testing.T) {
	l, back := startShared(t)
	up := head("GET", "/up", "")
	publish := func() string {
		body := `{"name":"e","channel":"c","data":"x"}`
		return head("POST", sign("POST", "/apps/3/events", body), body) + body
	}
	frames := strings.Repeat("\x81\x85\x00\x00\x00\x00hello", 2000) // more than a buffer
	for name, tt := range map[string]struct {
		before  string // requests
		answers int
		behind  string
		await   bool // the answers before the handshake is sent
	}{
		"first":                             {"", 0, "", false},
		"behind a health check":             {up, 1, "", true},
		"behind a publish":                  {publish(), 1, "", true},
		"in one segment":                    {up + publish(), 2, "", false},
		"with frames behind it":             {up, 1, frames[:22], true},
		"all in one segment, some not read": {publish() + up, 2, frames, false},
	} {
		t.Run(name, func(t *testing.T) {
			c := l.dial()
			defer c.Close()
			in := bufio.NewReader(c)
			answers := func() {
				for i := range tt.answers {
					if got := read(t, in, "GET"); got.status != 200 {
						t.Fatalf("request %d: %d %s", i, got.status, got.body)
					}
				}
			}
			want := handshake + tt.behind
			if tt.await {
				io.WriteString(c, tt.before)
				answers()
				io.WriteString(c, want)
			} else {
				io.WriteString(c, tt.before+want)
				answers()
			}
			got := <-back
			defer close(got.done)
			// What the server had not read is still in the socket, and no deadline is left.
			if len(got.read) < len(handshake) || len(got.read) > len(want) {
				t.Fatalf("got %d bytes %.600q, want %d to %d", len(got.read), got.read, len(handshake), len(want))
			}
			more := make([]byte, len(want)-len(got.read))
			if _, err := io.ReadFull(got.conn, more); err != nil {
				t.Fatalf("reading on: %v", err)
			}
			if all := got.read + string(more); all != want {
				t.Errorf("got %.600q, want %.600q", all, want)
			}
			io.WriteString(got.conn, "101")
			if _, err := io.ReadFull(in, make([]byte, 3)); err != nil {
				t.Errorf("writing: %v", err)
			}
		})
	}
	if err := l.server.Shutdown(context.Background()); err != nil { // waits for open connections
		t.Error(err)
	}
}

func TestAHandshakeOnAnotherListenerIsRefused(t *testing.T) {
	l := start(t, func(_ *lab, cfg *rest.Config) {
		cfg.Upgrade = func(conn net.Conn, _ []byte) error {
			t.Error("Upgrade was called")
			return conn.Close()
		}
	})
	c := l.dial()
	defer c.Close()
	in := bufio.NewReader(c)
	for range 2 {
		io.WriteString(c, handshake)
		if got := read(t, in, "GET"); got.status != 404 || got.body != "WebSockets are served on another port" {
			t.Errorf("got %d %q", got.status, got.body)
		}
	}
}

func TestRequestsThatAskForNoWebSocketAreAnswered(t *testing.T) {
	l, _ := startShared(t)
	for _, headers := range [][]string{
		{"Upgrade: h2c", "Connection: Upgrade, HTTP2-Settings"},
		{"Upgrade: websocket"},
		{"Upgrade: websocket", "Connection: keep-alive"},
		{"Connection: Upgrade"},
	} {
		if got := l.send("GET", "/up", "", headers...); got.status != 200 {
			t.Errorf("%q: got %d %q", headers, got.status, got.body)
		}
	}
	body := `{"name":"e","channel":"c","data":"x"}`
	if got := l.send("POST", sign("POST", "/apps/3/events", body), body, "Upgrade: websocket", "Connection: Upgrade"); got.status != 200 {
		t.Errorf("a publish: got %d %q", got.status, got.body)
	}
}

func TestARetiringServerTakesNoWebSockets(t *testing.T) {
	l, _ := startShared(t)
	c := l.dial()
	defer c.Close()
	in := bufio.NewReader(c)
	io.WriteString(c, head("GET", "/up", ""))
	read(t, in, "GET")
	l.server.Retire()
	io.WriteString(c, handshake)
	if got := read(t, in, "GET"); got.status != 503 || !got.closes {
		t.Errorf("got %d %q, closing: %t; want 503 and the end", got.status, got.body, got.closes)
	}
}
