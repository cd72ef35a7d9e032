package membus

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/gannet-io/gannet/engine/backbone"
)

// A Bus is one node's end of a Net. It implements backbone.Bus.
type Bus struct {
	net   *Net
	name  string
	sink  backbone.Sink // set once by Start
	fresh *sync.Cond    // of net.mu: something may move

	workers  sync.WaitGroup
	rejoined chan struct{} // closed when Rejoin has been called for the first time

	// Guarded by net.mu.
	started, ended bool
	joined         bool // it has been on the board
	cut, paused    bool
	refusal        error
	incarnation    *incarnation
	told           backbone.Node // the incarnation that Rejoin has told last
	attached       map[string]*attachment
	known          map[string]bool // incarnations whose Up was sent and whose Gone was not

	ways                []*lane // of requests, by topic; the first is the board's
	topics              []*lane // of items, by topic
	board, state, acked *lane   // of items

	nodes                                                             map[string]backbone.Node // of which Up was told
	in, out, bytesIn, bytesOut, entries, reconnects, rejoins, fetched uint64
	reason                                                            string
	heard                                                             int // number of the record told last
}

// An attachment is a bus's interest in a topic.
type attachment struct {
	keep *backbone.Retention
	live bool // the backbone knows
	// Where its log's reader is, by what is on its way to him.
	epoch string
	sent  uint64
	// What he has been told.
	toldEpoch string
	told      uint64
	before    bool // Attached has been told
}

var errStarted = errors.New("membus: started twice")

