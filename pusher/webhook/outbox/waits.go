package outbox

import "time"

// A subject is a channel, or a member of one.
type subject struct {
	channel string
	user    string
	member  bool // user is its id, however empty
}

// waits holds the subjects for which something happens when a while has passed, unless it is called off before.
//
// It is one line: who begins to wait later is never done earlier. So a member that left before the last of its channel
// left is removed before the channel is vacated, though both may be due at one moment.
type waits struct {
	delay time.Duration
	turns map[subject]turn // of every subject that waits, the place in the line that counts
	line  []waiting        // in the order of turns; those called off stay in it until they are at the front
	turn  uint64           // the last one given out
	until time.Time        // no wait that begins now ends before
}

type waiting struct {
	subject
	turn  uint64
	until time.Time
	id    string // of its event
}

// A turn is a place in the line.
type turn struct{ place, ticket uint64 }

// start lets s wait for the delay. One that waits already waits anew.
func (w *waits) start(s subject, now time.Time) { w.startFor(s, "", 0, w.delay, now) }

// startFor is start with a delay of its own, and with the ID and ticket of an event.
func (w *waits) startFor(s subject, id string, ticket uint64, delay time.Duration, now time.Time) {
	if w.turns == nil {
		w.turns = make(map[subject]turn)
	}
	if until := now.Add(delay); until.After(w.until) {
		w.until = until
	}
	w.turn++
	w.turns[s] = turn{w.turn, ticket}
	w.line = append(w.line, waiting{s, w.turn, w.until, id})
}

// cancel reports whether s was waiting, with which ticket, and lets it wait no more.
func (w *waits) cancel(s subject) (ticket uint64, ok bool) {
	t, ok := w.turns[s]
	delete(w.turns, s)
	return t.ticket, ok
}

// has reports whether s waits.
func (w *waits) has(s subject) bool {
	_, ok := w.turns[s]
	return ok
}

// next returns when the first one is due.
func (w *waits) next() (time.Time, bool) {
	for len(w.line) > 0 {
		first := &w.line[0]
		if w.turns[first.subject].place == first.turn {
			return first.until, true
		}
		w.pop()
	}
	return time.Time{}, false
}

// take returns the first one that is due, who then waits no more.
func (w *waits) take(now time.Time) (s subject, id string, ticket uint64, ok bool) {
	until, ok := w.next()
	if !ok || until.After(now) {
		return subject{}, "", 0, false
	}
	s, id = w.line[0].subject, w.line[0].id
	ticket = w.turns[s].ticket
	w.pop()
	delete(w.turns, s)
	return s, id, ticket, true
}

// dropTickets forgets all that wait with a ticket.
func (w *waits) dropTickets() {
	for s, t := range w.turns {
		if t.ticket != 0 {
			delete(w.turns, s)
		}
	}
}

func (w *waits) pop() {
	w.line[0] = waiting{} // let go of its strings
	w.line = w.line[1:]
	if len(w.line) == 0 {
		w.line = nil
		w.until = time.Time{}
	}
}
