package membus

import (
	"maps"
	"slices"
	"time"

	"github.com/gannet-io/gannet/engine/backbone"
)

// An incarnation is one node on the board.
type incarnation struct {
	backbone.Node
	bus     *Bus
	entries map[string][]byte
	lapses  time.Time // zero: its lease is being renewed
	lost    bool      // the board does not know it any more, but those that do keep it until its node has settled again
}

// on returns the incarnation of that ID when it is on the board. Under mu.
func (n *Net) on(id string) *incarnation {
	for _, c := range n.incarnations {
		if c.ID == id && !c.lost {
			return c
		}
	}
	return nil
}

// join puts b on the board. Under mu.
func (n *Net) join(b *Bus) {
	c := &incarnation{
		Node: backbone.Node{ID: n.unique(b.name + "."), Name: b.name, Since: n.clock()},
		bus:  b, entries: make(map[string][]byte),
	}
	b.incarnation = c
	if !b.joined {
		b.joined = true
		for _, other := range n.incarnations {
			if !other.lost {
				b.tellUp(other.Node)
				for _, key := range slices.Sorted(maps.Keys(other.entries)) {
					b.tellChanged(other.ID, backbone.Entry{Key: key, Value: other.entries[key]})
				}
			}
		}
	} else {
		b.rejoins++
	}
	n.incarnations = append(n.incarnations, c)
	for _, other := range n.buses {
		if other.joined {
			other.tellUp(c.Node)
		}
	}
	b.board.push(func() func(backbone.Sink) {
		b.told = c.Node
		return func(s backbone.Sink) {
			s.Rejoin(c.Node)
			if b.rejoined != nil {
				close(b.rejoined)
				b.rejoined = nil
			}
		}
	})
}

// put writes entries of the incarnation id. Under mu.
func (n *Net) put(id string, entries []backbone.Entry) error {
	c := n.on(id)
	if c == nil {
		return backbone.ErrUnavailable // void
	}
	for _, e := range entries {
		if e.Value == nil {
			delete(c.entries, e.Key)
		} else {
			c.entries[e.Key] = e.Value
		}
		for _, b := range n.buses {
			if b.known[id] {
				b.tellChanged(id, e)
			}
		}
	}
	return nil
}

// settle gives up what the node of the incarnation id was before. Under mu.
func (n *Net) settle(id string) {
	now := n.on(id)
	if now == nil {
		return
	}
	for i := 0; i < len(n.incarnations); {
		if c := n.incarnations[i]; c.bus == now.bus && c != now {
			n.giveUp(c)
			continue
		}
		i++
	}
}

// giveUp takes c off the board. Under mu.
func (n *Net) giveUp(c *incarnation) {
	n.incarnations = slices.DeleteFunc(n.incarnations, func(other *incarnation) bool { return other == c })
	for _, b := range n.buses {
		if b.known[c.ID] {
			b.tellGone(c.ID)
		}
	}
	c.bus.comeBack()
}

// LoseBoard makes the backbone forget the board. Nodes come back to it as soon as they can; those that do not are gone when TTL has passed.
func (n *Net) LoseBoard() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range n.incarnations {
		if c.lost {
			continue
		}
		c.lost = true
		if c.lapses.IsZero() {
			c.lapses = n.clock().Add(n.TTL)
			n.after(n.TTL)
		}
	}
	for _, b := range slices.Clone(n.buses) {
		b.comeBack()
	}
}

// Board returns the nodes on the board and their entries, for tests that look at it as nobody else can.
func (n *Net) Board() map[string]map[string][]byte {
	n.mu.Lock()
	defer n.mu.Unlock()
	all := make(map[string]map[string][]byte)
	for _, c := range n.incarnations {
		if !c.lost {
			all[c.ID] = maps.Clone(c.entries)
		}
	}
	return all
}
