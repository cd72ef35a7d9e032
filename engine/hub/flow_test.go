package hub_test

import (
	"testing"

	"github.com/gannet-io/gannet/engine"
	"github.com/gannet-io/gannet/engine/hub"
)

func TestBytesAreCountedByAccountOnEachLoop(t *testing.T) {
	r := newRoom(t, 2)
	one, two := r.NewAccount(), r.NewAccount()
	a, b := r.dial(), r.dial() // on a loop each
	for name, account := range map[string]uint32{"one": one, "two": two} {
		r.topic(name, func(t *hub.Topic) {
			t.Account = account
			t.Join(a.id, text("hi")) // 2 bytes of header and 2
			if name == "one" {
				t.Join(b.id)
			}
		})
	}
	r.topic("one", func(t *hub.Topic) {
		t.Publish(text("hello"), 0)    // 7 bytes, to two
		t.Publish(text("hello"), b.id) // to one
		t.Send(b.id, text("only b"))   // 8 bytes
	})
	r.topic("two", func(t *hub.Topic) { t.Publish(text("12345678"), 0) }) // 10 bytes
	r.Send(two, []engine.ID{a.id, b.id, b.id | 1<<30}, text("x"))()       // 3 bytes, to two and to one who is not there
	r.settled()
	for account, want := range map[uint32]uint64{one: 4 + 2*7 + 7 + 8, two: 4 + 10 + 2*3, 0: 0, two + 1000: 0} {
		if got := r.Flow(account); got.Out != want || got.In != 0 {
			t.Errorf("account %d: %+v, want %d bytes out", account, got, want)
		}
	}
}

// The counters of an account are where they were when more accounts come.
func TestCountersStayAsAccountsCome(t *testing.T) {
	r := newRoom(t, 1)
	c := r.dial()
	var last uint32
	for range 1000 {
		last = r.NewAccount()
	}
	done := make(chan struct{})
	loop := r.Loops()[c.id.Loop()]
	loop.Post(func() {
		r.Came(loop, 1, 3)
		r.Came(loop, last, 5)
		r.Came(loop, 1, 4)
		r.Queued(loop, 1, 9)
		close(done)
	})
	<-done
	if got := r.Flow(1); got != (hub.Flow{In: 7, Out: 9}) {
		t.Errorf("the first has %+v", got)
	}
	if got := r.Flow(last); got != (hub.Flow{In: 5}) {
		t.Errorf("the last has %+v", got)
	}
}

func TestCountingAllocatesNothing(t *testing.T) {
	r := newRoom(t, 1)
	c := r.dial()
	got := make(chan float64)
	loop := r.Loops()[c.id.Loop()]
	loop.Post(func() {
		r.Came(loop, 70, 1)
		got <- testing.AllocsPerRun(100, func() { r.Came(loop, 70, 1); r.Queued(loop, 3, 1) })
	})
	if n := <-got; n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}
