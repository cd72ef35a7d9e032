package engine_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/gobwas/ws"

	"github.com/gannet-io/gannet/engine"
)

// take has the engine hand a conn over: it sends a request of n bytes, which is read, and
// returns both ends. What the client sent behind it stays unread in the engine's conn.
func take(t *testing.T, s *server, hl *engine.HTTPListener, behind string) (*client, net.Conn) {
	t.Helper()
	c := raw(t, s)
	return c, takeFrom(t, c, hl, behind)
}

// takeFrom is take for a client that has said something already.
func takeFrom(t *testing.T, c *client, hl *engine.HTTPListener, behind string) net.Conn {
	t.Helper()
	const first = "GET /up HTTP/1.1\r\nHost: x\r\n\r\n"
	c.write(first + behind)
	conn, err := hl.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(conn, make([]byte, len(first))); err != nil {
		t.Fatal(err)
	}
	return conn
}

// serveListener is serve with an HTTPListener that the test accepts from.
func serveListener(t *testing.T, h *handler, more ...func(*engine.Config)) (*server, *engine.HTTPListener) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	hl := engine.NewHTTPListener(ln.Addr())
	t.Cleanup(func() { _ = hl.Close() })
	return serveOn(t, ln, h, append(more, func(c *engine.Config) { c.HTTP = hl })...), hl
}

func adopt(t *testing.T, s *server, conn net.Conn, read string) {
	t.Helper()
	if err := s.Adopt(conn, []byte(read)); err != nil {
		t.Fatalf("Adopt: %v", err)
	}
}

func TestAdoptedBytesAreTheFirstThatTheLoopReads(t *testing.T) {
	transports(t, testAdoptedBytesAreTheFirstThatTheLoopReads)
}

func testAdoptedBytesAreTheFirstThatTheLoopReads(t *testing.T) {
	hello, long := masked(ws.OpText, true, "hello"), masked(ws.OpText, true, strings.Repeat("x", 70_000))
	for name, tt := range map[string]struct{ read, inConn, later, want string }{
		"the head alone":                {request, "", "", ""},
		"a frame behind it":             {request + hello, "", "", "hello"},
		"half a frame behind it":        {request + hello[:3], "", hello[3:], "hello"},
		"two bytes of a long frame":     {request + long[:2], "", long[2:], strings.Repeat("x", 70_000)},
		"half a head":                   {request[:40], "", request[40:] + hello, "hello"},
		"nothing":                       {"", "", request + hello, "hello"},
		"the rest is in the conn":       {request[:40], request[40:] + hello, "", "hello"},
		"a frame in three places":       {request + hello[:2], hello[2:7], hello[7:], "hello"},
		"fragments around a late frame": {request + masked(ws.OpText, false, "he"), "", masked(ws.OpContinuation, true, "llo"), "hello"},
	} {
		t.Run(name, func(t *testing.T) {
			s, hl := serveListener(t, &handler{})
			c, conn := take(t, s, hl, tt.inConn)
			adopt(t, s, conn, tt.read)
			s.wantConns(1)
			s.on(0, func(*engine.Loop) {}) // what was adopted has been looked at
			c.write(tt.later)
			c.wantBytes(accepted)
			if tt.want != "" {
				c.wantText(tt.want)
			}
			c.echo("as usual")
			c.write(closing(1000, ""))
			c.wantClose(1000, "")
			c.wantEnd()
			_ = c.Close()
			s.wantConns(0)
		})
	}
}

// Each cut of a conversation between what was read before and what comes later.
func TestAdoptedBytesMayEndAnywhere(t *testing.T) { transports(t, testAdoptedBytesMayEndAnywhere) }

func testAdoptedBytesMayEndAnywhere(t *testing.T) {
	s, hl := serveListener(t, &handler{})
	in := request + masked(ws.OpText, true, "one") + masked(ws.OpPing, true, "p") + masked(ws.OpBinary, true, "two") + closing(1000, "")
	for cut := range len(in) + 1 {
		c, conn := take(t, s, hl, "")
		adopt(t, s, conn, in[:cut])
		c.write(in[cut:])
		c.wantBytes(accepted)
		c.wantText("one")
		c.want(ws.OpPong, "p")
		c.want(ws.OpBinary, "two")
		c.wantClose(1000, "")
		c.wantEnd()
		_ = c.Close()
	}
	s.wantConns(0)
}

func TestAdoptedHeadsAreRefusedLikeAnyOther(t *testing.T) {
	transports(t, testAdoptedHeadsAreRefusedLikeAnyOther)
}

