package hub

// A shard is the subscription table of one loop: which slots each local list holds, and
// which lists each slot is in. It knows neither topics nor connections, holds no pointers
// for the garbage collector to follow, and costs 8 bytes a subscription in its list and 8
// in the slot's block, plus the slack of both.
//
// Removing swaps the last subscriber into the gap, so that the order of a list is
// unspecified. Lists are numbered densely and their numbers used again.
type shard struct {
	lists []list
	spare []uint32 // numbers of unused lists

	slots []block // by slot
	refs  []ref   // all blocks, one after the other
	holes [maxClass + 1][]uint32
}

// A list holds the slots subscribed to one topic. refs[i] is where the block of subs[i] refers
// back, counted from the block's start, so that taking a subscriber out never searches, however
// many lists the one that moves into its place is in. It is apart from subs because a fan-out reads those alone.
type list struct{ subs, refs []uint32 }

// A ref is one subscription seen from its slot.
type ref struct {
	list uint32
	pos  uint32 // of the slot in the list
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
	s.lists = append(s.lists, list{})
	return uint32(len(s.lists) - 1)
}

// freeList gives an empty list back, and its memory when that is worth it.
func (s *shard) freeList(i uint32) {
	if cap(s.lists[i].subs) > 8 {
		s.lists[i] = list{}
	}
	s.spare = append(s.spare, i)
}

// subscribers returns the slots of list i, borrowed until the next change.
func (s *shard) subscribers(i uint32) []uint32 { return s.lists[i].subs }

// has reports whether slot is in list i.
func (s *shard) has(i, slot uint32) bool { return s.find(i, slot) >= 0 }

// find returns the index of the ref of slot to list i, or -1. It looks at all lists of the slot:
// what one conn may cost by leaving is bounded by the app's limit of subscriptions.
func (s *shard) find(i, slot uint32) int {
	if slot >= uint32(len(s.slots)) {
		return -1
	}
	b := &s.slots[slot]
	for j, r := range s.refs[b.off : b.off+b.n] {
		if r.list == i {
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
	l := &s.lists[i]
	b := &s.slots[slot]
	if b.n == 0 {
		b.off, b.class = s.alloc(0), 0
	} else if b.n == roomOf(b.class) {
		off := s.alloc(b.class + 1)
		copy(s.refs[off:], s.refs[b.off:b.off+b.n])
		s.free(b.off, b.class)
		b.off, b.class = off, b.class+1
	}
	s.refs[b.off+b.n] = ref{i, uint32(len(l.subs))}
	l.subs, l.refs = append(l.subs, slot), append(l.refs, b.n)
	b.n++
}

// remove takes slot out of list i. It returns false when it was not there.
func (s *shard) remove(i, slot uint32) bool {
	j := s.find(i, slot)
	if j < 0 {
		return false
	}
	b := &s.slots[slot]
	s.unlist(s.refs[b.off+uint32(j)])
	b.n--
	if last := s.refs[b.off+b.n]; uint32(j) != b.n {
		s.refs[b.off+uint32(j)] = last
		s.lists[last.list].refs[last.pos] = uint32(j)
	}
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
	for _, r := range s.refs[b.off : b.off+b.n] {
		s.unlist(r)
		if len(s.lists[r.list].subs) == 0 {
			left(r.list)
		}
	}
	s.free(b.off, b.class)
}

// unlist takes the entry at r out of its list and corrects the one that moves there.
func (s *shard) unlist(r ref) {
	l := &s.lists[r.list]
	last := uint32(len(l.subs) - 1)
	if r.pos != last {
		moved := l.subs[last]
		l.subs[r.pos], l.refs[r.pos] = moved, l.refs[last]
		s.refs[s.slots[moved].off+l.refs[last]].pos = r.pos
	}
	l.subs, l.refs = l.subs[:last], l.refs[:last]
	if c := cap(l.subs); c > 64 && len(l.subs) < c/4 {
		l.subs = append(make([]uint32, 0, c/2), l.subs...)
		l.refs = append(make([]uint32, 0, c/2), l.refs...)
	}
}

// alloc returns the offset of a free block of roomOf(class) refs.
func (s *shard) alloc(class uint8) uint32 {
	if n := len(s.holes[class]); n > 0 {
		off := s.holes[class][n-1]
		s.holes[class] = s.holes[class][:n-1]
		return off
	}
	off := uint32(len(s.refs))
	s.refs = append(s.refs, make([]ref, roomOf(class))...)
	return off
}

func (s *shard) free(off uint32, class uint8) {
	s.holes[class] = append(s.holes[class], off)
}
