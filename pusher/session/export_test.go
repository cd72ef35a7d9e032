package session

import "unsafe"

const (
	Size     = unsafe.Sizeof(Session{})
	SeatSize = unsafe.Sizeof(Seat{})
)

// Ended reports whether the session was ended, by End, Fail or Expire.
func (s *Session) Ended() bool { return s.ended }
