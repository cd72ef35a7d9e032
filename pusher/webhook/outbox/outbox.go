package outbox

import (
	"container/heap"
	"errors"
	"math/bits"
	"slices"
	"time"

	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/wire"
)

// Config says how an Outbox behaves.
type Config struct {
	LeaveDelay  time.Duration // that a channel or member must be gone before it is told; 0: told at once
	MissDelay   time.Duration // during which one cache_miss of a channel is enough
	QueueEvents int           // that one webhook may have waiting; at least what is in one batch
	QueueBytes  int           // that all may have waiting together

	// Journal says that batches are stored before they are sent: Start gives none out that Stored has not been told of.
	Journal bool
	Seq     uint64         // above every Seq that was ever used
	Jitter  func() float64 // in [0, 1)
}

// An Outbox holds what is to be told and has not been. Make it with New.
type Outbox struct {
	cfg  Config
	apps map[string]*tenant

	last      uint64 // Seq given out
	bytes     int    // of all queues
	agenda    agenda
	startable []*queue // that may have something to start; those that have not are dropped when looked at
	scratch   []byte

	changes Changes
	dirty   []*Batch
	stats   Stats

	owed map[uint64]int // by ticket, of how many things it is a part that are not over
	over []uint64       // tickets that are part of none any more
}

// A tenant is what there is for one app.
type tenant struct {
	id     string
	hooks  pusher.Hook // that any of its webhooks wants
	queues []*queue

	gone   waits // channels and members that were told of, and left
	missed waits // channels whose cache_miss was told lately
	at     time.Time
	pos    int
}

// Stats count what has happened since New.
type Stats struct {
	Events     [8]uint64 // by the bit of their kind, how many there were, however many webhooks they went to
	Suppressed uint64    // pairs that were not told, because who left was back in time
}

// A Result is how a request went.
type Result struct {
	OK       bool
	Reason   string        // why not; a word for people and metrics
	Receiver bool          // the receiver as a whole is in trouble, rather than this batch unwelcome
	After    time.Duration // that it asked to be left alone; heeded up to the longest pause
}

// New returns an Outbox for the webhooks of apps, with nothing in it. Disabled apps count too: what they had waiting is sent.
func New(cfg Config, apps []*app.App) *Outbox {
	o := &Outbox{cfg: cfg, apps: make(map[string]*tenant), last: cfg.Seq, owed: make(map[uint64]int)}
	for _, a := range apps {
		if len(a.Webhooks) == 0 {
			continue
		}
		t := &tenant{id: a.ID, hooks: a.Hooks(), gone: waits{delay: cfg.LeaveDelay}, missed: waits{delay: cfg.MissDelay}, pos: -1}
		for i := range a.Webhooks {
			t.queues = append(t.queues, newQueue(o, a.ID, &a.Webhooks[i]))
		}
		o.apps[a.ID] = t
	}
	return o
}

// The pairs: told both, or neither.
const (
	channelHooks = pusher.HookOccupied | pusher.HookVacated
	memberHooks  = pusher.HookMemberAdded | pusher.HookMemberRemoved
)

// Notify takes in that e has happened in an app. e is borrowed.
func (o *Outbox) Notify(appID string, e *wire.HookEvent, now time.Time) {
	o.Tell(appID, e, 0, false, now)
}

// Tell is Notify with a ticket, by which Told says when e is over: it was delivered to all webhooks that want it, given up, or is not to be told. With sure a departure is told
// at once, and an arrival whatever was before. 0 is no ticket.
func (o *Outbox) Tell(appID string, e *wire.HookEvent, ticket uint64, sure bool, now time.Time) {
	o.hold(ticket)
	defer o.release(ticket)
	t := o.apps[appID]
	if t == nil {
		return
	}
	s := subject{channel: e.Channel}
	switch e.Hook {
	case pusher.HookOccupied:
		o.join(t, s, channelHooks, e, ticket, sure, now)
	case pusher.HookVacated:
		o.leave(t, s, channelHooks, e.ID, ticket, sure, now)
	case pusher.HookMemberAdded:
		s.user, s.member = e.UserID, true
		o.join(t, s, memberHooks, e, ticket, sure, now)
	case pusher.HookMemberRemoved:
		s.user, s.member = e.UserID, true
		o.leave(t, s, memberHooks, e.ID, ticket, sure, now)
	case pusher.HookCacheMiss:
		if t.wants(e.Hook, e.Channel) && !t.missed.has(s) {
			t.missed.start(s, now)
			o.tell(t, e, ticket, now)
		}
	default:
		o.tell(t, e, ticket, now)
	}
	o.plan(t)
}

