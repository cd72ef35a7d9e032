package natsbus

import (
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/gannet-io/gannet/engine/backbone"
)

// writers write to logs. Each topic has one writer while there is something to write, and a while longer.
//
// A writer has one write under way. What is appended meanwhile goes together into the next. A write is refused unless the subject's
// last message is the one that the writer knows, so offsets have no holes and no message is written twice, however
// often a write is repeated because no answer came.
type writers struct {
	bus *Bus

	mu      sync.Mutex
	byTopic map[string]*writer
	closed  bool
	all     sync.WaitGroup // of goroutines that read or wait
}

// A writer is guarded by writers.mu.
type writer struct {
	topic, stream, subject string

	known bool // where the log is
	epoch string
	head  uint64
	seq   uint64

	queue []*appending
	busy  bool // a write or a read is under way
	used  time.Time
}

type appending struct {
	msg  []byte
	late time.Time // when it is given up
	done chan struct{}
	err  error
}

// A flight is one write under way.
type flight struct {
	batch batch
	last  uint64 // sequence that it was to follow
	data  []byte
	items []*appending
	lost  bool // it may have been written, although no answer said so
}

const (
	batchBytes  = 512 << 10 // that go into one write, but for a message that is larger
	batchEvents = 1024
)

// Append adds msg to the topic's log.
func (b *Bus) Append(topic string, keep *backbone.Retention, msg []byte) (wait func() error) {
	if err := b.refusal(); err != nil {
		return failure(err)
	}
	if len(msg) > b.largest() {
		return failure(backbone.ErrTooLarge)
	}
	if b.out.full() {
		return failure(backbone.ErrFull)
	}
	b.out.bytes.Add(int64(len(msg)) + appendingCost)
	now := time.Now()
	p := &appending{msg: msg, late: now.Add(backbone.PatienceMax - attempt/2), done: make(chan struct{})}
	w := &b.writers
	w.mu.Lock()
	defer w.mu.Unlock()
	t := w.byTopic[topic]
	if t == nil {
		t = &writer{topic: topic}
		t.stream, t.subject = b.logOf(topic, token(topic))
		w.byTopic[topic] = t
	}
	t.queue = append(t.queue, p)
	t.used = now
	w.next(t)
	return func() error {
		timer := time.NewTimer(backbone.PatienceMax)
		defer timer.Stop()
		select {
		case <-p.done:
			return p.err
		case <-timer.C:
			return backbone.ErrUnknown
		}
	}
}

const appendingCost = 128 // bytes that one that waits takes beside its message, about

// end tells items what became of them. Under mu.
func (w *writers) end(items []*appending, err error) {
	for _, p := range items {
		p.err = err
		close(p.done)
		w.bus.out.bytes.Add(-int64(len(p.msg)) - appendingCost)
	}
}

// expire gives up what has waited for too long without being on its way. Under mu.
func (w *writers) expire(t *writer) {
	now := time.Now()
	n := 0
	for n < len(t.queue) && (w.closed || now.After(t.queue[n].late)) {
		n++
	}
	w.end(t.queue[:n], backbone.ErrUnavailable)
	t.queue = t.queue[n:]
}

// next begins the next write of t, if there is something to write. Under mu.
func (w *writers) next(t *writer) {
	if t.busy {
		return
	}
	w.expire(t)
	if len(t.queue) == 0 {
		t.queue = nil
		return
	}
	t.busy = true
	if !t.known {
		w.goes(func() { w.look(t, nil) })
		return
	}
	f := &flight{last: t.seq, batch: batch{epoch: t.epoch, id: rand.Uint64(), at: time.Now().UnixNano(), first: t.head + 1}}
	size := 0
	for i, p := range t.queue {
		if size += len(p.msg) + 4; i > 0 && (size > batchBytes || i == batchEvents) {
			break
		}
		f.items = append(f.items, p)
		f.batch.messages = append(f.batch.messages, p.msg)
	}
	t.queue = t.queue[len(f.items):]
	f.data = f.batch.append(make([]byte, 0, size+64))
	w.send(t, f)
}

// goes runs f beside, unless it is the end. Under mu.
func (w *writers) goes(f func()) {
	if !w.closed {
		w.all.Go(f)
	}
}

// send hands a write over. Under mu.
func (w *writers) send(t *writer, f *flight) {
	b := w.bus
	m := write(t.subject, f.last, f.data)
	var id uint64
	m.Reply, id = b.requests.expect(attempt, func(m *nats.Msg, err error) bool {
		w.answered(t, f, m, err)
		return true
	})
	b.out.always(sending{m, func(err error) {
		if err != nil {
			b.requests.end(id, errSend)
		}
	}})
}

// answered goes on when an answer to a write came, or none.
func (w *writers) answered(t *writer, f *flight, m *nats.Msg, err error) {
	seq, err := acked(m, err)
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case err == nil:
		w.wrote(t, f, seq)
	case conflict(err) && !w.closed:
		// Not even this is certain: a leader that has been deposed and does not know refuses what the new one, which got it as well, has written.
		f.lost = true
		w.goes(func() { w.look(t, f) })
	default:
		if !errors.Is(err, errNoResponder) && !errors.Is(err, errSend) {
			f.lost = true
		}
		w.again(t, f, err)
	}
}

