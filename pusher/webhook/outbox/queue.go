package outbox

import (
	"bytes"
	"container/heap"
	"time"

	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/app"
)

// A queue is what waits to be sent to one webhook.
//
// Batches that share a channel go one after the other, others side by side, as many as the webhook has workers. A batch
// that failed rests; those behind it with its channels wait, the rest does not. When a receiver fails two batches without a
// success between, nothing but one try at a time goes out to it, after a pause that grows.
type queue struct {
	app  string
	hook *app.Webhook
	box  *Outbox

	at  time.Time // when there is something to do; in the agenda
	pos int       // in the agenda; -1: not in it

	open          [2]*Batch // that collect: plain events, and those of encrypted channels
	first, last   *Batch    // all that are not over
	events, bytes int       // in all of them

	tails     map[string]*Batch // by channel, the last closed batch with an event of it that is not over
	ready     pile              // runnable, by seq
	resting   pile              // by time of the next try
	sending   int
	queued    bool      // among the box's startable
	failures  int       // in a row
	failed    time.Time // when the last of them was counted
	culprit   *Batch    // that failed then
	pauseTill time.Time
}

func newQueue(box *Outbox, appID string, hook *app.Webhook) *queue {
	return &queue{
		app: appID, hook: hook, box: box, pos: -1,
		tails: make(map[string]*Batch), ready: pile{less: bySeq}, resting: pile{less: byDue},
	}
}

// add puts an event into the open batch, making one if need be.
func (q *queue) add(channel string, event []byte, ticket uint64, now time.Time) {
	i := 0
	if pusher.KindOf(channel)&pusher.Encrypted != 0 {
		i = 1
	}
	b := q.open[i]
	if b == nil {
		b = &Batch{Seq: q.box.seq(), App: q.app, Webhook: q.hook.Name, Created: now, closeAt: now.Add(q.hook.BatchDelay)}
		q.open[i] = b
		q.append(b)
	}
	before := b.bytes()
	b.add(channel, event)
	if ticket != 0 {
		q.box.hold(ticket)
		b.parts = append(b.parts, part{ticket, len(b.Events) - len(event), len(b.Events)})
	}
	q.events++
	q.grow(b.bytes() - before)
	q.box.touch(b)
	if b.Count >= q.hook.BatchEvents {
		q.close(i, now)
	}
}

// append takes b as the last batch.
func (q *queue) append(b *Batch) {
	b.queue = q
	if b.prev = q.last; b.prev != nil {
		b.prev.next = b
	} else {
		q.first = b
	}
	q.last = b
	q.events += b.Count
	q.grow(b.bytes())
}

func (q *queue) grow(bytes int) {
	q.bytes += bytes
	q.box.bytes += bytes
}

// close lets open batch i take no more events.
func (q *queue) close(i int, now time.Time) {
	b := q.open[i]
	q.open[i] = nil
	q.line(b, now)
}

// line puts b behind the batches it must follow.
func (q *queue) line(b *Batch, now time.Time) {
	b.state = closed
	b.sortChannels()
	if q.hook.RetryFor > 0 {
		b.deadline = now.Add(q.hook.RetryFor)
	}
	for _, channel := range b.Channels {
		if earlier := q.tails[channel]; earlier != nil && (len(earlier.later) == 0 || earlier.later[len(earlier.later)-1] != b) {
			earlier.later = append(earlier.later, b)
			b.earlier++
		}
		q.tails[channel] = b
	}
	q.release(b)
}

// release makes b runnable when nothing is in its way any more.
func (q *queue) release(b *Batch) {
	if b.state == closed && b.earlier == 0 && q.box.isStored(b) {
		b.state = runnable
		heap.Push(&q.ready, b)
	}
}

// workers returns how many requests may be under way now: one at a time to a receiver that fails.
func (q *queue) workers() int {
	if q.failures > 0 {
		return 1
	}
	return q.hook.Workers
}

// start returns the batch to be sent now, if there is one.
func (q *queue) start(now time.Time) *Batch {
	if q.sending >= q.workers() || now.Before(q.pauseTill) || q.ready.Len() == 0 {
		return nil
	}
	b := heap.Pop(&q.ready).(*Batch)
	b.state = sending
	b.started = now
	b.Attempts++
	q.sending++
	return b
}

// finish takes b back from the wire.
func (q *queue) finish(b *Batch, r Result, now time.Time) {
	q.sending--
	b.state = resting
	if r.OK {
		q.recover()
		q.remove(b)
		q.box.done(b)
		return
	}
	if b.hushed && q.cut(b) {
		return
	}
	b.Reason = r.Reason
	q.judge(b, r, now)
	b.due = now.Add(max(pause(b.Attempts, q.box.cfg.Jitter()), min(r.After, maxPause)))
	if !b.deadline.IsZero() && b.due.After(b.deadline) {
		q.bury(b, r.Reason, now)
		return
	}
	heap.Push(&q.resting, b)
}

// judge draws a conclusion about the receiver from a failure. Requests that were under way together fail together, and
// that counts once.
func (q *queue) judge(b *Batch, r Result, now time.Time) {
	if !r.Receiver {
		q.recover() // it is there and has an opinion
		return
	}
	if q.failures > 0 && b.started.Before(q.failed) {
		return
	}
	if again := q.failures == 1 && q.culprit == b; !again {
		q.failures++ // one batch that fails again and again may be at fault itself
	}
	q.failed, q.culprit = now, b
	if q.failures > 1 {
		q.pauseTill = now.Add(max(pause(q.failures-1, q.box.cfg.Jitter()), min(r.After, maxPause)))
	}
}