// hold notes that ticket is a part of one more thing.
func (o *Outbox) hold(ticket uint64) {
	if ticket != 0 {
		o.owed[ticket]++
	}
}

// release undoes hold.
func (o *Outbox) release(ticket uint64) {
	if ticket == 0 {
		return
	}
	if o.owed[ticket]--; o.owed[ticket] <= 0 {
		delete(o.owed, ticket)
		o.over = append(o.over, ticket)
	}
}

// Told returns the tickets whose events have become over since it was last called. They are the caller's.
func (o *Outbox) Told() []uint64 {
	over := o.over
	o.over = nil
	return over
}

// Hush drops all that has a ticket and is not under way: somebody else tells it.
func (o *Outbox) Hush(now time.Time) {
	for _, t := range o.apps {
		t.gone.dropTickets()
		o.plan(t)
		for _, q := range t.queues {
			q.hush()
			o.update(q, now)
		}
	}
	clear(o.owed)
	o.over = nil
}

// wants reports whether any webhook of the app wants one of these kinds on a channel.
func (t *tenant) wants(kinds pusher.Hook, channel string) bool {
	if t.hooks&kinds == 0 {
		return false
	}
	for _, q := range t.queues {
		if q.hook.Wants(kinds, channel) {
			return true
		}
	}
	return false
}

func (o *Outbox) join(t *tenant, s subject, pair pusher.Hook, e *wire.HookEvent, ticket uint64, sure bool, now time.Time) {
	if !t.wants(pair, s.channel) {
		return
	}
	if !sure {
		if departed, ok := t.gone.cancel(s); ok {
			o.stats.Suppressed++
			o.release(departed)
			return
		}
	}
	o.ledger(Present{t.id, s.channel, s.user, s.member}, true)
	o.tell(t, e, ticket, now)
}

func (o *Outbox) leave(t *tenant, s subject, pair pusher.Hook, id string, ticket uint64, sure bool, now time.Time) {
	switch {
	case !t.wants(pair, s.channel):
	case sure:
		o.part(t, s, id, ticket, now)
	default:
		o.hold(ticket)
		t.gone.startFor(s, id, ticket, t.gone.delay, now)
		o.fire(t, now) // at once without a delay
	}
}

// fire tells of those whose absence is no blink any more.
func (o *Outbox) fire(t *tenant, now time.Time) {
	for {
		s, id, ticket, ok := t.gone.take(now)
		if !ok {
			break
		}
		o.part(t, s, id, ticket, now)
		o.release(ticket)
	}
	for ok := true; ok; {
		_, _, _, ok = t.missed.take(now)
	}
}

func (o *Outbox) part(t *tenant, s subject, id string, ticket uint64, now time.Time) {
	e := wire.HookEvent{Hook: pusher.HookVacated, Channel: s.channel, ID: id}
	if s.member {
		e.Hook, e.UserID = pusher.HookMemberRemoved, s.user
	}
	o.ledger(Present{t.id, s.channel, s.user, s.member}, false)
	o.tell(t, &e, ticket, now)
}

// tell gives e to every webhook that wants it.
func (o *Outbox) tell(t *tenant, e *wire.HookEvent, ticket uint64, now time.Time) {
	written := false
	for _, q := range t.queues {
		if !q.hook.Wants(e.Hook, e.Channel) {
			continue
		}
		if !written {
			o.scratch = wire.AppendHookEvent(o.scratch[:0], e)
			o.stats.Events[bits.TrailingZeros8(uint8(e.Hook))]++
			written = true
		}
		q.add(e.Channel, o.scratch, ticket, now)
		for q.events > o.cfg.QueueEvents && o.overflow(q, now) {
		}
		o.update(q, now)
	}
	for o.bytes > o.cfg.QueueBytes {
		q := o.largest()
		if !o.overflow(q, now) {
			break
		}
		o.update(q, now)
	}
}

// overflow gives up the oldest batch of q, if that can be.
func (o *Outbox) overflow(q *queue, now time.Time) bool {
	b := q.spare()
	if b == nil {
		return false
	}
	q.bury(b, ReasonOverflow, now)
	return true
}

func (o *Outbox) largest() (most *queue) {
	for _, t := range o.apps {
		for _, q := range t.queues {
			if most == nil || q.bytes > most.bytes {
				most = q
			}
		}
	}
	return most
}

