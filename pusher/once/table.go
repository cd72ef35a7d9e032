// Package once remembers what was answered to requests that may come again, so that one who tries again because no answer
// reached him gets that answer, and what he asked for is not done twice.
//
// A request names itself by a key of its sender's choice. A [Table] knows of each key whether its request is being dealt
// with, or what came of it, for a window of time and up to a number of keys. It has no lock and no clock: whoever owns it
// guards it and passes the time in.
package once

import "time"

// A Key is a hash of what names a request; good enough that two never meet.
type Key [16]byte

// Limits bound a Table. A zero field sets no bound.
type Limits struct {
	Window time.Duration // how long an answer is remembered
	Keys   int           // how many are; the oldest go first
}

// An Outcome says what is known of a request.
type Outcome uint8

const (
	New     Outcome = iota // it is the first: do it, then call Done or Abort
	Pending                // another like it is being dealt with
	Known                  // it has been: here is the answer
	Misused                // its key was used for another request
)

// A Table remembers answers of type A. The zero value is empty.
type Table[A any] struct {
	known map[Key]*entry[A]
	order []aged // by the time at which they were answered
}

type entry[A any] struct {
	sum    uint64
	at     int64 // Unix nanoseconds of the answer
	done   bool
	answer A
	wait   chan struct{} // closed when it is done or given up; nil while nobody waits
}

// An aged is an answer in the order in which they are forgotten.
type aged struct {
	key Key
	at  int64
}

// Begin asks what is known of the request with a key, whose content has the given sum. For a Pending one wait is closed
// when it may be asked again.
func (t *Table[A]) Begin(key Key, sum uint64, l Limits, now time.Time) (o Outcome, answer A, wait <-chan struct{}) {
	t.forget(l, now)
	e := t.known[key]
	switch {
	case e == nil:
		if t.known == nil {
			t.known = make(map[Key]*entry[A])
		}
		t.known[key] = &entry[A]{sum: sum}
		return New, answer, nil
	case e.sum != sum:
		return Misused, answer, nil
	case e.done:
		return Known, e.answer, nil
	}
	if e.wait == nil {
		e.wait = make(chan struct{})
	}
	return Pending, answer, e.wait
}

// Misused reports whether a key is known to be that of a request with another sum.
func (t *Table[A]) Misused(key Key, sum uint64) bool {
	e := t.known[key]
	return e != nil && e.sum != sum
}

// Done notes the answer to a request that was New. answer is shared from now on.
func (t *Table[A]) Done(key Key, answer A, now time.Time) {
	e := t.known[key]
	e.done, e.answer, e.at = true, answer, now.UnixNano()
	t.order = append(t.order, aged{key, e.at})
	e.release()
}

// Abort forgets a request that was New and came to nothing: the next one like it is New.
func (t *Table[A]) Abort(key Key) {
	e := t.known[key]
	delete(t.known, key)
	e.release()
}

// Len returns how many requests are known, those included that are being dealt with.
func (t *Table[A]) Len() int { return len(t.known) }

func (e *entry[A]) release() {
	if e.wait != nil {
		close(e.wait)
		e.wait = nil
	}
}

// forget drops what is too old or too much. Requests that are being dealt with stay.
func (t *Table[A]) forget(l Limits, now time.Time) {
	n := 0
	for n < len(t.order) && (l.Keys > 0 && len(t.order)-n > l.Keys ||
		l.Window > 0 && now.UnixNano()-t.order[n].at >= int64(l.Window)) {
		delete(t.known, t.order[n].key)
		n++
	}
	if n == 0 {
		return
	}
	// Copied only once half of the room is unused, so that each is moved about once.
	if t.order = t.order[n:]; len(t.order) < cap(t.order)/2 {
		t.order = append(make([]aged, 0, len(t.order)+len(t.order)/2), t.order...)
	}
}
