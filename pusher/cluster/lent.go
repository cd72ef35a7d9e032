package cluster

import (
	"slices"
	"time"

	"github.com/gannet-io/gannet/pusher/ledger"
)

// A lent is an arrival here of which another node is to speak, because it spoke of the departure before.
type lent struct {
	key     ledger.Key
	speaker string
	at      time.Time
}

// lentFor is for how long it may turn out that it did not, since it was dead already: longer than a lease.
const lentFor = 25 * time.Second

func (m *Member) lend(changes []ledger.Change) {
	for i := range changes {
		if c := &changes[i]; c.Speaker != "" {
			now := m.cfg.Now()
			old := slices.IndexFunc(m.lent, func(l lent) bool { return now.Sub(l.at) < lentFor })
			if old < 0 {
				old = len(m.lent)
			}
			m.lent = append(m.lent[old:], lent{c.Key, c.Speaker, now})
		}
	}
}

// takeBack speaks of what a node should have spoken of that is gone. It may have: then that is told twice, which is better than never.
func (m *Member) takeBack(node string) {
	now := m.cfg.Now()
	var again []ledger.Change
	known := make(map[ledger.Key]bool)
	m.mu.RLock()
	for _, l := range m.lent {
		if l.speaker == node && now.Sub(l.at) < lentFor && !known[l.key] && m.ledger.There(l.key) {
			known[l.key] = true
			again = append(again, ledger.Change{Key: l.key, First: true, Speaks: true, Again: true})
		}
	}
	m.mu.RUnlock()
	m.lent = slices.DeleteFunc(m.lent, func(l lent) bool { return l.speaker == node })
	for i := range again {
		m.cfg.Room.Told(again[i : i+1])
	}
}