// Start returns a batch to be sent now, nil when there is none. It is the caller's until Finish.
func (o *Outbox) Start(now time.Time) *Batch {
	for len(o.startable) > 0 {
		last := len(o.startable) - 1
		q := o.startable[last]
		if b := q.start(now); b != nil {
			return b
		}
		o.startable[last] = nil
		o.startable = o.startable[:last]
		q.queued = false
		o.schedule(q)
	}
	return nil
}

// Finish takes back a batch that Start gave out.
func (o *Outbox) Finish(b *Batch, r Result, now time.Time) {
	b.queue.finish(b, r, now)
	o.update(b.queue, now)
}

// Tick does what is due by now.
func (o *Outbox) Tick(now time.Time) {
	for len(o.agenda) > 0 && !o.agenda[0].when().After(now) {
		switch e := o.agenda[0].(type) {
		case *queue:
			o.update(e, now)
			// Until Start has looked at it, it has no business in the agenda.
			o.agenda.remove(e)
		case *tenant:
			o.fire(e, now)
			o.plan(e)
		}
	}
}

// Next returns when to call Tick and Start again, provided that nothing else happens and Start has said that there is
// nothing more; false: never.
func (o *Outbox) Next() (time.Time, bool) {
	if len(o.agenda) == 0 {
		return time.Time{}, false
	}
	return o.agenda[0].when(), true
}

// update looks what has become of q, and has Start look at it.
func (o *Outbox) update(q *queue, now time.Time) {
	q.tick(now)
	if !q.queued {
		q.queued = true
		o.startable = append(o.startable, q)
	}
}

func (o *Outbox) schedule(q *queue) {
	if at, ok := q.due(); ok {
		q.at = at
		o.agenda.set(q)
	} else {
		o.agenda.remove(q)
	}
}

// plan puts t where it belongs in the agenda.
func (o *Outbox) plan(t *tenant) {
	gone, ok := t.gone.next()
	missed, alsoMissed := t.missed.next()
	switch {
	case ok && (!alsoMissed || gone.Before(missed)):
		t.at = gone
	case alsoMissed:
		t.at = missed
	default:
		o.agenda.remove(t)
		return
	}
	o.agenda.set(t)
}

// End tells of all absences at once and closes all batches, since nothing more will come. Without the absences, what is
// waited for is to be found again in the ledger.
func (o *Outbox) End(absences bool, now time.Time) {
	for _, t := range o.apps {
		if absences {
			for {
				if _, ok := t.gone.next(); !ok {
					break
				}
				s, id := t.gone.line[0].subject, t.gone.line[0].id
				t.gone.pop()
				ticket, _ := t.gone.cancel(s)
				o.part(t, s, id, ticket, now)
				o.release(ticket)
			}
			o.plan(t)
		}
		for _, q := range t.queues {
			for i := range q.open {
				if q.open[i] != nil {
					q.close(i, now)
				}
			}
			o.update(q, now)
		}
	}
}

// Restore takes in a batch that is on disk from a time before, closed. It returns false when its webhook is not there.
func (o *Outbox) Restore(b *Batch, now time.Time) bool {
	q := o.find(b.App, b.Webhook)
	if q == nil {
		return false
	}
	o.last = max(o.last, b.Seq)
	o.admit(q, b, len(b.Events), now)
	o.update(q, now)
	return true
}

// Forget deletes a batch that is on disk from a time before and was not taken in.
func (o *Outbox) Forget(seq uint64) { o.changes.Delete = append(o.changes.Delete, seq) }

// Reject takes in a batch that is on disk from a time before as a dead letter.
func (o *Outbox) Reject(b *Batch, reason string, now time.Time) {
	o.last = max(o.last, b.Seq)
	o.bury(&Dead{Batch: b, Reason: reason, At: now})
}

// Why a dead letter cannot be replayed.
var (
	ErrNoWebhook = errors.New("its webhook is not configured any more")
	ErrNoRoom    = errors.New("its queue is full")
)

// Replay takes in a dead letter once more, under its old Seq.
func (o *Outbox) Replay(b *Batch, now time.Time) error {
	q := o.find(b.App, b.Webhook)
	if q == nil {
		return ErrNoWebhook
	}
	// What is alive must not be pushed out by the dead.
	if q.events+b.Count > o.cfg.QueueEvents || o.bytes+b.bytes() > o.cfg.QueueBytes {
		return ErrNoRoom
	}
	o.changes.Revive = append(o.changes.Revive, b.Seq)
	o.touch(o.admit(q, b, 0, now))
	o.update(q, now)
	return nil
}

