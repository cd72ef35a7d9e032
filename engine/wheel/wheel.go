// Package wheel keeps the deadlines of one event loop.
//
// A Wheel is a hashed timing wheel over small integer ids (the slots of the loop's
// connection slab). Time is a tick counter that the caller advances; the package reads no
// clock and starts no timer. Each id holds at most one deadline, so that a connection pays
// 12 bytes for its timer, and Set, Clear and each expiry cost a few array writes.
//
// A deadline further away than one turn of the wheel stays in its bucket and is passed over
// until its turn comes; nothing is ever early, and nothing is late by more than the distance
// between two calls of Advance.
//
// A Wheel has no lock: it belongs to one loop.
package wheel

const (
	buckets = 1024 // a power of two; one turn is 102 s at ticks of 100 ms
	none    = int32(-1)
)

// A Wheel holds at most one deadline for each id. The zero value is not usable: call New.
type Wheel struct {
	now   uint32
	heads [buckets]int32
	nodes []node   // by id
	due   []uint32 // scratch of expireBucket
	count int
}

// A node links an id into its bucket. prev is none for the first of a bucket.
type node struct {
	next, prev int32
	at         uint32
}

const (
	unlinked = int32(-2) // prev of an id without a deadline
	due      = int32(-3) // prev of an id whose expire call is about to come
)

// New returns a wheel that stands at tick now.
func New(now uint32) *Wheel {
	w := &Wheel{now: now}
	for i := range w.heads {
		w.heads[i] = none
	}
	return w
}

// Set gives id the deadline at, in ticks, in place of the one it had. A deadline that has
// passed already expires at the next call of Advance. Loop-only.
func (w *Wheel) Set(id, at uint32) {
	if int32(at-w.now) <= 0 {
		at = w.now + 1
	}
	for uint32(len(w.nodes)) <= id {
		w.nodes = append(w.nodes, node{prev: unlinked})
	}
	n := &w.nodes[id]
	if n.prev >= none {
		if n.at == at {
			return
		}
		w.unlink(id)
	}
	b := at % buckets
	n.at, n.prev, n.next = at, none, w.heads[b]
	if n.next != none {
		w.nodes[n.next].prev = int32(id)
	}
	w.heads[b] = int32(id)
	w.count++
}

// Clear takes the deadline of id away, if it has one. Loop-only.
func (w *Wheel) Clear(id uint32) {
	if id >= uint32(len(w.nodes)) {
		return
	}
	if n := &w.nodes[id]; n.prev >= none {
		w.unlink(id)
	} else {
		n.prev = unlinked
	}
}

// Len returns how many ids have a deadline. Loop-only.
func (w *Wheel) Len() int { return w.count }

// Advance moves the wheel to tick now and calls expire once for each id whose deadline has
// come, after taking that deadline away. expire may Set and Clear any id; what it sets is at
// least one tick ahead and so never expires within the same call for the same tick.
// Loop-only.
func (w *Wheel) Advance(now uint32, expire func(id uint32)) {
	if int32(now-w.now) > buckets {
		w.advanceFar(now, expire)
		return
	}
	for int32(now-w.now) > 0 {
		w.now++
		w.expireBucket(w.now%buckets, expire)
	}
}

// advanceFar visits each bucket once when more than a whole turn has gone by, instead of
// turning the wheel tick by tick (the process may have been suspended for hours).
func (w *Wheel) advanceFar(now uint32, expire func(id uint32)) {
	w.now = now
	for b := range uint32(buckets) {
		w.expireBucket(b, expire)
	}
}

// expireBucket takes every due id out of bucket b before it calls expire for the first of
// them: expire may relink any node, the one that a plain walk would go to next included.
func (w *Wheel) expireBucket(b uint32, expire func(id uint32)) {
	for id := w.heads[b]; id != none; {
		next := w.nodes[id].next
		if int32(w.nodes[id].at-w.now) <= 0 {
			w.unlink(uint32(id))
			w.nodes[id].prev = due
			w.due = append(w.due, uint32(id))
		}
		id = next
	}
	for i := 0; i < len(w.due); i++ {
		id := w.due[i]
		if w.nodes[id].prev == due { // else expire has set or cleared it meanwhile
			w.nodes[id].prev = unlinked
			expire(id)
		}
	}
	w.due = w.due[:0]
}

func (w *Wheel) unlink(id uint32) {
	n := &w.nodes[id]
	if n.prev == none {
		w.heads[n.at%buckets] = n.next
	} else {
		w.nodes[n.prev].next = n.next
	}
	if n.next != none {
		w.nodes[n.next].prev = n.prev
	}
	n.next, n.prev = none, unlinked
	w.count--
}
