package engine_test

import (
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/gannet-io/gannet/engine"
	"github.com/gannet-io/gannet/frame"
)

// Wakes that come while the loop works must not keep it from its sockets: gnet empties its
// task queue before it looks at them. Here one comes in every turn, as under publishers that
// are never idle. The loop itself puts the input into its socket, and counts its turns until
// it is handed the message, so that no other goroutine's speed matters.
func TestAStormOfWakesDoesNotStarveInput(t *testing.T) {
	const messages = 200
	var (
		c     *client
		input = []byte(masked(ws.OpText, true, "hello"))
		over  = make(chan []int, 1)

		// Owned by the loop.
		storm, say   bool
		turns, since int
		waited       []int // turns, for each message
	)
	s := serve(t, &handler{
		work: func(l *engine.Loop) {
			if !storm {
				return
			}
			l.Wake()
			turns++
			if say {
				say, since = false, turns
				if _, err := c.Write(input); err != nil {
					t.Error(err)
				}
			}
		},
		message: func(c *engine.Conn, op frame.Opcode, payload []byte) {
			if !storm {
				c.Send(prepare(op, payload))
				return
			}
			waited = append(waited, turns-since)
			if say = len(waited) < messages; !say {
				storm = false
				over <- waited
			}
		},
	})
	c = dial(t, s)
	c.echo("before")
	s.on(0, func(*engine.Loop) { storm, say = true, true })
	got := slices.Sorted(slices.Values(wait(t, over, "the last message")))
	t.Logf("turns of work for a message: %d at the least, %d for half of them, %d at most", got[0], got[messages/2], got[messages-1])
	// The kernel may take its time with some.
	if n := got[messages/2]; n > 5 {
		t.Errorf("input waits for %d turns of work", n)
	}
}

func TestPostsRunInOrder(t *testing.T) {
	s := serve(t, &handler{})
	dial(t, s)
	l := s.Loops()[0]
	var got [4][]int // by goroutine; owned by the loop
	var posters sync.WaitGroup
	for g := range got {
		posters.Go(func() {
			for i := range 2000 {
				l.Post(func() { got[g] = append(got[g], i) })
			}
		})
	}
	posters.Wait()
	s.on(0, func(*engine.Loop) {
		for g := range got {
			for i, v := range got[g] {
				if i != v {
					t.Fatalf("goroutine %d: post %d ran in place of %d", g, v, i)
				}
			}
			if len(got[g]) != 2000 {
				t.Fatalf("%d posts of goroutine %d ran", len(got[g]), g)
			}
		}
	})
}

func TestPostsToALoopWithoutConnsRunWhenOneComes(t *testing.T) {
	s := serve(t, &handler{})
	ran := make(chan struct{})
	if !s.Loops()[0].Post(func() { close(ran) }) {
		t.Fatal("Post refused")
	}
	select {
	case <-ran:
		t.Fatal("ran without a loop")
	default:
	}
	raw(t, s)
	wait(t, ran, "the post")
}

func TestPostAndWakeAfterStopAreRefused(t *testing.T) {
	s := serve(t, &handler{}, func(c *engine.Config) { c.Loops = 2 })
	dial(t, s) // so that one loop has run and the other has not
	for range 2 {
		if err := s.Stop(); err != nil {
			t.Fatal(err)
		}
	}
	for _, l := range s.Loops() {
		for range 2 {
			if l.Post(func() { t.Error("ran") }) || l.Wake() {
				t.Errorf("loop %d takes posts after Stop", l.Index())
			}
		}
		if n := l.Posted(); n != 0 {
			t.Errorf("loop %d holds %d posts that will never run", l.Index(), n)
		}
	}
	if err := s.Serve(s.ln); err != engine.ErrStopped {
		t.Errorf("Serve after Stop: %v", err)
	}
}

// Stop while everyone posts, wakes, connects and talks; the second Stop must wait for the
// end of the first.
func TestStopMayRaceWithEverything(t *testing.T) { transports(t, testStopMayRaceWithEverything) }

