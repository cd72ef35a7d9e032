package node

import (
	"math"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/gannet-io/gannet/engine/history"
	"github.com/gannet-io/gannet/engine/history/memstream"
	"github.com/gannet-io/gannet/engine/hub"
	"github.com/gannet-io/gannet/frame"
	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/wire"
)

// streamBytes is what a channel with a stream counts for beside its events: topic, state and stream.
const streamBytes = 1 << 10

// openStream makes the stream of a channel whose rule keeps something.
func (n *Node) openStream(t *hub.Topic, a *app.App, p *place, name string) history.Stream {
	w := n.wiring(t, a, p, name)
	if n.streams != nil {
		return n.streams(t.Key(), w)
	}
	return memstream.New(newEpoch(), w)
}

// wiring is what ties a stream to the topic of a channel whose rule keeps something.
func (n *Node) wiring(t *hub.Topic, a *app.App, p *place, name string) history.Wiring {
	rule := p.ruled.rule
	w := history.Wiring{Limits: limitsOf(rule, a)}
	if rule.History.On() {
		w.Seal = func(d *history.Draft, at history.Position) *frame.Prepared {
			return p.ruled.seal(wire.Seal(d.Body, at), d.Key, at.Offset)
		}
	} else {
		w.Limits.Events = -1
		w.Seal = func(d *history.Draft, _ history.Position) *frame.Prepared {
			return p.ruled.seal(append(d.Body, '}'), d.Key, 0)
		}
	}
	w.Deliver = n.deliverer(t, p, name)
	w.Lock = func(f func()) {
		defer shared()
		found := n.hub.Find([]byte(t.Key()))
		if found == nil {
			return
		}
		if found == t {
			f()
			n.account(t, p)
		}
		n.hub.Release(found)
	}
	return w
}

// deliverer returns what delivers the events of a stream.
func (n *Node) deliverer(t *hub.Topic, p *place, name string) func(d *history.Draft, e history.Event) {
	return func(d *history.Draft, e history.Event) {
		if t.Count() == 0 {
			return
		}
		span, instead := n.streamSpan(t, p), n.instead(p, name, d.Except, e.Offset)
		t.PublishStreamWatched(e.Frame, n.sockets.parse(d.Except), instead, n.watcherOf(span))
		if span != nil && p.link != nil {
			span.End(n.now())
		}
	}
}

func limitsOf(r *app.Rule, a *app.App) history.Limits {
	// One channel alone must not drive out all others, and least of all itself.
	l := history.Limits{Events: r.History.Events, Age: int64(r.History.TTL), Bytes: a.Limits.HistoryBytes / 2}
	if r.KeyedCache {
		l.Keys, l.KeyAge = r.CacheKeys, int64(a.Limits.CacheTTL)
		if l.Keys == 0 {
			l.Keys = math.MaxInt32
		}
	}
	return l
}

// newEpoch returns eight letters of which there are 2^40: short, since every event carries them, and enough, since one is
// only ever compared with the others of a channel.
func newEpoch() string {
	const letters = "abcdefghijkmnpqrstuvwxyz23456789"
	var epoch [8]byte
	for i, x := 0, rand.Uint64(); i < len(epoch); i, x = i+1, x/uint64(len(letters)) {
		epoch[i] = letters[x%uint64(len(letters))]
	}
	return string(epoch[:])
}

// instead makes what the connection that an event leaves out gets in its place; nil when there is none.
func (n *Node) instead(p *place, name, except string, offset uint64) *frame.Prepared {
	if except == "" || !p.hasHistory() {
		return nil
	}
	return position(name, history.Position{Epoch: p.ruled.stream.Head().Epoch, Offset: offset})
}

// position makes the frame that says where a channel is now.
func position(name string, at history.Position) *frame.Prepared {
	return text(wire.AppendPosition(frame.NewBuffer(len(name)+112), name, &at, 0))
}

// serialBytes is how much a serial adds to a frame at most.
const serialBytes = len(`,"serial":"-","`) + history.MaxEpoch + 16

// append gives ev its place in the channel's stream, keeps and delivers it. wait is that of history.Stream. over says that
// the app's streams hold too much now: trimPast is to be called once the topic is unlocked.
func (n *Node) append(t *hub.Topic, p *place, ev *Event) (wait func() error, over bool) {
	r, now := p.ruled, n.now()
	body := frame.NewBuffer(len(ev.Name) + len(ev.Channel) + len(ev.Data) + 48 + serialBytes)
	r.draft = history.Draft{
		Body:   wire.AppendOpenEvent(body, ev.Name, ev.Channel, ev.Data),
		Except: ev.Except,
		Key:    n.keyOf(r.rule, ev.Name),
		ID:     ev.ID,
	}
	r.span = ev.Span
	wait = r.stream.Append(&r.draft, now.UnixNano())
	r.draft, r.span = history.Draft{}, nil
	r.used = now.UnixNano()
	return wait, n.account(t, p)
}

// A holding is what one stream holds. Guarded by the pasts it is in.
type holding struct {
	key           string
	bytes, events int
	list          *holdings // nil: it is not counted
	prev, next    *holding
}

// holdings are in the order in which they were last touched.
type holdings struct{ root holding }

