package redisbus

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"github.com/gannet-io/gannet/engine/backbone"
)

// Bounds of what is sent in one go, and of one message.
const (
	batchMessages = 512
	batchBytes    = 1 << 20
	maxMessage    = 4 << 20
	maxWaitBytes  = 64 << 20
)

// room is what may wait to be sent, over all queues of a bus.
type room struct {
	messages, bytes atomic.Int64
	max             int64
}

func (r *room) full() bool { return r.messages.Load() >= r.max || r.bytes.Load() >= maxWaitBytes }

func (r *room) take(p *pending) {
	r.messages.Add(1)
	r.bytes.Add(int64(len(p.msg)))
}

func (r *room) free(p *pending) {
	r.messages.Add(-1)
	r.bytes.Add(-int64(len(p.msg)))
}

// A publisher sends messages in the order in which they come: what comes while some are on their way goes together next.
type publisher struct {
	bus  *Bus
	wake chan struct{} // has room for one

	mu     sync.Mutex
	queue  []*pending
	closed bool
}

func newPublisher(b *Bus) *publisher { return &publisher{bus: b, wake: make(chan struct{}, 1)} }

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// add queues p and reports whether it was taken.
func (o *publisher) add(p *pending) bool {
	o.mu.Lock()
	if o.closed {
		o.mu.Unlock()
		return false
	}
	o.bus.room.take(p)
	o.queue = append(o.queue, p)
	o.mu.Unlock()
	poke(o.wake)
	return true
}

// next takes what goes out in one go.
func (o *publisher) next() []*pending {
	o.mu.Lock()
	defer o.mu.Unlock()
	n, bytes := 0, 0
	for n < len(o.queue) && n < batchMessages && bytes < batchBytes {
		bytes += len(o.queue[n].msg)
		n++
	}
	batch := o.queue[:n:n]
	if o.queue = o.queue[n:]; len(o.queue) == 0 {
		o.queue = nil
	}
	return batch
}

func (o *publisher) run(ctx context.Context) {
	defer o.stop()
	for {
		batch := o.next()
		if len(batch) == 0 {
			select {
			case <-o.wake:
				continue
			case <-ctx.Done():
				return
			}
		}
		o.send(ctx, batch)
	}
}

func (o *publisher) stop() {
	o.mu.Lock()
	o.closed = true
	rest := o.queue
	o.queue = nil
	o.mu.Unlock()
	for _, p := range rest {
		o.bus.room.free(p)
		p.answer(backbone.ErrUnavailable)
	}
}

func (o *publisher) send(ctx context.Context, batch []*pending) {
	b := o.bus
	client := b.conn.writes
	commands := make([]rueidis.Completed, 0, len(batch))
	sent := batch[:0:len(batch)]
	now := time.Now()
	for _, p := range batch {
		if now.After(p.until) || !b.health.writable.Load() {
			b.room.free(p)
			p.answer(backbone.ErrUnavailable)
			continue
		}
		payload := make([]byte, 0, 1+len(b.id)+len(p.msg))
		payload = append(append(append(payload, 'm'), b.id...), p.msg...)
		channel, text := b.keys.messages(p.topic), rueidis.BinaryString(payload)
		if b.sharded {
			commands = append(commands, client.B().Spublish().Channel(channel).Message(text).Build())
		} else {
			commands = append(commands, client.B().Publish().Channel(channel).Message(text).Build())
		}
		sent = append(sent, p)
	}
	if len(sent) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, commandTimeout)
	defer cancel()
	for i, r := range client.DoMulti(ctx, commands...) {
		p, err := sent[i], r.Error()
		if broken(err) {
			b.lease.look()
		}
		if err == nil {
			b.out.Add(1)
			b.bytesOut.Add(uint64(len(p.msg)))
		}
		b.room.free(p)
		p.answer(outcome(err))
	}
}
