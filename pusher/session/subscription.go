package session

import (
	"iter"
	"slices"

	"github.com/gannet-io/gannet/pusher"
)

type state uint8

const (
	pending   state = iota // asked for, not answered
	postponed              // the same, and whoever is to answer has said that it takes some time
	abandoned              // unsubscribed while pending: the answer is still to come
	joined
)

// A Seat is a connection's place in a channel, as its session keeps it. Once joined it does not change any more; so
// those who are nobody in particular there can sit on one and the same, which NewSeat makes and Share takes.
type Seat struct {
	channel string
	userID  string // on presence channels
	kind    pusher.Kind
	state   state

	clientEvents bool // app and rule allow them
}

// NewSeat returns a seat in a channel without members, to be shared by all its subscribers. clientEvents says whether app
// and rule allow them there. Any goroutine.
func NewSeat(channel string, kind pusher.Kind, clientEvents bool) *Seat {
	return &Seat{channel: channel, kind: kind, state: joined, clientEvents: clientEvents}
}

// subscriptions are a session's, in no order. Nearly every connection has one, for which there is room without another
// allocation; most others have a handful, which are found fastest by looking at each. A client that holds more than
// indexedFrom gets a map, since it chooses how many there are.
type subscriptions struct {
	first *Seat // nil when there is none
	more  *more // nil when there is no other
}

type more struct {
	list  []*Seat
	index map[string]int32 // by channel into list; nil while there are few
}

// indexedFrom is high because a map costs five times what the list does.
const indexedFrom = 128

// len returns how many there are.
func (s *subscriptions) len() int {
	switch {
	case s.first == nil:
		return 0
	case s.more == nil:
		return 1
	}
	return 1 + len(s.more.list)
}

// all yields every seat. The subscriptions must not change meanwhile.
func (s *subscriptions) all() iter.Seq[*Seat] {
	return func(yield func(*Seat) bool) {
		if s.first == nil || !yield(s.first) || s.more == nil {
			return
		}
		for _, seat := range s.more.list {
			if !yield(seat) {
				return
			}
		}
	}
}

// at returns where the seat in channel is kept, or nil. It is good until the next add or remove.
func (s *subscriptions) at(channel string) **Seat {
	if s.first != nil && s.first.channel == channel {
		return &s.first
	}
	if s.more == nil {
		return nil
	}
	if i := s.more.at(channel); i >= 0 {
		return &s.more.list[i]
	}
	return nil
}

// find returns the seat in channel, or nil.
func (s *subscriptions) find(channel string) *Seat {
	if at := s.at(channel); at != nil {
		return *at
	}
	return nil
}

// add takes a seat in a channel that has none.
func (s *subscriptions) add(seat *Seat) {
	if s.first == nil {
		s.first = seat
		return
	}
	if s.more == nil {
		s.more = new(more)
	}
	s.more.add(seat)
}

// remove forgets the seat in channel, which there is.
func (s *subscriptions) remove(channel string) {
	if s.first.channel == channel {
		if s.more == nil {
			s.first = nil
			return
		}
		s.first = s.more.list[len(s.more.list)-1]
		channel = s.first.channel
	}
	s.more.remove(channel)
	if len(s.more.list) == 0 {
		s.more = nil
	}
}

func (m *more) add(seat *Seat) {
	if n := len(m.list); n == cap(m.list) {
		// By a quarter, not to twice as many: what is not used is a large part of what a subscription costs.
		m.list = append(make([]*Seat, 0, max(n+1, n+n/4)), m.list...)
	}
	m.list = append(m.list, seat)
	switch n := len(m.list); {
	case m.index != nil:
		m.index[seat.channel] = int32(n - 1)
	case n > indexedFrom:
		m.index = make(map[string]int32, 2*n)
		for i, other := range m.list {
			m.index[other.channel] = int32(i)
		}
	}
}

func (m *more) remove(channel string) {
	i, last := m.at(channel), len(m.list)-1
	m.list[i] = m.list[last]
	m.list[last] = nil
	m.list = m.list[:last]
	if m.index != nil {
		delete(m.index, channel)
		if i != last {
			m.index[m.list[i].channel] = int32(i)
		}
	}
}

func (m *more) at(channel string) int {
	if m.index != nil {
		if i, ok := m.index[channel]; ok {
			return int(i)
		}
		return -1
	}
	return slices.IndexFunc(m.list, func(seat *Seat) bool { return seat.channel == channel })
}
