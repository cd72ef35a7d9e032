package gateway

import (
	"github.com/gannet-io/gannet/engine"
	"github.com/gannet-io/gannet/pusher/live"
)

// maxRefusals is how many conns of a loop have their last refusal remembered.
const maxRefusals = 1024

// refusals are the last pusher:error of conns that got one, as long as others have not pushed them out. Owned by the loop.
type refusals struct {
	by   map[engine.ID]live.Refusal
	ring []engine.ID // in the order in which conns got their first, some of them gone; at most maxRefusals
	next int         // in ring, when that is full
}

func (r *refusals) note(id engine.ID, refusal live.Refusal) {
	if _, ok := r.by[id]; !ok {
		if r.by == nil {
			r.by = make(map[engine.ID]live.Refusal)
		}
		if len(r.ring) < maxRefusals {
			r.ring = append(r.ring, id)
		} else {
			delete(r.by, r.ring[r.next])
			r.ring[r.next] = id
			r.next = (r.next + 1) % maxRefusals
		}
	}
	r.by[id] = refusal
}

func (r *refusals) forget(id engine.ID) { delete(r.by, id) }
