package node_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/gannet-io/gannet/engine"
	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/node"
)

func counts(a *app.App) { a.SubscriptionCount = true }

func count(n int) string {
	return fmt.Sprintf(`{"event":"pusher_internal:subscription_count","channel":"news","data":"{\"subscription_count\":%d}"}`, n)
}

// The conns that fill a channel here have no socket, only a name; the one that listens has.
func crowd(from, to int) (ids []engine.ID) {
	for slot := from; slot < to; slot++ {
		ids = append(ids, engine.ID(slot%2<<44|1<<24|(slot+1000)))
	}
	return ids
}

func TestCountsHeldBackAreAnnouncedLater(t *testing.T) {
	h, a := newHouse(t, node.Config{}), newApp(counts)
	c := h.enter()
	h.subscribe(a, c, "news", "")
	want := []string{`{"event":"pusher_internal:subscription_succeeded","channel":"news","data":"{}"}`, count(1)}
	// Every change is told up to a hundred.
	join := func(ids []engine.ID) {
		for _, id := range ids {
			if _, err := h.Subscribe(a, id, "news", pusher.Public, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	join(crowd(1, 100))
	for n := 2; n <= 100; n++ {
		want = append(want, count(n))
	}
	h.expect(c, want...)

	// Above, one in five seconds at most, and the last change is never lost.
	h.clock.Advance(time.Second)
	join(crowd(100, 150))
	h.expect(c)
	if n := h.Pending(); n != 1 {
		t.Errorf("%d chores for one channel", n)
	}
	h.clock.Advance(4*time.Second - 1)
	h.DoChores()
	h.expect(c)
	h.clock.Advance(1)
	h.DoChores()
	h.expect(c, count(150))
	h.clock.Advance(time.Hour)
	h.DoChores()
	h.expect(c) // nothing has changed

	// After a quiet time the first change is told at once, the next is held back.
	join(crowd(150, 152))
	h.expect(c, count(151))
	h.clock.Advance(5 * time.Second)
	h.DoChores()
	h.expect(c, count(152))

	// Down to a hundred again, everything is told again, whatever is owed.
	for _, id := range crowd(98, 152) {
		h.Unsubscribe(a, id, "news", "")
	}
	h.expect(c, count(100), count(99), count(98))
	h.clock.Advance(time.Hour)
	h.DoChores()
	h.expect(c)

	// A channel that is gone owes nothing.
	join(crowd(98, 120))
	h.heard(c)
	join(crowd(120, 140))
	for _, id := range crowd(1, 140) {
		h.Unsubscribe(a, id, "news", "")
	}
	h.Unsubscribe(a, c.id, "news", "")
	h.heard(c)
	h.clock.Advance(time.Hour)
	h.DoChores()
	h.expect(c)
	if got, n := h.keys(), h.Pending(); len(got) != 0 || n != 0 {
		t.Errorf("topics %q, %d chores", got, n)
	}
}

func TestChannelsListsThoseOfOneApp(t *testing.T) {
	h := newHouse(t, node.Config{})
	c := h.enter()
	apps := make(map[string]*app.App)
	for _, id := range []string{"a", "a/b", "a/b/c", "b", ""} {
		apps[id] = newApp(func(a *app.App) { a.ID = id })
		for _, name := range []string{"news", "b,news", "presence-x", "cache-x"} {
			user := ""
			if name == "presence-x" {
				user = "u1"
			}
			h.subscribe(apps[id], c, name, user)
		}
		h.subscribe(apps[id], c, "#server-to-user-u1", "")
		h.publish(apps[id], "cache-empty", `"kept, but nobody is there"`)
	}
	for id, a := range apps {
		for prefix, want := range map[string]int{"": 4, "n": 1, "news": 1, "newsx": 0, "b": 1, "presence-": 1, "#": 0, "cache-": 1, "a": 0, "/": 0} {
			n := 0
			for name, got := range h.Channels(a, prefix) {
				n++
				users := 0
				if name == "presence-x" {
					users = 1
				}
				if want := (node.Counts{Occupied: true, Subscriptions: 1, Users: users}); got != want {
					t.Errorf("app %q, channel %q: %+v, want %+v", id, name, got, want)
				}
			}
			if n != want {
				t.Errorf("app %q, prefix %q: %d channels, want %d", id, prefix, n, want)
			}
		}
	}
}
