package node_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gannet-io/gannet/pusher/live"
	"github.com/gannet-io/gannet/pusher/node"
	"github.com/gannet-io/gannet/pusher/wire"
)

// A publish makes the frame and what shares it; the mailboxes grow to what they need.
func TestPublishAllocatesTheFrameOnly(t *testing.T) { publishAllocatesTheFrameOnly(t, new(live.Feed)) }

// Those who watch get a sample of a flood, and the flood does not feel it.
func TestWatchingAFloodAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	feed := new(live.Feed)
	for range live.MaxWatchers {
		w, err := feed.Watch(live.Filter{}, 1)
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		feed.Tell(&live.Event{Kind: live.Publish})
		defer func() {
			if len(w.Events()) != 1 || w.LeftOut() == 0 {
				t.Errorf("%d events came, %d were left out", len(w.Events()), w.LeftOut())
			}
		}()
	}
	publishAllocatesTheFrameOnly(t, feed)
}

func publishAllocatesTheFrameOnly(t *testing.T, feed *live.Feed) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	h, a := newHouse(t, node.Config{Feed: feed}), newApp(nil)
	conns := []*conn{h.enter(), h.enter(), h.enter()}
	for _, c := range conns {
		h.subscribe(a, c, "private-x", "")
		h.subscribe(a, c, "private-cache-x", "")
	}
	for _, c := range conns {
		go func() { // somebody must read, or the backlogs would allocate
			buf := make([]byte, 1<<16)
			for {
				if _, err := c.conn.Read(buf); err != nil {
					return
				}
			}
		}()
	}
	except := h.SocketID(conns[0].id).String()
	data := []byte(`"` + strings.Repeat("x", 200) + `"`)
	for name, c := range map[string]struct {
		max float64
		f   func()
	}{
		"publish": {3, func() { _ = h.Publish(a, &node.Event{Channel: "private-x", Name: "e", Data: data, Except: except}) }},
		// The cached copy costs two more.
		"publish to a cache": {5, func() { _ = h.Publish(a, &node.Event{Channel: "private-cache-x", Name: "e", Data: data}) }},
		"publish to nobody":  {0, func() { _ = h.Publish(a, &node.Event{Channel: "private-y", Name: "e", Data: data}) }},
		"client event": {3, func() {
			h.ClientEvent(a, conns[1].id, &node.ClientEvent{Channel: "private-x", Name: "client-e", Data: data})
		}},
		"client event object": {3, func() {
			h.ClientEvent(a, conns[1].id, &node.ClientEvent{Channel: "private-x", Name: "client-e", Data: []byte(`{"a":[1,2,3]}`), UserID: "u1"})
		}},
		"count":       {0, func() { h.Channel(a, "private-x") }},
		"find nobody": {0, func() { h.Channel(a, "private-y") }},
		"cached":      {0, func() { h.Cached(a, "private-cache-x") }},
	} {
		// What the loops allocate meanwhile is counted, too. On a busy machine that is more now and
		// then; what a publish allocates, it does each time.
		got := testing.AllocsPerRun(200, c.f)
		for i := 0; got > c.max && i < 20; i++ {
			got = testing.AllocsPerRun(200, c.f)
		}
		if got > c.max {
			t.Errorf("%s: %v allocations, want %v at most", name, got, c.max)
		}
	}
}

func BenchmarkPublish(b *testing.B) {
	for _, n := range []int{1, 100} {
		b.Run(fmt.Sprintf("to %d", n), func(b *testing.B) {
			h, a := newHouse(b, node.Config{}), newApp(nil)
			for range n {
				c := h.enter()
				h.subscribe(a, c, "news", "")
				go func() {
					buf := make([]byte, 1<<16)
					for {
						if _, err := c.conn.Read(buf); err != nil {
							return
						}
					}
				}()
			}
			data := []byte(`"` + strings.Repeat("x", 200) + `"`)
			b.ReportAllocs()
			for b.Loop() {
				_ = h.Publish(a, &node.Event{Channel: "news", Name: "e", Data: data}) // cannot fail here
			}
		})
	}
}

func BenchmarkPublishToNobody(b *testing.B) {
	h, a := newHouse(b, node.Config{}), newApp(nil)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			_ = h.Publish(a, &node.Event{Channel: "news", Name: "e", Data: []byte(`"x"`)}) // cannot fail here
		}
	})
}

func BenchmarkSubscribe(b *testing.B) {
	h, a := newHouse(b, node.Config{OfflineDelay: time.Hour}), newApp(nil)
	c := h.enter()
	b.ReportAllocs()
	for b.Loop() {
		h.subscribe(a, c, "presence-x", "u1")
		h.Unsubscribe(a, c.id, "presence-x", "u1")
	}
}

func BenchmarkSignIn(b *testing.B) {
	h, a := newHouse(b, node.Config{OfflineDelay: -1}), newApp(watchers)
	c := h.enter()
	u := &wire.User{ID: "u", Watchlist: []string{"v", "w"}}
	b.ReportAllocs()
	for b.Loop() {
		h.SignIn(a, c.id, u)
		h.SignOut(a, c.id, "u")
	}
}