func testAdoptedHeadsAreRefusedLikeAnyOther(t *testing.T) {
	s, hl := serveListener(t, &handler{})
	for _, tt := range []struct{ read, status string }{
		{strings.Replace(request, "Version: 13", "Version: 8", 1), "426"},
		{strings.Replace(request, "\r\n", "\n", 1), "400"},
		{request[:30] + strings.Repeat("x", 9000), "431"},
		// It came from the HTTP server, and shall not be sent back for ever.
		{"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "426"},
	} {
		c, conn := take(t, s, hl, "")
		adopt(t, s, conn, tt.read)
		c.wantStatus(tt.status)
		c.wantGone()
		_ = c.Close()
	}
	s.wantConns(0)
	s.wantMetrics(map[string]string{`gannet_engine_handshakes_total{outcome="http"}`: "4", "gannet_engine_websockets": "0"})
}

func TestAdoptTakesPlainSocketsToo(t *testing.T) {
	s := serve(t, &handler{})
	dial(t, s).reset()
	for network, address := range map[string]string{"tcp": "127.0.0.1:0", "unix": filepath.Join(t.TempDir(), "socket")} {
		t.Run(network, func(t *testing.T) {
			ln, err := net.Listen(network, address)
			if err != nil {
				t.Fatal(err)
			}
			defer ln.Close()
			c := raw(t, &server{t: t, ln: ln})
			conn, err := ln.Accept()
			if err != nil {
				t.Fatal(err)
			}
			adopt(t, s, conn, request)
			c.wantBytes(accepted)
			c.echo("hello")
			_ = c.Close()
		})
	}
	one, other := net.Pipe()
	defer other.Close()
	if err := s.Adopt(one, []byte(request)); err == nil {
		t.Error("a pipe was adopted")
	}
	if _, err := one.Write(nil); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("the pipe is open: %v", err)
	}
	s.wantConns(0)
}

func TestAConnClosedBeforehandIsNotAdopted(t *testing.T) {
	transports(t, testAConnClosedBeforehandIsNotAdopted)
}

func testAConnClosedBeforehandIsNotAdopted(t *testing.T) {
	s, hl := serveListener(t, &handler{})
	_, conn := take(t, s, hl, "")
	_ = conn.Close()
	if err := s.Adopt(conn, []byte(request)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Adopt: %v", err)
	}
	s.wantConns(0)
}

func TestNothingIsAdoptedAfterDrainOrStop(t *testing.T) {
	transports(t, testNothingIsAdoptedAfterDrainOrStop)
}

func testNothingIsAdoptedAfterDrainOrStop(t *testing.T) {
	for name, end := range map[string]func(s *server) error{
		"Drain": func(s *server) error { return s.Drain(context.Background(), 0) },
		"Stop":  func(s *server) error { return s.Stop() },
	} {
		t.Run(name, func(t *testing.T) {
			s, hl := serveListener(t, &handler{})
			c, conn := take(t, s, hl, "")
			if err := end(s); err != nil {
				t.Fatal(err)
			}
			if err := s.Adopt(conn, []byte(request)); err != engine.ErrStopped {
				t.Errorf("Adopt: %v", err)
			}
			c.wantStatus("503")
			c.wantGone()
			s.wantConns(0)
		})
	}
}

// Adopt against Drain and Stop: each conn is either refused or closed, and none is left.
func TestAdoptMayRaceWithTheEnd(t *testing.T) { transports(t, testAdoptMayRaceWithTheEnd) }

func testAdoptMayRaceWithTheEnd(t *testing.T) {
	for i := range 30 {
		s, hl := serveListener(t, &handler{}, func(c *engine.Config) { c.Loops = 2 })
		const conns = 8
		var ours [conns]net.Conn
		for i := range ours {
			_, ours[i] = take(t, s, hl, "")
		}
		var adopting sync.WaitGroup
		for _, conn := range ours {
			adopting.Go(func() {
				if err := s.Adopt(conn, []byte(request)); err != nil && err != engine.ErrStopped {
					t.Errorf("Adopt: %v", err)
				}
			})
		}
		if i%2 == 0 {
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			_ = s.Drain(ctx, 0)
		}
		if err := s.Stop(); err != nil {
			t.Fatal(err)
		}
		adopting.Wait()
		s.wantConns(0)
	}
}

// A conn may go back and forth at the bound of conns: it keeps its place.
func TestAdoptionNeedsNoRoom(t *testing.T) { transports(t, testAdoptionNeedsNoRoom) }

func testAdoptionNeedsNoRoom(t *testing.T) {
	s, hl := serveListener(t, &handler{}, func(c *engine.Config) { c.MaxConns = 1 })
	c, conn := take(t, s, hl, "")
	adopt(t, s, conn, request)
	c.wantBytes(accepted)
	c.echo("hello")
	s.wantConns(1)
}

// The bytes given are not looked at again once they are consumed.
func TestAdoptedBytesAreForgotten(t *testing.T) { transports(t, testAdoptedBytesAreForgotten) }

func testAdoptedBytesAreForgotten(t *testing.T) {
	s, hl := serveListener(t, &handler{})
	read := []byte(request + masked(ws.OpText, true, "hello"))
	c, conn := take(t, s, hl, "")
	if err := s.Adopt(conn, read); err != nil {
		t.Fatal(err)
	}
	c.wantBytes(accepted)
	c.wantText("hello")
	s.on(0, func(l *engine.Loop) {
		if n := l.Early(); n != 0 {
			t.Errorf("%d conns have early bytes", n)
		}
	})
	copy(read, bytes.Repeat([]byte("?"), len(read)))
	c.echo("hello")
}
