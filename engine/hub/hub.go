// Package hub knows who subscribes to what, and fans messages out.
//
// A topic is an opaque key; its subscribers are conns of the engine. The directory of topics
// is split into shards with a lock each; a [Topic] is used while it is locked, and all that
// happens to it meanwhile reaches every loop in one order, since it travels through one
// mailbox per loop: messages, joins and leaves alike. So a subscriber's first frames come
// before every message published after it joined and after none, and it misses nothing in
// between.
//
// The other half is local: each loop keeps dense lists of slots per topic (see shard) which
// nobody else reads, so that a fan-out takes no lock but that of its mailbox, once.
//
// A caller locks a topic with [Hub.Acquire] or [Hub.Find], acts on it, and calls
// [Hub.Release], which wakes the loops. Lock order: topic, then directory shard or mailbox,
// never both of these. gnet is entered only after the topic is released.
package hub

import (
	"hash/maphash"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/VictoriaMetrics/metrics"

	"github.com/gannet-io/gannet/engine"
	"github.com/gannet-io/gannet/frame"
)

const dirShards = 256

// A Hub is the directory of topics and the local tables of all loops.
type Hub struct {
	// Set once by New.
	seed    maphash.Seed
	metrics *hubMetrics
	now     func() int64

	accounts atomic.Uint32 // given out so far

	dir   [dirShards]dirShard
	loops []*local // by loop index; set once by Bind
}

// A dirShard is a part of the directory.
type dirShard struct {
	mu     sync.RWMutex
	topics map[string]*Topic // guarded by mu
}

// New returns a hub without loops: Bind gives it those. now reads a monotonic clock in
// nanoseconds, for the latency of deliveries.
func New(set *metrics.Set, now func() int64) *Hub {
	h := &Hub{seed: maphash.MakeSeed(), now: now}
	h.metrics = newMetrics(set)
	for i := range h.dir {
		h.dir[i].topics = make(map[string]*Topic)
	}
	return h
}

// Bind ties h to the loops of an engine, whose handler must call Work, Flushed and Forget.
// It is called once, before any topic is used.
func (h *Hub) Bind(loops []*engine.Loop) {
	for i, l := range loops {
		h.loops = append(h.loops, &local{hub: h, loop: l})
		h.metrics.set.NewGauge(`gannet_hub_mailbox_letters{loop="`+strconv.Itoa(i)+`"}`, func() float64 { return float64(h.Letters(i)) })
	}
}

// NewAccount returns a new number for Topic.Account. Accounts are never given back: one belongs to something that stays,
// such as a tenant. Any goroutine.
func (h *Hub) NewAccount() uint32 { return h.accounts.Add(1) }

func (h *Hub) shardOf(key []byte) *dirShard {
	return &h.dir[maphash.Bytes(h.seed, key)%dirShards]
}

// Acquire returns the topic of key, locked, and makes it when there is none. key is
// borrowed. The caller calls Release. Any goroutine.
func (h *Hub) Acquire(key []byte) *Topic {
	for {
		d := h.shardOf(key)
		d.mu.RLock()
		t := d.topics[string(key)]
		d.mu.RUnlock()
		if t == nil {
			d.mu.Lock()
			if t = d.topics[string(key)]; t == nil {
				t = newTopic(h, string(key))
				d.topics[t.key] = t
				h.metrics.topics.Inc()
			}
			d.mu.Unlock()
		}
		t.mu.Lock()
		if !t.dead {
			return t
		}
		t.mu.Unlock() // removed between the two locks
	}
}

// Find returns the topic of key, locked, or nil when there is none. key is borrowed. The
// caller calls Release unless it got nil. Any goroutine.
func (h *Hub) Find(key []byte) *Topic {
	d := h.shardOf(key)
	d.mu.RLock()
	t := d.topics[string(key)]
	d.mu.RUnlock()
	if t == nil {
		return nil
	}
	t.mu.Lock()
	if t.dead {
		t.mu.Unlock()
		return nil
	}
	return t
}

// Release unlocks t, forgets it when nobody subscribes and Keep is false, and wakes the
// loops that have something to do. t must not be used afterwards. Any goroutine.
func (h *Hub) Release(t *Topic) {
	if t.total == 0 && !t.Keep {
		t.dead = true
		d := h.shardOf([]byte(t.key))
		d.mu.Lock()
		delete(d.topics, t.key)
		d.mu.Unlock()
		h.metrics.topics.Dec()
	}
	var wake [engine.MaxLoops / 64]uint64
	wake, t.wake = t.wake, wake
	t.mu.Unlock()
	for i, l := range h.loops {
		if wake[i/64]&(1<<(i%64)) != 0 {
			l.loop.Wake()
		}
	}
}

// Keys calls visit with the key of every topic until it returns false. Topics that come or
// go meanwhile may be left out. No lock is held during the calls. Any goroutine.
func (h *Hub) Keys(visit func(key string) bool) {
	var keys []string
	for i := range h.dir {
		d := &h.dir[i]
		keys = keys[:0]
		d.mu.RLock()
		for key := range d.topics {
			keys = append(keys, key)
		}
		d.mu.RUnlock()
		for _, key := range keys {
			if !visit(key) {
				return
			}
		}
	}
}

// Send queues f for conns, wherever they live, those that are gone excepted. The order of
// calls is kept for each conn. wake must be called for it to be sent soon, outside of any lock.
// It is counted for an account, 0 for none. ids is borrowed, f is shared. Any goroutine.
func (h *Hub) Send(account uint32, ids []engine.ID, f *frame.Prepared) (wake func()) {
	var loops []*engine.Loop
	for _, id := range ids {
		if id.Loop() >= len(h.loops) {
			continue // another process made it
		}
		l := h.loops[id.Loop()]
		l.push(entry{kind: entrySend, pays: account, id: id, frame: f})
		if !slices.Contains(loops, l.loop) {
			loops = append(loops, l.loop)
		}
	}
	return func() {
		for _, l := range loops {
			l.Wake()
		}
	}
}

// Letters returns how many letters the mailbox of a loop has that were not taken yet. Any goroutine.
func (h *Hub) Letters(loop int) int {
	l := h.loops[loop]
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.box)
}