func (l *holdings) front() *holding {
	if l.root.next == &l.root {
		return nil
	}
	return l.root.next
}

func (l *holdings) push(h *holding) {
	if l.root.next == nil {
		l.root.next, l.root.prev = &l.root, &l.root
	}
	h.list, h.prev, h.next = l, l.root.prev, &l.root
	h.prev.next, h.next.prev = h, h
}

// pasts add up what the streams of one app hold. Its lock is taken under that of a topic, never the other way round.
type pasts struct {
	mu            sync.Mutex
	bytes, events int      // guarded by mu
	streams       int      // guarded by mu
	full          holdings // guarded by mu; streams with events
	idle          holdings // guarded by mu; those without, that nobody is subscribed to, kept for who may come back
}

// put counts h as one of list (nil: no more), touched now, and returns the sum of all.
func (p *pasts) put(h *holding, list *holdings, bytes, events int) (sum int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if h.list != nil {
		h.prev.next, h.next.prev = h.next, h.prev
		h.list = nil
		p.bytes -= h.bytes
		p.events -= h.events
		p.streams--
	}
	if list != nil {
		h.bytes, h.events = bytes, events
		p.bytes += bytes
		p.events += events
		p.streams++
		list.push(h)
	}
	return p.bytes
}

// coldest returns the key of the stream to let go first when more is held than limit: one without events, which anybody can
// make by subscribing, before the one that was untouched for longest.
func (p *pasts) coldest(limit int) (key string, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bytes <= limit {
		return "", false
	}
	for _, list := range []*holdings{&p.idle, &p.full} {
		if list.root.next != nil && list.front() != nil {
			return list.front().key, true
		}
	}
	return "", false
}

// account brings the app's accounts up to date with the stream of p, which was used just now, and keeps t while there is
// something to keep. over says that the app holds too much.
func (n *Node) account(t *hub.Topic, p *place) (over bool) {
	r := p.streamed()
	if r == nil {
		return false
	}
	events, keys := r.stream.Events()
	accounts := &r.owner.past
	var list *holdings
	switch {
	case events+keys > 0:
		list = &accounts.full
	case p.link == nil && t.Count() == 0 && r.remembered(n.now()): // a log is remembered by the backbone
		list = &accounts.idle
	}
	if list == nil && r.holding.list == nil {
		return false // nobody's lock is needed
	}
	r.holding.key = t.Key()
	sum := accounts.put(&r.holding, list, r.stream.Bytes()+streamBytes+len(t.Key()), events)
	n.keep(t, p)
	if list != nil && r.ages && !r.due {
		n.agesLater(t, r, r.stream.Expire(n.now().UnixNano()))
	}
	return r.owner.pastLimit > 0 && sum > r.owner.pastLimit
}

// remembered reports whether the stream is to be kept though it is empty and nobody is subscribed: who was may come back
// and ask whether he has missed anything. Where nobody can ask there is nothing to remember.
func (r *ruled) remembered(now time.Time) bool {
	h := r.rule.History
	return h.On() && r.used != 0 && (h.TTL == 0 || now.UnixNano() < r.used+int64(h.TTL))
}

// agesLater has expirePast look at the stream at a time, or when it may be forgotten if that is 0; not more often than every
// eighth of the time that it keeps events for, since what is too old is not read anyway.
func (n *Node) agesLater(t *hub.Topic, r *ruled, at int64) {
	ttl := int64(r.rule.History.TTL)
	if at == 0 && ttl > 0 {
		at = r.used + ttl
	}
	if at == 0 {
		return
	}
	r.due = true
	now := n.now()
	when := now.Add(max(time.Duration(at-now.UnixNano()), time.Duration(ttl/8)))
	key, owner := t.Key(), r.owner
	n.chores.later(chorePast+key, when, func() { n.expirePast(owner, key) })
}

// expirePast lets go of what is too old in one stream.
func (n *Node) expirePast(owner *tenant, key string) {
	defer shared()
	t := n.hub.Find([]byte(key))
	if t == nil {
		return
	}
	defer n.hub.Release(t)
	if p, ok := t.State.(*place); ok && p.streamed() != nil {
		p.ruled.due = false
		p.ruled.stream.Expire(n.now().UnixNano())
		n.account(t, p)
	}
}

// trimPast lets go of the coldest streams of an app until what the rest holds is within its limit.
func (n *Node) trimPast(owner *tenant) {
	for {
		key, ok := owner.past.coldest(owner.pastLimit)
		if !ok {
			return
		}
		n.evictPast(key)
	}
}

// evictPast lets go of all events of one stream. Where somebody is subscribed the numbers go on, so that nobody who is there
// takes it for a gap; else the stream goes with the topic, and its epoch.
func (n *Node) evictPast(key string) {
	defer shared()
	t := n.hub.Find([]byte(key))
	if t == nil {
		return // forgotten by another at this moment
	}
	defer n.hub.Release(t)
	if p, ok := t.State.(*place); ok && p.streamed() != nil {
		p.ruled.stream.Clear()
		p.ruled.used = 0
		n.account(t, p)
		n.metrics.pastEvictions.Inc()
	}
}
