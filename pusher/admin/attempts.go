package admin

import (
	"crypto/sha256"
	"sync"
	"time"
)

// attempts hold who guesses at the secret back: an address has so many wrong ones, and gets one more in a while; all
// together have more, for who has many addresses.
type attempts struct {
	mu  sync.Mutex
	by  map[string]*tries // by address; guarded by mu
	all tries             // guarded by mu
}

const (
	freeAttempts = 5
	attemptEvery = 30 * time.Second

	freeOfAll       = 100
	attemptOfAll    = time.Second
	maxAttemptAddrs = 4096
)

// tries is a bucket that wrong secrets fill and time empties.
type tries struct {
	wrong int
	at    time.Time         // up to which time has emptied it
	last  [sha256.Size]byte // digest of the secret that was tried last; of guessed alone
}

// drain lets time pass, and returns how long there is none free.
func (t *tries) drain(now time.Time, free int, every time.Duration) time.Duration {
	if passed := now.Sub(t.at); t.wrong == 0 || passed < 0 {
		t.at = now
	} else if n := int(passed / every); n >= t.wrong {
		t.wrong, t.at = 0, now
	} else {
		t.wrong -= n
		t.at = t.at.Add(time.Duration(n) * every)
	}
	if t.wrong < free {
		return 0
	}
	return t.at.Add(time.Duration(t.wrong-free+1) * every).Sub(now)
}

// wait returns how long an address must not try, 0 when it may.
func (a *attempts) wait(from string, now time.Time) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	wait := a.all.drain(now, freeOfAll, attemptOfAll)
	if t := a.by[from]; t != nil {
		wait = max(wait, t.drain(now, freeAttempts, attemptEvery))
	}
	return wait
}

// failed counts a wrong secret.
func (a *attempts) failed(from string, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.count(from, now)
}

// guessed counts a wrong secret unless it is the one that this address has sent before: a script that has an old one, and sends it
// again and again, guesses at nothing and is not to lock its neighbours out.
func (a *attempts) guessed(from string, secret *[sha256.Size]byte, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if t := a.by[from]; t != nil && t.last == *secret {
		return
	}
	if t := a.count(from, now); t != nil {
		t.last = *secret
	}
}

// count notes a wrong secret of an address and returns what is known of that, nil when there are too many to know all. The caller holds mu.
func (a *attempts) count(from string, now time.Time) *tries {
	a.all.drain(now, freeOfAll, attemptOfAll)
	a.all.wrong++
	t := a.by[from]
	if t == nil {
		if a.by == nil {
			a.by = make(map[string]*tries)
		}
		if len(a.by) >= maxAttemptAddrs {
			for key, one := range a.by {
				if one.drain(now, freeAttempts, attemptEvery); one.wrong == 0 {
					delete(a.by, key)
				}
			}
		}
		if len(a.by) >= maxAttemptAddrs {
			return nil // what all have together holds them
		}
		t = &tries{at: now}
		a.by[from] = t
	}
	t.drain(now, freeAttempts, attemptEvery)
	t.wrong++
	return t
}
