//go:build linux

package main_test

import (
	"runtime"
	"strconv"
	"testing"
)

// What is counted here is the promise of the design in numbers that do not depend on how busy
// the machine is. "go run ./bench counts" prints them, from the attributes.

func tell(t *testing.T, key string, value float64) {
	t.Attr(key, strconv.FormatFloat(value, 'g', 4, 64))
}

func TestADeliveryAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	const subscribers, publishes = 1000, 50
	s := newHouse(t)
	s.enter(subscribers, 1, 1)
	round := func() {
		for range publishes {
			target := s.frames.Get() + subscribers
			s.publish(channelName(0))
			s.awaitFrames(target) // so that nothing is merged
		}
	}
	round() // what grows once
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	round()
	runtime.ReadMemStats(&after)
	// A publish makes its frame, and the loop, which sends in slices, wakes itself some times:
	// that is shared by a thousand deliveries. One for each would be 1.
	each := float64(after.Mallocs-before.Mallocs) / (subscribers * publishes)
	tell(t, "allocations_per_delivery", each)
	if each > 0.2 {
		t.Errorf("%.4f allocations a delivery", each)
	}
}

func TestADeliveryToAnIdleSubscriberIsOneSystemCall(t *testing.T) {
	const subscribers = 500
	s := newHouse(t)
	s.enter(subscribers, 1, 1)
	sends, frames := s.sends.Get(), s.frames.Get()
	s.publish(channelName(0))
	s.awaitFrames(frames + subscribers)
	s.settled()
	got := s.sends.Get() - sends
	tell(t, "sends_per_delivery", float64(got)/subscribers)
	if got != subscribers {
		t.Errorf("%d system calls for a publish to %d", got, subscribers)
	}
}

func TestMessagesThatWaitTogetherAreOneSystemCallASubscriber(t *testing.T) {
	const subscribers, publishes = 200, 100
	s := newHouse(t)
	s.enter(subscribers, 1, 1)
	sends, frames := s.sends.Get(), s.frames.Get()
	s.on(func() { // the loop is held while they come in
		for range publishes {
			s.publish(channelName(0))
		}
	})
	s.awaitFrames(frames + subscribers*publishes)
	s.settled()
	got := s.sends.Get() - sends
	tell(t, "sends_per_drain", float64(got)/subscribers)
	if got != subscribers {
		t.Errorf("%d system calls for %d messages to %d, want one a subscriber", got, publishes, subscribers)
	}
}

func TestMessagesOfManyChannelsAreOneSystemCallASubscriber(t *testing.T) {
	const subscribers, channels = 200, 20
	s := newHouse(t)
	s.enter(subscribers, channels, channels) // each on all of them
	sends, frames := s.sends.Get(), s.frames.Get()
	s.on(func() {
		for i := range channels {
			s.publish(channelName(i))
		}
	})
	s.awaitFrames(frames + subscribers*channels)
	s.settled()
	if got := s.sends.Get() - sends; got != subscribers {
		t.Errorf("%d system calls for a message on each of %d channels to %d, want one a subscriber", got, channels, subscribers)
	}
}

func TestIdleConnectionsAreSmall(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes things larger")
	}
	if testing.Short() {
		t.Skip("takes seconds")
	}
	const clients, channels, further = 2000, 100, 20
	s := newHouse(t)
	s.enter(1, 1, 1) // what is made once
	empty := liveHeap()
	s.enter(clients, channels, 1)
	one := liveHeap()
	conn := float64(one-empty) / clients
	tell(t, "heap_per_connection", conn)
	if conn > 950 {
		t.Errorf("%.0f B of heap a connection with one subscription", conn)
	}

	many := newHouse(t)
	many.enter(1, 1, 1)
	empty = liveHeap()
	many.enter(clients, channels, 1+further)
	subscription := (float64(liveHeap()-empty) - conn*clients) / (clients * further)
	tell(t, "heap_per_subscription", subscription)
	// The hub's part is some 20 B; the session lists its channels besides.
	if subscription > 60 {
		t.Errorf("%.1f B of heap a further subscription", subscription)
	}
}