// Start puts the node on the board. It waits while the node is cut off, but in a stepped Net.
func (b *Bus) Start(ctx context.Context, s backbone.Sink) error {
	n := b.net
	n.mu.Lock()
	if b.started || n.closed {
		n.mu.Unlock()
		return errStarted
	}
	if b.cut && n.stepped {
		n.mu.Unlock()
		return backbone.ErrUnavailable
	}
	stop := context.AfterFunc(ctx, func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		b.fresh.Broadcast()
	})
	defer stop()
	for b.cut {
		if ctx.Err() != nil {
			n.mu.Unlock()
			return ctx.Err()
		}
		b.fresh.Wait()
	}
	b.sink, b.started, b.rejoined = s, true, make(chan struct{})
	b.board, b.acked, b.state = &lane{bus: b}, &lane{bus: b}, &lane{bus: b, ownState: true}
	b.ways = []*lane{{bus: b}}
	n.buses = append(n.buses, b)
	b.tellState("")
	n.join(b)
	if !n.stepped {
		b.topics = []*lane{{bus: b}, {bus: b}}
	}
	for _, topic := range slices.Sorted(maps.Keys(b.attached)) {
		b.attach(topic, b.attached[topic])
	}
	rejoined := b.rejoined
	if n.stepped {
		n.mu.Unlock()
		for b.rejoined != nil {
			n.mu.Lock()
			tell := b.board.next()
			n.mu.Unlock()
			tell(s)
		}
		return nil
	}
	for _, l := range append([]*lane{b.board, b.acked, b.state}, b.topics...) {
		b.workers.Add(1)
		go l.run()
	}
	n.mu.Unlock()
	select {
	case <-rejoined:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close leaves the board.
func (b *Bus) Close(context.Context) error {
	n := b.net
	n.mu.Lock()
	if b.started && !b.ended {
		b.end()
		for _, c := range slices.Clone(n.incarnations) {
			if c.bus == b && !b.cut && !b.paused {
				n.giveUp(c)
			}
		}
	}
	n.mu.Unlock()
	b.workers.Wait()
	return nil
}

// end makes b silent. Its incarnation stays on the board until the lease lapses. Under mu.
func (b *Bus) end() {
	if b.ended || !b.started {
		b.ended = true
		return
	}
	b.ended = true
	b.lapse()
	n := b.net
	n.buses = slices.DeleteFunc(n.buses, func(other *Bus) bool { return other == b })
	for _, r := range b.waiting() {
		r.answer(backbone.ErrUnavailable)
	}
	b.fresh.Broadcast()
}

// lapse has the lease of b lapse unless it comes back. Under mu.
func (b *Bus) lapse() {
	for _, c := range b.net.incarnations {
		if c.bus == b && c.lapses.IsZero() {
			c.lapses = b.net.clock().Add(b.net.TTL)
			b.net.after(b.net.TTL)
		}
	}
}

// renew keeps what b is on the board, and what it was, from lapsing. Under mu.
func (b *Bus) renew() {
	for _, c := range b.net.incarnations {
		if c.bus == b {
			c.lapses = time.Time{}
		}
	}
}

// comeBack has b take a new incarnation if the board does not have the one it has. Under mu.
func (b *Bus) comeBack() {
	if b.ended || b.cut || b.paused || !b.joined || b.net.on(b.incarnation.ID) != nil {
		return
	}
	n := b.net
	n.join(b)
}

// waiting returns what has no outcome yet. Under mu.
func (b *Bus) waiting() (all []*request) {
	for _, l := range b.ways {
		all = append(all, l.requests...)
	}
	if b.acked != nil {
		all = append(all, b.acked.requests...)
	}
	return all
}

// Attach asks for a topic.
func (b *Bus) Attach(topic string, keep *backbone.Retention) {
	b.net.mu.Lock()
	defer b.net.mu.Unlock()
	if b.ended {
		return
	}
	a := &attachment{keep: keep}
	b.attached[topic] = a
	if b.started && !b.cut {
		b.attach(topic, a)
	}
}

// attach has the backbone know of a. Under mu.
func (b *Bus) attach(topic string, a *attachment) {
	b.send(&request{topic: topic, take: func() error {
		if b.attached[topic] == a && !a.live {
			a.live = true
			b.tellAttached(topic, a)
		}
		return nil
	}})
}

// tellAttached tells the end of the log, or what was missed of it if that is whole. Under mu.
func (b *Bus) tellAttached(topic string, a *attachment) {
	var t backbone.Tail
	if a.keep != nil {
		l := b.net.log(topic)
		t = l.tail(a.keep, b.net.clock())
		if first := l.head - uint64(len(l.stored)) + 1; a.before && a.toldEpoch == l.epoch && a.sent == a.told && first <= a.told+1 {
			for _, e := range l.stored[a.told+1-first:] {
				b.tellStored(topic, a, l.epoch, e)
				b.fetched++
			}
			return
		}
		a.epoch, a.sent = t.Epoch, t.Head
	}
	b.lane(topic).push(func() func(backbone.Sink) {
		if b.attached[topic] != a {
			return nil
		}
		a.before, a.toldEpoch, a.told = true, t.Epoch, t.Head
		return func(s backbone.Sink) { s.Attached(topic, t) }
	})
}

// tellStored tells one message of a log. Under mu.
func (b *Bus) tellStored(topic string, a *attachment, epoch string, e backbone.Stored) {
	a.epoch, a.sent = epoch, e.Offset
	b.lane(topic).push(func() func(backbone.Sink) {
		if now := b.attached[topic]; now != nil && now != a || !a.before {
			return nil
		}
		a.told = e.Offset
		b.in++
		b.bytesIn += uint64(len(e.Message))
		return func(s backbone.Sink) { s.Stored(topic, e) }
	})
}

// Detach undoes Attach.
func (b *Bus) Detach(topic string) {
	b.net.mu.Lock()
	defer b.net.mu.Unlock()
	delete(b.attached, topic)
}

// Publish hands a message to the others.
func (b *Bus) Publish(topic string, msg []byte) func() error {
	b.net.mu.Lock()
	defer b.net.mu.Unlock()
	if len(msg) > maxMessage {
		return failed(backbone.ErrTooLarge)
	}
	return b.ask(&request{topic: topic, take: func() error {
		b.sent(msg)
		for _, other := range b.net.buses {
			if a := other.attached[topic]; other != b && a != nil && a.live {
				other.tellMessage(topic, msg)
			}
		}
		return nil
	}})
}

// tellMessage tells a message of another node. Under mu.
func (b *Bus) tellMessage(topic string, msg []byte) {
	b.lane(topic).push(func() func(backbone.Sink) {
		b.in++
		b.bytesIn += uint64(len(msg))
		return func(s backbone.Sink) { s.Message(topic, msg) }
	})
}

// sent counts what left. Under mu.
func (b *Bus) sent(msg []byte) {
	b.out++
	b.bytesOut += uint64(len(msg))
}

// Append adds a message to a log.
func (b *Bus) Append(topic string, keep *backbone.Retention, msg []byte) func() error {
	n := b.net
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(msg) > maxMessage {
		return failed(backbone.ErrTooLarge)
	}
	kept := *keep
	return b.ask(&request{topic: topic, patient: true, take: func() error {
		b.sent(msg)
		l := n.log(topic)
		e := l.add(msg, kept, n.clock())
		for _, other := range n.buses {
			if a := other.attached[topic]; a != nil && a.live && a.keep != nil {
				other.tellStored(topic, a, l.epoch, e)
			}
		}
		return nil
	}})
}

// Full reports whether as much waits as may.
func (b *Bus) Full() bool {
	b.net.mu.Lock()
	defer b.net.mu.Unlock()
	return len(b.waiting()) >= b.net.MaxWaiting || errors.Is(b.refusal, backbone.ErrFull)
}

// Put writes entries.
func (b *Bus) Put(entries []backbone.Entry) func() error {
	b.net.mu.Lock()
	defer b.net.mu.Unlock()
	for _, e := range entries {
		if len(e.Key) > maxKey || len(e.Value) > maxValue {
			return failed(backbone.ErrTooLarge)
		}
	}
	id := b.told.ID
	return b.ask(&request{take: func() error { return b.net.put(id, entries) }})
}

// Settled gives up what this node was before.
func (b *Bus) Settled() {
	b.net.mu.Lock()
	defer b.net.mu.Unlock()
	id := b.told.ID
	if b.started && !b.ended {
		// However the connection is: it is said again until it has been heard.
		b.send(&request{patient: true, take: func() error { b.net.settle(id); return nil }})
	}
}

// ask sends a request somebody may wait for. Under mu.
func (b *Bus) ask(r *request) func() error {
	switch {
	case !b.started || b.ended || b.cut:
		return failed(backbone.ErrUnavailable)
	case b.refusal != nil:
		return failed(b.refusal)
	case len(b.waiting()) >= b.net.MaxWaiting:
		return failed(backbone.ErrFull)
	}
	done := make(chan error, 1)
	r.done, r.until = done, b.net.clock().Add(backbone.PatienceMax)
	b.send(r)
	return func() error { return <-done }
}

// send puts a request on its way. Under mu.
func (b *Bus) send(r *request) {
	l := b.way(r.topic)
	l.requests = append(l.requests, r)
	if !b.net.stepped {
		if l.held() {
			b.net.after(backbone.PatienceMax)
		}
		b.flow()
	}
}

// flow hands over what nothing holds up. Under mu, in a Net that runs by itself.
func (b *Bus) flow() {
	for _, l := range b.ways {
		for len(l.requests) > 0 && !l.held() {
			l.take()
		}
	}
}

// take has the backbone take the first request. Under mu.
func (l *lane) take() {
	r := l.requests[0]
	l.requests[0] = nil
	l.requests = l.requests[1:]
	r.taken, r.result = true, r.take()
	if r.done == nil {
		return
	}
	if !l.bus.net.stepped {
		r.answer(r.result)
		return
	}
	acked := l.bus.acked
	acked.requests = append(acked.requests, r)
}

// losePatience answers what waited too long. Under mu.
func (b *Bus) losePatience(now time.Time) {
	for _, l := range append([]*lane{b.acked}, b.ways...) {
		l.requests = slices.DeleteFunc(l.requests, func(r *request) bool {
			if r.until.IsZero() || now.Before(r.until) {
				return false
			}
			if r.taken {
				r.answer(backbone.ErrUnknown)
			}
			r.answer(backbone.ErrUnavailable)
			return true
		})
	}
}

// Status says how the bus is.
func (b *Bus) Status() backbone.Status {
	b.net.mu.Lock()
	defer b.net.mu.Unlock()
	s := backbone.Status{
		Driver: "memory", Up: b.started && !b.ended && b.reason == "", Reason: b.reason, Self: b.told,
		In: b.in, Out: b.out, BytesIn: b.bytesIn, BytesOut: b.bytesOut,
		Entries: b.entries, Reconnects: b.reconnects, Rejoins: b.rejoins, Refetched: b.fetched, Waiting: len(b.waiting()),
	}
	for _, node := range b.nodes {
		s.Nodes = append(s.Nodes, node)
	}
	slices.SortFunc(s.Nodes, func(a, b backbone.Node) int {
		if a.ID < b.ID {
			return -1
		}
		return 1
	})
	return s
}

func (b *Bus) tellUp(number int, node backbone.Node) {
	b.known[node.ID] = true
	at := b.net.place()
	b.board.push(func() func(backbone.Sink) {
		b.nodes[node.ID] = node
		b.heard = number
		return func(s backbone.Sink) { s.At(at); s.Up(node) }
	})
}

func (b *Bus) tellChanged(number int, id string, e backbone.Entry) {
	at := b.net.place()
	b.board.push(func() func(backbone.Sink) {
		b.entries++
		b.heard = number
		return func(s backbone.Sink) { s.At(at); s.Changed(id, e) }
	})
}

func (b *Bus) tellGone(number int, id string) {
	delete(b.known, id)
	at := b.net.place()
	b.board.push(func() func(backbone.Sink) {
		delete(b.nodes, id)
		b.heard = number
		return func(s backbone.Sink) { s.At(at); s.Gone(id) }
	})
}

// tellState tells how the connection is; reason is why it is away.
func (b *Bus) tellState(reason string) {
	b.reason = reason
	b.state.push(func() func(backbone.Sink) {
		return func(s backbone.Sink) { s.State(reason == "", reason) }
	})
}

func failed(err error) func() error { return func() error { return err } }