// recover forgets the failures of the receiver.
func (q *queue) recover() { q.failures, q.culprit, q.pauseTill = 0, nil, time.Time{} }

// bury gives b up. It must not be under way.
func (q *queue) bury(b *Batch, reason string, now time.Time) {
	q.detach(b)
	q.remove(b)
	q.box.bury(&Dead{Batch: b, Reason: reason, At: now})
}

// detach takes b out of whatever would start it.
func (q *queue) detach(b *Batch) {
	switch b.state {
	case collecting:
		for i := range q.open {
			if q.open[i] == b {
				q.open[i] = nil
			}
		}
		b.sortChannels()
	case runnable:
		heap.Remove(&q.ready, b.pos)
	case resting:
		if b.pos < q.resting.Len() && q.resting.batches[b.pos] == b {
			heap.Remove(&q.resting, b.pos)
		}
	}
}

// hush drops the events with tickets.
func (q *queue) hush() {
	for b := q.first; b != nil; {
		next := b.next
		switch {
		case len(b.parts) == 0:
		case b.state == sending:
			b.hushed = true
			for i := range b.parts {
				b.parts[i].ticket = 0
			}
		default:
			q.cut(b)
		}
		b = next
	}
}

// cut takes the events with tickets out of b, and b out of the queue when nothing is left, which it reports. It must not be under way.
func (q *queue) cut(b *Batch) (over bool) {
	stored := q.box.isStored(b)
	var rest []byte
	keep := func(events []byte) {
		if events = bytes.Trim(events, ","); len(events) > 0 {
			if len(rest) > 0 {
				rest = append(rest, ',')
			}
			rest = append(rest, events...)
		}
	}
	from := 0
	for _, p := range b.parts {
		keep(b.Events[from:p.begin])
		from = p.end
	}
	keep(b.Events[from:])
	size, count := b.bytes(), len(b.parts)
	if count == b.Count {
		q.detach(b)
		for i := range b.parts {
			q.box.release(b.parts[i].ticket)
			b.parts[i].ticket = 0
		}
		q.remove(b)
		q.box.done(b)
		return true
	}
	for _, p := range b.parts {
		q.box.release(p.ticket)
	}
	b.Events, b.Count, b.parts, b.hushed = rest, b.Count-count, nil, false
	q.events -= count
	q.grow(b.bytes() - size)
	if stored {
		b.stored = len(b.Events) // more of it is, until it is stored anew
	}
	q.box.touch(b)
	return false
}

// remove takes b out, and lets go of what waits for it.
func (q *queue) remove(b *Batch) {
	b.state = over
	if b.prev != nil {
		b.prev.next = b.next
	} else {
		q.first = b.next
	}
	if b.next != nil {
		b.next.prev = b.prev
	} else {
		q.last = b.prev
	}
	b.prev, b.next = nil, nil
	q.events -= b.Count
	q.grow(-b.bytes())
	for _, p := range b.parts {
		q.box.release(p.ticket)
	}
	if b.earlier == 0 {
		q.pass(b)
	}
}

// pass lets those go that wait for b, which is over. One that was given up before its turn holds its place until then:
// what is behind it must not overtake what is before it.
func (q *queue) pass(b *Batch) {
	for _, channel := range b.Channels {
		if q.tails[channel] == b {
			delete(q.tails, channel)
		}
	}
	for _, later := range b.later {
		later.earlier--
		if later.state == over && later.earlier == 0 {
			q.pass(later)
		} else {
			q.release(later)
		}
	}
	b.later = nil
}

// spare returns the oldest batch that can be given up, nil when all are under way.
func (q *queue) spare() *Batch {
	for b := q.first; b != nil; b = b.next {
		if b.state != sending {
			return b
		}
	}
	return nil
}

// tick does what is due: closes batches, gives up old ones, wakes resting ones.
func (q *queue) tick(now time.Time) {
	for i, b := range q.open {
		if b != nil && !now.Before(b.closeAt) {
			q.close(i, now)
		}
	}
	for b := q.oldest(); b != nil && !b.deadline.IsZero() && now.After(b.deadline); b = q.oldest() {
		reason := ReasonExpired
		if b.Reason != "" {
			reason = b.Reason
		}
		q.bury(b, reason, now)
	}
	for q.resting.Len() > 0 && !now.Before(q.resting.batches[0].due) {
		b := heap.Pop(&q.resting).(*Batch)
		b.state = runnable
		heap.Push(&q.ready, b)
	}
}

// oldest returns the batch whose time ends first.
func (q *queue) oldest() *Batch {
	b := q.first
	for b != nil && (b.state == sending || b.state == collecting) {
		b = b.next
	}
	return b
}

// due returns when tick or start will have something to do, and whether they ever will. Whatever can be started now must
// have been.
func (q *queue) due() (at time.Time, ok bool) {
	consider := func(t time.Time) {
		if !ok || t.Before(at) {
			at, ok = t, true
		}
	}
	for _, b := range q.open {
		if b != nil {
			consider(b.closeAt)
		}
	}
	if b := q.oldest(); b != nil && !b.deadline.IsZero() {
		consider(b.deadline.Add(1)) // now.After, by the smallest step
	}
	if q.sending < q.workers() && q.ready.Len() > 0 {
		consider(q.pauseTill)
	}
	if q.resting.Len() > 0 {
		consider(q.resting.batches[0].due)
	}
	return at, ok
}
