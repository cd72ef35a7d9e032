package cluster

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gannet-io/gannet/engine/backbone"
	"github.com/gannet-io/gannet/pusher/ledger"
)

// A Due is a change of the board of which somebody outside is to be told once, by a webhook.
type Due struct {
	// ID is the same on all nodes. As strings IDs sort in the order of the board.
	ID      string
	Key     ledger.Key
	First   bool // or else it was the last
	Counted bool // it is about the number of connections, Total, instead
	Total   int

	// Ticket is what Member.Done is to be called with; 0: nobody waits for it.
	Ticket uint64
	// Sure says that it may have been told before by a node that is gone: it is to be told whatever happens after it.
	Sure bool
}

// A Wanted says which changes of a topic somebody outside is to be told of.
type Wanted uint8

// The bits of Wanted.
const (
	WantChannels Wanted = 1 << iota // when it is occupied and vacated
	WantMembers
	WantCounts
)

// Dues are the changes of the board that somebody is to be told of and that are not known to be told. All nodes keep them; the one that leads tells, and
// says on the board how far it has got. So whoever leads next knows what is left.
type dues struct {
	mu     sync.Mutex
	list   []due             // in the order of their IDs; guarded by mu
	base   uint64            // ticket of the first of list; guarded by mu
	counts map[string]uint64 // by topic, the latest ticket about its number; guarded by mu
	ahead  int               // so many at the front of list are done; guarded by mu
	upTo   string            // all have heard that what has an ID up to it is done; guarded by mu
	before uint64            // the last ticket of those of a process before this one; 0: none, or they are over; guarded by mu
	lost   uint64            // that were too many to remember; guarded by mu

	departed map[ledger.Key]departure // guarded by mu
	parting  []departure              // in their order; some may have been overtaken; guarded by mu
}

type due struct {
	Due
	departure departure // of an arrival: that it may have called off; zero: none
	done      bool
	told      bool // by this node, as the one that leads
}

type departure struct {
	key    ledger.Key
	id     string
	ticket uint64
	at     time.Time
}

const (
	// maxDues is how many are remembered.
	maxDues = 1 << 16
	// nobodys is the ticket of what is told again for the sake of something else. It is dropped with all that has a ticket.
	nobodys = math.MaxUint64
	// departureFor is for how long a departure may be called off by an arrival, on a node that was slow to hear of both.
	departureFor = 2 * time.Minute
)

// add takes one in and gives it its ticket.
func (d *dues) add(x Due, now time.Time) Due {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.base == 0 {
		d.base = 1
		d.counts, d.departed = make(map[string]uint64), make(map[ledger.Key]departure)
	}
	x.Ticket = d.base + uint64(len(d.list))
	n := due{Due: x}
	switch {
	case x.Counted:
		if t, ok := d.counts[x.Key.Topic]; ok && t >= d.base {
			if old := &d.list[t-d.base]; !old.told {
				old.done = true // a later number says it all
			}
		}
		d.counts[x.Key.Topic] = x.Ticket
	case x.First:
		if p, ok := d.departed[x.Key]; ok {
			n.departure = p
			delete(d.departed, x.Key)
		}
	default:
		p := departure{x.Key, x.ID, x.Ticket, now}
		d.departed[x.Key] = p
		d.parting = append(d.parting, p)
	}
	d.list = append(d.list, n)
	d.forget(now)
	for len(d.list) > maxDues {
		if !d.list[0].done {
			d.lost++
		}
		d.pop()
	}
	return x
}

// forget forgets departures of long ago. Under mu.
func (d *dues) forget(now time.Time) {
	for len(d.parting) > 0 && (len(d.parting) > maxDues || now.Sub(d.parting[0].at) > departureFor) {
		if p := d.parting[0]; d.departed[p.key].id == p.id {
			delete(d.departed, p.key)
		}
		d.parting[0] = departure{}
		d.parting = d.parting[1:]
	}
}

// pop forgets the first. Under mu.
func (d *dues) pop() {
	x := &d.list[0]
	if x.Counted && d.counts[x.Key.Topic] == x.Ticket {
		delete(d.counts, x.Key.Topic)
	}
	d.list[0] = due{}
	d.list = d.list[1:]
	d.base++
	d.ahead = max(d.ahead-1, 0)
	if len(d.list) == 0 {
		d.list = nil
	}
}

// finish notes what is done, and reports whether more is done up to a place than before.
func (d *dues) finish(tickets []uint64) (more bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, t := range tickets {
		if t >= d.base && t-d.base < uint64(len(d.list)) {
			d.list[t-d.base].done = true
		}
	}
	return d.advance()
}

// advance looks how many at the front are done, and reports whether there are more than before. Under mu.
func (d *dues) advance() (more bool) {
	for d.ahead < len(d.list) && d.list[d.ahead].done {
		d.ahead++
		more = true
	}
	return more
}

// hear takes in what is on the board, for all at the same place in its order, that node included: that a node knows all from one ID on, and that of this all is done up to another.
// What one that leads cannot know of concerns it no more when it is done here.
func (d *dues) hear(since, upTo string, leads bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := range d.list {
		x := &d.list[i]
		if x.ID > upTo {
			break
		}
		x.done = x.done || x.ID > since
	}
	if leads {
		upTo = max(since, upTo)
	}
	for len(d.list) > 0 && d.list[0].done && d.list[0].ID <= upTo {
		d.upTo = d.list[0].ID
		d.pop()
	}
	d.advance()
}

