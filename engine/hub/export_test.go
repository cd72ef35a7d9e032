package hub

import (
	"fmt"
	"slices"

	"github.com/gannet-io/gannet/engine"
)

// A Shard is a shard for the tests.
type Shard struct{ shard }

func (s *Shard) NewList() uint32                            { return s.newList() }
func (s *Shard) FreeList(i uint32)                          { s.freeList(i) }
func (s *Shard) Add(i, slot uint32)                         { s.add(i, slot) }
func (s *Shard) Remove(i, slot uint32) bool                 { return s.remove(i, slot) }
func (s *Shard) RemoveAll(slot uint32, left func(i uint32)) { s.removeAll(slot, left) }
func (s *Shard) Has(i, slot uint32) bool                    { return s.list(i).has(slot) }
func (s *Shard) Subscribers(i uint32) []uint32              { return s.list(i).slots() }

// slots returns all, by pages of three.
func (s *set) slots() (all []uint32) {
	var page [3]uint32
	for from, n := uint32(0), 3; n == 3; {
		if n = s.page(from, page[:]); n > 0 {
			all = append(all, page[:n]...)
			from = page[n-1] + 1
		}
	}
	return all
}

// Check reports what is inconsistent in s: references to lists that do not hold their slot, and
// memory that is neither used nor free.
func (s *shard) Check() error {
	room, entries := 0, 0
	for slot, b := range s.slots {
		if b.n == 0 {
			continue
		}
		if b.n > roomOf(b.class) {
			return fmt.Errorf("slot %d has %d refs in a block of class %d", slot, b.n, b.class)
		}
		room += int(roomOf(b.class))
		entries += int(b.n)
		for _, i := range s.refs[b.off : b.off+b.n] {
			if !s.lists[i].has(uint32(slot)) {
				return fmt.Errorf("slot %d refers to list %d, which has it not", slot, i)
			}
		}
	}
	for class, holes := range s.holes {
		room += len(holes) * int(roomOf(uint8(class)))
	}
	if room != len(s.refs) {
		return fmt.Errorf("blocks and holes make %d refs, there are %d", room, len(s.refs))
	}
	for i := range s.lists {
		if n, slots := s.lists[i].len(), s.lists[i].slots(); n != len(slots) || !slices.IsSorted(slots) {
			return fmt.Errorf("list %d counts %d slots of %v", i, n, slots)
		}
		entries -= s.lists[i].len()
	}
	if entries != 0 {
		return fmt.Errorf("%d more refs than entries of lists", entries)
	}
	return nil
}

// Topics returns the size of the directory.
func (h *Hub) Topics() (n int) {
	for i := range h.dir {
		h.dir[i].mu.RLock()
		n += len(h.dir[i].topics)
		h.dir[i].mu.RUnlock()
	}
	return n
}

// CheckLoop reports what is inconsistent in the tables of a loop, and how many lists are in
// use. Loop-only.
func (h *Hub) CheckLoop(l *engine.Loop) (lists int, err error) {
	local := h.loops[l.Index()]
	for n, t := range local.topics {
		if t == nil {
			continue
		}
		lists++
		if t.locals[l.Index()] != uint32(n)+1 && local.held[t] != uint32(n)+1 || local.table.list(uint32(n)).empty() {
			return lists, fmt.Errorf("list %d and topic %q do not agree", n, t.key)
		}
	}
	return lists, local.table.Check()
}

// Held returns how many topics have subscribers on the loop that are held. Loop-only.
func (h *Hub) Held(l *engine.Loop) int { return len(h.loops[l.Index()].held) }

// Unmeasured returns how many publishes wait to be measured. Loop-only.
func (h *Hub) Unmeasured(l *engine.Loop) int { return len(h.loops[l.Index()].sent) }

// Waiting returns how many letters of the mailbox were taken and not handled. Loop-only.
func (h *Hub) Waiting(l *engine.Loop) int { return h.loops[l.Index()].waiting() }

// Refs returns how many references there is room for.
func (s *Shard) Refs() int { return len(s.refs) }

// Trim gives up slack.
func (s *Shard) Trim() { s.trim() }

// Walking reports whether a walk is under way. Loop-only.
func (h *Hub) Walking(l *engine.Loop) bool { return h.loops[l.Index()].walk.piece != nil }

// A Set is a set for the tests.
type Set struct{ set }

func (s *Set) Len() int                           { return s.len() }
func (s *Set) Has(slot uint32) bool               { return s.has(slot) }
func (s *Set) Add(slot uint32)                    { s.add(slot) }
func (s *Set) Remove(slot uint32) bool            { return s.remove(slot) }
func (s *Set) Page(from uint32, buf []uint32) int { return s.page(from, buf) }
func (s *Set) Slots() []uint32                    { return s.slots() }

// Turn notes that one publish of this moment was taken and has left, as Work and Flushed do.
func Turn(h *Hub, l *engine.Loop) {
	local := h.loops[l.Index()]
	local.began = h.now()
	local.sent = append(local.sent, local.began)
	h.Flushed(l)
}
