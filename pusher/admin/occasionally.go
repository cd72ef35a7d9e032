package admin

import (
	"sync"
	"time"
)

// occasionally keeps something that comes at a stranger's will from filling the log: the first few are told at once, then
// one in a while.
type occasionally struct {
	mu     sync.Mutex
	left   int       // guarded by mu: may be told at once
	since  time.Time // guarded by mu: when left was last added to
	unsaid int       // guarded by mu
}

const (
	sayAtOnce = 3
	sayEvery  = 20 * time.Second
)

// now reports whether this one is to be told, and how many were not since the last that was. Any goroutine.
func (o *occasionally) now(t time.Time) (say bool, unsaid int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.since.IsZero() {
		o.left, o.since = sayAtOnce, t
	}
	if more := int(t.Sub(o.since) / sayEvery); more > 0 {
		o.left, o.since = min(o.left+more, sayAtOnce), t
	}
	if o.left <= 0 {
		o.unsaid++
		return false, 0
	}
	o.left--
	unsaid, o.unsaid = o.unsaid, 0
	return true, unsaid
}
