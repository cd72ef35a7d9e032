package hub_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/gannet-io/gannet/engine"
	"github.com/gannet-io/gannet/engine/hub"
	"github.com/gannet-io/gannet/frame"
	"github.com/gannet-io/gannet/frame/frametest"
)

// FuzzHubAgreesWithLists runs byte-coded sequences on a hub over a real engine with two loops, and on a model that keeps for each
// client the list of what it must get. Each step is two bytes: what happens; the client in three bits and the topic in two. Nothing
// waits for the loops in between, so that letters, walks and closing conns meet as they do under load. The slots of clients that
// have hung up are taken by those who come next: they must have got a beginning of their list, and all others the whole of theirs.
func FuzzHubAgreesWithLists(f *testing.F) {
	f.Add([]byte{0, 0, 0, 1, 3, 0, 4, 1, 1, 0, 3, 0, 0, 0, 3, 2})
	f.Add([]byte{0, 8, 0, 9, 6, 9, 3, 8, 0, 9, 3, 8, 3, 9, 5, 9, 7, 1, 6, 8, 3, 8})        // resets between publishes
	f.Add([]byte{2, 0, 0, 1, 8, 0, 3, 0, 8, 2, 9, 0, 8, 0, 10, 0, 8, 0, 3, 1, 1, 0, 8, 0}) // held, fed, released
	f.Add([]byte{2, 0, 9, 0, 6, 0, 9, 0, 10, 0, 0, 0, 8, 1})                               // fed after it has gone
	f.Add([]byte{0, 0, 0, 4, 7, 0, 3, 4, 0, 0, 0, 8, 11, 0, 3, 0, 3, 8, 1, 0, 3, 0})       // left late
	busy := make([]byte, 0, 400)
	for i := range 200 {
		busy = append(busy, byte(i*i%13), byte(i*37%32))
	}
	f.Add(busy)

	var running atomic.Pointer[script]
	open := func(t testing.TB) *room {
		r := newRoom(t, 2)
		r.closed = func(c *engine.Conn) {
			if s := running.Load(); s != nil {
				s.closed(c)
			}
		}
		for range r.Loops() { // a loop without conns runs no posts
			r.dial()
		}
		return r
	}
	shared, failed := open(f), false
	f.Fuzz(func(t *testing.T, steps []byte) {
		if len(steps) > 400 {
			t.Skip("nothing new, only slow")
		}
		r := shared
		if failed { // what a failure has left behind must not be taken for another while its input is made smaller
			running.Store(nil)
			r = open(t)
		}
		defer func() { failed = failed || t.Failed() }()
		r.t = t
		s := &script{room: r, t: t, gone: make(chan engine.ID, 1000), on: make(map[engine.ID]map[string]subscription)}
		running.Store(s)
		for ; len(steps) >= 2; steps = steps[2:] {
			s.step(steps[0]%12, int(steps[1]>>2%8), "topic "+string('a'+rune(steps[1]%4)))
		}
		s.finish()
		running.Store(nil)
	})
}

// A subscription is what the caller of a hub remembers.
type subscription uint8

const (
	live subscription = 1 + iota
	held
)

// A listener is a client, and what it must get.
type listener struct {
	*client
	due  []string
	over bool // has hung up
}

// wantBeginning reads to the end of a conn that has hung up.
func (c *listener) wantBeginning() {
	c.t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(patience))
	for n := 0; ; n++ {
		f, err := frametest.Read(c.r)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			c.t.Fatal("the server keeps a conn that has hung up")
		case err != nil || f.Header.OpCode == ws.OpClose:
			_ = c.Conn.Close()
			return
		case n >= len(c.due) || string(f.Payload) != c.due[n]:
			c.t.Fatalf("message %d is %q, of %q", n, f.Payload, c.due)
		}
	}
}

// A script is one run.
type script struct {
	*room
	t       *testing.T
	clients [8]*listener // nil: comes when it is needed
	all     []*listener  // also those who have hung up
	n       int          // messages so far
	hungUp  int
	gone    chan engine.ID // conns that have closed

	mu   sync.Mutex
	on   map[engine.ID]map[string]subscription // guarded by mu
	late []engine.ID                           // guarded by mu: have closed, and are in on still
}

// closed notes that the conn's subscriptions are to be left, which the hub's caller may do a good while later.
func (s *script) closed(c *engine.Conn) {
	s.mu.Lock()
	s.late = append(s.late, c.ID())
	s.mu.Unlock()
	select {
	case s.gone <- c.ID():
	default: // nobody waits any more: the run has failed
	}
}

// client returns client i, who may have to come first.
func (s *script) client(i int) *listener {
	if s.clients[i] == nil {
		c := &listener{client: s.dial()}
		s.mu.Lock()
		s.on[c.id] = make(map[string]subscription)
		s.mu.Unlock()
		s.clients[i] = c
		s.all = append(s.all, c)
	}
	return s.clients[i]
}

