package hub

import (
	"fmt"

	"github.com/gannet-io/gannet/engine"
)

// A Shard is a shard for the tests.
type Shard struct{ shard }

func (s *Shard) NewList() uint32                            { return s.newList() }
func (s *Shard) FreeList(i uint32)                          { s.freeList(i) }
func (s *Shard) Add(i, slot uint32)                         { s.add(i, slot) }
func (s *Shard) Remove(i, slot uint32) bool                 { return s.remove(i, slot) }
func (s *Shard) RemoveAll(slot uint32, left func(i uint32)) { s.removeAll(slot, left) }
func (s *Shard) Has(i, slot uint32) bool                    { return s.has(i, slot) }
func (s *Shard) Subscribers(i uint32) []uint32              { return s.subscribers(i) }

// Check reports what is inconsistent in s: references that do not point at their entry, and
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
		for _, r := range s.refs[b.off : b.off+b.n] {
			if l := &s.lists[r.list]; len(l.refs) != len(l.subs) || s.refs[b.off+l.refs[r.pos]] != r {
				return fmt.Errorf("slot %d: the entry of ref %v does not point back", slot, r)
			}
			if subs := s.lists[r.list].subs; r.pos >= uint32(len(subs)) || subs[r.pos] != uint32(slot) {
				return fmt.Errorf("slot %d: ref %v points elsewhere", slot, r)
			}
		}
	}
	for class, holes := range s.holes {
		room += len(holes) * int(roomOf(uint8(class)))
	}
	if room != len(s.refs) {
		return fmt.Errorf("blocks and holes make %d refs, there are %d", room, len(s.refs))
	}
	for _, l := range s.lists {
		entries -= len(l.subs)
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
		if t.locals[l.Index()] != uint32(n)+1 && local.held[t] != uint32(n)+1 || len(local.table.subscribers(uint32(n))) == 0 {
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
