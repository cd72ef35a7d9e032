package hub

import (
	"slices"

	"github.com/gannet-io/gannet/engine"
)

// trimSlack is how many unused elements of a table are worth copying the table for.
const trimSlack = 8 << 10

// Trim gives up the memory that a burst has left behind in l's part of the hub and that is
// not in use now. Nothing is lost but the time to grow it again. Loop-only.
func (h *Hub) Trim(l *engine.Loop) {
	local := h.loops[l.Index()]
	if local.waiting() == 0 {
		local.taken, local.done = nil, 0
	}
	local.mu.Lock()
	if len(local.box) == 0 {
		local.box = nil
	}
	local.mu.Unlock()
	if len(local.sent) == 0 {
		local.sent = nil
	}
	local.except, local.pieces, local.deflated, local.group = nil, nil, nil, nil
	local.topics = clip(local.topics)
	local.table.trim()
}

func (s *shard) trim() {
	s.lists = clip(s.lists)
	s.spare = clip(s.spare)
	s.slots = clip(s.slots)
	s.refs = clip(s.refs)
	for i := range s.holes {
		s.holes[i] = clip(s.holes[i])
	}
}

// clip returns s without its unused room when there is much of it.
func clip[E any](s []E) []E {
	if cap(s)-len(s) < trimSlack {
		return s
	}
	return slices.Clone(s)
}