func testStopMayRaceWithEverything(t *testing.T) {
	for range 5 {
		s := serve(t, &handler{}, func(c *engine.Config) { c.Loops = 2 })
		stop := make(chan struct{})
		var others sync.WaitGroup
		for i := range 2 {
			others.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
						s.Loops()[i].Post(func() {})
						s.Loops()[1-i].Wake()
					}
				}
			})
			others.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					c := tryDial(s)
					if c != nil {
						_, _ = c.Write([]byte(masked(ws.OpText, true, "x")))
						_ = c.Close()
					}
				}
			})
		}
		dial(t, s).echo("busy")
		var stops sync.WaitGroup
		for range 2 {
			stops.Go(func() {
				_ = s.Stop()
				if n := s.Conns(); n != 0 {
					t.Errorf("%d conns are left when Stop returns", n)
				}
			})
		}
		stops.Wait()
		close(stop)
		others.Wait()
	}
}

// What Closed queues for another conn must not wait for the clock. If it did, it would each
// time; on a busy machine the clock turns meanwhile now and then.
func TestClosedMaySendToOthers(t *testing.T) { transports(t, testClosedMaySendToOthers) }

func testClosedMaySendToOthers(t *testing.T) {
	var conns []*engine.Conn // of this round
	s := serve(t, &handler{
		open: func(c *engine.Conn) { conns = append(conns, c) },
		closed: func(c *engine.Conn) {
			switch c {
			case conns[1]:
				conns[0].Send(text("it left"))
			case conns[2]:
				conns[0].Close(4000, "it left too")
			}
		},
	})
	var turned uint32
	for range 50 {
		a, b, d := dial(t, s), dial(t, s), dial(t, s)
		before := s.ticks(0)
		b.reset()
		a.wantText("it left")
		d.reset()
		a.wantClose(4000, "it left too")
		if turned = s.ticks(0) - before; turned <= 1 {
			return
		}
		a.reset()
		s.wantConns(0)
		s.on(0, func(*engine.Loop) { conns = nil })
	}
	t.Errorf("the clock turned %d times before the frames left", turned)
}

// ticks returns how often the clock of loop i has turned.
func (s *server) ticks(i int) (n uint32) {
	s.on(i, func(l *engine.Loop) { n = l.Now() })
	return n
}

// The counter of ticks wraps after 13.6 years; everything timed must survive that.
func TestTimeMayWrap(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 2.5 s: timers of every kind run out")
	}
	const beforeTheEnd = math.MaxUint32 - 8
	timers := make(chan struct{}, 10)
	s := serveAt(t, beforeTheEnd, &handler{
		open: func(c *engine.Conn) { c.SetTimer(500 * time.Millisecond) },
		notice: func(c *engine.Conn, n engine.Notice) {
			if n == engine.Timer {
				timers <- struct{}{}
				return
			}
			c.Close(noticeCode(n), "")
		},
	}, func(c *engine.Config) {
		c.PingInterval, c.PongWait, c.CloseWait = 600*time.Millisecond, 300*time.Millisecond, 300*time.Millisecond
	})
	impatient := serveAt(t, beforeTheEnd, &handler{}, func(c *engine.Config) { c.HeadTimeout = 900 * time.Millisecond })
	silent, head := dial(t, s), raw(t, impatient)
	wait(t, timers, "the timer")
	silent.want(ws.OpPing, "")
	silent.wantClose(uint16(noticeCode(engine.Unresponsive)), "")
	silent.wantEnd()
	head.wantGone()
	for _, s := range []*server{s, impatient} {
		s.wantConns(0)
		if now := s.Tick(); now > math.MaxUint32/2 {
			t.Fatalf("the clock stands at %d and has not wrapped", now)
		}
	}
}

// serveAt is serve with a clock that stands at tick.
func serveAt(t testing.TB, tick uint32, h *handler, more ...func(*engine.Config)) *server {
	return serve(t, h, append(more, func(c *engine.Config) { engine.StartTick = tick })...)
}

func TestTimersComeOnceAndNotEarly(t *testing.T) { transports(t, testTimersComeOnceAndNotEarly) }

