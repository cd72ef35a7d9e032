package session

import (
	"time"

	"github.com/gannet-io/gannet/pusher"
)

// Deadline returns the time by which the connection must have authorized itself, by a sign-in or by a subscription to a
// private or presence channel; the zero time when it need not or has ("Authorized connections"). Call Expire then. It
// is only ever cleared, so a timer set once after New may fire in vain but never late.
func (s *Session) Deadline() time.Time {
	if s.deadline == 0 {
		return time.Time{}
	}
	return time.Unix(0, s.deadline)
}

// Expire fails the connection with 4009 when its deadline has passed; before that, or without one, it does nothing.
func (s *Session) Expire(now time.Time, out []Action) []Action {
	if s.deadline == 0 || now.UnixNano() < s.deadline {
		return out
	}
	return s.Fail(pusher.ErrUnauthorizedTimeout, out)
}

// authorize notes that the connection has authorized itself, the first time with an action: from now on it counts.
func (s *Session) authorize(out []Action) []Action {
	if !s.app.RequireSignIn || s.authorized {
		return out
	}
	s.authorized = true
	s.deadline = 0
	return append(out, Action{Op: Authorized})
}
