package session

import (
	"slices"

	"github.com/gannet-io/gannet/pusher"
)

type state uint8

const (
	pending   state = iota // asked for, not answered
	abandoned              // unsubscribed while pending: the answer is still to come
	joined
)

// A subscription is 40 bytes, so that the first one of a session takes an allocation of 48.
type subscription struct {
	channel string
	userID  string // on presence channels
	kind    pusher.Kind
	state   state
}

// subscriptions are a session's, in no order. Most connections have a handful, which are found fastest by looking at
// each; a client that holds more than indexedFrom gets a map, since it chooses how many there are.
type subscriptions struct {
	list  []subscription
	index map[string]int32 // by channel into list; nil while there are few
}

const indexedFrom = 16

// find returns the subscription to channel, or nil. The pointer is good until the next add or remove.
func (s *subscriptions) find(channel string) *subscription {
	if i := s.at(channel); i >= 0 {
		return &s.list[i]
	}
	return nil
}

// add takes a subscription to a channel that has none.
func (s *subscriptions) add(sub subscription) {
	if s.list == nil {
		s.list = make([]subscription, 0, 1)
	}
	s.list = append(s.list, sub)
	switch n := len(s.list); {
	case s.index != nil:
		s.index[sub.channel] = int32(n - 1)
	case n > indexedFrom:
		s.index = make(map[string]int32, 2*n)
		for i := range s.list {
			s.index[s.list[i].channel] = int32(i)
		}
	}
}

// remove forgets the subscription to channel, which there is.
func (s *subscriptions) remove(channel string) {
	i, last := s.at(channel), len(s.list)-1
	s.list[i] = s.list[last]
	s.list[last] = subscription{} // let go of its strings
	s.list = s.list[:last]
	if s.index != nil {
		delete(s.index, channel)
		if i != last {
			s.index[s.list[i].channel] = int32(i)
		}
	}
	if last == 0 {
		*s = subscriptions{}
	}
}

func (s *subscriptions) at(channel string) int {
	if s.index != nil {
		if i, ok := s.index[channel]; ok {
			return int(i)
		}
		return -1
	}
	return slices.IndexFunc(s.list, func(sub subscription) bool { return sub.channel == channel })
}
