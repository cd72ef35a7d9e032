package membus

import (
	"time"
)

// movable returns the lanes of which something can move: to the backbone, then to the node. Under mu.
func (n *Net) movable() (requests, items, acks []*lane) {
	for _, b := range n.buses {
		for _, l := range b.ways {
			if len(l.requests) > 0 && !l.held() {
				requests = append(requests, l)
			}
		}
		if l := b.acked; len(l.requests) > 0 && !l.held() {
			acks = append(acks, l)
		}
		for _, l := range append([]*lane{b.board, b.state}, b.topics...) {
			if len(l.items) > 0 && !l.held() {
				items = append(items, l)
			}
		}
	}
	return requests, items, acks
}

// Pending returns how many different things could happen next in a stepped Net.
func (n *Net) Pending() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	requests, items, acks := n.movable()
	return len(requests) + len(items) + len(acks)
}

// Step lets one thing happen, and reports whether anything could. The Sink it concerns is called before it returns.
func (n *Net) Step() bool {
	n.mu.Lock()
	requests, items, acks := n.movable()
	all := len(requests) + len(items) + len(acks)
	if all == 0 {
		n.mu.Unlock()
		return false
	}
	i := n.rand.IntN(all)
	switch {
	case i < len(requests):
		requests[i].take()
	case i < len(requests)+len(acks):
		l := acks[i-len(requests)]
		r := l.requests[0]
		l.requests = l.requests[1:]
		r.answer(r.result)
	default:
		l := items[i-len(requests)-len(acks)]
		tell := l.next()
		n.mu.Unlock()
		if tell != nil {
			tell(l.bus.sink)
		}
		return true
	}
	n.mu.Unlock()
	return true
}

// Unanswered returns of how many Puts of the newest node of a name the outcome is not known yet.
func (n *Net) Unanswered(name string) (count int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if b := n.named[name]; b != nil {
		for _, r := range b.waiting() {
			if r.done != nil && r.topic == "" {
				count++
			}
		}
	}
	return count
}

// Advance lets time pass in a stepped Net: leases lapse that are not renewed, and patience ends.
func (n *Net) Advance(d time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.now = n.now.Add(d)
	n.due()
}

// Now returns the time of a stepped Net.
func (n *Net) Now() time.Time {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.now
}
