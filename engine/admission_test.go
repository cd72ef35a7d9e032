package engine_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/gannet-io/gannet/engine"
	"github.com/gannet-io/gannet/engine/peers"
	"github.com/gannet-io/gannet/frame/handshake"
)

// tryFrom connects from an address of this machine; all of 127.0.0.0/8 are.
func tryFrom(t *testing.T, s *server, from string) (*client, error) {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	conn, err := d.Dial("tcp", s.ln.Addr().String())
	if err != nil {
		return nil, err
	}
	c := &client{Conn: conn, t: t, r: bufio.NewReader(patient{conn})}
	t.Cleanup(func() { _ = conn.Close() })
	return c, nil
}

// dialFrom connects from an address and completes the handshake.
func dialFrom(t *testing.T, s *server, from string) *client {
	t.Helper()
	c, err := tryFrom(t, s, from)
	if err != nil {
		t.Fatal(err)
	}
	c.write(request)
	c.wantBytes(accepted)
	return c
}

// refusedFrom wants a socket from an address to be refused without a word.
func refusedFrom(t *testing.T, s *server, from string) {
	t.Helper()
	if !isRefused(t, s, from) {
		t.Fatal("one got in who should be refused")
	}
}

// isRefused reports whether a socket from an address is refused without a word. The reset may come before the end of connect.
func isRefused(t *testing.T, s *server, from string) bool {
	t.Helper()
	c, err := tryFrom(t, s, from)
	if errors.Is(err, syscall.ECONNRESET) {
		return true
	} else if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(c, request) // it may be gone already
	_, err = c.r.ReadByte()
	return err != nil
}

func TestAnAddressMayHaveSoManySockets(t *testing.T) {
	s := serve(t, &handler{}, func(c *engine.Config) { c.Loops, c.Peers = 2, peers.Limits{Sockets: 3} })
	var in []*client
	for range 3 {
		in = append(in, dialFrom(t, s, "127.0.0.1"))
	}
	refusedFrom(t, s, "127.0.0.1")
	dialFrom(t, s, "127.0.0.2")
	in[0].reset()
	s.wantConns(3)
	dialFrom(t, s, "127.0.0.1")
	refusedFrom(t, s, "127.0.0.1")
	in[1].echo("those who are in do not feel it")
	s.wantMetrics(map[string]string{
		`gannet_engine_peer_refusals_total{reason="too_many"}`: "2", "gannet_engine_peers": "2",
		"gannet_engine_accepts_total": "7", "gannet_engine_sockets": "4"})
}

func TestAnAddressMayConnectSoOften(t *testing.T) {
	// A third of a second buys the next, so a machine that is slow, for once, has to try again.
	var s *server
	var start time.Time
	for refused := false; !refused; {
		s = serve(t, &handler{}, func(c *engine.Config) { c.Peers = peers.Limits{PerSecond: 3} })
		start = time.Now()
		for range 3 {
			dialFrom(t, s, "127.0.0.1").reset()
		}
		refused = isRefused(t, s, "127.0.0.1")
		if took := time.Since(start); !refused && took < 300*time.Millisecond {
			t.Fatalf("a fourth got in after %v", took)
		}
	}
	dialFrom(t, s, "127.0.0.2")
	eventually(t, func() bool { return time.Since(start) > 700*time.Millisecond }, func() string { return "time stands still" })
	dialFrom(t, s, "127.0.0.1")
	s.wantMetrics(map[string]string{`gannet_engine_peer_refusals_total{reason="too_fast"}`: "1"})
}

