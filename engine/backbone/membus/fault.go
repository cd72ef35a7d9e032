package membus

import (
	"maps"
	"slices"

	"github.com/gannet-io/gannet/engine/backbone"
)

// with calls f with the newest bus of a name if that runs.
func (n *Net) with(name string, f func(b *Bus)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if b := n.named[name]; b != nil && !b.ended {
		f(b)
	}
}

// Cut cuts a node off from the backbone, and thereby from all others, until Restore. It notices at once. What is on its way in either
// direction is lost, or in a stepped Net some of what was on its way to the backbone may have arrived.
func (n *Net) Cut(name string) {
	n.with(name, func(b *Bus) {
		if b.cut {
			return
		}
		if !b.started {
			b.cut = true
			return
		}
		if n.stepped {
			for _, l := range b.ways {
				for i := n.rand.IntN(len(l.requests) + 1); i > 0 && !b.paused; i-- {
					l.take()
				}
			}
		}
		b.cut = true
		b.lapse()
		b.tellState("cut off")
		for _, l := range append([]*lane{b.acked}, b.ways...) {
			l.fail()
		}
		for _, l := range b.topics {
			l.items = nil
		}
		for _, a := range b.attached {
			a.live, a.sent = false, a.told
		}
	})
}

// fail answers the requests that end with the connection. Under mu.
func (l *lane) fail() {
	var kept []*request
	for _, r := range l.requests {
		if !r.patient {
			r.answer(backbone.ErrUnknown)
			continue
		}
		kept = append(kept, r)
	}
	l.requests = kept
}

// Restore ends Cut.
func (n *Net) Restore(name string) {
	n.with(name, func(b *Bus) {
		if !b.cut {
			return
		}
		b.cut = false
		if !b.started {
			b.fresh.Broadcast()
			return
		}
		b.reconnects++
		b.tellState("")
		b.revive()
		for _, topic := range slices.Sorted(maps.Keys(b.attached)) {
			b.attach(topic, b.attached[topic])
		}
	})
}

// Pause stops a node: nothing reaches it and nothing of it goes out, until Resume. It is told nothing about it.
func (n *Net) Pause(name string) {
	n.with(name, func(b *Bus) {
		if b.paused || !b.started {
			return
		}
		b.paused = true
		b.lapse()
	})
}

// Resume ends Pause.
func (n *Net) Resume(name string) {
	n.with(name, func(b *Bus) {
		if !b.paused {
			return
		}
		b.paused = false
		b.revive()
	})
}

// revive renews the lease, or takes another, and lets flow what was held up. Under mu.
func (b *Bus) revive() {
	if b.cut || b.paused {
		return
	}
	if b.net.on(b.incarnation.ID) != nil {
		b.renew()
	}
	b.comeBack()
	if !b.net.stepped {
		b.flow()
	}
	b.fresh.Broadcast()
}

// Crash ends a node silently. The others hear of it when its lease lapses.
func (n *Net) Crash(name string) {
	var ended *Bus
	n.with(name, func(b *Bus) { b.end(); ended = b })
	if ended != nil {
		ended.workers.Wait()
	}
}

// Lapse has the lease of a node that does not renew it lapse now: of one that crashed, or is cut off or paused.
func (n *Net) Lapse(name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range n.incarnations {
		if c.Name == name && !c.lapses.IsZero() {
			c.lapses = n.clock()
		}
	}
	n.due()
}

// Refuse answers what a node asks for with err, but attachments, until it is called with nil.
func (n *Net) Refuse(name string, err error) {
	n.with(name, func(b *Bus) { b.refusal = err })
}
