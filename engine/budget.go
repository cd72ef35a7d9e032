package engine

import (
	"cmp"
	"slices"
)

// keepBudget enters what the loop's backlogs cost together, and has those who hold the most told that they are too slow
// while all loops together hold more than they may.
//
// Each loop looks at its own only, every 10 ms while it has any. It cuts off its worst as long as no other loop has, at
// its last look, one that is worse; that loop is going to find the same. So the worst of all goes first, give or take what
// changes within a look.
func (l *Loop) keepBudget(held, worst int) {
	e := l.eng
	total := e.backlogs.Add(int64(held - l.held))
	l.held = held
	l.worst.Store(int64(worst))
	budget := int64(e.cfg.BacklogTotal)
	if budget <= 0 || total <= budget {
		return
	}
	others := 0
	for _, other := range e.loops {
		if other != l {
			others = max(others, int(other.worst.Load()))
		}
	}
	if worst < others {
		return
	}
	for _, c := range l.byCost() {
		cost := c.backlog.Cost()
		if e.backlogs.Load() <= budget || cost < others {
			break
		}
		// Its backlog is as good as gone; the next look finds out what is left of it.
		l.held -= cost
		e.backlogs.Add(int64(-cost))
		l.tooSlow(c, slowBudget)
	}
}

// byCost returns the open conns with a backlog, the most costly first.
func (l *Loop) byCost() []*Conn {
	var all []*Conn
	for _, id := range l.blocked {
		if c := l.conns.find(id); c != nil && c.backlog != nil && c.state == stateOpen && !c.has(flagSlow) {
			all = append(all, c)
		}
	}
	slices.SortFunc(all, func(a, b *Conn) int { return cmp.Compare(b.backlog.Cost(), a.backlog.Cost()) })
	return all
}
