package engine_test

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/gannet-io/gannet/engine"
	"github.com/gannet-io/gannet/frame"
)

// narrow listens with small socket buffers, so that a reader that stalls is felt soon.
func narrow(t testing.TB) net.Listener {
	t.Helper()
	cfg := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) {
			_ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_SNDBUF, 8<<10)
			_ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 8<<10)
		})
	}}
	ln, err := cfg.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return ln
}

// flooder sends n frames of size bytes to a conn that says anything.
func flooder(n, size int) *handler {
	return &handler{message: func(c *engine.Conn, _ frame.Opcode, _ []byte) {
		for i := range n {
			c.Send(text(strings.Repeat(string(rune('a'+i%26)), size)))
		}
	}}
}

func TestASlowReaderIsToldWhyItIsCutOff(t *testing.T) {
	transports(t, testASlowReaderIsToldWhyItIsCutOff)
}

func testASlowReaderIsToldWhyItIsCutOff(t *testing.T) {
	for what, limit := range map[string]func(*engine.Config){
		"bytes": func(c *engine.Config) { c.BacklogBytes, c.BacklogAge = 100_000, -1 },
		"age":   func(c *engine.Config) { c.BacklogBytes, c.BacklogAge = -1, 300*time.Millisecond },
	} {
		t.Run(what, func(t *testing.T) {
			h := flooder(100, 10_000)
			notices := make(chan engine.Notice, 100)
			h.notice = func(c *engine.Conn, n engine.Notice) {
				notices <- n
				c.Close(4100, "too slow", text("sorry"))
			}
			s := serveOn(t, narrow(t), h, limit)
			c := dial(t, s)
			c.write(masked(ws.OpText, true, "go"))
			if n := wait(t, notices, "Slow"); n != engine.Slow {
				t.Fatalf("notice %d", n)
			}
			// Only now does it read: whole frames in order, then why it is cut off.
			frames := 0
			for {
				f, err := c.frame()
				if err != nil {
					t.Fatalf("after %d frames: %v", frames, err)
				}
				if string(f.Payload) == "sorry" {
					break
				}
				if want := strings.Repeat(string(rune('a'+frames%26)), 10_000); string(f.Payload) != want {
					t.Fatalf("frame %d is %.10q…, %d bytes", frames, f.Payload, len(f.Payload))
				}
				frames++
			}
			c.wantClose(4100, "too slow")
			c.write(closing(4100, ""))
			c.wantEnd()
			_ = c.Close()
			s.wantConns(0)
			if len(notices) != 0 {
				t.Error("notices after Close")
			}
			if dropped := s.metric(`gannet_engine_dropped_frames_total{reason="slow"}`); dropped != itoa(100-frames) {
				t.Errorf("%d of 100 frames came, %s are counted as dropped", frames, dropped)
			}
			s.wantMetrics(map[string]string{"gannet_engine_websockets": "0", "gannet_engine_blocked_total": "1",
				// with the 101, sorry and the close frame
				"gannet_engine_frames_out_total": itoa(frames + 3)})
		})
	}
}

// One that never reads is given up after CloseWait, and counted once.
func TestAReaderThatNeverComesBackIsGivenUp(t *testing.T) {
	transports(t, testAReaderThatNeverComesBackIsGivenUp)
}

func testAReaderThatNeverComesBackIsGivenUp(t *testing.T) {
	h := flooder(2, 8<<20)
	s := serveOn(t, narrow(t), h, func(c *engine.Config) {
		c.BacklogBytes, c.CloseWait = 100_000, 200*time.Millisecond
	})
	c := dial(t, s)
	c.write(masked(ws.OpText, true, "go"))
	s.wantConns(0)
	if n := s.OpenWebSockets(); n != 0 {
		t.Errorf("%d WebSockets are counted open", n)
	}
	s.on(0, func(l *engine.Loop) {
		if got := l.Leftovers(); got != "" {
			t.Error(got)
		}
	})
	eventually(t, func() (none bool) {
		s.on(0, func(l *engine.Loop) { none = l.Blocked() == 0 })
		return none
	}, func() string { return "it is still tried" })
}

// A conn that takes the slot of a blocked one must not inherit its retries.
func TestBlockedConnsMayComeAndGo(t *testing.T) { transports(t, testBlockedConnsMayComeAndGo) }

func testBlockedConnsMayComeAndGo(t *testing.T) {
	h := flooder(50, 10_000)
	s := serveOn(t, narrow(t), h, func(c *engine.Config) { c.BacklogBytes = -1 })
	for range 10 {
		c := dial(t, s)
		c.write(masked(ws.OpText, true, "go"))
		blocked := 0
		eventually(t, func() bool {
			s.on(0, func(l *engine.Loop) { blocked = l.Blocked() })
			return blocked > 0
		}, func() string { return "not blocked" })
		if blocked > 1 {
			t.Fatalf("%d entries for one blocked conn", blocked)
		}
		c.reset()
		s.wantConns(0)
	}
}

// A healthy conn must hear all, in order, while others of its loop are stuck.
func TestHealthyConnsDoNotFeelBlockedOnes(t *testing.T) {
	transports(t, testHealthyConnsDoNotFeelBlockedOnes)
}

