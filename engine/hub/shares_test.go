package hub

import (
	"testing"

	"github.com/gannet-io/gannet/frame"
)

func post(s *shares, account uint32, letters, bytes int, full bool) {
	f := frame.Prepare(frame.Binary, append(frame.NewBuffer(bytes), make([]byte, bytes)...))
	e := entry{topic: &Topic{Account: account}, frame: f}
	for range letters {
		s.add(&e, full)
	}
}

func TestWhoPostsMoreThanItsShareIsAtFault(t *testing.T) {
	var s shares
	post(&s, 1, maxLetters-1, 1, false)
	if s.blames(1) || s.blames(2) || s.blames(1<<20) {
		t.Fatal("somebody is at fault before the mailbox is full")
	}
	post(&s, 2, 1, 1, true) // the last letter that it should hold, and the second account's first
	post(&s, 1, 1, 1, true)
	if !s.blames(1) || s.blames(2) {
		t.Fatalf("at fault: 1 %v, 2 %v; want 1 alone", s.blames(1), s.blames(2))
	}
	// Of two, half is a fair share.
	post(&s, 2, maxLetters/2-2, 1, true)
	if s.blames(2) {
		t.Error("2 is at fault with less than half")
	}
	post(&s, 2, 1, 1, true)
	if !s.blames(2) {
		t.Error("2 is not at fault with half")
	}
	s.empty()
	if !s.blames(1) || !s.blames(2) {
		t.Error("taking the letters out forgives before they are dealt with")
	}
	s.forgive()
	post(&s, 1, 1, 1, false)
	if s.blames(1) || s.blames(2) {
		t.Error("somebody is still at fault")
	}
}

func TestSharesAreOfBytesToo(t *testing.T) {
	var s shares
	post(&s, 1, 17, 1<<20, true)
	post(&s, 2, 100, 10, true)
	if !s.blames(1) || s.blames(2) {
		t.Errorf("at fault: 1 %v, 2 %v; want 1, with 17 MiB, alone", s.blames(1), s.blames(2))
	}
}
