package hub

import (
	"sync"

	"github.com/gannet-io/gannet/engine"
	"github.com/gannet-io/gannet/frame"
)

// A Topic is what conns subscribe to. Its methods and fields are for whoever holds it
// locked, between Acquire or Find and Release. Any goroutine.
type Topic struct {
	// Set once.
	hub *Hub
	key string

	mu   sync.Mutex
	dead bool // removed from the directory

	// Account says with which other topics what is posted here is counted together, when a loop is behind: see Full. It is
	// what Hub.NewAccount returned, or 0, and is set before the first post.
	Account uint32

	// State belongs to the hub's caller and is guarded by the topic's lock.
	State any
	// Keep holds the topic in the directory while nobody subscribes.
	Keep bool

	total  int
	counts []uint32 // subscribers by loop, as of the entries pushed so far
	wake   [engine.MaxLoops / 64]uint64

	// locals[i] is 1 + the number of the list in loop i's table, 0 while it has none. Each
	// element is owned by its loop, and not guarded by mu.
	locals []uint32
}

func newTopic(h *Hub, key string) *Topic {
	n := len(h.loops)
	both := make([]uint32, 2*n)
	return &Topic{hub: h, key: key, counts: both[:n:n], locals: both[n:]}
}

// Key returns the key the topic was made with.
func (t *Topic) Key() string { return t.key }

// Count returns the number of subscribers.
func (t *Topic) Count() int { return t.total }

// Join makes the conn a subscriber. It gets the first frames, then every message published
// from now on. The caller sees to it that no conn joins twice. first is shared.
func (t *Topic) Join(id engine.ID, first ...*frame.Prepared) { t.join(id, 0, first) }

func (t *Topic) join(id engine.ID, flags entryFlags, first []*frame.Prepared) {
	e := entry{kind: entryJoin, flags: flags, topic: t, id: id}
	if len(first) > 0 {
		e.frame, e.more = first[0], first[1:]
	}
	i := id.Loop()
	t.total++
	t.counts[i]++
	t.hub.metrics.subscriptions.Inc()
	t.post(i, e)
}

// Leave ends the subscription of a conn that has joined. What was published before still
// reaches it, unless it is gone. To be called also for conns that have closed.
func (t *Topic) Leave(id engine.ID) {
	i := id.Loop()
	t.total--
	t.counts[i]--
	t.hub.metrics.subscriptions.Dec()
	t.post(i, entry{kind: entryLeave, topic: t, id: id})
}

// Publish sends f to every subscriber but except (0: to all). It only fills mailboxes: the
// loops do the sending. f is shared.
func (t *Topic) Publish(f *frame.Prepared, except engine.ID) { t.publish(f, except, 0) }

// PublishWatched is Publish of a message that w watches, unless that is nil.
func (t *Topic) PublishWatched(f *frame.Prepared, except engine.ID, w Watcher) {
	if w == nil {
		t.publish(f, except, 0)
		return
	}
	t.publishWatched(f, except, 0, w)
}

func (t *Topic) publish(f *frame.Prepared, except engine.ID, flags entryFlags) {
	if t.total == 0 {
		return
	}
	at := t.hub.now()
	for i, n := range t.counts {
		if n > 0 {
			t.post(i, entry{kind: entryPublish, flags: flags, topic: t, id: except, frame: f, at: at})
		}
	}
}

func (t *Topic) post(loop int, e entry) {
	t.hub.loops[loop].push(e)
	t.wake[loop/64] |= 1 << (loop % 64)
}

// Send gives f to one conn, in order with what the topic sent it before. f is shared.
func (t *Topic) Send(id engine.ID, f *frame.Prepared) {
	t.post(id.Loop(), entry{kind: entrySend, pays: t.Account, id: id, frame: f})
}
