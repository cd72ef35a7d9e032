//go:build linux

package swarm

import (
	"fmt"
	"time"

	"github.com/gannet-io/gannet/loadtest/plan"
)

const (
	// reopenAfter is how long a publisher waits before it replaces a lost conn.
	reopenAfter = 100 * time.Millisecond

	// stallAfter is how long a message may be outstanding before its window goes on without it.
	stallAfter = 5 * time.Second

	// catchUp is how long after the window what fell due in it may still be sent.
	catchUp = 250 * time.Millisecond
)

// A publisher sends its messages of the plan in turn: each when it is due, or, to saturation, as
// soon as the one Window before it is out of the way. One that is late sends at once what it owes,
// with the times at which it was due.
type publisher struct {
	id   int   // of the plan
	slot int32 // its conn

	next  uint64 // its next message
	armed bool   // there is a task for when that is due
	over  bool   // it has sent all, or may not

	// Of REST: the request that is under way.
	asking bool
	asked  int   // messages in it
	reach  int64 // deliveries that they should cause

	// When saturating: message n is in window[n mod Window].
	window []outstanding
}

// An outstanding message has been sent and has not come as far as Plan.Until says. A publisher can see only the
// subscribers of its own worker, which are a fair sample of all.
type outstanding struct {
	n    uint64
	left int32 // subscribers that do not have it; untilAnswered when none can be seen
	at   int64
}

const untilAnswered = -1

func (w *worker) addPublishers() {
	low, high := w.plan.Share(w.plan.Publishers, w.index)
	w.firstPublisher = low
	w.publishers = make([]publisher, high-low)
	for i := range w.publishers {
		p := &w.publishers[i]
		p.id = low + i
		if w.plan.Saturate {
			p.window = make([]outstanding, w.plan.Window)
		}
		if w.plan.Via == plan.Members {
			p.slot = int32(i) // publisher i is client i, and shares are cut alike
			continue
		}
		kind := roleREST
		if w.plan.Via == plan.ClientEvents {
			kind = roleSpeaker
		}
		p.slot = int32(len(w.conns))
		w.conns = append(w.conns, conn{fd: -1, who: int32(p.id), role: kind})
	}
}

// publisherOf returns which publisher a conn is of, -1 when of none.
func (w *worker) publisherOf(slot int32) int {
	if w.plan.Via == plan.Members {
		if int(slot) < len(w.publishers) {
			return int(slot)
		}
		return -1
	}
	if i := int(slot) - w.clients; i >= 0 && i < len(w.publishers) {
		return i
	}
	return -1
}

// openPublishers opens the conns of publishers that have their own.
func (w *worker) openPublishers() {
	if w.plan.Via == plan.Members {
		return
	}
	for i := range w.publishers {
		w.unready++
		w.openPublisher(i)
	}
}

func (w *worker) openPublisher(i int) {
	if slot := w.publishers[i].slot; w.conns[slot].state == stateFree {
		w.open(slot, w.clock.now())
	}
}

// publisherOpen is called when a publisher's conn can be used.
func (w *worker) publisherOpen(slot int32) {
	if w.begin == nil {
		w.unready--
		return
	}
	w.willing = append(w.willing, w.publisherOf(slot))
}

// publisherLost is called when a publisher's conn has ended. An HTTP conn is replaced: servers
// close them as they like.
func (w *worker) publisherLost(slot int32, was state, reason string) {
	i := w.publisherOf(slot)
	p := &w.publishers[i]
	if p.asking {
		w.answered(p, 0)
		w.problem("publish: no answer: " + reason)
	} else if was != stateLive && reason != "" {
		w.problem("publish: " + reason)
	}
	if w.conns[slot].role == roleREST && !w.stopped.Load() {
		w.tasks.push(task{at: w.clock.now() + int64(reopenAfter), do: dutyReopen, slot: int32(i)})
		return
	}
	if w.begin == nil && was != stateLive {
		w.unready-- // as open as it will get
	}
	p.over = true
}

// beginPublishing sets the first message of each publisher.
func (w *worker) beginPublishing() {
	if !w.plan.Publishes() {
		return
	}
	for i := range w.publishers {
		w.arm(i)
	}
}

// arm sets a task for when the publisher's next message is due.
func (w *worker) arm(i int) {
	p := &w.publishers[i]
	at := w.begin.At
	if !w.plan.Saturate {
		at += int64(w.plan.Due(p.id, p.next))
	}
	if at >= w.until {
		p.over = true
		return
	}
	p.armed = true
	w.tasks.push(task{at: at, do: dutyPublish, slot: int32(i)})
}

// punctual is publish when a message falls due.
func (w *worker) punctual(i int) {
	p := &w.publishers[i]
	p.armed = false
	if !w.plan.Saturate && !p.over && !p.asking && w.conns[p.slot].state == stateLive {
		w.lateness.Record(w.clock.now() - w.begin.At - int64(w.plan.Due(p.id, p.next)))
	}
	w.publish(i)
}

