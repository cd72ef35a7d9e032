package node_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/node"
	"github.com/gannet-io/gannet/pusher/wire"
)

func newApp(change func(a *app.App)) *app.App {
	a := &app.App{ID: "shop", Enabled: true, Keys: []app.Key{{Key: "key", Secret: "secret"}}, Limits: app.DefaultLimits()}
	if change != nil {
		change(a)
	}
	return a
}

func watchers(a *app.App) { a.Watchlist = true }

func (h *house) expect(c *conn, want ...string) {
	h.t.Helper()
	if got := h.heard(c); !slices.Equal(got, want) {
		h.t.Fatalf("got  %q\nwant %q", got, want)
	}
}

func changed(name, id string) string {
	return fmt.Sprintf(`{"event":"pusher_internal:watchlist_events","data":"{\"events\":[{\"name\":\"%s\",\"user_ids\":[\"%s\"]}]}"}`, name, id)
}

func TestReloadIsNoLeaving(t *testing.T) {
	h, a := newHouse(t, node.Config{OfflineDelay: 3 * time.Second}), newApp(watchers)
	watcher, tab := h.enter(), h.enter()
	if online, offline := h.SignIn(a, watcher.id, &wire.User{ID: "w", Watchlist: []string{"u"}}); len(online) != 0 || !slices.Equal(offline, []string{"u"}) {
		t.Fatalf("online %q, offline %q", online, offline)
	}
	h.SignIn(a, tab.id, &wire.User{ID: "u"})
	h.expect(watcher, changed("online", "u"))

	// Away for as long as a page takes to load, five times over.
	for range 5 {
		h.SignOut(a, tab.id, "u")
		h.clock.Advance(2999 * time.Millisecond)
		h.DoChores()
		// Somebody who asks just now is told the same as who has watched all along.
		if online, offline := h.SignIn(a, watcher.id, &wire.User{ID: "w", Watchlist: []string{"v", "u"}}); !slices.Equal(online, []string{"u"}) || !slices.Equal(offline, []string{"v"}) {
			t.Fatalf("online %q, offline %q", online, offline)
		}
		h.SignIn(a, tab.id, &wire.User{ID: "u"})
		h.DoChores()
	}
	h.clock.Advance(time.Hour)
	h.DoChores()
	h.expect(watcher)

	// Gone for good.
	h.SignOut(a, tab.id, "u")
	h.clock.Advance(3 * time.Second)
	h.DoChores()
	h.expect(watcher, changed("offline", "u"))
	h.clock.Advance(time.Hour)
	h.DoChores()
	h.expect(watcher)
	h.SignIn(a, tab.id, &wire.User{ID: "u"})
	h.expect(watcher, changed("online", "u"))

	h.SignOut(a, tab.id, "u")
	h.SignOut(a, watcher.id, "w")
	h.clock.Advance(3 * time.Second)
	h.DoChores()
	if n, m := h.Leaving(a.ID), h.Pending(); n != 0 || m != 0 {
		t.Errorf("%d users are remembered, %d chores", n, m)
	}
}

// The time away is counted from the last leaving, and a second connection is no return.
func TestOfflineDelayBeginsWithTheLastLeaving(t *testing.T) {
	h, a := newHouse(t, node.Config{OfflineDelay: 3 * time.Second}), newApp(watchers)
	watcher, one, two := h.enter(), h.enter(), h.enter()
	h.SignIn(a, watcher.id, &wire.User{ID: "w", Watchlist: []string{"u"}})
	h.SignIn(a, one.id, &wire.User{ID: "u"})
	h.SignIn(a, two.id, &wire.User{ID: "u"})
	h.expect(watcher, changed("online", "u"))
	h.SignOut(a, one.id, "u")
	h.clock.Advance(10 * time.Second)
	h.DoChores()
	h.expect(watcher) // two is still there
	h.SignOut(a, two.id, "u")
	h.clock.Advance(2 * time.Second)
	h.SignIn(a, one.id, &wire.User{ID: "u"})
	h.SignOut(a, one.id, "u")
	h.clock.Advance(2 * time.Second) // 4 s since two left, 2 s since one did
	h.DoChores()
	h.expect(watcher)
	h.clock.Advance(time.Second)
	h.DoChores()
	h.expect(watcher, changed("offline", "u"))
}

func TestNegativeDelayTellsAtOnce(t *testing.T) {
	h, a := newHouse(t, node.Config{OfflineDelay: -1}), newApp(watchers)
	watcher, tab := h.enter(), h.enter()
	h.SignIn(a, watcher.id, &wire.User{ID: "w", Watchlist: []string{"u"}})
	h.SignIn(a, tab.id, &wire.User{ID: "u"})
	h.SignOut(a, tab.id, "u")
	h.expect(watcher, changed("online", "u"), changed("offline", "u"))
	// Signing out who is not signed in is nothing: a conn that the quota turned away.
	h.SignOut(a, tab.id, "u")
	h.expect(watcher)
}

func TestTerminateEndsTheUsersConns(t *testing.T) {
	h, a := newHouse(t, node.Config{}), newApp(nil)
	one, two, other := h.enter(), h.enter(), h.enter()
	h.SignIn(a, one.id, &wire.User{ID: "u"})
	h.SignIn(a, two.id, &wire.User{ID: "u"})
	h.SignIn(a, other.id, &wire.User{ID: "v"})
	b := newApp(func(b *app.App) { b.ID, b.Compat.TerminateByPresence = "bank", true })
	for _, u := range []struct {
		app *app.App
		id  string
	}{{b, "u"}, {a, "u"}, {a, "nobody"}} {
		if err := h.Terminate(u.app, u.id); err != nil {
			t.Error(err)
		}
	}
	slices.Sort(h.terminated)
	want := []any{one.id, two.id}
	if len(h.terminated) != 2 || !slices.Contains(want, any(h.terminated[0])) || !slices.Contains(want, any(h.terminated[1])) {
		t.Errorf("terminated %v, want %v", h.terminated, want)
	}
	if !slices.Equal(h.members, []string{"bank u"}) {
		t.Errorf("members %q", h.members)
	}
}

func TestQuotaIsPerApp(t *testing.T) {
	h := newHouse(t, node.Config{})
	a := newApp(func(a *app.App) { a.Limits.Connections = 2 })
	b := newApp(func(b *app.App) { b.ID = `o"d\d` + "\n}" })
	for i, want := range []bool{true, true, false, false} {
		if got := h.Connect(a); got != want {
			t.Errorf("connection %d: %v", i, got)
		}
	}
	for range 1000 {
		if !h.Connect(b) { // no limit
			t.Fatal("refused")
		}
	}
	h.Disconnect(a)
	if !h.Connect(a) || h.Connect(a) {
		t.Error("a place was freed, and one only")
	}
}
