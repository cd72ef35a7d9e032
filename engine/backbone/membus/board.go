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
	b.renew()
	if !b.joined {
		b.joined = true
		for _, other := range n.incarnations {
			if !other.lost {
				b.tellUp(len(n.records), other.Node)
				for _, key := range slices.Sorted(maps.Keys(other.entries)) {
					b.tellChanged(len(n.records), other.ID, backbone.Entry{Key: key, Value: other.entries[key]})
				}
			}
		}
	} else {
		b.rejoins++
	}
	n.incarnations = append(n.incarnations, c)
	number := n.record(Record{Node: c.ID, Up: true})
	for _, other := range n.buses {
		if other.joined {
			other.tellUp(number, c.Node)
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
		number := n.record(Record{Node: id, Entry: e})
		for _, b := range n.buses {
			if b.known[id] {
				b.tellChanged(number, id, e)
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
	number := n.record(Record{Node: c.ID, Gone: true})
	for _, b := range n.buses {
		if b.known[c.ID] {
			b.tellGone(number, c.ID)
		}
	}
	c.bus.comeBack()
}

// A Record is one change of the board: an incarnation came or went, or put Entry.
type Record struct {
	Node     string
	Up, Gone bool
	Entry    backbone.Entry
}

// record adds r to the history and returns its number. Under mu.
func (n *Net) record(r Record) int {
	n.places++
	if n.stepped {
		n.records = append(n.records, r)
	}
	return len(n.records)
}

// place returns that of the last change of the board. Under mu.
func (n *Net) place() backbone.Place { return backbone.Place{Epoch: "0000000000", Number: n.places} }

// History returns all changes of a stepped Net's board, in its order: number i+1 at i. What the board has forgotten by LoseBoard stays in it until
// the others are told that it is gone.
func (n *Net) History() []Record {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.records)
}

// Heard returns the number of the last change of the board that the newest node of a name was told, or is being told, in a stepped Net. What it learns of
// the board when it comes has the number of the last change before.
func (n *Net) Heard(name string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	if b := n.named[name]; b != nil {
		return b.heard
	}
	return 0
}

// Forgotten reports whether there is still somebody of whom the nodes know and the board does not, after LoseBoard.
func (n *Net) Forgotten() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.ContainsFunc(n.incarnations, func(c *incarnation) bool { return c.lost })
}

// LoseBoard makes the backbone forget the board. Nodes come back to it as soon as they can, and what they were before stays until
// they have settled again; those that do not come back are gone when TTL has passed.
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