// message makes a text that nobody else has.
func (s *script) message(what string) string {
	s.n++
	return fmt.Sprintf("%d %s", s.n, what)
}

// step does one thing. Model and hub change under s.mu, so that a conn's end comes before or behind it.
func (s *script) step(what byte, i int, key string) {
	c := s.client(i)
	s.mu.Lock()
	defer s.mu.Unlock()
	on, here := s.on[c.id]
	if !here {
		return // gone, and left
	}
	switch what {
	case 0: // join
		if on[key] == 0 {
			first, second := s.message("first of "+key), s.message("second of "+key)
			s.topic(key, func(t *hub.Topic) { t.Join(c.id, text(first), text(second)) })
			on[key] = live
			c.due = append(c.due, first, second)
		}
	case 1: // leave
		if on[key] != 0 {
			s.topic(key, func(t *hub.Topic) { t.Leave(c.id) })
			delete(on, key)
		}
	case 2: // join, held
		if on[key] == 0 {
			first := s.message("past of " + key)
			s.topic(key, func(t *hub.Topic) { t.JoinFed(c.id, true, text(first)) })
			on[key] = held
			c.due = append(c.due, first)
		}
	case 3: // publish
		m := s.message("to " + key)
		s.publish(key, m, 0)
		s.owe(key, m, 0, false)
	case 4: // publish, but not to c
		m := s.message("to others of " + key)
		s.publish(key, m, c.id)
		s.owe(key, m, c.id, false)
	case 5: // to c alone
		m := s.message("to one")
		s.Send(0, []engine.ID{c.id}, text(m))()
		c.due = append(c.due, m)
	case 6, 7: // c hangs up; with 7 another comes, and may take its slot
		if !c.over {
			s.hangUp(c)
		}
		if what == 7 {
			s.clients[i] = nil
		}
	case 8: // publish what is kept: those who are held are fed it some day
		m := s.message("of the stream of " + key)
		s.topic(key, func(t *hub.Topic) { t.PublishStream(text(m), 0, nil) })
		s.owe(key, m, 0, true)
	case 9, 10: // feed, for the last time
		if on[key] == held {
			m := s.message("fed from " + key)
			s.topic(key, func(t *hub.Topic) { t.Feed(c.id, what == 10, []*frame.Prepared{text(m)}) })
			c.due = append(c.due, m)
			if what == 10 {
				on[key] = live
			}
		}
	case 11: // those who have gone are taken out of their topics
		s.leaveLate()
	}
}

// hangUp resets the connection, or says nothing more on it; by turns.
func (s *script) hangUp(c *listener) {
	s.t.Helper()
	c.over = true
	if s.hungUp++; s.hungUp%2 == 0 {
		c.client.reset()
	} else if err := c.Conn.(*net.TCPConn).CloseWrite(); err != nil {
		s.t.Fatal(err)
	}
}

// leaveLate leaves what closed conns are subscribed to. s.mu is held.
func (s *script) leaveLate() {
	for _, id := range s.late {
		for key := range s.on[id] {
			s.topic(key, func(t *hub.Topic) { t.Leave(id) })
		}
		delete(s.on, id)
	}
	s.late = s.late[:0]
}

// owe adds a message to the lists of a topic's subscribers. Those who have hung up may still get it. s.mu is held.
func (s *script) owe(key, m string, except engine.ID, stream bool) {
	for _, c := range s.all {
		if c.id != except && (s.on[c.id][key] == live || s.on[c.id][key] == held && !stream) {
			c.due = append(c.due, m)
		}
	}
}

// finish compares, and sees that nothing is left.
func (s *script) finish() {
	s.mu.Lock()
	counts := make(map[string]int)
	for _, on := range s.on {
		for key := range on {
			counts[key]++
		}
	}
	for key, want := range counts {
		s.topic(key, func(t *hub.Topic) {
			if t.Count() != want {
				s.t.Errorf("%s has %d subscribers, want %d", key, t.Count(), want)
			}
		})
	}
	s.mu.Unlock()
	s.settled()
	for _, c := range s.all {
		if c.over {
			c.wantBeginning()
			continue
		}
		s.Send(0, []engine.ID{c.id}, text("end"))()
		c.want(append(c.due, "end")...)
		c.client.reset()
	}
	for range s.all {
		wait(s.t, s.gone, "the end of a conn")
	}
	s.mu.Lock()
	s.leaveLate()
	s.mu.Unlock()
	if lists := s.settled(); lists != 0 || s.Topics() != 0 {
		s.t.Errorf("%d lists and %d topics are left", lists, s.Topics())
	}
	for i := range s.Loops() {
		s.room.on(i, func(l *engine.Loop) {
			if s.Held(l) != 0 || s.Waiting(l) != 0 || s.Walking(l) {
				s.t.Errorf("loop %d has %d held, %d letters waiting, walking %v", i, s.Held(l), s.Waiting(l), s.Walking(l))
			}
		})
	}
}
