package node

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/gannet-io/gannet/engine"
	"github.com/gannet-io/gannet/engine/backbone"
	"github.com/gannet-io/gannet/engine/history"
	"github.com/gannet-io/gannet/engine/history/busstream"
	"github.com/gannet-io/gannet/engine/hub"
	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/cluster"
)

// A link is what a channel has of the cluster. Guarded by the topic's lock.
type link struct {
	// Set when the place is made.
	app  *app.App            // shared
	keep *backbone.Retention // of the channel's log; nil: it has none
	log  *busstream.Stream   // what is known of that; nil when it has none

	current cluster.Envelope // what the log is taking in

	asked    bool // the bus has been asked to attach the topic
	attached bool // nothing is missed any more
	late     bool // it was waited for attached for too long, without a log

	waiting map[engine.ID]waiter // conns whose subscription is to be tried again; nil: none
	waited  uint64               // how many ever waited
	ready   chan struct{}        // closed when attached is true; nil: nobody waits on it
	readers int                  // who waits on ready
	used    int64                // Unix nanoseconds at which somebody last used the log without subscribing
	due     bool                 // a chore is going to look whether the topic can be detached
}

// A waiter is a conn that waits for a channel.
type waiter struct {
	place  uint64 // in the row of those who wait
	offset uint64 // that the log has to reach; 0: the topic has to be attached
}

// linger is for how long a log is followed that nobody is subscribed to any more, for who comes back.
const linger = 10 * time.Second

// aheadPatience is how long a subscription waits for an event that its client has seen on another node already.
const aheadPatience = 3 * time.Second

// plainPatience is how long a subscription of a channel without a log waits for the backbone while that can be reached, so they say. Then it is
// served with what there is here, as when the backbone is away.
const plainPatience = backbone.PatienceMax

// plainWaits are the topics without a log in which somebody waits to be attached. Its lock is taken under that of a topic.
type plainWaits struct {
	mu   sync.Mutex
	keys map[string]time.Time // since when; guarded by mu
}

func (w *plainWaits) add(key string, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.keys == nil {
		w.keys = make(map[string]time.Time)
	}
	if _, ok := w.keys[key]; !ok {
		w.keys[key] = now
	}
}

// overdue returns those that have waited since before, and forgets them. next is since when the first of the others waits; zero: there is none.
func (w *plainWaits) overdue(before time.Time) (keys []string, next time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for key, since := range w.keys {
		switch {
		case !since.After(before):
			keys = append(keys, key)
			delete(w.keys, key)
		case next.IsZero() || since.Before(next):
			next = since
		}
	}
	return keys, next
}

// take returns all and forgets them.
func (w *plainWaits) take() (keys []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for key := range w.keys {
		keys = append(keys, key)
	}
	w.keys = nil
	return keys
}

func (w *plainWaits) remove(key string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.keys, key)
}

// retention returns how much of a channel's log the backbone is to keep, nil when it has none: what the rule keeps, and the
// last event of a cache channel.
func retention(a *app.App, r *app.Rule, kind pusher.Kind) *backbone.Retention {
	if r == nil || !keeps(r) {
		if kind&pusher.Cache == 0 {
			return nil
		}
		return &backbone.Retention{Events: 1, Age: a.Limits.CacheTTL}
	}
	keep := &backbone.Retention{Events: r.History.Events, Age: r.History.TTL}
	if !r.History.On() {
		keep.Events = 1
	}
	if r.KeyedCache || kind&pusher.Cache != 0 {
		// What is older than both is of no use; 0 is longer than any time.
		if !r.History.On() || keep.Age > 0 && (a.Limits.CacheTTL == 0 || a.Limits.CacheTTL > keep.Age) {
			keep.Age = a.Limits.CacheTTL
		}
	}
	if r.KeyedCache {
		keep.Events = max(keep.Events, r.CacheKeys, minKeyed)
	}
	if keep.Events == 0 {
		keep.Events = MostKept
	}
	return keep
}

// minKeyed is how many events the log of a keyed cache has at least.
const minKeyed = 1000

// MostKept is how many events the log of a channel keeps whose history is bounded by time alone.
const MostKept = 10000

// attach asks the bus for the topic, once.
func (n *Node) attach(t *hub.Topic, p *place) {
	l := p.link
	if l.asked {
		return
	}
	l.asked = true
	n.keep(t, p)
	n.metrics.attached.Inc()
	n.bus.Attach(t.Key(), l.keep)
}

// keep keeps the topic while there is something to keep.
func (n *Node) keep(t *hub.Topic, p *place) {
	if p.link != nil {
		t.Keep = p.link.asked
		return
	}
	t.Keep = p.CacheBytes() > 0 || p.streamed() != nil && p.ruled.holding.list != nil
}

// linked reports whether the conn id can subscribe now. Otherwise it is noted, and Conns.Again called when it is to
// try again. again says that this is such a try.
func (n *Node) linked(t *hub.Topic, p *place, id engine.ID, in *Arrival) bool {
	l := p.link
	n.attach(t, p)
	switch {
	case l.attached:
		offset := n.ahead(p, in)
		if offset == 0 {
			return true
		}
		l.wait(id, offset)
		key := t.Key()
		n.chores.later(choreAhead+key, n.now().Add(aheadPatience), func() { n.endAhead(key) })
		return false
	case l.log != nil:
		l.wait(id, 0)
		return false
	}
	if !n.up.Load() || l.late {
		return true
	}
	l.wait(id, 0)
	n.plain.add(t.Key(), n.now())
	n.chores.later(chorePlain, n.now().Add(plainPatience), n.endPlain)
	if !n.up.Load() { // State may have looked before it was added
		delete(l.waiting, id)
		return true
	}
	return false
}

