package session_test

import (
	"runtime"
	"strconv"
	"testing"

	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/session"
)

// A client event is the one message that comes at a rate, so handling it must not feed the collector: the action slice
// is the caller's, name and data are borrowed from the message, channel and user id are the session's.
func TestClientEventDoesNotAllocate(t *testing.T) {
	a := newApp()
	a.Limits.ClientEventsPerSecond = 0
	s := session.New(a, socketID(socket), start)
	s.Handle([]byte(subscribeFrame("presence-a", `{"user_id":"u"}`)), start, nil)
	if !s.Joined("presence-a") {
		t.Fatal("not joined")
	}
	msg := []byte(`{"event":"client-move","channel":"presence-a","data":{"x":12.5,"y":-3}}`)
	out := make([]session.Action, 0, 4)
	n := testing.AllocsPerRun(200, func() {
		out = s.Handle(msg, start, out[:0])
		if len(out) != 1 || out[0].Op != session.ClientEvent {
			t.Fatal("it did not pass")
		}
	})
	if n > 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

// The heart beat of every idle connection: one allocation, the payload, which the receiver takes.
func TestPingAllocatesItsAnswerOnly(t *testing.T) {
	s := session.New(newApp(), socketID(socket), start)
	msg := []byte(`{"event":"pusher:ping","data":{}}`)
	out := make([]session.Action, 0, 4)
	if n := testing.AllocsPerRun(200, func() { out = s.Handle(msg, start, out[:0]) }); n > 1 {
		t.Errorf("%v allocations, want at most 1", n)
	}
}

// A million idle connections with a subscription each: what the sessions themselves cost, beside the bytes of the
// names.
func TestIdleSessionIsSmall(t *testing.T) {
	if session.Size > 64 || session.SeatSize > 40 {
		t.Fatalf("Session %d bytes, seat %d, want at most 64 and 40", session.Size, session.SeatSize)
	}
	a := newApp()
	out := make([]session.Action, 0, 4)
	const n = 10_000
	keep := make([]*session.Session, 0, n)
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC() // twice, so that pools are empty both times
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	seats := make([]*session.Seat, 21)
	msgs := make([][]byte, len(seats))
	for i := range seats {
		name := "ticker-" + strconv.Itoa(i)
		seats[i] = session.NewSeat(name, pusher.Public, false)
		msgs[i] = []byte(`{"event":"pusher:subscribe","data":{"channel":"` + name + `"}}`)
	}
	join := func(s *session.Session, i int) {
		out = s.Handle(msgs[i], start, out[:0])
		if len(out) != 1 || !s.Joined(out[0].Channel) {
			t.Fatal("not joined")
		}
		s.Share(seats[i])
	}
	before := heap()
	for range n {
		s := session.New(a, socketID(socket), start)
		join(s, 0)
		keep = append(keep, s)
	}
	with1 := heap()
	if each := (int64(with1) - int64(before)) / n; each > 84 {
		t.Errorf("%d bytes each with one subscription, want about 64", each)
	}
	for _, s := range keep {
		for i := 1; i < len(seats); i++ {
			join(s, i)
		}
	}
	clear(out[:cap(out)])
	// 32 for the list, and its capacity of 22.
	if each := (int64(heap()) - int64(with1)) / (n * int64(len(seats)-1)); each > 11 {
		t.Errorf("%d bytes a further subscription, want about 10", each)
	}
	runtime.KeepAlive(keep)
}

// A shared seat must behave as one's own, wherever in the list it is.
func TestASharedSeatIsAsGoodAsOnesOwn(t *testing.T) {
	s := session.New(newApp(), socketID(socket), start)
	const n = 300 // enough for the index
	want := make(map[string]bool)
	name := func(i int) string { return "c-" + strconv.Itoa(i) }
	for i := range n {
		s.Handle([]byte(`{"event":"pusher:subscribe","data":{"channel":"`+name(i)+`"}}`), start, nil)
		if !s.Joined(name(i)) {
			t.Fatal("not joined")
		}
		s.Share(session.NewSeat(name(i), pusher.Public, false))
		want[name(i)] = true
	}
	s.Share(session.NewSeat("never-joined", pusher.Public, false))
	for i := 0; i < n; i += 3 {
		out := s.Handle([]byte(`{"event":"pusher:unsubscribe","data":{"channel":"`+name(i)+`"}}`), start, nil)
		if len(out) != 1 || out[0].Op != session.Unsubscribe || out[0].Channel != name(i) {
			t.Fatalf("unsubscribe %s: %+v", name(i), out)
		}
		delete(want, name(i))
	}
	for channel, userID := range s.Channels() {
		if !want[channel] || userID != "" {
			t.Errorf("on %q as %q", channel, userID)
		}
		delete(want, channel)
	}
	if len(want) > 0 {
		t.Errorf("not on %v", want)
	}
}

// A member's seat names it, so that it can leave as who it is.
func TestAMemberKeepsItsOwnSeat(t *testing.T) {
	s := session.New(newApp(), socketID(socket), start)
	s.Handle([]byte(subscribeFrame("presence-a", `{"user_id":"u"}`)), start, nil)
	s.Joined("presence-a")
	s.Share(session.NewSeat("presence-a", pusher.Presence, false))
	for channel, userID := range s.Channels() {
		if channel != "presence-a" || userID != "u" {
			t.Errorf("on %q as %q", channel, userID)
		}
	}
}
