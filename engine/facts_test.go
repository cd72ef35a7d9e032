package engine_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/gannet-io/gannet/engine"
)

func TestScanComesByEveryConnOnce(t *testing.T) {
	ids := make(chan engine.ID, 10)
	s := serve(t, &handler{open: func(c *engine.Conn) { ids <- c.ID() }}, func(c *engine.Config) { c.Loops = 1 })
	var conns []*client
	for range 10 {
		conns = append(conns, dial(t, s))
		wait(t, ids, "Open")
	}
	// A hole in the middle is passed over.
	_ = conns[4].Close()
	eventually(t, func() bool { return s.Conns() == 9 }, func() string { return "ten conns" })
	for _, n := range []int{1, 3, 100} {
		seen := map[engine.ID]int{}
		for from, more, steps := uint32(0), true, 0; more; steps++ {
			s.on(0, func(l *engine.Loop) {
				from, more = l.Scan(from, n, func(c *engine.Conn) { seen[c.ID()]++ })
			})
			if steps > 20 {
				t.Fatalf("%d at a time: it does not end", n)
			}
		}
		if len(seen) != 9 {
			t.Errorf("%d at a time: %d conns, want 9", n, len(seen))
		}
		for id, times := range seen {
			if times != 1 {
				t.Errorf("%d at a time: %v comes %d times", n, id, times)
			}
		}
	}
}

func TestFactsOfAConn(t *testing.T) {
	ids := make(chan engine.ID, 1)
	h := flooder(100, 10_000)
	h.open = func(c *engine.Conn) { ids <- c.ID() }
	s := serveOn(t, narrow(t), h, func(c *engine.Config) { c.Loops, c.BacklogBytes, c.BacklogAge = 1, -1, -1 })
	c := dial(t, s)
	id := wait(t, ids, "Open")
	s.on(0, func(l *engine.Loop) {
		if bytes, frames, age := l.Find(id).Waiting(); bytes+frames != 0 || age != 0 {
			t.Errorf("at first %d bytes in %d frames wait for %v", bytes, frames, age)
		}
		if len(l.Behind(nil)) != 0 {
			t.Error("somebody is behind")
		}
	})
	c.write(masked(ws.OpText, true, "go"))
	var bytes, frames, unacked int
	var age, silent time.Duration
	known := false
	eventually(t, func() bool {
		s.on(0, func(l *engine.Loop) {
			bytes, frames, age = l.Find(id).Waiting()
			silent = l.Find(id).Silent()
			unacked, _, known = l.Find(id).Kernel()
		})
		// Between a peer's acknowledgement and the next write the kernel may hold nothing.
		return age >= 200*time.Millisecond && silent >= 200*time.Millisecond && (!known || unacked > 0)
	}, func() string {
		return fmt.Sprintf("nothing waits for long: for %v, silent for %v, %d bytes unacknowledged", age, silent, unacked)
	})
	if frames < 10 || frames > 100 || bytes < frames*9_000 || bytes > frames*10_100 {
		t.Errorf("%d bytes in %d frames wait", bytes, frames)
	}
	s.on(0, func(l *engine.Loop) {
		if got := l.Behind(nil); len(got) != 1 || got[0] != id {
			t.Errorf("behind: %v, want %v", got, id)
		}
	})
	for range 100 {
		if f, err := c.frame(); err != nil || !strings.HasPrefix(strings.Repeat(string(f.Payload[:1]), 5), string(f.Payload[:5])) {
			t.Fatal(err)
		}
	}
}

func TestLagIsOfTheWorstTickSinceTheLastLook(t *testing.T) {
	s := serve(t, &handler{}, func(c *engine.Config) { c.Loops = 1 })
	dial(t, s)
	l := s.Loops()[0]
	if !l.Started() {
		t.Fatal("a loop with a conn has not started")
	}
	release, held := make(chan struct{}), make(chan struct{})
	l.TakeLag()
	l.Post(func() { close(held); <-release })
	<-held
	// While it hangs, the lag is how late its tick is by now.
	eventually(t, func() bool { return l.TakeLag() > 50*time.Millisecond }, func() string { return "a loop that hangs has no lag" })
	late := func() float64 {
		seconds, err := strconv.ParseFloat(s.metric(`gannet_engine_loop_late_seconds{loop="0"}`), 64)
		if err != nil {
			t.Fatal(err)
		}
		return seconds
	}
	eventually(t, func() bool { return late() > 0.05 }, func() string { return "the metrics do not show a loop that hangs" })
	close(release)
	eventually(t, func() bool { return l.Population() == 1 }, func() string { return "the loop does not go on" })
	eventually(t, func() bool { return late() < 0.05 }, func() string { return "a loop that goes on stays late" })
}
