package hub

import (
	"sync/atomic"

	"github.com/gannet-io/gannet/engine"
)

// A Flow is how many bytes of messages have come from the conns of an account, and how many were queued for them. Those
// queued are as they would be on the wire without compression and TLS, and count also when the conn closes or is cut off before
// they have left.
type Flow struct{ In, Out uint64 }

// flowPage is how many accounts are in one allocation: 1 KiB, so that no two loops write to the same cache line.
const flowPage = 64

// flows count by account. Only the loop adds, anybody reads: what loops count together is added up by who asks, instead of by
// them for each message.
type flows struct {
	pages atomic.Pointer[[]*[flowPage]flow] // copied to grow
}

type flow struct{ in, out atomic.Uint64 }

// of returns the counters of an account. Loop-only.
func (f *flows) of(account uint32) *flow {
	pages := f.pages.Load()
	if page := int(account / flowPage); pages == nil || page >= len(*pages) {
		pages = f.grow(page + 1)
	}
	return &(*pages)[account/flowPage][account%flowPage]
}

func (f *flows) grow(n int) *[]*[flowPage]flow {
	var more []*[flowPage]flow
	if pages := f.pages.Load(); pages != nil {
		more = append(more, *pages...)
	}
	for len(more) < n {
		more = append(more, new([flowPage]flow))
	}
	f.pages.Store(&more)
	return &more
}

// read returns what was counted so far. Any goroutine.
func (f *flows) read(account uint32) (of Flow) {
	if pages := f.pages.Load(); pages != nil && int(account/flowPage) < len(*pages) {
		at := &(*pages)[account/flowPage][account%flowPage]
		of.In, of.Out = at.in.Load(), at.out.Load()
	}
	return of
}

// Flow returns what the loops have counted for an account. Any goroutine.
func (h *Hub) Flow(account uint32) (sum Flow) {
	for _, l := range h.loops {
		one := l.flows.read(account)
		sum.In += one.In
		sum.Out += one.Out
	}
	return sum
}

// Came counts the bytes of a message that came from a conn of an account. Loop-only.
func (h *Hub) Came(l *engine.Loop, account uint32, bytes int) {
	h.loops[l.Index()].flows.of(account).in.Add(uint64(bytes))
}

// Queued counts the bytes of what was queued for a conn of an account by others than the hub. Loop-only.
func (h *Hub) Queued(l *engine.Loop, account uint32, bytes int) {
	h.loops[l.Index()].flows.of(account).out.Add(uint64(bytes))
}
