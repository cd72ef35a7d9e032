package engine_test

import (
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/gannet-io/gannet/engine"
	"github.com/gannet-io/gannet/frame"
)

// A tunnel passes bytes on to a server until it is cut: then it swallows what comes and says nothing, neither end nor
// reset, as a network does in which a route or a NAT entry is gone.
type tunnel struct {
	net.Listener
	cut atomic.Bool
}

func dig(t *testing.T, s *server) *tunnel {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	tun := &tunnel{Listener: ln}
	var pipes sync.WaitGroup
	var mu sync.Mutex
	var ends []net.Conn // guarded by mu
	pipes.Go(func() {
		for {
			near, err := ln.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", s.ln.Addr().String())
			if err != nil {
				_ = near.Close()
				continue
			}
			mu.Lock()
			ends = append(ends, near, far)
			mu.Unlock()
			pipes.Go(func() { tun.pass(near, far) })
			pipes.Go(func() { tun.pass(far, near) })
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		mu.Lock()
		for _, end := range ends {
			_ = end.Close()
		}
		mu.Unlock()
		pipes.Wait()
	})
	return tun
}

func (tun *tunnel) pass(from, to net.Conn) {
	buf := make([]byte, 4096)
	for {
		n, err := from.Read(buf)
		if !tun.cut.Load() {
			_, _ = to.Write(buf[:n])
		}
		if err != nil {
			return
		}
	}
}

// A peer that is gone without a word is found by a ping that nobody answers: within ping interval and pong wait the session
// is over, and the socket soon after.
func TestAHalfOpenSocketIsFound(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 1.5 s: silences run out")
	}
	const interval, wait = 500 * time.Millisecond, 500 * time.Millisecond
	told := make(chan time.Time, 10)
	closed := make(chan struct{}, 10)
	s := serve(t, &handler{
		notice: func(c *engine.Conn, n engine.Notice) {
			if n == engine.Unresponsive {
				told <- time.Now()
				c.Close(4201, "gone")
			}
		},
		closed: func(*engine.Conn) { closed <- struct{}{} },
	}, func(c *engine.Config) { c.PingInterval, c.PongWait, c.CloseWait = interval, wait, 200*time.Millisecond })
	tun := dig(t, s)
	far := &server{t: t, ln: tun}
	c := raw(t, far)
	asked := time.Now()
	c.write(request)
	c.wantBytes(accepted)
	tun.cut.Store(true)
	c.write(masked(ws.OpText, true, "nobody hears this"))
	at := waitFor(t, told)
	waitFor(t, closed)
	s.wantConns(0)
	// Not before: the request was the last sign of life, and came no sooner than it was sent.
	if took := at.Sub(asked); took < interval+wait-200*time.Millisecond {
		t.Errorf("given up after %v, before %v were over", took, interval+wait)
	}
	s.wantMetrics(map[string]string{"gannet_engine_pings_out_total": "1", "gannet_engine_websockets": "0"})
}

func waitFor[T any](t *testing.T, ch <-chan T) T { t.Helper(); return wait(t, ch, "what must come") }

// Wherever a reset comes, in a head, in a frame, in a fragmented message or while frames wait, that conn is gone at once and
// leaves nothing.
func TestAResetAnywhereLeavesNothing(t *testing.T) {
	message := masked(ws.OpText, true, strings.Repeat("x", 5000))
	for name, in := range map[string]string{
		"in the head":         request[:50],
		"behind the head":     request,
		"in a frame's header": request + message[:3],
		"in a frame":          request + message[:1000],
		"in a message":        request + masked(ws.OpText, false, "he") + masked(ws.OpPing, true, "x"),
		"in a control frame":  request + masked(ws.OpPing, true, "hello")[:8],
		"behind a close":      request + closing(1000, ""),
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, &handler{})
			other := dial(t, s)
			for range 5 {
				c := raw(t, s)
				c.write(in)
				s.on(0, func(*engine.Loop) {})
				c.reset()
			}
			s.wantConns(1)
			other.echo("unharmed")
			s.wantMetrics(map[string]string{"gannet_engine_websockets": "1", "gannet_engine_handshaking": "0", "gannet_engine_panics_total": "0"})
		})
	}
	t.Run("while frames wait", func(t *testing.T) {
		s := serveOn(t, narrow(t), flooder(100, 10_000), func(c *engine.Config) { c.BacklogBytes, c.BacklogAge = -1, -1 })
		for range 5 {
			c := dial(t, s)
			c.write(masked(ws.OpText, true, "go"))
			eventually(t, func() bool { return s.metric("gannet_engine_backlog_bytes") != "0" }, func() string { return "nothing waits" })
			c.reset()
			s.wantConns(0)
			s.wantMetrics(map[string]string{"gannet_engine_backlog_bytes": "0"})
		}
	})
}

// A FIN means that the peer has said all, whatever is still to come for it: a WebSocket ends with close frames, so that one
// is over, and nothing of it is kept.
func TestAFINWithDataPendingEndsTheConn(t *testing.T) {
	closed := make(chan struct{}, 1)
	h := flooder(100, 10_000)
	h.closed = func(*engine.Conn) { closed <- struct{}{} }
	s := serveOn(t, narrow(t), h, func(c *engine.Config) { c.BacklogBytes, c.BacklogAge, c.CloseWait = -1, -1, time.Second })
	c := dial(t, s)
	c.write(masked(ws.OpText, true, "go"))
	eventually(t, func() bool { return s.metric("gannet_engine_backlog_bytes") != "0" }, func() string { return "nothing waits" })
	c.closeWrite()
	waitFor(t, closed)
	c.wantGone()
	s.wantConns(0)
	s.wantMetrics(map[string]string{"gannet_engine_backlog_bytes": "0", "gannet_engine_websockets": "0"})
}

// Whoever is being closed and goes on talking is not listened to, does not hold the end up, and still learns why.
func TestTalkingWhileBeingClosedIsInVain(t *testing.T) {
	var heard atomic.Int64
	s := serve(t, &handler{message: func(c *engine.Conn, _ frame.Opcode, payload []byte) {
		if heard.Add(1); string(payload) == "close me" {
			c.Close(4000, "as you wish")
		}
	}}, func(c *engine.Config) { c.CloseWait = 500 * time.Millisecond })
	c := dial(t, s)
	c.write(masked(ws.OpText, true, "close me") + masked(ws.OpText, true, "but") + masked(ws.OpPing, true, "hello?"))
	var talking sync.WaitGroup
	talking.Go(func() {
		for range 100_000 { // until the socket ends, for at most as long as the server waits for a close frame
			if _, err := io.WriteString(c.Conn, masked(ws.OpText, true, "and another thing")); err != nil {
				return
			}
		}
	})
	c.wantClose(4000, "as you wish")
	c.wantGone()
	talking.Wait()
	s.wantConns(0)
	if n := heard.Load(); n != 1 {
		t.Errorf("%d messages were heard, want the first alone", n)
	}
	s.wantMetrics(map[string]string{`gannet_engine_closes_total{reason="server"}`: "1", "gannet_engine_panics_total": "0"})
}
