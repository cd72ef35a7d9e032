package hub

import (
	"math/bits"
	"slices"
)

// A set holds the slots that are subscribed to one topic on one loop.
//
// It is in ascending order, so that nothing needs to be kept about where a slot is: it is found, put in and taken out
// by a binary search and by moving 8 KiB at most. Few slots are a plain list. More are split by their upper bits into
// parts of 65,536 slots each, which cost 2 bytes a slot, and 1 bit for each slot there could be once that is less (the
// layout of a Roaring bitmap). So a channel with a million subscribers takes 128 KiB and not 4 MB.
type set struct {
	few   []uint32 // ascending; when there are no parts
	parts []part   // ascending; none is empty
}

// A part holds the slots with one value of their upper bits: in array or in all, by the lower 16 bits.
type part struct {
	high  uint32
	n     uint32 // slots
	array []uint16
	all   *[partBits / 64]uint64 // nil: see array
}

const (
	partBits = 1 << 16
	maxFew   = 32   // slots in a plain list
	maxArray = 4096 // slots in an array, which are as large as all bits then
)

// len returns how many slots there are.
func (s *set) len() (n int) {
	for i := range s.parts {
		n += int(s.parts[i].n)
	}
	return n + len(s.few)
}

// empty reports whether there is none.
func (s *set) empty() bool { return len(s.few) == 0 && len(s.parts) == 0 }

// has reports whether slot is in s.
func (s *set) has(slot uint32) bool {
	if s.parts == nil {
		_, ok := slices.BinarySearch(s.few, slot)
		return ok
	}
	i, ok := s.part(slot)
	return ok && s.parts[i].has(uint16(slot))
}

// part returns the index of the part that slot belongs to, and whether there is one; if not, where it should be.
func (s *set) part(slot uint32) (int, bool) {
	return slices.BinarySearchFunc(s.parts, slot>>16, func(p part, high uint32) int { return int(p.high) - int(high) })
}

// add puts slot in; it must not be there.
func (s *set) add(slot uint32) {
	if s.parts == nil {
		if len(s.few) < maxFew {
			i, _ := slices.BinarySearch(s.few, slot)
			s.few = insert(s.few, i, slot)
			return
		}
		for _, other := range s.few {
			s.addToPart(other)
		}
		s.few = nil
	}
	s.addToPart(slot)
}

func (s *set) addToPart(slot uint32) {
	i, ok := s.part(slot)
	if !ok {
		s.parts = slices.Insert(s.parts, i, part{high: slot >> 16})
	}
	s.parts[i].add(uint16(slot))
}

// remove takes slot out. It returns false when it was not there.
func (s *set) remove(slot uint32) bool {
	if s.parts == nil {
		i, ok := slices.BinarySearch(s.few, slot)
		if ok {
			s.few = slices.Delete(s.few, i, i+1)
		}
		return ok
	}
	i, ok := s.part(slot)
	if !ok || !s.parts[i].remove(uint16(slot)) {
		return false
	}
	if s.parts[i].n == 0 {
		s.parts = slices.Delete(s.parts, i, i+1)
	}
	switch n := s.len(); {
	case n == 0:
		s.parts = nil
	case n <= maxFew/2: // not at once, or one that comes and goes would move all of them each time
		few := make([]uint32, n)
		s.page(0, few)
		s.few, s.parts = few, nil
	}
	return true
}

// page fills buf with the slots from the given one on and returns how many those are; fewer than there is room for
// are the last.
func (s *set) page(from uint32, buf []uint32) (n int) {
	if s.parts == nil {
		i, _ := slices.BinarySearch(s.few, from)
		return copy(buf, s.few[i:])
	}
	i, ok := s.part(from)
	low := uint16(from)
	if !ok {
		low = 0
	}
	for ; i < len(s.parts) && n < len(buf); i++ {
		n += s.parts[i].page(low, buf[n:])
		low = 0
	}
	return n
}

func (p *part) has(low uint16) bool {
	if p.all != nil {
		return p.all[low/64]&(1<<(low%64)) != 0
	}
	_, ok := slices.BinarySearch(p.array, low)
	return ok
}

func (p *part) add(low uint16) {
	p.n++
	if p.all == nil && p.n > maxArray {
		p.all = new([partBits / 64]uint64)
		for _, other := range p.array {
			p.all[other/64] |= 1 << (other % 64)
		}
		p.array = nil
	}
	if p.all != nil {
		p.all[low/64] |= 1 << (low % 64)
		return
	}
	i, _ := slices.BinarySearch(p.array, low)
	p.array = insert(p.array, i, low)
}

func (p *part) remove(low uint16) bool {
	if !p.has(low) {
		return false
	}
	p.n--
	if p.all == nil {
		i, _ := slices.BinarySearch(p.array, low)
		p.array = slices.Delete(p.array, i, i+1)
		if c := cap(p.array); c > 64 && len(p.array) < c/4 {
			p.array = append(make([]uint16, 0, c/2), p.array...)
		}
		return true
	}
	p.all[low/64] &^= 1 << (low % 64)
	if p.n == maxArray/2 {
		p.array = make([]uint16, 0, maxArray*3/4)
		for word, set := range p.all {
			for ; set != 0; set &= set - 1 {
				p.array = append(p.array, uint16(word*64+bits.TrailingZeros64(set)))
			}
		}
		p.all = nil
	}
	return true
}

func (p *part) page(low uint16, buf []uint32) (n int) {
	high := p.high << 16
	if p.all == nil {
		i, _ := slices.BinarySearch(p.array, low)
		for _, low := range p.array[i:min(len(p.array), i+len(buf))] {
			buf[n] = high | uint32(low)
			n++
		}
		return n
	}
	word := int(low / 64)
	set := p.all[word] &^ (1<<(low%64) - 1)
	for {
		for ; set != 0; set &= set - 1 {
			if n == len(buf) {
				return n
			}
			buf[n] = high | uint32(word*64+bits.TrailingZeros64(set))
			n++
		}
		if word++; word == len(p.all) {
			return n
		}
		set = p.all[word]
	}
}

// insert puts v at i. It makes room for a quarter more, not for twice as many: what is unused counts.
func insert[E any](s []E, i int, v E) []E {
	if n := len(s); n == cap(s) {
		s = append(make([]E, 0, n+max(n/4, 1)), s...)
	}
	return slices.Insert(s, i, v)
}
