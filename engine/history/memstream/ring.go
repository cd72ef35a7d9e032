package memstream

import "github.com/gannet-io/gannet/frame"

// A ring is a queue of the newest events, the oldest first. It grows by half, so that a channel of few events costs
// little whatever its limit.
type ring struct {
	entries []entry
	head    int // index of the oldest
	count   int
}

// An entry is an event without its offset, which follows from its place.
type entry struct {
	frame  *frame.Prepared
	at     int64
	except uint64
}

// at returns the i-th oldest.
func (r *ring) at(i int) *entry {
	if i += r.head; i >= len(r.entries) {
		i -= len(r.entries)
	}
	return &r.entries[i]
}

func (r *ring) push(e entry) {
	if r.count == len(r.entries) {
		r.resize(max(4, r.count+r.count/2))
	}
	r.count++
	*r.at(r.count - 1) = e
}

// shift takes the oldest out.
func (r *ring) shift() *frame.Prepared {
	e := r.at(0)
	f := e.frame
	*e = entry{} // what it points to may go
	if r.head++; r.head == len(r.entries) {
		r.head = 0
	}
	r.count--
	return f
}

// trim gives room back when most of it is unused.
func (r *ring) trim() {
	switch {
	case r.count == 0:
		*r = ring{}
	case r.count < len(r.entries)/4:
		r.resize(r.count + r.count/2)
	}
}

func (r *ring) resize(n int) {
	entries := make([]entry, n)
	for i := range r.count {
		entries[i] = *r.at(i)
	}
	r.entries, r.head = entries, 0
}
