package hub

// A shard is the subscription table of one loop: which slots each local list holds, and
// which lists each slot is in. It knows neither topics nor connections, holds hardly a pointer
// for the garbage collector to follow, and costs 2 bytes a subscription in a list of more than a
// few and 4 in the slot's block, plus the slack of both.
//
// Lists are numbered densely and their numbers used again.
type shard struct {
	lists []set
	spare []uint32 // numbers of unused lists

	slots []block  // by slot
	refs  []uint32 // list numbers: all blocks, one after the other
	holes [maxClass + 1][]uint32
}

// A block is a slot's part of refs: room for roomOf(class) from off, of which n are used.
type block struct {
	off   uint32
	n     uint32
	class uint8
}

// maxClass allows one slot 2^24 subscriptions.
const maxClass = 47

// roomOf returns how many refs a block of a class holds: 1, 2, 3, 4, 6, 8, 12, 16 and so on. Twice
// as many each time would leave a third of all blocks empty.
func roomOf(class uint8) uint32 {
	switch {
	case class == 0:
		return 1
	case class%2 == 1:
		return 1 << ((class + 1) / 2)
	}
	return 3 << ((class - 2) / 2)
}

// newList returns the number of an empty list.
func (s *shard) newList() uint32 {
	if n := len(s.spare); n > 0 {
		i := s.spare[n-1]
		s.spare = s.spare[:n-1]
		return i
	}
	s.lists = append(s.lists, set{})
	return uint32(len(s.lists) - 1)
}

// freeList gives an empty list back, and its memory when that is worth it.
func (s *shard) freeList(i uint32) {
	if cap(s.lists[i].few) > 8 {
		s.lists[i] = set{}
	}
	s.spare = append(s.spare, i)
}

// list returns the subscribers of list i, borrowed until the next newList.
func (s *shard) list(i uint32) *set { return &s.lists[i] }

// find returns the index of the ref of slot to list i, or -1. It looks at all lists of the slot:
// what one conn may cost by leaving is bounded by the app's limit of subscriptions.
func (s *shard) find(i, slot uint32) int {
	if slot >= uint32(len(s.slots)) {
		return -1
	}
	b := &s.slots[slot]
	for j, list := range s.refs[b.off : b.off+b.n] {
		if list == i {
			return j
		}
	}
	return -1
}

// add puts slot into list i; it must not be there.
func (s *shard) add(i, slot uint32) {
	for uint32(len(s.slots)) <= slot {
		s.slots = append(s.slots, block{})
	}
	b := &s.slots[slot]
	if b.n == 0 {
		b.off, b.class = s.alloc(0), 0
	} else if b.n == roomOf(b.class) {
		off := s.alloc(b.class + 1)
		copy(s.refs[off:], s.refs[b.off:b.off+b.n])
		s.free(b.off, b.class)
		b.off, b.class = off, b.class+1
	}
	s.refs[b.off+b.n] = i
	b.n++
	s.lists[i].add(slot)
}

// remove takes slot out of list i. It returns false when it was not there.
func (s *shard) remove(i, slot uint32) bool {
	j := s.find(i, slot)
	if j < 0 {
		return false
	}
	b := &s.slots[slot]
	b.n--
	s.refs[b.off+uint32(j)] = s.refs[b.off+b.n]
	s.lists[i].remove(slot)
	if b.n == 0 {
		s.free(b.off, b.class)
	}
	return true
}

// removeAll takes slot out of every list and calls left with each that is empty now.
func (s *shard) removeAll(slot uint32, left func(i uint32)) {
	if slot >= uint32(len(s.slots)) || s.slots[slot].n == 0 {
		return
	}
	b := s.slots[slot]
	s.slots[slot] = block{}
	for _, i := range s.refs[b.off : b.off+b.n] {
		s.lists[i].remove(slot)
		if s.lists[i].empty() {
			left(i)
		}
	}
	s.free(b.off, b.class)
}

// alloc returns the offset of a free block of roomOf(class) refs.
func (s *shard) alloc(class uint8) uint32 {
	if n := len(s.holes[class]); n > 0 {
		off := s.holes[class][n-1]
		s.holes[class] = s.holes[class][:n-1]
		return off
	}
	off := uint32(len(s.refs))
	s.refs = append(s.refs, make([]uint32, roomOf(class))...)
	return off
}

func (s *shard) free(off uint32, class uint8) {
	s.holes[class] = append(s.holes[class], off)
}
