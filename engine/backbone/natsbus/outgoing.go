package natsbus

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/gannet-io/gannet/engine/backbone"
)

// An outgoing is the queue between those who must not wait and the connection, which may make who writes wait.
type outgoing struct {
	bus   *Bus
	limit int64

	bytes atomic.Int64 // that wait

	mu      sync.Mutex
	items   []sending
	closed  bool
	wake    chan struct{} // has room for one
	stopped chan struct{}

	flush struct {
		sync.Mutex
		next    *round
		running bool
	}
}

// A sending is a message on its way. Once it was handed over, or could not be, sent is called, if there is one.
type sending struct {
	msg  *nats.Msg
	sent func(err error)
}

// A round is one trip to the server and back, which shows that all written before has arrived there.
type round struct {
	done chan struct{}
	err  error
}

func newOutgoing(b *Bus) *outgoing {
	return &outgoing{bus: b, limit: int64(b.config.QueueBytes), wake: make(chan struct{}, 1), stopped: make(chan struct{})}
}

// push adds a message behind the others.
func (o *outgoing) push(s sending) error {
	if o.full() {
		return backbone.ErrFull
	}
	o.always(s)
	return nil
}

// always adds a message whether or not there is room, for those that were counted when they were accepted.
func (o *outgoing) always(s sending) {
	o.mu.Lock()
	if o.closed {
		o.mu.Unlock()
		if s.sent != nil {
			go s.sent(nats.ErrConnectionClosed) // not here: the caller may hold what it needs
		}
		return
	}
	o.bytes.Add(cost(s.msg))
	o.items = append(o.items, s)
	o.mu.Unlock()
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

func cost(m *nats.Msg) int64 { return int64(len(m.Data) + len(m.Subject) + 64) }

func (o *outgoing) full() bool { return o.bytes.Load() >= o.limit }

// run hands over what is queued, until close.
func (o *outgoing) run() {
	defer close(o.stopped)
	var items []sending
	for {
		o.mu.Lock()
		items, o.items = o.items, items[:0]
		closed := o.closed
		o.mu.Unlock()
		if len(items) == 0 {
			if closed {
				return
			}
			<-o.wake
			continue
		}
		for i, s := range items {
			err := o.bus.conn.PublishMsg(s.msg)
			o.bytes.Add(-cost(s.msg))
			if s.sent != nil {
				s.sent(err)
			}
			items[i] = sending{}
		}
	}
}

func (o *outgoing) close() {
	o.mu.Lock()
	o.closed = true
	o.mu.Unlock()
	select {
	case o.wake <- struct{}{}:
	default:
	}
	<-o.stopped
}

// flushed waits until the server has all that was handed over before the call. Who comes while a trip is under way shares the next one.
func (o *outgoing) flushed(patience time.Duration) error {
	f := &o.flush
	f.Lock()
	r := f.next
	if r == nil {
		r = &round{done: make(chan struct{})}
		f.next = r
	}
	if !f.running {
		f.running = true
		go o.trips()
	}
	f.Unlock()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-r.done:
		return r.err
	case <-timer.C:
		return backbone.ErrUnknown
	}
}

func (o *outgoing) trips() {
	f := &o.flush
	for {
		f.Lock()
		r := f.next
		f.next = nil
		if r == nil {
			f.running = false
			f.Unlock()
			return
		}
		f.Unlock()
		if err := o.bus.conn.FlushTimeout(5 * time.Second); err != nil {
			r.err = backbone.ErrUnknown
		}
		close(r.done)
	}
}

// Publish hands msg to the other nodes.
func (b *Bus) Publish(topic string, msg []byte) (wait func() error) {
	if err := b.refusal(); err != nil {
		return failure(err)
	}
	if len(msg) > b.largest() {
		return failure(backbone.ErrTooLarge)
	}
	p := &publishing{done: make(chan struct{})}
	if err := b.out.push(sending{&nats.Msg{Subject: b.messages(token(topic)), Data: msg}, func(err error) {
		if p.failed = err != nil; !p.failed {
			b.counts.out.Add(1)
			b.counts.bytesOut.Add(uint64(len(msg)))
		}
		p.generation = b.generation.Load()
		close(p.done)
	}}); err != nil {
		return failure(err)
	}
	return func() error { return b.published(p) }
}

type publishing struct {
	done       chan struct{}
	failed     bool
	generation uint64 // of the connection
}

func (b *Bus) published(p *publishing) error {
	timer := time.NewTimer(backbone.PatienceMax)
	defer timer.Stop()
	select {
	case <-p.done:
	case <-timer.C:
		return backbone.ErrUnknown
	}
	if p.failed {
		return backbone.ErrUnavailable
	}
	if err := b.out.flushed(backbone.PatienceMax); err != nil {
		return err
	}
	if p.generation != b.generation.Load() {
		return backbone.ErrUnknown // the connection was lost in between, and the message may have been with it
	}
	return nil
}

// Full reports whether Publish would be refused.
func (b *Bus) Full() bool { return b.out != nil && b.out.full() }

// largest is the largest message: what a server takes, less what is around it, and in Base64 when the leader is asked for it.
func (b *Bus) largest() int { return int(b.conn.MaxPayload())/4*3 - 4096 }

func failure(err error) func() error { return func() error { return err } }

// waiting returns how many messages wait.
func (o *outgoing) waiting() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.items)
}