// publish sends what publisher i may send now.
func (w *worker) publish(i int) {
	p := &w.publishers[i]
	for !p.over && !p.asking && w.begin != nil {
		c := &w.conns[p.slot]
		if c.state != stateLive || len(c.out) > 0 {
			return // goes on when it is open, or has room
		}
		now := w.clock.now()
		if now < w.begin.At {
			return
		}
		if now >= w.until && (w.plan.Saturate || now >= w.until+int64(catchUp)) {
			p.over = true
			return
		}
		if w.plan.Via == plan.REST {
			w.ask(p, now)
		} else {
			w.say(p, now)
		}
		if at, may := w.mayPublish(p, now); !may {
			if at > 0 && !p.armed && !p.asking {
				w.arm(i)
			}
			return
		}
	}
}

// mayPublish reports whether the publisher's next message may be sent now, and the time to stamp it
// with: when it was due, or now when there is no schedule. When it is not due yet at is when it
// will be, and 0 when it waits for others.
func (w *worker) mayPublish(p *publisher, now int64) (at int64, may bool) {
	if w.plan.Saturate {
		if p.window[p.next%uint64(len(p.window))].left != 0 {
			return 0, false
		}
		return now, true
	}
	at = w.begin.At + int64(w.plan.Due(p.id, p.next))
	return at, at <= now && at < w.until
}

// take makes the publisher's next message, if it may be sent now: its stamp and how many it should
// reach.
func (w *worker) take(p *publisher, now int64) (s plan.Stamp, reach int, ok bool) {
	at, may := w.mayPublish(p, now)
	if !may {
		return s, 0, false
	}
	channel, seq := w.plan.Message(p.id, p.next)
	if w.plan.Saturate {
		left := w.local[channel]
		if left == 0 || w.plan.Until == plan.UntilAnswer {
			left = untilAnswered
		} else if w.plan.Until == plan.UntilFirst {
			left = 1
		}
		p.window[p.next%uint64(len(p.window))] = outstanding{n: p.next, left: left, at: now}
	}
	p.next++
	return plan.Stamp{At: at, Seq: seq, Publisher: uint32(p.id), Channel: uint32(channel)}, w.plan.Reach(int(w.population[channel])), true
}

// say sends one message over WebSocket.
func (w *worker) say(p *publisher, now int64) {
	s, reach, ok := w.take(p, now)
	if !ok {
		return
	}
	// Nothing is being read, so the buffer is free.
	w.text = w.dialect.appendPublication(w.text[:0], w.buf[:0], w.plan.Channel(int(s.Channel)), s, w.plan.Payload)
	w.counts.Published++
	w.counts.Expected += int64(reach)
	w.transmit(p.slot, w.text)
}

// answers handles the HTTP answers in b.
func (w *worker) answers(slot int32, b []byte) (rest []byte, reason string) {
	i := w.publisherOf(slot)
	p := &w.publishers[i]
	r, n, err := nextResponse(b)
	switch {
	case err != nil:
		return nil, err.Error()
	case n == 0:
		return b, ""
	case !p.asking:
		return nil, fmt.Sprintf("HTTP %d without a request", r.status)
	}
	if r.status != 200 {
		w.problem(fmt.Sprintf("publish: HTTP %d: %.80s", r.status, r.body))
	}
	w.answered(p, r.status)
	if r.close {
		w.lose(slot, "the server closes after each answer")
		return nil, ""
	}
	w.willing = append(w.willing, i)
	return b[n:], ""
}

// answered accounts for the request that was under way.
func (w *worker) answered(p *publisher, status int) {
	p.asking = false
	if status == 200 {
		w.counts.Published += int64(p.asked)
		w.counts.Expected += p.reach
	} else {
		w.counts.Refused += int64(p.asked)
	}
	if !w.plan.Saturate {
		return
	}
	for n := p.next - uint64(p.asked); n < p.next; n++ {
		if o := &p.window[n%uint64(len(p.window))]; o.n == n && (status != 200 || o.left == untilAnswered) {
			o.left = 0
		}
	}
}

// credit notes that a subscriber of this worker has a message, and lets its publisher go on when
// that was the last.
func (w *worker) credit(s *plan.Stamp) {
	i := int(s.Publisher) - w.firstPublisher
	if i < 0 || i >= len(w.publishers) {
		return // of another worker
	}
	p := &w.publishers[i]
	n := w.plan.Number(p.id, int(s.Channel), s.Seq)
	o := &p.window[n%uint64(len(p.window))]
	if o.n != n || o.left <= 0 {
		return
	}
	if o.left--; o.left == 0 && !p.asking {
		w.willing = append(w.willing, i)
	}
}

// unstall gives up messages that have been outstanding for too long, so that one that was lost
// does not end the run.
func (w *worker) unstall(now int64) {
	for i := range w.publishers {
		p := &w.publishers[i]
		stalled := false
		for k := range p.window {
			if o := &p.window[k]; o.left > 0 && now-o.at > int64(stallAfter) {
				o.left = 0
				w.counts.Stalled++
				stalled = true
			}
		}
		if stalled {
			w.publish(i)
		}
	}
}

// settleUnsent counts, at the end, what fell due in the window and was never sent.
func (w *worker) settleUnsent() {
	if w.begin == nil || w.plan.Saturate || !w.plan.Publishes() {
		return
	}
	end := min(w.until, w.clock.now()) - w.begin.At
	for i := range w.publishers {
		p := &w.publishers[i]
		for n := p.next; int64(w.plan.Due(p.id, n)) < end; n++ {
			w.counts.Unsent++
		}
	}
}
