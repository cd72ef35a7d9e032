package channel_test

import (
	"testing"
	"time"

	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/channel"
)

func TestCountIsAnnouncedAtEveryChangeUpToAHundred(t *testing.T) {
	s := channel.New(pusher.Public)
	for i := range 100 {
		s.Join("a", nil, 0)
		if !s.CountDue(s.Count(), start) {
			t.Fatalf("subscriber %d was not announced", i+1)
		}
	}
	if s.CountDue(s.Count(), start) {
		t.Error("announced without a change")
	}
	s.Leave("")
	if !s.CountDue(s.Count(), start) {
		t.Error("a leave was not announced")
	}
}

func TestCountAboveAHundredIsAnnouncedEveryFiveSeconds(t *testing.T) {
	s := channel.New(pusher.Public)
	for range 100 {
		s.Join("a", nil, 0)
		s.CountDue(s.Count(), start)
	}
	s.Join("a", nil, 0) // number 101
	if s.CountDue(s.Count(), start.Add(time.Second)) {
		t.Error("announced 1 s after the last announcement")
	}
	if wait, owed := s.CountOwed(s.Count(), start.Add(time.Second)); !owed || wait != 4*time.Second {
		t.Errorf("CountOwed = %v, %v, want 4s, true", wait, owed)
	}
	if s.CountDue(s.Count(), start.Add(4999*time.Millisecond)) {
		t.Error("announced before 5 s had passed")
	}
	if !s.CountDue(s.Count(), start.Add(5*time.Second)) {
		t.Error("not announced after 5 s")
	}
	if _, owed := s.CountOwed(s.Count(), start.Add(5*time.Second)); owed {
		t.Error("still owed after it was announced")
	}
	if s.CountDue(s.Count(), start.Add(time.Hour)) {
		t.Error("announced without activity")
	}
}

func TestCountIsNotSilencedByAClockSetBack(t *testing.T) {
	s := channel.New(pusher.Public)
	for range 101 {
		s.Join("a", nil, 0)
		s.CountDue(s.Count(), start)
	}
	s.Join("a", nil, 0)
	if !s.CountDue(s.Count(), start.Add(-time.Hour)) {
		t.Error("silent until the clock has caught up")
	}
}

func TestAnnouncesCountByKindAndApp(t *testing.T) {
	on := &app.App{SubscriptionCount: true}
	encryptedToo := &app.App{SubscriptionCount: true, Compat: app.Compat{EncryptedSubscriptionCount: true}}
	for _, test := range []struct {
		channel                  string
		off, plain, encryptedToo bool
	}{
		{"a", false, true, true},
		{"cache-a", false, true, true},
		{"private-a", false, true, true},
		{"private-encrypted-a", false, false, true},
		{"private-encrypted-cache-a", false, false, true},
		{"presence-a", false, false, false},
		{"presence-cache-a", false, false, false},
		{"#server-to-user-1", false, false, false},
	} {
		kind := pusher.KindOf(test.channel)
		for _, c := range []struct {
			a    *app.App
			want bool
		}{{&app.App{}, test.off}, {on, test.plain}, {encryptedToo, test.encryptedToo}} {
			if got := channel.AnnouncesCount(kind, c.a); got != c.want {
				t.Errorf("%s: %v, want %v (%+v)", test.channel, got, c.want, c.a)
			}
		}
	}
}