// wrote ends a write that succeeded. Under mu.
func (w *writers) wrote(t *writer, f *flight, seq uint64) {
	t.known, t.epoch, t.head, t.seq = true, f.batch.epoch, f.batch.head(), seq
	w.bus.counts.out.Add(uint64(len(f.items)))
	w.bus.counts.bytesOut.Add(uint64(len(f.data)))
	w.end(f.items, nil)
	t.busy = false
	w.next(t)
}

// again repeats a write after a moment, or gives it up. Under mu.
func (w *writers) again(t *writer, f *flight, err error) {
	if w.closed || time.Now().After(f.items[0].late) {
		outcome := backbone.ErrUnavailable
		if f.lost {
			outcome = backbone.ErrUnknown
		}
		w.bus.log.Debug("append given up", "topic", t.topic, "error", err)
		w.end(f.items, outcome)
		t.known, t.busy = false, false
		w.next(t)
		return
	}
	time.AfterFunc(50*time.Millisecond+rand.N(50*time.Millisecond), func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.send(t, f)
	})
}

// look reads where the log is. Then f, which was refused, turns out to be written or is written behind it.
func (w *writers) look(t *writer, f *flight) {
	b := w.bus
	for {
		last, err := b.end(t.stream, t.subject)
		written := false
		if err == nil && f != nil && f.lost && last.seq > f.last {
			written, err = w.find(t, f, last)
		}
		w.mu.Lock()
		if err == nil && f != nil && f.lost && (last.seq == f.last || last.seq < f.last && last.epoch == f.batch.epoch) {
			// It still is on its way, perhaps, or a new leader has not taken in yet what the one before had accepted. The same once more will be
			// written, or find that it was.
			w.again(t, f, errTimeout)
			w.mu.Unlock()
			return
		}
		if err == nil {
			t.known, t.epoch, t.head, t.seq = true, last.epoch, last.head(), last.seq
			t.busy = false
			if f != nil {
				if written {
					b.counts.out.Add(uint64(len(f.items)))
					b.counts.bytesOut.Add(uint64(len(f.data)))
					w.end(f.items, nil)
				} else {
					t.queue = append(f.items, t.queue...)
				}
			}
			w.next(t)
			w.mu.Unlock()
			return
		}
		w.expire(t)
		if f != nil && (w.closed || time.Now().After(f.items[0].late)) {
			outcome := backbone.ErrUnavailable
			if f.lost {
				outcome = backbone.ErrUnknown
			}
			w.end(f.items, outcome)
			f = nil
		}
		if w.closed || f == nil && len(t.queue) == 0 {
			t.known, t.busy = false, false
			w.mu.Unlock()
			return
		}
		w.mu.Unlock()
		select {
		case <-b.done:
			// The next turn ends what waits, once the writers are closed.
			time.Sleep(time.Millisecond)
		case <-time.After(rand.N(50 * time.Millisecond)):
		}
	}
}

// find reports whether f was written. It can only be the one behind the message that it was to follow, and there is one, up to last.
func (w *writers) find(t *writer, f *flight, last *batch) (bool, error) {
	if last.epoch == f.batch.epoch && last.first == f.batch.first {
		return last.id == f.batch.id, nil
	}
	k, err := w.bus.nextOf(t.stream, t.subject, f.last+1)
	if errors.Is(err, errNone) {
		return false, nil // the log lost what it had
	}
	if err != nil {
		return false, err
	}
	next, err := parseBatch(k.data, k.seq)
	return err == nil && next.id == f.batch.id && next.epoch == f.batch.epoch, err
}

// observe tells a topic's writer where the log is, so that it need not find out by a refusal.
func (b *Bus) observe(a *attachment) {
	w := &b.writers
	w.mu.Lock()
	if t := w.byTopic[a.topic]; t != nil && !t.busy && (a.seq > t.seq || a.epoch != t.epoch) {
		t.known, t.epoch, t.head, t.seq = true, a.epoch, a.head, a.seq
	}
	w.mu.Unlock()
}

// tidy forgets writers that have nothing to do.
func (w *writers) tidy() {
	w.mu.Lock()
	defer w.mu.Unlock()
	old := time.Now().Add(-time.Minute)
	for topic, t := range w.byTopic {
		if !t.busy && len(t.queue) == 0 && t.used.Before(old) {
			delete(w.byTopic, topic)
		}
	}
}

// waiting returns how many messages wait.
func (w *writers) waiting() (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, t := range w.byTopic {
		n += len(t.queue)
	}
	return n
}

func (w *writers) close() {
	w.mu.Lock()
	w.closed = true
	for _, t := range w.byTopic {
		w.expire(t)
	}
	w.mu.Unlock()
	w.all.Wait()
}
