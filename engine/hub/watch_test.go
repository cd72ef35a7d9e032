package hub_test

import (
	"sync"
	"testing"
	"time"

	"github.com/gannet-io/gannet/engine"
	"github.com/gannet-io/gannet/engine/hub"
)

// A notebook writes down what a watcher is told.
type notebook struct {
	mu   sync.Mutex
	told []hub.Sent // guarded by mu
	came chan struct{}
}

func newNotebook() *notebook { return &notebook{came: make(chan struct{}, 1000)} }

func (n *notebook) Sent(s *hub.Sent) {
	n.mu.Lock()
	n.told = append(n.told, *s)
	n.mu.Unlock()
	n.came <- struct{}{}
}

func (n *notebook) await(t *testing.T, times int) []hub.Sent {
	t.Helper()
	for range times {
		select {
		case <-n.came:
		case <-time.After(patience):
			t.Fatal("the watcher was told nothing")
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.told
}

// Each loop with subscribers tells once, how many it has sent to and how long that took.
func TestWatcherIsToldByEachLoopThatSends(t *testing.T) {
	for what, publish := range map[string]func(topic *hub.Topic, w hub.Watcher, except *client){
		"a message": func(topic *hub.Topic, w hub.Watcher, except *client) {
			topic.PublishWatched(text("x"), except.id, w)
		},
		"one of a stream": func(topic *hub.Topic, w hub.Watcher, except *client) {
			topic.PublishStreamWatched(text("x"), except.id, nil, w)
		},
	} {
		t.Run(what, func(t *testing.T) {
			r := newRoom(t, 2)
			per := make(map[int]int)
			var clients []*client
			for range 7 {
				c := r.dial()
				clients = append(clients, c)
				per[c.id.Loop()]++
				r.topic("watched", func(topic *hub.Topic) { topic.Join(c.id) })
			}
			per[clients[0].id.Loop()]--
			w, began := newNotebook(), time.Now()
			r.topic("watched", func(topic *hub.Topic) {
				topic.PublishWatched(text("before"), 0, nil)
				publish(topic, w, clients[0])
				topic.Publish(text("after"), 0)
			})
			loops := 0
			for _, n := range per {
				if n > 0 {
					loops++
				}
			}
			for _, s := range w.await(t, loops) {
				if s.Queued < 0 || s.Written <= 0 || s.Queued+s.Written > time.Since(began) {
					t.Errorf("%+v within %v", s, time.Since(began))
				}
				// Put together with the two others it is about all on average, rounded up.
				if n := per[s.Loop]; s.Subscribers < n || s.Subscribers > n+1 {
					t.Errorf("loop %d has sent to %d, want %d", s.Loop, s.Subscribers, n)
				}
				delete(per, s.Loop)
			}
		})
	}
}

// A walk goes on for several turns; its watcher is told when it has ended, once.
func TestWatcherIsToldAtTheEndOfALongFanOut(t *testing.T) {
	const subscribers = 2*engine.SliceSends + 10
	r := newRoom(t, 1)
	for range subscribers {
		c := r.dial()
		r.topic("big", func(topic *hub.Topic) { topic.Join(c.id) })
	}
	w := newNotebook()
	r.topic("big", func(topic *hub.Topic) { topic.PublishWatched(text("x"), 0, w) })
	told := w.await(t, 1)
	if len(told) != 1 || told[0].Subscribers != subscribers {
		t.Errorf("told %+v", told)
	}
}

// Watchers of messages that reach nobody are told nothing, and those behind them what is theirs.
func TestWatchersAreNotMixedUp(t *testing.T) {
	r := newRoom(t, 1)
	alone, other := r.dial(), r.dial()
	r.topic("one", func(topic *hub.Topic) { topic.Join(alone.id) })
	r.topic("none", func(topic *hub.Topic) { topic.Join(alone.id) })
	r.topic("two", func(topic *hub.Topic) { topic.Join(alone.id); topic.Join(other.id) })
	nobody, one, two := newNotebook(), newNotebook(), newNotebook()
	for range 20 {
		r.topic("none", func(topic *hub.Topic) {
			topic.PublishWatched(text("not for the one there"), alone.id, nobody)
		})
		r.topic("two", func(topic *hub.Topic) { topic.PublishWatched(text("2"), 0, two) })
		r.topic("one", func(topic *hub.Topic) { topic.PublishWatched(text("1"), 0, one) })
	}
	for _, s := range one.await(t, 20) {
		if s.Subscribers != 1 {
			t.Errorf("one: %+v", s)
		}
	}
	for _, s := range two.await(t, 20) {
		if s.Subscribers != 2 {
			t.Errorf("two: %+v", s)
		}
	}
	if n := len(nobody.came); n > 0 {
		t.Errorf("told %d times: %+v", n, nobody.told)
	}
	r.topic("nobody", func(topic *hub.Topic) { topic.PublishWatched(text("x"), 0, nobody) })
}
