package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/gannet-io/gannet/engine"
)

// crowd connects n clients and returns them with their slots.
func crowd(t *testing.T, s *server, n int) (clients []*client, slots []uint32) {
	t.Helper()
	for range n {
		clients = append(clients, dial(t, s))
	}
	s.on(0, func(l *engine.Loop) {
		l.Each(func(c *engine.Conn) { slots = append(slots, c.ID().Slot()) })
	})
	return clients, slots
}

// fanOut queues a frame for all slots, in a turn of its own.
func (s *server) fanOut(slots []uint32, payload string) {
	s.on(0, func(l *engine.Loop) {
		for _, slot := range slots {
			l.Queue(slot, text(payload), true)
		}
	})
	s.on(0, func(*engine.Loop) {}) // the turn is over, and the window open
}

func window(d time.Duration) func(*engine.Config) {
	return func(c *engine.Config) { c.BatchWindow = d }
}

func TestFanOutsWithinTheWindowLeaveInOneSendPerConn(t *testing.T) {
	transports(t, testFanOutsWithinTheWindowLeaveInOneSendPerConn)
}

func testFanOutsWithinTheWindowLeaveInOneSendPerConn(t *testing.T) {
	flushes := 0 // owned by the loop
	s := serve(t, &handler{flushed: func(*engine.Loop) { flushes++ }}, window(time.Hour))
	clients, slots := crowd(t, s, 3)
	before := s.count("gannet_engine_sends_total")
	flushesBefore := 0
	s.on(0, func(*engine.Loop) { flushesBefore = flushes })
	for _, payload := range []string{"a", "b", "c", "d", "e"} {
		s.fanOut(slots, payload)
	}
	s.on(0, func(*engine.Loop) {
		if flushes != flushesBefore {
			t.Error("Flushed was called while frames wait")
		}
	})
	if n := s.count("gannet_engine_sends_total") - before; n != 0 {
		t.Errorf("%d sends within the window, want none", n)
	}
	s.Loops()[0].EndBatch()
	for _, c := range clients {
		for _, payload := range []string{"a", "b", "c", "d", "e"} {
			c.wantText(payload)
		}
	}
	eventually(t, func() bool { return s.count("gannet_engine_sends_total")-before == 3 }, func() string {
		return itoa(s.count("gannet_engine_sends_total")-before) + " sends of 15 frames to 3 conns, want 3"
	})
	s.on(0, func(*engine.Loop) {
		if flushes != flushesBefore+1 {
			t.Errorf("Flushed was called %d times for one batch", flushes-flushesBefore)
		}
	})
	// The next window is a new one.
	s.fanOut(slots, "f")
	s.Loops()[0].EndBatch()
	clients[2].wantText("f")
}

func TestWithoutAWindowEachTurnSends(t *testing.T) { transports(t, testWithoutAWindowEachTurnSends) }

func testWithoutAWindowEachTurnSends(t *testing.T) {
	s := serve(t, &handler{})
	clients, slots := crowd(t, s, 3)
	before := s.count("gannet_engine_sends_total")
	for _, payload := range []string{"a", "b"} {
		s.fanOut(slots, payload)
		for _, c := range clients {
			c.wantText(payload)
		}
	}
	eventually(t, func() bool { return s.count("gannet_engine_sends_total")-before == 6 }, func() string {
		return itoa(s.count("gannet_engine_sends_total")-before) + " sends of 2 frames to 3 conns one by one, want 6"
	})
}

// A frame of a conn's own does not wait, and must not overtake those that do.
func TestAFrameForOneTakesItsWaitingOnesAlong(t *testing.T) {
	transports(t, testAFrameForOneTakesItsWaitingOnesAlong)
}

func testAFrameForOneTakesItsWaitingOnesAlong(t *testing.T) {
	s := serve(t, &handler{}, window(time.Hour))
	clients, slots := crowd(t, s, 2)
	s.fanOut(slots, "waits")
	clients[1].write(masked(1, true, "own"))
	clients[1].wantText("waits")
	clients[1].wantText("own")
	s.Loops()[0].EndBatch()
	clients[0].wantText("waits")
}

func TestTheWindowEndsByItself(t *testing.T) {
	s := serve(t, &handler{}, window(time.Millisecond))
	clients, slots := crowd(t, s, 2)
	for range 3 {
		s.fanOut(slots, "x")
		for _, c := range clients {
			c.wantText("x")
		}
	}
}

func TestAConnMayGoWhileItsFramesWait(t *testing.T) { transports(t, testAConnMayGoWhileItsFramesWait) }

func testAConnMayGoWhileItsFramesWait(t *testing.T) {
	s := serve(t, &handler{}, window(time.Hour))
	clients, slots := crowd(t, s, 2)
	s.fanOut(slots, strings.Repeat("x", 100))
	s.fanOut(slots, "y")
	clients[0].reset()
	s.wantConns(1)
	s.Loops()[0].EndBatch()
	clients[1].wantText(strings.Repeat("x", 100))
	clients[1].wantText("y")
	s.on(0, func(l *engine.Loop) {
		if n := l.Links(); n != 0 {
			t.Errorf("%d frames stay in the arena", n)
		}
	})
}