func (l *link) wait(id engine.ID, offset uint64) {
	if l.waiting == nil {
		l.waiting = make(map[engine.ID]waiter)
	}
	l.waited++
	l.waiting[id] = waiter{place: l.waited, offset: offset}
}

// ahead returns the offset that a resuming client has seen and this node has not, 0 when there is none. It was on another
// node then, and what it has seen is on its way.
func (n *Node) ahead(p *place, in *Arrival) uint64 {
	if in.Again || in.Recall == nil || !in.Recall.HasResume || !p.hasHistory() {
		return 0
	}
	at, ok := history.Parse(in.Recall.Resume)
	if head := p.ruled.stream.Head(); ok && at.Epoch == head.Epoch && at.Offset > head.Offset {
		return at.Offset
	}
	return 0
}

// again has the conns try again that wait for no more than the log has reached; all of them with all. It is called under
// the topic's lock, and what it returns is called after it.
func (n *Node) again(t *hub.Topic, l *link, all bool) (tell func()) {
	if len(l.waiting) == 0 {
		return func() {}
	}
	head := uint64(0)
	if l.log != nil {
		head = l.log.Head().Offset
	}
	ids := make([]engine.ID, 0, len(l.waiting))
	for id, w := range l.waiting {
		if all || w.offset <= head {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b engine.ID) int { return cmp.Compare(l.waiting[a].place, l.waiting[b].place) })
	for _, id := range ids {
		delete(l.waiting, id)
	}
	if len(l.waiting) == 0 {
		l.waiting = nil
	}
	name := channelOf(t.Key())
	return func() {
		for _, id := range ids {
			n.conns.Again(id, name)
		}
	}
}

// endAhead ends the patience for events that do not come.
func (n *Node) endAhead(key string) {
	defer shared()
	tell := func() {}
	n.findKey(key, func(t *hub.Topic, p *place) {
		if p.link != nil && p.link.attached {
			tell = n.again(t, p.link, true)
		}
	})
	tell()
}

// endPlain ends the patience for topics without a log that are not attached.
func (n *Node) endPlain() {
	defer shared()
	keys, next := n.plain.overdue(n.now().Add(-plainPatience))
	if !next.IsZero() {
		n.chores.later(chorePlain, next.Add(plainPatience), n.endPlain)
	}
	for _, key := range keys {
		tell := func() {}
		n.findKey(key, func(t *hub.Topic, p *place) {
			if p.link != nil && !p.link.attached {
				p.link.late = true
				tell = n.again(t, p.link, true)
			}
		})
		tell()
	}
}

// Withdraw takes back a subscription that was to be tried again. Any goroutine.
func (n *Node) Withdraw(a *app.App, id engine.ID, name string) {
	defer shared()
	n.find(a, name, func(t *hub.Topic, p *place) {
		if p.link != nil {
			delete(p.link.waiting, id)
			n.unlink(t, p)
		}
	})
}

// unlink detaches the topic when nobody needs it any more: one with a log after a while.
func (n *Node) unlink(t *hub.Topic, p *place) {
	l := p.link
	if l == nil || !l.asked || t.Count() > 0 || len(l.waiting) > 0 || l.readers > 0 {
		return
	}
	if l.log == nil {
		n.detach(t, p)
		return
	}
	l.used = n.now().UnixNano()
	n.unlinkLater(t.Key(), l)
}

func (n *Node) unlinkLater(key string, l *link) {
	if !l.due {
		l.due = true
		n.chores.later(choreLink+key, time.Unix(0, l.used).Add(linger), func() { n.endLinger(key) })
	}
}

// endLinger detaches a topic that nobody has used for a while.
func (n *Node) endLinger(key string) {
	defer shared()
	n.findKey(key, func(t *hub.Topic, p *place) {
		l := p.link
		if l == nil || !l.due {
			return
		}
		l.due = false
		switch {
		case !l.asked || t.Count() > 0 || len(l.waiting) > 0 || l.readers > 0:
		case n.now().UnixNano() < l.used+int64(linger):
			n.unlinkLater(key, l)
		default:
			n.detach(t, p)
		}
	})
}

// detach gives the topic up, and all that is known of its log: from now on it could be wrong.
func (n *Node) detach(t *hub.Topic, p *place) {
	l := p.link
	n.bus.Detach(t.Key())
	n.metrics.attached.Dec()
	n.plain.remove(t.Key())
	l.asked, l.attached, l.late = false, false, false
	if l.log != nil {
		l.log.Clear()
		n.account(t, p)
	}
	if p.CacheBytes() > 0 {
		n.forget(n.tenant(l.app), t, p)
	}
	n.keep(t, p)
}

// findKey calls f with a locked topic, if there is one of that key with a place.
func (n *Node) findKey(key string, f func(t *hub.Topic, p *place)) {
	var room [keyBytes]byte
	t := n.hub.Find(append(room[:0], key...))
	if t == nil {
		return
	}
	defer n.hub.Release(t)
	if p, ok := t.State.(*place); ok {
		f(t, p)
	}
}