// take returns those that are neither done nor told yet, with IDs up to one, or all. They are told now.
func (d *dues) take(upTo string, all bool) (xs []Due) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := range d.list {
		x := &d.list[i]
		if !all && x.ID > upTo {
			break
		}
		if x.done || x.told {
			continue
		}
		x.told = true
		if p := x.departure; p.ticket != 0 && d.over(p.ticket) {
			// Both may have been called off for being so near to each other, or neither.
			xs = append(xs, Due{ID: p.id, Key: p.key, Ticket: nobodys, Sure: true})
		}
		xs = append(xs, x.Due)
		xs[len(xs)-1].Sure = true
	}
	return xs
}

// over reports whether one is done, or forgotten. What was due before it may not be. Under mu.
func (d *dues) over(ticket uint64) bool {
	return ticket < d.base || d.list[ticket-d.base].done
}

// tell notes that one is told.
func (d *dues) tell(ticket uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if ticket >= d.base {
		d.list[ticket-d.base].told = true
	}
}

// hush notes that this node tells of nothing any more. Of what it has done nobody knows, and who leads now may have done otherwise.
func (d *dues) hush() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := range d.list {
		d.list[i].told, d.list[i].done = false, false
	}
	d.ahead = 0
}

func (d *dues) reached() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ahead > 0 {
		return d.list[d.ahead-1].ID
	}
	return d.upTo
}

// idAt returns what IDs of a place of the board begin with.
func idAt(p backbone.Place) string { return fmt.Sprintf("%s-%012x-", p.Epoch, p.Number) }

// idOf returns the ID of a change, the indexth of its place.
func idOf(p backbone.Place, index int) string { return fmt.Sprintf("%s%08x", idAt(p), index) }

// The value of an entry of the class Dues is since when the node knows all dues and up to which they are done, as IDs with a NUL between.
func duesValue(since, upTo string) []byte { return []byte(since + "\x00" + upTo) }

// owe notes what somebody is to be told of some changes, and tells it if this node leads. All nodes have the same changes at a place, in the same
// order. Whoever tells of the board calls it.
func (m *Member) owe(changes []ledger.Change) {
	if !m.joined {
		return // it was so when this node came
	}
	for i := range changes {
		c := &changes[i]
		id := idOf(m.place, m.index)
		m.index++
		if c.Key.Class != ledger.Count && c.Key.Class != ledger.Member || !c.First && !c.Last && !c.Counted {
			continue
		}
		if (c.First || c.Last) && m.leads.Load() {
			m.cfg.Room.Told(c)
		}
		wanted := m.cfg.Room.Wants(c.Key.Topic)
		channel := c.Key.Class == ledger.Count
		x := Due{ID: id, Key: c.Key, First: c.First}
		if (c.First || c.Last) && (channel && wanted&WantChannels != 0 || !channel && wanted&WantMembers != 0) {
			m.speak(x)
		}
		if channel && c.Counted && wanted&WantCounts != 0 {
			x.ID += "n"
			x.First, x.Counted, x.Total = false, true, c.Total
			m.speak(x)
		}
	}
}

func (m *Member) speak(x Due) {
	// What a key is a part of need not be kept.
	x.Key.Topic, x.Key.User = strings.Clone(x.Key.Topic), strings.Clone(x.Key.User)
	x = m.dues.add(x, m.cfg.Now())
	if m.leads.Load() {
		m.dues.tell(x.Ticket)
		m.cfg.Room.Speak(x)
	}
}

// review looks whether this node leads now, or has done so, and tells what is left to tell. Whoever tells of the board calls it.
func (m *Member) review() {
	m.mu.RLock()
	leads, leader := m.joined && m.ledger.Leads(), m.ledger.Leader()
	m.mu.RUnlock()
	if was := m.leads.Swap(leads); was && !leads {
		// Whoever leads now tells all that is not known to be told.
		m.dues.hush()
		m.cfg.Room.Hush()
	}
	since := m.since[leader] // "": not known yet
	if !m.joined || !leads && since == "" {
		return
	}
	for _, x := range m.dues.take(since, leads) {
		m.cfg.Room.Speak(x)
	}
}

// Done says that somebody has been told of dues, or never will be. Any goroutine.
func (m *Member) Done(tickets []uint64) {
	if m.dues.finish(tickets) && m.leads.Load() {
		m.announceLater()
	}
}

// Lost returns how many dues there were that could not be remembered. Any goroutine.
func (m *Member) Lost() uint64 {
	m.dues.mu.Lock()
	defer m.dues.mu.Unlock()
	return m.dues.lost
}

// Due returns how many dues are not known to be done. Any goroutine.
func (m *Member) Due() int {
	m.dues.mu.Lock()
	defer m.dues.mu.Unlock()
	return len(m.dues.list)
}

// Owe takes in, before Start, what a process before this one was to tell and may not have told: another node knows of it, or this one is to tell it. xs is taken. Room.Cleared is called when nothing
// of it is left.
func (m *Member) Owe(xs []Due) {
	slices.SortFunc(xs, func(a, b Due) int { return strings.Compare(a.ID, b.ID) })
	// Several webhooks may have been told.
	xs = slices.CompactFunc(xs, func(a, b Due) bool { return a.ID == b.ID })
	for i := range xs {
		m.dues.before = m.dues.add(xs[i], m.cfg.Now()).Ticket
	}
}

// settled reports, once, that nothing is left of what Owe was called with.
func (d *dues) settled() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.before == 0 || d.before >= d.base {
		return false
	}
	d.before = 0
	return true
}