// What is behind a trusted proxy is counted by the client that the proxy names, not as the proxy's.
func TestClientsOfAProxyAreCountedByThemselves(t *testing.T) {
	crowded := make(chan bool, 10)
	s, hl := serveListener(t, &handler{upgrade: func(c *engine.Conn, _ *handshake.Request) (string, *handshake.Error) {
		crowded <- c.Crowded()
		return "", nil
	}}, trusting(t, 0, "127.0.0.0/8"), func(c *engine.Config) { c.Peers = peers.Limits{Sockets: 2} })
	var in []*client
	come := func(from string, want bool) {
		t.Helper()
		c := raw(t, s)
		c.write(with("X-Forwarded-For: " + from))
		c.wantBytes(accepted)
		if got := wait(t, crowded, "Upgrade"); got != want {
			t.Errorf("from %s: crowded %v, want %v", from, got, want)
		}
		in = append(in, c)
	}
	come("203.0.113.7", false)
	come("203.0.113.7", false)
	come("203.0.113.7", true)
	come("203.0.113.8", false)
	come("2001:db8::1", false)
	come("2001:db8::2", false)
	come("2001:db8::3", true)
	// On a connection that the proxy has used for a request before.
	c := raw(t, s)
	c.write("GET /up HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 203.0.113.7\r\n\r\n")
	conn, err := hl.Accept()
	if err != nil {
		t.Fatal(err)
	}
	adopt(t, s, conn, with("X-Forwarded-For: 203.0.113.7"))
	c.wantBytes(accepted)
	if !wait(t, crowded, "Upgrade") {
		t.Error("an adopted conn is not counted")
	}
	s.wantMetrics(map[string]string{`gannet_engine_peer_refusals_total{reason="too_many"}`: "3", "gannet_engine_peers": "3"})
	for _, c := range append(in, c) {
		_ = c.Close()
	}
	s.wantConns(0)
	s.wantMetrics(map[string]string{"gannet_engine_peers": "0"})
}

// However a socket goes, it is counted out: from the loop, from the HTTP server, back and forth, or before its head.
func TestEverySocketIsCountedOut(t *testing.T) {
	s, hl := serveListener(t, &handler{}, func(c *engine.Config) { c.Peers = peers.Limits{Sockets: 1} })
	plain := "GET /up HTTP/1.1\r\nHost: x\r\n\r\n"
	for name, visit := range map[string]func(c *client){
		"says nothing": func(*client) {},
		"half a head":  func(c *client) { c.write(request[:20]) },
		"a bad head":   func(c *client) { c.write("\x16"); c.wantStatus("400") },
		"a WebSocket":  func(c *client) { c.write(request); c.wantBytes(accepted) },
		"HTTP": func(c *client) {
			c.write(plain)
			if conn, err := hl.Accept(); err != nil || conn.Close() != nil {
				t.Error(err)
			}
		},
		"HTTP, then a WebSocket": func(c *client) {
			c.write(plain)
			conn, err := hl.Accept()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := conn.Read(make([]byte, 1000)); err != nil {
				t.Fatal(err)
			}
			adopt(t, s, conn, request)
			c.wantBytes(accepted)
			c.echo("hello")
		},
	} {
		for range 3 {
			c := raw(t, s)
			s.wantConns(1)
			visit(c)
			c.reset()
			s.wantMetrics(map[string]string{"gannet_engine_sockets": "0", "gannet_engine_peers": "0", "gannet_engine_handshaking": "0"})
		}
		if got := s.metric(`gannet_engine_peer_refusals_total{reason="too_many"}`); got != "" {
			t.Fatalf("%s: %s refused", name, got)
		}
	}
}

// A PROXY header tells the client before anything else: it is turned back like one at the door, and counted with its HTTP
// connections, which may come back.
func TestClientsOfPROXYHeadersAreTurnedBackAtOnce(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	hl := engine.NewHTTPListener(ln.Addr())
	t.Cleanup(func() { _ = hl.Close() })
	s := serveWith(t, ln, engine.ListenerConfig{ProxyProtocol: engine.ProxyRequired}, &handler{upgrade: func(c *engine.Conn, _ *handshake.Request) (string, *handshake.Error) {
		if c.Crowded() {
			t.Error("one is crowded that should have been turned back")
		}
		return "", nil
	}}, trusting(t, 0, "127.0.0.1"), func(c *engine.Config) { c.HTTP, c.Peers = hl, peers.Limits{Sockets: 1} })
	const header = "PROXY TCP4 203.0.113.7 192.0.2.1 5000 443\r\n"
	c := raw(t, s)
	c.write(header + "GET /up HTTP/1.1\r\nHost: x\r\n\r\n")
	conn, err := hl.Accept()
	if err != nil {
		t.Fatal(err)
	}
	second := raw(t, s)
	second.write(header + request)
	second.wantGone()
	if _, err := conn.Read(make([]byte, 1000)); err != nil { // the request is answered
		t.Fatal(err)
	}
	adopt(t, s, conn, request)
	c.wantBytes(accepted)
	c.echo("one that was in is not refused when it comes back")
	_ = c.Close()
	_ = second.Close()
	s.wantConns(0)
	s.wantMetrics(map[string]string{"gannet_engine_peers": "0", `gannet_engine_peer_refusals_total{reason="too_many"}`: "1"})
}

