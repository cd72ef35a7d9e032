package redisbus

import (
	"context"
	"hash/maphash"
	"slices"
	"strconv"

	"github.com/gannet-io/gannet/engine/backbone"
)

// A look is what the board was at a moment, but for entries.
type look struct {
	epoch string
	place int64
	nodes map[string]string // records by ID
}

func (b *board) look(ctx context.Context) (l look, err error) {
	m, err := b.bus.runBoard(ctx, lookScript)
	if err != nil {
		return l, err
	}
	answer, err := m.ToArray()
	if err != nil || len(answer) != 3 {
		return l, errChange
	}
	l.epoch, _ = answer[0].ToString()
	l.place, _ = answer[1].AsInt64()
	l.nodes, err = answer[2].AsStrMap()
	return l, err
}

// A shadow is an incarnation as it is on the board.
type shadow struct {
	node    backbone.Node
	ghost   bool              // it was known before the board lost its memory; its entries are not there
	entries map[string]string // as in Redis
}

// catchUp reads all of the board and tells what that differs in from what was told. Hashes are read while they change; the changes made
// meanwhile, which say what is and not what was done, make of them the board as it was at one place.
func (b *board) catchUp(ctx context.Context, from look) error {
	all := make(map[string]*shadow)
	for id, record := range from.nodes {
		n, ghost := parseNode(id, record)
		s := &shadow{n, ghost, make(map[string]string)}
		all[id] = s
		if ghost {
			continue
		}
		if err := b.scan(ctx, s); err != nil {
			return err
		}
	}
	to, err := b.look(ctx)
	if err != nil {
		return err
	}
	if to.epoch != from.epoch {
		return nil // once more
	}
	for place := from.place; place < to.place; {
		changes, err := b.between(ctx, place, to.place)
		if err != nil {
			return err
		}
		for _, c := range changes {
			if c.place != place+1 || c.epoch != to.epoch {
				b.forget()
				return nil // too slow: once more
			}
			place = c.place
			apply(all, c)
		}
		if len(changes) == 0 {
			b.forget()
			return nil
		}
	}
	b.bus.sink.At(backbone.Place{Epoch: to.epoch, Number: uint64(to.place)})
	b.differ(all)
	b.mu.Lock()
	changed := b.epoch != "" && b.epoch != to.epoch
	b.epoch = to.epoch
	b.mu.Unlock()
	b.place.Store(to.place)
	if changed {
		// It is another server, perhaps, and the one before may still be there, a replica now that hears nothing.
		for _, s := range b.bus.subs {
			s.renew()
		}
	}
	return nil
}

func apply(all map[string]*shadow, c change) {
	switch c.kind {
	case "u":
		if all[c.node] == nil {
			n, ghost := parseNode(c.node, c.pairs[1])
			all[c.node] = &shadow{n, ghost, make(map[string]string)}
		}
	case "g":
		delete(all, c.node)
	case "c":
		s := all[c.node]
		if s == nil {
			return
		}
		for i := 0; i+1 < len(c.pairs); i += 2 {
			if c.pairs[i+1] == "-" {
				delete(s.entries, c.pairs[i])
			} else {
				s.entries[c.pairs[i]] = c.pairs[i+1]
			}
		}
	}
}

// scan reads the entries of an incarnation.
func (b *board) scan(ctx context.Context, s *shadow) error {
	c := b.bus.conn.reads
	for cursor := uint64(0); ; {
		reading, cancel := context.WithTimeout(ctx, commandTimeout)
		e, err := c.Do(reading, c.B().Hscan().Key(b.bus.keys.entries(s.node.ID)).Cursor(cursor).Count(scanCount).Build()).AsScanEntry()
		cancel()
		if err != nil {
			return err
		}
		for i := 0; i+1 < len(e.Elements); i += 2 {
			s.entries[e.Elements[i]] = e.Elements[i+1]
		}
		if cursor = e.Cursor; cursor == 0 {
			return nil
		}
	}
}

func (b *board) between(ctx context.Context, after, to int64) ([]change, error) {
	ctx, cancel := context.WithTimeout(ctx, commandTimeout)
	defer cancel()
	c := b.bus.conn.reads
	m, err := c.Do(ctx, c.B().Xrange().Key(b.bus.keys.changes()).Start("0-"+strconv.FormatInt(after+1, 10)).End("0-"+strconv.FormatInt(to, 10)).Count(readChanges).Build()).ToMessage()
	if err != nil {
		return nil, err
	}
	return parseChanges(m)
}

// differ tells what is not as it was told: who is there first, who is gone last, so that nobody is missed who came back as another.
func (b *board) differ(all map[string]*shadow) {
	order := make([]*shadow, 0, len(all))
	for _, s := range all {
		order = append(order, s)
	}
	slices.SortFunc(order, func(x, y *shadow) int {
		if c := x.node.Since.Compare(y.node.Since); c != 0 {
			return c
		}
		if x.node.ID < y.node.ID {
			return -1
		}
		return 1
	})
	for _, s := range order {
		b.up(s.node)
		if s.ghost {
			continue // what was told of it stays
		}
		t := b.known[s.node.ID]
		for key := range t.entries {
			if _, still := s.entries[key]; !still {
				b.changed(s.node.ID, key, "-")
			}
		}
		for key, value := range s.entries {
			if was, ok := t.entries[key]; !ok || was != maphash.String(b.seed, value) {
				b.changed(s.node.ID, key, value)
			}
		}
	}
	for _, n := range slices.Clone(b.nodes) {
		if all[n.ID] == nil {
			b.gone(n.ID)
		}
	}
}
