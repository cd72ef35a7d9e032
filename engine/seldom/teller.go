// Package seldom keeps what happens at the peers' will from filling the log: the first few are told at once, then one in a while, with the number of
// those that were not.
//
// It is for what a counter counts as well: a panic that somebody can cause again and again, with its stack, is the case in point.
package seldom

import (
	"sync"
	"time"
)

// So many are told at once, and one more each time that Every has passed.
const (
	AtOnce = 3
	Every  = 20 * time.Second
)

// A Teller decides what is told. The zero value is ready. Any goroutine.
type Teller struct {
	mu     sync.Mutex
	left   int       // guarded by mu: may be told now
	since  time.Time // guarded by mu: up to when left has grown; zero before the first
	unsaid int       // guarded by mu
}

// Tell reports whether what happens at a time is to be told, and how many before it were not since the last that was. Any goroutine.
func (t *Teller) Tell(at time.Time) (say bool, unsaid int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.since.IsZero() {
		t.left, t.since = AtOnce, at
	}
	if more := at.Sub(t.since) / Every; more > 0 {
		t.left = min(t.left+int(min(more, AtOnce)), AtOnce)
		t.since = t.since.Add(more * Every)
	}
	if t.left == 0 {
		t.unsaid++
		return false, 0
	}
	t.left--
	unsaid, t.unsaid = t.unsaid, 0
	return true, unsaid
}
