package admin

import (
	"fmt"
	"testing"
	"time"
)

func TestManyAddressesShareTheirGuesses(t *testing.T) {
	var a attempts
	now := time.Unix(1_700_000_000, 0)
	for i := range freeOfAll {
		from := fmt.Sprint(i)
		if wait := a.wait(from, now); wait != 0 {
			t.Fatalf("address %d waits %v", i, wait)
		}
		a.failed(from, now)
	}
	if wait := a.wait("another", now); wait != time.Second {
		t.Errorf("address %d waits %v, want 1s", freeOfAll+1, wait)
	}
	if wait := a.wait("another", now.Add(time.Second)); wait != 0 {
		t.Errorf("a second later: %v", wait)
	}
}

func TestTheTableOfGuessersIsBounded(t *testing.T) {
	var a attempts
	now := time.Unix(1_700_000_000, 0)
	for i := range 3 * maxAttemptAddrs {
		a.failed(fmt.Sprint(i), now.Add(time.Duration(i)*time.Millisecond))
	}
	if len(a.by) > maxAttemptAddrs {
		t.Errorf("%d addresses", len(a.by))
	}
	// Those from before have served their time, and make room.
	a.failed("new", now.Add(time.Hour))
	if len(a.by) != 1 {
		t.Errorf("%d addresses an hour later, want 1", len(a.by))
	}
}

func TestSessionsAreBounded(t *testing.T) {
	var s sessions
	now := time.Unix(1_700_000_000, 0)
	first, _ := s.begin(now)
	second, _ := s.begin(now.Add(time.Second))
	s.use(first, now.Add(2*time.Second))
	for i := range maxSessions - 1 {
		s.begin(now.Add(time.Duration(3+i) * time.Second))
	}
	if len(s.by) != maxSessions {
		t.Errorf("%d sessions, want %d", len(s.by), maxSessions)
	}
	at := now.Add(time.Hour)
	if s.use(second, at) != nil || s.use(first, at) == nil {
		t.Error("it is not the one that was unused for longest that has ended")
	}
}