func TestUnixSocketsHaveNoAddressToCount(t *testing.T) {
	ln, err := net.Listen("unix", filepath.Join(t.TempDir(), "socket"))
	if err != nil {
		t.Fatal(err)
	}
	s := serveOn(t, ln, &handler{}, func(c *engine.Config) { c.Peers = peers.Limits{Sockets: 1, PerSecond: 1} })
	for range 3 {
		dial(t, s).echo("hello")
	}
	s.wantMetrics(map[string]string{"gannet_engine_peers": "0"})
}

func TestThePaceIsSteadyAfterATenthOfASecondsWorth(t *testing.T) {
	const ms = time.Millisecond
	var p engine.Pace
	var got []time.Duration
	for _, now := range []time.Duration{5000 * ms, 5000 * ms, 5000 * ms, 5000 * ms, 5020 * ms, 9000 * ms, 9000 * ms, 9000 * ms, 9000 * ms} {
		got = append(got, p.Take(now, 20)) // one each 50 ms
	}
	// From rest two are free and the third is just in time; a wait is from the moment it is asked for.
	want := []time.Duration{-100 * ms, -50 * ms, 0, 50 * ms, 80 * ms, -100 * ms, -50 * ms, 0, 50 * ms}
	if !slices.Equal(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
}

// What comes faster than it may waits, and gets in.
func TestAcceptingIsPaced(t *testing.T) {
	// On a busy machine clients may come so slowly that none has to wait, for once.
	for range 20 {
		s := serve(t, &handler{}, func(c *engine.Config) { c.AcceptRate = 100 })
		start := time.Now()
		clients := make([]*client, 40)
		for i := range clients {
			clients[i] = raw(t, s)
			clients[i].write(request)
		}
		for _, c := range clients {
			c.wantBytes(accepted)
		}
		// A tenth of a second's worth is 10, one is just in time, two acceptors have taken their turns before anybody came: 27
		// wait 10 ms each.
		if took := time.Since(start); took < 250*time.Millisecond {
			t.Errorf("40 got in within %v", took)
		}
		if s.count(`gannet_engine_accept_pauses_total{reason="rate"}`) > 0 {
			return
		}
	}
	t.Error("no pause is counted")
}

// Those who keep us waiting for their heads must not keep others out.
func TestSlowHeadsMakeRoom(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 1.5 s: heads are waited for for a second, however many there are")
	}
	s := serve(t, &handler{}, func(c *engine.Config) { c.Loops, c.Handshakes = 2, 8 })
	var slow []*client
	for i := range 40 {
		c := raw(t, s)
		c.write(request[:i+1])
		slow = append(slow, c)
	}
	eventually(t, func() bool { return s.metric(`gannet_engine_accept_pauses_total{reason="handshakes"}`) != "0" },
		func() string { return "accepting does not pause" })
	// 8, and one in the hands of each acceptor.
	if n := s.Heads(); n > 10 {
		t.Errorf("%d heads are awaited, 8 are allowed", n)
	}
	for in := 0; in < 5; {
		// One that has to wait for a processor, between connecting and its request, is a slow head itself.
		if c := tryDial(s); c != nil {
			t.Cleanup(func() { _ = c.Close() })
			in++
		}
	}
	shed := s.count(`gannet_engine_handshakes_total{outcome="shed"}`)
	if shed == 0 {
		t.Error("nobody had to make room")
	}
	for _, c := range slow {
		_ = c.Close()
	}
	s.wantMetrics(map[string]string{"gannet_engine_handshaking": "0", "gannet_engine_websockets": "5"})
}

// The queue of heads that are awaited must not grow with those that have come.
func TestHeadsThatHaveComeAreForgotten(t *testing.T) {
	s := serve(t, &handler{}, func(c *engine.Config) { c.Handshakes = 100 })
	silent := raw(t, s) // stands at the front of the queue
	for range 500 {
		dial(t, s).reset()
	}
	s.on(0, func(l *engine.Loop) {
		if n := l.HeadRoom(); n > 32 {
			t.Errorf("there is room for %d heads after one at a time", n)
		}
	})
	silent.write(request)
	silent.wantBytes(accepted)
	s.wantMetrics(map[string]string{"gannet_engine_handshaking": "0"})
}
