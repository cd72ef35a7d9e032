package channel_test

import (
	"testing"
	"time"

	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/channel"
)

func TestCacheKeepsTheLastEventUntilItExpires(t *testing.T) {
	s := channel.New(pusher.Cache)
	if _, _, _, ok := s.Cached(start); ok {
		t.Fatal("an event in a new channel")
	}
	token := []byte(`"one"`)
	s.Store("e1", []byte(`"zero"`), start, time.Minute)
	s.Store("e2", token, start.Add(10*time.Second), time.Minute)
	copy(token, `"xxx"`) // the caller's buffer is used again
	event, data, ttl, ok := s.Cached(start.Add(30 * time.Second))
	if !ok || event != "e2" || string(data) != `"one"` || ttl != 40*time.Second {
		t.Errorf("Cached = %q, %s, %v, %v, want e2, \"one\", 40s", event, data, ttl, ok)
	}
	if _, _, _, ok := s.Cached(start.Add(70 * time.Second)); ok {
		t.Error("an event older than its time to live")
	}
}

func TestCacheWithoutTimeToLiveKeepsTheEvent(t *testing.T) {
	s := channel.New(pusher.Private | pusher.Cache)
	s.Store("e", []byte(`"x"`), start, 0)
	if _, _, ttl, ok := s.Cached(start.Add(1000 * time.Hour)); !ok || ttl != 0 {
		t.Errorf("Cached = %v, %v, want 0, true", ttl, ok)
	}
}

func TestChannelsWithoutCacheKeepNothing(t *testing.T) {
	for _, kind := range []pusher.Kind{pusher.Public, pusher.Private, pusher.Presence, pusher.Private | pusher.Encrypted, pusher.ServerToUser} {
		s := channel.New(kind)
		s.Store("e", []byte(`"x"`), start, time.Minute)
		if _, _, _, ok := s.Cached(start); ok {
			t.Errorf("kind %v kept an event", kind)
		}
	}
}
