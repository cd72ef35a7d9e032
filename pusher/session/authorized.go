package session

import (
	"time"

	"github.com/gannet-io/gannet/pusher"
)

// Deadline returns the time by which the connection must have authorized itself, by a sign-in or by a subscription to a
// private or presence channel; the zero time when it need not or has ("Authorized connections"). Call Expire then. It
// is only ever cleared, so a timer set once after New may fire in vain but never late.
func (s *Session) Deadline() time.Time {
	if at := s.due(); at != 0 {
		return time.Unix(0, at)
	}
	return time.Time{}
}

// Expire fails the connection with 4009 when its deadline has passed; before that, or without one, it does nothing.
func (s *Session) Expire(now time.Time, out []Action) []Action {
	if at := s.due(); at == 0 || now.UnixNano() < at {
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
	s.clearDeadline()
	return append(out, Action{Op: Authorized})
}

// due returns the deadline in Unix nanoseconds, 0 when there is none.
func (s *Session) due() int64 {
	if s.identity == nil {
		return 0
	}
	return s.identity.deadline
}

func (s *Session) clearDeadline() {
	if s.identity != nil {
		s.identity.deadline = 0
	}
}