func testHealthyConnsDoNotFeelBlockedOnes(t *testing.T) {
	var conns []*engine.Conn
	s := serveOn(t, narrow(t), &handler{
		open: func(c *engine.Conn) { conns = append(conns, c) },
		message: func(c *engine.Conn, op frame.Opcode, payload []byte) {
			f := prepare(op, payload)
			for _, c := range conns {
				c.Send(f)
			}
		},
	}, func(c *engine.Config) { c.BacklogBytes, c.BacklogAge = -1, -1 })
	for range 20 {
		dial(t, s) // and never reads
	}
	c := dial(t, s)
	big := strings.Repeat("x", 20_000)
	for range 100 {
		c.echo(big)
	}
	s.on(0, func(l *engine.Loop) {
		if n := l.Blocked(); n != 20 {
			t.Errorf("%d conns are blocked, want 20", n)
		}
		if n := l.Links(); n != 0 {
			t.Errorf("%d links are in use", n)
		}
	})
}

// 100 000 frames of all sizes through a reader that stalls at random, sent from Post in
// bursts of random length: direct sends, pending frames and backlog meet at every seam.
func TestFramesAreNeitherLostNorReordered(t *testing.T) {
	transports(t, testFramesAreNeitherLostNorReordered)
}

func testFramesAreNeitherLostNorReordered(t *testing.T) {
	frames := 100_000
	if testing.Short() {
		frames = 20_000
	}
	opened := make(chan *engine.Conn, 1)
	s := serveOn(t, narrow(t), &handler{open: func(c *engine.Conn) { opened <- c }},
		func(c *engine.Config) { c.BacklogBytes, c.BacklogAge = -1, -1 })
	c := dial(t, s)
	conn := wait(t, opened, "Open")
	random := rand.New(rand.NewPCG(1, 2))
	size := func(i int) int { return 8 + i*7919%131 + i%4000/3999*70_000 } // 25 are larger than the scratch
	var window sync.WaitGroup
	go func() {
		for i := 0; i < frames; {
			n := min(1+random.IntN(400), frames-i)
			first := i
			window.Add(1)
			s.Loops()[0].Post(func() {
				defer window.Done()
				for i := first; i < first+n; i++ {
					buf := make([]byte, size(i))
					binary.BigEndian.PutUint64(buf, uint64(i))
					conn.Send(prepare(frame.Binary, buf))
				}
			})
			window.Wait()
			i += n
		}
	}()
	stalls := rand.New(rand.NewPCG(3, 4))
	for i := range frames {
		f, err := c.frame()
		if err != nil {
			t.Fatalf("frame %d: %v", i, err)
		}
		if len(f.Payload) != size(i) || binary.BigEndian.Uint64(f.Payload) != uint64(i) {
			t.Fatalf("frame %d: %d bytes, %x…", i, len(f.Payload), f.Payload[:min(8, len(f.Payload))])
		}
		if stalls.IntN(5000) == 0 {
			// Stall until the server has felt it, or a while has gone by.
			start := s.ticks(0)
			eventually(t, func() (over bool) {
				s.on(0, func(l *engine.Loop) { over = l.Blocked() > 0 || l.Now()-start > 1 })
				return over
			}, func() string { return "the clock stands still" })
		}
	}
	if s.metric("gannet_engine_blocked_total") == "0" {
		t.Error("the reader was never felt to stall")
	}
}

// On a busy machine a client may be late with its answer and be reported for good reason. If
// what it says did not count as life, it would be every time.
func TestAPeerThatAnswersIsNotReported(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 1 s: silences run out")
	}
	reports := 0 // of this round; owned by the loop
	s := serve(t, &handler{notice: func(*engine.Conn, engine.Notice) { reports++ }},
		func(c *engine.Config) { c.PingInterval, c.PongWait = 200*time.Millisecond, 200*time.Millisecond })
	var n int
	for range 20 {
		c := dial(t, s)
		c.want(ws.OpPing, "")
		c.write(masked(ws.OpPong, true, ""))
		c.want(ws.OpPing, "")
		c.echo("that counts, too")
		c.want(ws.OpPing, "")
		s.on(0, func(*engine.Loop) { n = reports })
		if n == 0 {
			return
		}
		c.reset()
		s.wantConns(0)
		s.on(0, func(*engine.Loop) { reports = 0 })
	}
	t.Errorf("reported %d times though it answered", n)
}

func TestASilentPeerIsPingedThenReported(t *testing.T) {
	transports(t, testASilentPeerIsPingedThenReported)
}

func testASilentPeerIsPingedThenReported(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 1 s: silences run out")
	}
	notices := make(chan engine.Notice, 10)
	answer := make(chan bool, 10)
	s := serve(t, &handler{notice: func(c *engine.Conn, n engine.Notice) {
		notices <- n
		if <-answer {
			c.Close(4201, "silent")
		}
	}}, func(c *engine.Config) { c.PingInterval, c.PongWait = 200*time.Millisecond, 200*time.Millisecond })
	c := dial(t, s)
	c.want(ws.OpPing, "")
	for _, close := range []bool{false, true} { // without an answer the notice comes again
		if n := wait(t, notices, "Unresponsive"); n != engine.Unresponsive {
			t.Fatalf("notice %d", n)
		}
		answer <- close
	}
	c.wantClose(4201, "silent")
	s.wantMetrics(map[string]string{"gannet_engine_pings_out_total": "1", "gannet_engine_pings_in_total": "0"})
}
