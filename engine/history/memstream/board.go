package memstream

import "github.com/gannet-io/gannet/frame"

// A board holds the newest event of each key, linked in the order in which they came: the list is a stream out of which
// every event was cut that a later one replaced.
type board struct {
	cells []cell
	keys  map[uint64]int32 // into cells
	spare []int32          // unused cells

	front, back int32 // the oldest and the newest
}

type cell struct {
	key        uint64
	offset     uint64
	at         int64
	frame      *frame.Prepared
	prev, next int32
}

// none is no cell.
const none = int32(-1)

func newBoard() *board {
	return &board{keys: make(map[uint64]int32), front: none, back: none}
}

func (b *board) len() int { return len(b.keys) }

// set makes f the newest event of key, and returns the one whose place it takes, if any.
func (b *board) set(key, offset uint64, at int64, f *frame.Prepared) (old *frame.Prepared) {
	i, ok := b.keys[key]
	switch {
	case ok:
		old = b.cells[i].frame
		b.unlink(i)
	case len(b.spare) > 0:
		i = b.spare[len(b.spare)-1]
		b.spare = b.spare[:len(b.spare)-1]
	default:
		i = int32(len(b.cells))
		b.cells = append(b.cells, cell{})
	}
	b.keys[key] = i
	b.cells[i] = cell{key: key, offset: offset, at: at, frame: f, prev: b.back, next: none}
	if b.back == none {
		b.front = i
	} else {
		b.cells[b.back].next = i
	}
	b.back = i
	return old
}

// removeOldest takes the front out, which there is.
func (b *board) removeOldest() *frame.Prepared {
	i := b.front
	f := b.cells[i].frame
	delete(b.keys, b.cells[i].key)
	b.unlink(i)
	b.cells[i] = cell{}
	b.spare = append(b.spare, i)
	return f
}

func (b *board) unlink(i int32) {
	c := &b.cells[i]
	if c.prev == none {
		b.front = c.next
	} else {
		b.cells[c.prev].next = c.next
	}
	if c.next == none {
		b.back = c.prev
	} else {
		b.cells[c.next].prev = c.prev
	}
}

// oldest returns when the front came; ok is false when there is none.
func (b *board) oldest() (at int64, ok bool) {
	if b.front == none {
		return 0, false
	}
	return b.cells[b.front].at, true
}

// first returns the oldest cell behind an offset, or none. A reader that is nearly through is found from the back.
func (b *board) first(after uint64) int32 {
	if after == 0 {
		return b.front
	}
	i := none
	for j := b.back; j != none && b.cells[j].offset > after; j = b.cells[j].prev {
		i = j
	}
	return i
}