// admit puts a copy of what b says into q: whatever else b may have been part of is past. stored is how many bytes of its
// events are on disk.
func (o *Outbox) admit(q *queue, b *Batch, stored int, now time.Time) *Batch {
	c := &Batch{
		Seq: b.Seq, App: q.app, Webhook: q.hook.Name, Created: b.Created,
		Events: b.Events, Count: b.Count, Channels: slices.Clone(b.Channels), stored: stored,
	}
	q.append(c)
	q.line(c, now)
	return c
}

// Present is a channel, or one of its members, that webhooks were told is there.
type Present struct {
	App, Channel, User string
	Member             bool // User is the id of one
}

// RestorePresent takes in, from a time before, who was told to be there: each is as good as gone, and has wait to come back. Members are to
// be restored before their channels. It is ignored when no webhook wants to know any more.
func (o *Outbox) RestorePresent(p Present, wait time.Duration, now time.Time) {
	s, pair := subject{channel: p.Channel, user: p.User, member: p.Member}, channelHooks
	if p.Member {
		pair = memberHooks
	}
	t := o.apps[p.App]
	if t == nil || !t.wants(pair, p.Channel) {
		o.ledger(p, false)
		return
	}
	t.gone.startFor(s, "", 0, wait, now)
	o.plan(t)
}

// ForgetPresent takes out of the ledger, from a time before, who was told to be there: another node has told what became of him.
func (o *Outbox) ForgetPresent(p Present) { o.ledger(p, false) }

func (o *Outbox) find(appID, name string) *queue {
	t := o.apps[appID]
	if t == nil {
		return nil
	}
	for _, q := range t.queues {
		if q.hook.Name == name {
			return q
		}
	}
	return nil
}

func (o *Outbox) seq() uint64 {
	o.last++
	return o.last
}

// Stats returns the counters.
func (o *Outbox) Stats() Stats { return o.stats }

// A QueueState is how one webhook is doing.
type QueueState struct {
	App     string
	Hook    *app.Webhook
	Events  int       // that wait, those under way included
	Unsafe  int       // of them, in batches that are not stored as they are
	Bytes   int       // that they take
	Sending int       // requests under way
	Oldest  time.Time // when the oldest event happened; zero: none waits
	Failing bool      // its receiver failed lately, and is tried with pauses
}

// Queues calls visit for every webhook, in the order of each app.
func (o *Outbox) Queues(visit func(QueueState)) {
	for _, t := range o.apps {
		for _, q := range t.queues {
			s := QueueState{App: t.id, Hook: q.hook, Events: q.events, Bytes: q.bytes, Sending: q.sending, Failing: q.failures > 0}
			if q.first != nil {
				s.Oldest = q.first.Created
			}
			for b := q.first; b != nil; b = b.next {
				if !o.isStored(b) {
					s.Unsafe += b.Count
				}
			}
			visit(s)
		}
	}
}

// Empty reports whether nothing is left to be sent, now or later.
func (o *Outbox) Empty() bool {
	for _, t := range o.apps {
		for _, q := range t.queues {
			if q.first != nil {
				return false
			}
		}
	}
	return true
}

// Idle reports whether nothing is under way or about to be: what is left waits for its receivers.
func (o *Outbox) Idle() bool {
	for _, t := range o.apps {
		for _, q := range t.queues {
			if q.sending > 0 || q.open != [2]*Batch{} {
				return false
			}
		}
	}
	return true
}

// An agenda is a heap of what has something to do at a time, the earliest first.
type agenda []entry

type entry interface {
	when() time.Time
	place() *int
}

func (q *queue) when() time.Time  { return q.at }
func (q *queue) place() *int      { return &q.pos }
func (t *tenant) when() time.Time { return t.at }
func (t *tenant) place() *int     { return &t.pos }

// set moves e to where its time belongs, putting it in if need be.
func (a *agenda) set(e entry) {
	if i := *e.place(); i >= 0 {
		heap.Fix(a, i)
	} else {
		heap.Push(a, e)
	}
}

func (a *agenda) remove(e entry) {
	if i := *e.place(); i >= 0 {
		heap.Remove(a, i)
	}
}

func (a agenda) Len() int           { return len(a) }
func (a agenda) Less(i, j int) bool { return a[i].when().Before(a[j].when()) }
func (a agenda) Swap(i, j int) {
	a[i], a[j] = a[j], a[i]
	*a[i].place(), *a[j].place() = i, j
}

func (a *agenda) Push(x any) {
	e := x.(entry)
	*e.place() = len(*a)
	*a = append(*a, e)
}

func (a *agenda) Pop() any {
	last := len(*a) - 1
	e := (*a)[last]
	(*a)[last] = nil
	*a = (*a)[:last]
	*e.place() = -1
	return e
}
