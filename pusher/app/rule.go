package app

import (
	"errors"
	"fmt"
	"time"
)

// A Rule says what is special about some channels of an app. Immutable, shared.
type Rule struct {
	// Match is a pattern for whole channel names: '*' stands for any letters or none, every other letter for itself.
	Match string

	ClientEvents Permission // for clients on channels whose kind has client events at all

	History History // events that are kept for those who come back, or come late

	// KeyedCache keeps the newest event of each key for those who come, for as long as the cache of an app keeps events:
	// CacheKeys of them at most, those that moved last; 0: no limit.
	KeyedCache bool
	CacheKeys  int

	Key Grouping // what the keys of events are

	// Slow says what becomes of events for a client that cannot keep up with them. Where some are left out that is so from
	// HighWater unsent bytes of a connection (0: never) until there are LowWater or less.
	Slow                Slow
	HighWater, LowWater int
}

// Slow is what becomes of a client that reads too slowly.
type Slow uint8

const (
	Disconnect Slow = iota // it is closed, as the limits of the process say
	Conflate               // it gets the newest event of each key
	DropOldest             // it does not get the oldest
)

// History says how much of a channel's past is kept. The zero value: nothing.
type History struct {
	Events int           // the newest ones; 0: no limit
	TTL    time.Duration // of each event; 0: no limit
}

// On reports whether anything is kept. Any goroutine.
func (h History) On() bool { return h.Events > 0 || h.TTL > 0 }

// A Grouping says which events of a channel replace each other for whoever wants the newest alone.
type Grouping uint8

const (
	ByEvent   Grouping = iota // those of the same name
	ByChannel                 // all
)

// A Permission is what a rule says about something that the app allows or forbids.
type Permission uint8

const (
	AsApp Permission = iota // as the app has it
	Allow
	Deny
)

// Or returns what p says, and byApp when it says nothing. Any goroutine.
func (p Permission) Or(byApp bool) bool {
	if p == AsApp {
		return byApp
	}
	return p == Allow
}

// Rule returns the first of the app's rules that matches a channel, nil when none does. It takes some tens of nanoseconds
// a rule, so whoever keeps state of a channel keeps its rule there. Any goroutine.
func (a *App) Rule(channel string) *Rule {
	for i := range a.Rules {
		if matches(a.Rules[i].Match, channel) {
			return &a.Rules[i]
		}
	}
	return nil
}

// MayHaveClientEvents reports whether clients may publish on a channel, as far as the app and the channel's rule have a
// say; its kind has one too. Any goroutine.
func (a *App) MayHaveClientEvents(r *Rule) bool {
	if r == nil {
		return a.ClientEvents
	}
	return r.ClientEvents.Or(a.ClientEvents)
}

// matches compares the whole of name with a pattern. A '*' first takes as little as it can, and a letter more each time
// the rest does not fit; only the last one met needs to be tried again.
func matches(pattern, name string) bool {
	p, n := 0, 0
	star, from := -1, 0 // the last '*' met, and where the name goes on behind what it has taken
	for n < len(name) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, from = p, n
			p++
		case p < len(pattern) && pattern[p] == name[n]:
			p++
			n++
		case star >= 0:
			from++
			p, n = star+1, from
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// check reports what makes r unusable.
func (r *Rule) check() error {
	if r.Match == "" {
		return errors.New("a rule matches nothing")
	}
	switch {
	case r.ClientEvents > Deny:
		return fmt.Errorf("rule %q has an unknown permission", r.Match)
	case r.Key > ByChannel:
		return fmt.Errorf("rule %q has unknown keys", r.Match)
	case r.Slow > DropOldest:
		return fmt.Errorf("rule %q has an unknown policy for slow clients", r.Match)
	case r.HighWater < 0 || r.LowWater < 0 || r.HighWater > 0 && r.LowWater > r.HighWater:
		return fmt.Errorf("rule %q has marks that cannot be", r.Match)
	case r.History.Events < 0 || r.History.TTL < 0 || r.CacheKeys < 0:
		return fmt.Errorf("rule %q has a negative limit", r.Match)
	}
	return nil
}
