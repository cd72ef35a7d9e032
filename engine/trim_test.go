package engine_test

import (
	"testing"

	"github.com/gannet-io/gannet/engine"
)

func TestTrimVisitsLoopsWithConnsAndLosesNothing(t *testing.T) {
	s := serve(t, &handler{}, func(c *engine.Config) { c.Loops = 2 })
	c := dial(t, s) // on one of the two
	for range 100 {
		c.echo("before")
	}
	visited := make(chan int, 2)
	s.Trim(patience, func(l *engine.Loop) { visited <- l.Len() })
	if n := wait(t, visited, "a loop"); n != 1 {
		t.Errorf("a loop with %d conns was visited, want the one with 1", n)
	}
	if len(visited) != 0 {
		t.Error("a loop that never had a conn was visited")
	}
	c.echo("after")
}

func TestTrimDropsScratchAndKeepsFramesThatWait(t *testing.T) {
	s := serve(t, &handler{}, func(c *engine.Config) { c.BatchWindow = patience })
	clients, slots := crowd(t, s, 2)
	s.fanOut(slots, "waits")
	s.fanOut(slots, "too")
	s.Trim(patience, func(*engine.Loop) {})
	s.Loops()[0].EndBatch()
	for _, c := range clients {
		c.wantText("waits")
		c.wantText("too")
	}
	s.on(0, func(l *engine.Loop) {
		if l.Scratch() == 0 {
			t.Error("nothing to trim: the test proves nothing")
		}
	})
	s.Trim(patience, func(*engine.Loop) {})
	s.on(0, func(l *engine.Loop) {
		if n := l.Scratch(); n != 0 {
			t.Errorf("%d elements of scratch are left", n)
		}
	})
	clients[0].echo("after")
}