func testTimersComeOnceAndNotEarly(t *testing.T) {
	type event struct {
		n  engine.Notice
		at time.Time
	}
	events := make(chan event, 10)
	var c *engine.Conn
	s := serve(t, &handler{
		open:   func(conn *engine.Conn) { c = conn; c.SetTimer(time.Hour); c.SetTimer(200 * time.Millisecond) },
		notice: func(_ *engine.Conn, n engine.Notice) { events <- event{n, time.Now()} },
	})
	start := time.Now()
	dial(t, s)
	e := wait(t, events, "Timer")
	if took := e.at.Sub(start); e.n != engine.Timer || took < 200*time.Millisecond {
		t.Errorf("notice %d after %v", e.n, took)
	}
	s.on(0, func(*engine.Loop) { c.SetTimer(100 * time.Millisecond); c.SetTimer(0) })
	s.on(0, func(*engine.Loop) { c.SetTimer(math.MaxInt64) }) // for ever, not at once
	before := s.ticks(0)
	eventually(t, func() bool { return s.ticks(0)-before > 4 }, func() string { return "the clock stands still" })
	if len(events) != 0 {
		t.Error("a timer that was taken away came")
	}
}

// A panic in a callback costs the conn it was for, which hears 1011, and no other.
func TestAPanicCostsOnlyItsConn(t *testing.T) { transports(t, testAPanicCostsOnlyItsConn) }

func testAPanicCostsOnlyItsConn(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 1.5 s: a conn lingers, a timer runs out")
	}
	for name, h := range map[string]*handler{
		"Open":    {open: func(c *engine.Conn) { boom(c) }},
		"Message": {message: func(c *engine.Conn, _ frame.Opcode, _ []byte) { boom(c) }},
		"Notice": {message: func(c *engine.Conn, _ frame.Opcode, _ []byte) { c.SetTimer(1) },
			notice: func(c *engine.Conn, _ engine.Notice) { boom(c) }},
	} {
		t.Run(name, func(t *testing.T) {
			panicky := make(chan bool, 1)
			closed := make(chan struct{}, 2)
			open, message := h.open, h.message
			h.open = func(c *engine.Conn) {
				if c.Data = <-panicky; c.Data == true && open != nil {
					open(c)
				}
			}
			h.message = func(c *engine.Conn, op frame.Opcode, payload []byte) {
				if c.Data == true && message != nil {
					message(c, op, payload)
					return
				}
				c.Send(prepare(op, payload))
			}
			h.closed = func(*engine.Conn) { closed <- struct{}{} }
			s := serve(t, h)
			panicky <- false
			other := dial(t, s)
			panicky <- true
			c := dial(t, s)
			c.write(masked(ws.OpText, true, "x") + masked(ws.OpText, true, "y"))
			c.wantClose(1011, "internal error")
			c.wantEnd()
			wait(t, closed, "Closed")
			other.echo("alive")
			_ = c.Close()
			s.wantConns(1)
			s.wantMetrics(map[string]string{"gannet_engine_panics_total": "1",
				`gannet_engine_closes_total{reason="panic"}`: "1", "gannet_engine_websockets": "1"})
		})
	}
	t.Run("Upgrade", func(t *testing.T) {
		s := serve(t, &handler{})
		other := dial(t, s)
		s.on(0, func(*engine.Loop) { s.h.upgrade = panicInUpgrade })
		c := raw(t, s)
		c.write(request)
		c.wantStatus("500")
		c.wantGone()
		other.echo("alive")
		s.wantConns(1)
		s.wantMetrics(map[string]string{"gannet_engine_panics_total": "1"})
	})
	t.Run("Closed", func(t *testing.T) {
		s := serve(t, &handler{closed: boom, message: func(c *engine.Conn, op frame.Opcode, payload []byte) {
			if string(payload) == "close" {
				c.Close(4000, "asked")
			}
			c.Send(prepare(op, payload))
		}})
		other := dial(t, s)
		c := dial(t, s)
		c.write(masked(ws.OpText, true, "close"))
		c.wantClose(4000, "asked")
		c.wantEnd()
		dial(t, s).reset()
		s.wantMetrics(map[string]string{"gannet_engine_panics_total": "2"})
		other.echo("alive")
		s.on(0, func(*engine.Loop) { s.h.closed = nil })
	})
}

func boom(*engine.Conn) { panic("boom") }
