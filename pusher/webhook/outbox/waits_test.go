package outbox

import (
	"testing"
	"time"
)

var start = time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)

func TestWaitsEndInTheOrderTheyBegan(t *testing.T) {
	w := waits{delay: 3 * time.Second}
	a, b := subject{channel: "a"}, subject{channel: "b", user: "", member: true}
	cancel := func(s subject) bool { _, ok := w.cancel(s); return ok }
	w.start(a, start)
	w.start(b, start)
	w.start(a, start.Add(time.Second)) // anew
	if _, _, _, ok := w.take(start.Add(3*time.Second - 1)); ok {
		t.Fatal("done too early")
	}
	if s, _, _, ok := w.take(start.Add(3 * time.Second)); !ok || s != b {
		t.Fatalf("got %v, want b", s)
	}
	if until, ok := w.next(); !ok || until != start.Add(4*time.Second) {
		t.Errorf("next %v, want 4 s", until.Sub(start))
	}
	if !w.has(a) || !cancel(a) || cancel(a) || w.has(a) {
		t.Error("a cannot be called off once")
	}
	if _, ok := w.next(); ok || w.line != nil {
		t.Error("something is left")
	}
}

func TestALongWaitHoldsUpShortOnesBehindIt(t *testing.T) {
	w := waits{delay: 3 * time.Second}
	w.startFor(subject{channel: "a", user: "u", member: true}, "", 0, 30*time.Second, start)
	w.start(subject{channel: "a"}, start.Add(time.Second))
	if _, _, _, ok := w.take(start.Add(29 * time.Second)); ok {
		t.Error("the channel went before its member")
	}
	for _, member := range []bool{true, false} {
		if s, _, _, ok := w.take(start.Add(30 * time.Second)); !ok || s.member != member {
			t.Errorf("got %v", s)
		}
	}
	// Nobody is left to be waited for.
	w.start(subject{channel: "b"}, start.Add(10*time.Second))
	if until, _ := w.next(); until != start.Add(13*time.Second) {
		t.Errorf("until %v, want 13 s", until.Sub(start))
	}
}
