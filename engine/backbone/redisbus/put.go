package redisbus

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/gannet-io/gannet/engine/backbone"
)

const (
	maxKey     = 1 << 10
	maxValue   = 64 << 10
	putEntries = 512 // in one change
	putBytes   = 64 << 10
)

// A write is what Put was called with. Its pending is answered when all is written.
type write struct {
	pending
	entries []backbone.Entry
}

// A writer writes to the board what this incarnation has, in order.
type writer struct {
	bus  *Bus
	wake chan struct{} // has room for one

	mu       sync.Mutex
	self     string // the incarnation that writes; "": none
	number   uint64 // of the newest script
	queue    []*write
	outlives []string // incarnations of this node to give up at Settled
	leave    []string // incarnations to take off the board now
}

func newWriter(b *Bus) *writer { return &writer{bus: b, wake: make(chan struct{}, 1)} }

// open lets an incarnation write.
func (w *writer) open(self string) {
	w.mu.Lock()
	w.self = self
	w.mu.Unlock()
}

// shut fails what waits, and what comes until open.
func (w *writer) shut() {
	w.mu.Lock()
	w.self = ""
	rest := w.queue
	w.queue = nil
	w.mu.Unlock()
	for _, p := range rest {
		w.answer(p, backbone.ErrUnavailable)
	}
}

func (w *writer) answer(p *write, err error) {
	if err != nil && p.tried {
		err = backbone.ErrUnknown
	}
	w.bus.waitingPuts.Add(-1)
	p.answer(err)
}

// outlived notes an incarnation that Settled gives up.
func (w *writer) outlived(id string) {
	w.mu.Lock()
	w.outlives = append(w.outlives, id)
	w.mu.Unlock()
}

// settled gives up the incarnations before this one, when all that was put is written.
func (w *writer) settled() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.self == "" || len(w.outlives) == 0 {
		return
	}
	w.queue = append(w.queue, &write{pending: pending{until: time.Now().Add(time.Hour), done: make(chan error, 1)}})
	w.bus.waitingPuts.Add(1)
	poke(w.wake)
}

// giveUp takes an incarnation off the board.
func (w *writer) giveUp(id string) {
	w.mu.Lock()
	w.leave = append(w.leave, id)
	w.mu.Unlock()
	poke(w.wake)
}

func (w *writer) add(p *write) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.self == "" {
		return false
	}
	w.bus.waitingPuts.Add(1)
	w.queue = append(w.queue, p)
	poke(w.wake)
	return true
}

// next returns what one script is to write, and as whom; "": nothing.
func (w *writer) next() (self string, number uint64, args []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	bytes, count := 0, 0
	for _, p := range w.queue {
		if p.entries == nil { // Settled
			if count > 0 {
				break
			}
			w.leave = append(w.leave, w.outlives...)
			w.outlives = nil
			w.queue = w.queue[1:]
			w.bus.waitingPuts.Add(-1)
			return "", 0, nil
		}
		took := 0
		for _, e := range p.entries {
			if count == putEntries || count > 0 && bytes+len(e.Key)+len(e.Value) > putBytes {
				break
			}
			value := "-"
			if e.Value != nil {
				value = "+" + string(e.Value)
			}
			args = append(args, e.Key, value)
			bytes += len(e.Key) + len(e.Value)
			count++
			took++
		}
		if took < len(p.entries) {
			break
		}
	}
	if count == 0 {
		return "", 0, nil
	}
	w.number++
	return w.self, w.number, args
}

// written takes count entries off the queue and answers the writes that ends.
func (w *writer) written(self string, count int) {
	w.mu.Lock()
	var done []*write
	if w.self == self { // else they were answered
		for count > 0 {
			p := w.queue[0]
			n := min(count, len(p.entries))
			p.entries = p.entries[n:]
			count -= n
			if len(p.entries) > 0 {
				break
			}
			done = append(done, p)
			w.queue = w.queue[1:]
		}
	}
	w.mu.Unlock()
	for _, p := range done {
		w.answer(p, nil)
	}
}

func (w *writer) run(ctx context.Context) {
	defer w.shut()
	var p pause
	for ctx.Err() == nil {
		if !w.leaving(ctx) {
			p.next(ctx.Done())
			continue
		}
		self, number, args := w.next()
		if self == "" {
			w.mu.Lock()
			again := len(w.leave) > 0 || w.self != "" && len(w.queue) > 0
			w.mu.Unlock()
			if again {
				continue
			}
			select {
			case <-w.wake:
			case <-ctx.Done():
				return
			}
			continue
		}
		p = 0
		w.write(ctx, self, number, args)
	}
}

// write tries until all is written, the incarnation is not on the board any more, or patience ends.
func (w *writer) write(ctx context.Context, self string, number uint64, args []string) {
	b := w.bus
	var p pause
	all := slices.Concat([]string{self, strconv.FormatUint(number, 10)}, args)
	for {
		m, err := b.runBoard(ctx, putScript, all...)
		if err == nil {
			answer, _ := m.ToArray()
			if len(answer) != 2 {
				err = errChange
			} else if n, _ := answer[1].AsInt64(); n < 0 {
				b.board.fenced(self)
				return
			}
		}
		if err == nil {
			w.written(self, len(args)/2)
			return
		}
		b.lease.look()
		if !w.hold(self, len(args)/2, outcome(err) == backbone.ErrUnknown, broken(err) || passing(err)) {
			return
		}
		if p.next(ctx.Done()); ctx.Err() != nil {
			return
		}
	}
}

// hold reports whether what failed is to be tried again. If not, all that waits fails, since what comes later must not come first.
func (w *writer) hold(self string, count int, unknown, again bool) bool {
	w.mu.Lock()
	if w.self != self {
		w.mu.Unlock()
		return false
	}
	now := time.Now()
	patient := true
	for _, p := range w.queue {
		if count > 0 {
			p.tried = p.tried || unknown
			count -= len(p.entries)
			patient = patient && now.Before(p.until) && (p.tried || w.bus.health.writable.Load())
		}
	}
	if again && patient {
		w.mu.Unlock()
		return true
	}
	var rest, keep []*write
	for _, p := range w.queue {
		if p.entries == nil {
			keep = append(keep, p) // Settled
		} else {
			rest = append(rest, p)
		}
	}
	w.queue = keep
	w.mu.Unlock()
	for _, p := range rest {
		w.answer(p, backbone.ErrUnavailable)
	}
	return false
}

// leaving takes incarnations off the board and reports whether none waits for it.
func (w *writer) leaving(ctx context.Context) bool {
	w.mu.Lock()
	ids := slices.Clone(w.leave)
	w.mu.Unlock()
	if len(ids) == 0 {
		return true
	}
	if _, err := w.bus.runBoard(ctx, leaveScript, ids...); err != nil {
		w.bus.lease.look()
		return false
	}
	w.mu.Lock()
	w.leave = w.leave[len(ids):]
	w.mu.Unlock()
	return true
}

// left returns all incarnations of this node that may be on the board, when it closes.
func (w *writer) left(self string) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Concat([]string{self}, w.outlives, w.leave)
}
