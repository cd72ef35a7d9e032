package hub

import (
	"sync"

	"github.com/gannet-io/gannet/engine"
	"github.com/gannet-io/gannet/frame"
)

// bulkSize is the number of local subscribers from which a fan-out counts as bulk: it waits
// behind frames for fewer conns.
const bulkSize = 64

// A local is the hub's part on one loop: the mailbox that everyone fills and the table that
// only the loop touches.
type local struct {
	// Set once by Bind.
	hub  *Hub
	loop *engine.Loop

	mu  sync.Mutex
	box []entry // guarded by mu

	// Owned by the loop.
	taken  []entry // the mailbox being emptied; swapped with box
	table  shard
	topics []*Topic // by list number
	sent   []int64  // when each publish of this turn was admitted
}

// An entry is a letter in a mailbox.
type entry struct {
	kind  entryKind
	topic *Topic
	id    engine.ID // who joins or leaves, or is left out
	frame *frame.Prepared
	more  []*frame.Prepared // of a join: behind frame
	at    int64             // of a publish: when it was admitted
}

type entryKind uint8

const (
	entryPublish entryKind = iota
	entryJoin
	entryLeave
	entrySend
)

func (l *local) push(e entry) {
	l.mu.Lock()
	l.box = append(l.box, e)
	l.mu.Unlock()
}

// Work empties the mailbox of l: it queues frames and keeps the table. It is to be called
// from engine.Handler.Work. Loop-only.
func (h *Hub) Work(l *engine.Loop) { h.loops[l.Index()].work() }

// Flushed notes that everything queued before has been sent. It is to be called from
// engine.Handler.Flushed. Loop-only.
func (h *Hub) Flushed(l *engine.Loop) {
	local := h.loops[l.Index()]
	if len(local.sent) == 0 {
		return
	}
	now := h.now()
	for _, at := range local.sent {
		h.metrics.latency.Update(float64(now-at) / 1e9)
	}
	local.sent = local.sent[:0]
}

// Forget takes a conn that is closing out of every list at once: its slot may be given to
// another. It is to be called from engine.Handler.Closed, and Topic.Leave besides it for
// each subscription. Loop-only.
func (h *Hub) Forget(l *engine.Loop, id engine.ID) {
	local := h.loops[l.Index()]
	local.table.removeAll(id.Slot(), local.drop)
}

func (l *local) work() {
	l.mu.Lock()
	l.box, l.taken = l.taken[:0], l.box
	l.mu.Unlock()
	for i := range l.taken {
		e := &l.taken[i]
		switch e.kind {
		case entryPublish:
			l.publish(e)
		case entryJoin:
			l.join(e)
		case entryLeave:
			l.leave(e)
		case entrySend:
			if l.loop.Find(e.id) != nil {
				l.loop.Queue(e.id.Slot(), e.frame, false)
			}
		}
		*e = entry{} // what it points to may go
	}
	if cap(l.taken) > 1<<16 {
		l.taken = nil // the mark of a storm long gone
	}
}

func (l *local) publish(e *entry) {
	n := e.topic.locals[l.loop.Index()]
	if n == 0 {
		return // all have closed since
	}
	subs := l.table.subscribers(n - 1)
	l.sent = append(l.sent, e.at)
	bulk := len(subs) >= bulkSize
	deliveries := len(subs)
	if except := l.loop.Find(e.id); except == nil {
		for _, slot := range subs {
			l.loop.Queue(slot, e.frame, bulk)
		}
	} else {
		for _, slot := range subs {
			if slot == e.id.Slot() {
				deliveries--
				continue
			}
			l.loop.Queue(slot, e.frame, bulk)
		}
	}
	l.hub.metrics.deliveries.Add(deliveries)
}

// join adds the conn, unless it closed while the entry was on its way.
func (l *local) join(e *entry) {
	c := l.loop.Find(e.id)
	if c == nil || !c.Open() {
		return
	}
	t, i, slot := e.topic, l.loop.Index(), e.id.Slot()
	if t.locals[i] == 0 {
		n := l.table.newList()
		for int(n) >= len(l.topics) {
			l.topics = append(l.topics, nil)
		}
		l.topics[n] = t
		t.locals[i] = n + 1
	}
	l.table.add(t.locals[i]-1, slot)
	if e.frame != nil {
		l.loop.Queue(slot, e.frame, false)
	}
	for _, f := range e.more {
		l.loop.Queue(slot, f, false)
	}
}

// leave removes the conn. One that has closed was removed by Forget, and its slot may hold
// another by now, whose subscription must stay.
func (l *local) leave(e *entry) {
	n := e.topic.locals[l.loop.Index()]
	if n == 0 || l.loop.Find(e.id) == nil {
		return
	}
	if l.table.remove(n-1, e.id.Slot()) && len(l.table.subscribers(n-1)) == 0 {
		l.drop(n - 1)
	}
}

// drop gives up a list that has run empty.
func (l *local) drop(n uint32) {
	l.topics[n].locals[l.loop.Index()] = 0
	l.topics[n] = nil
	l.table.freeList(n)
}
