package node_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gannet-io/gannet/engine"
	"github.com/gannet-io/gannet/engine/backbone"
	"github.com/gannet-io/gannet/engine/backbone/membus"
	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/channel"
	"github.com/gannet-io/gannet/pusher/node"
	"github.com/gannet-io/gannet/pusher/trace"
	"github.com/gannet-io/gannet/pusher/wire"
)

// A town is several houses on one bus, with one app. Each has a witness of its own for its webhooks.
type town struct {
	t       testing.TB
	net     *membus.Net
	app     *app.App
	houses  []*house
	witness []*witness
	tracer  *trace.Tracer // of what is built from now on
	quiets  int
	down    map[int]bool
}

func newTown(t testing.TB, houses int, change func(a *app.App)) *town {
	t.Helper()
	w := &town{t: t, net: membus.New(), down: make(map[int]bool)}
	w.net.TTL = time.Hour // leases lapse when the test says so
	t.Cleanup(w.net.Close)
	w.app = newApp(func(a *app.App) {
		a.Watchlist, a.SubscriptionCount = true, true
		a.Webhooks = []app.Webhook{{Events: pusher.AllHooks}}
		if change != nil {
			change(a)
		}
	})
	for range houses {
		w.build()
	}
	return w
}

// only is a registry of one app.
type only struct{ app *app.App }

func (o only) ByKey(context.Context, string) (*app.App, error) { return nil, app.ErrNotFound }

func (o only) ByID(_ context.Context, id string) (*app.App, error) {
	if id != o.app.ID {
		return nil, app.ErrNotFound
	}
	return o.app, nil
}

func nameOf(i int) string { return string(rune('a' + i)) }

// build adds a house.
func (w *town) build() *house {
	w.t.Helper()
	return w.buildOn(w.net.Node(nameOf(len(w.houses))))
}

// buildOn adds a house with a bus of the town's.
func (w *town) buildOn(bus backbone.Bus) *house {
	w.t.Helper()
	hears := &witness{}
	h := newHouse(w.t, node.Config{Bus: bus, Apps: only{w.app}, Notifier: hears, OfflineDelay: 3 * time.Second, Tracer: w.tracer})
	w.houses, w.witness = append(w.houses, h), append(w.witness, hears)
	if err := h.Start(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel() // what is not written yet nobody misses
		_ = h.Leave(ctx)
	})
	return h
}

// until waits for what must happen.
func (w *town) until(what string, happened func() bool) {
	w.t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	late := time.After(patience)
	for !happened() {
		select {
		case <-tick.C:
		case <-late:
			w.t.Fatalf("in vain waited for %s", what)
		}
	}
}

// subscribe lets a conn in, and waits while it is told to come again. It may be called by several goroutines at once.
func (w *town) subscribe(h *house, id engine.ID, name, user string) {
	w.t.Helper()
	var m *channel.Member
	if user != "" {
		m = &channel.Member{ID: user, Info: []byte(`"` + user + `"`)}
	}
	in := &node.Arrival{Room: 1 << 20}
	w.until("a subscription", func() bool {
		got, err := h.Node.Subscribe(w.app, id, name, pusher.KindOf(name), m, in)
		if err != nil {
			w.t.Errorf("%s: %v", name, err)
		}
		in.Again = true
		return !got.Later
	})
}

// quiet waits until every node that is up has been told of everything that all of them have done by now.
func (w *town) quiet() {
	w.t.Helper()
	w.quiets++
	var users []string
	for i, h := range w.houses {
		if !w.down[i] {
			user := fmt.Sprintf("quiet%d.%d", w.quiets, i)
			users = append(users, user)
			h.SignIn(w.app, engine.ID(1<<24|99999), &wire.User{ID: user})
		}
	}
	w.until("nodes to hear of each other", func() bool {
		for i, h := range w.houses {
			for _, user := range users {
				if !w.down[i] && !h.Heard(w.app.ID, user) {
					return false
				}
			}
		}
		return true
	})
	for i, h := range w.houses {
		if !w.down[i] {
			h.SignOut(w.app, engine.ID(1<<24|99999), fmt.Sprintf("quiet%d.%d", w.quiets, i))
		}
	}
}

// hooks returns what all witnesses were told since the last call, but for counts, sorted.
func (w *town) hooks() (told []string) {
	for _, hears := range w.witness {
		for _, line := range hears.take() {
			if !slices.Contains([]string{"", `{"name":"subscription_count"`}, line[:min(len(line), len(`{"name":"subscription_count"`))]) {
				told = append(told, line)
			}
		}
	}
	slices.Sort(told)
	return told
}

func (w *town) expectHooks(want ...string) {
	w.t.Helper()
	slices.Sort(want)
	if got := w.hooks(); !slices.Equal(got, want) {
		w.t.Errorf("webhooks\n got %q\nwant %q", got, want)
	}
}

func (w *town) crash(i int) {
	w.net.Crash(nameOf(i))
	w.down[i] = true
	w.net.Lapse(nameOf(i))
}

func added(name, user string) string {
	return fmt.Sprintf(`{"event":"pusher_internal:member_added","channel":"%s","data":"{\"user_id\":\"%s\",\"user_info\":\"%s\"}"}`, name, user, user)
}

func removed(name, user string) string {
	return fmt.Sprintf(`{"event":"pusher_internal:member_removed","channel":"%s","data":"{\"user_id\":\"%s\"}"}`, name, user)
}

func hook(name, channel string) string {
	return fmt.Sprintf(`{"name":"%s","channel":"%s"}`, name, channel)
}

func memberHook(name, channel, user string) string {
	return fmt.Sprintf(`{"name":"%s","channel":"%s","user_id":"%s"}`, name, channel, user)
}

// sortedUsers returns the members of a channel as a node answers.
func (w *town) users(h *house, name string) []string {
	ids := h.Users(w.app, name)
	slices.Sort(ids)
	return ids
}

func TestUserIsOneMemberOnHoweverManyNodes(t *testing.T) {
	w := newTown(t, 3, nil)
	a, b, c := w.houses[0], w.houses[1], w.houses[2]
	watcher, one, two, three := b.enter(), a.enter(), c.enter(), c.enter()
	const room = "presence-r"
	w.subscribe(b, watcher.id, room, "w")
	w.quiet()
	b.heard(watcher)
	w.subscribe(a, one.id, room, "u")
	if got, want := a.heard(one), `{"event":"pusher_internal:subscription_succeeded","channel":"presence-r","data":"{\"presence\":{\"count\":2,\"ids\":[\"u\",\"w\"],\"hash\":{\"u\":\"u\",\"w\":\"w\"}}}"}`; len(got) != 1 || got[0] != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	w.quiet()
	b.expect(watcher, added(room, "u"))
	w.subscribe(c, two.id, room, "u")
	w.quiet()
	b.expect(watcher)
	a.expect(one)
	if got := c.heard(two); len(got) != 1 {
		t.Errorf("got %q", got)
	}
	for i, h := range w.houses {
		if got, want := h.Channel(w.app, room), (node.Counts{Occupied: true, Users: 2, Subscriptions: 3}); got != want {
			t.Errorf("node %d: %+v", i, got)
		}
		if got := w.users(h, room); !slices.Equal(got, []string{"u", "w"}) {
			t.Errorf("node %d: %q", i, got)
		}
	}
	a.Unsubscribe(w.app, one.id, room, "u")
	w.quiet()
	b.expect(watcher)
	w.subscribe(c, three.id, room, "v")
	c.Unsubscribe(w.app, two.id, room, "u")
	w.quiet()
	b.expect(watcher, removed(room, "u"), added(room, "v"))
	w.expectHooks(hook("channel_occupied", room), memberHook("member_added", room, "w"), memberHook("member_added", room, "u"),
		memberHook("member_removed", room, "u"), memberHook("member_added", room, "v"))
	b.Unsubscribe(w.app, watcher.id, room, "w")
	c.Unsubscribe(w.app, three.id, room, "v")
	w.quiet()
	w.expectHooks(memberHook("member_removed", room, "w"), memberHook("member_removed", room, "v"), hook("channel_vacated", room))
	for i, h := range w.houses {
		if got := h.Channel(w.app, room); got != (node.Counts{}) || len(h.Users(w.app, room)) > 0 {
			t.Errorf("node %d: %+v", i, got)
		}
	}
}

func TestJoinsAtTheSameMomentOccupyOnce(t *testing.T) {
	const channels = 100
	w := newTown(t, 3, nil)
	for round := range 2 {
		var all sync.WaitGroup
		for i, h := range w.houses {
			all.Go(func() {
				for n := range channels {
					w.subscribe(h, engine.ID(1<<24|(1000+i)), fmt.Sprint("presence-", n), "u")
				}
			})
		}
		all.Wait()
		w.quiet()
		var occupied, vacated []string
		for n := range channels {
			name := fmt.Sprint("presence-", n)
			occupied = append(occupied, hook("channel_occupied", name), memberHook("member_added", name, "u"))
			vacated = append(vacated, hook("channel_vacated", name), memberHook("member_removed", name, "u"))
		}
		w.expectHooks(occupied...)
		for i, h := range w.houses {
			if got := maps.Collect(h.Channels(w.app, "")); len(got) != channels || got["presence-7"] != (node.Counts{Occupied: true, Users: 1, Subscriptions: 3}) {
				t.Errorf("node %d: %d channels, %+v", i, len(got), got["presence-7"])
			}
		}
		for i, h := range w.houses {
			all.Go(func() {
				for n := range channels {
					h.Unsubscribe(w.app, engine.ID(1<<24|(1000+i)), fmt.Sprint("presence-", n), "u")
				}
			})
		}
		all.Wait()
		w.quiet()
		w.expectHooks(vacated...)
		if t.Failed() {
			t.Fatalf("in round %d", round)
		}
	}
}

func TestMembersOfADeadNodeGoOnce(t *testing.T) {
	w := newTown(t, 3, nil)
	a, b, c := w.houses[0], w.houses[1], w.houses[2]
	one, two := a.enter(), c.enter()
	w.subscribe(a, one.id, "presence-r", "a")
	w.subscribe(c, two.id, "presence-r", "c")
	for i, user := range []string{"b", "b2", "c"} {
		w.subscribe(b, engine.ID(1<<24|(2000+i)), "presence-r", user)
	}
	w.subscribe(b, engine.ID(1<<24|2000), "news", "")
	w.quiet()
	a.heard(one)
	c.heard(two)
	w.hooks()
	w.crash(1)
	w.quiet()
	for _, x := range []struct {
		h *house
		c *conn
	}{{a, one}, {c, two}} {
		got := x.h.heard(x.c)
		slices.Sort(got)
		if want := []string{removed("presence-r", "b2"), removed("presence-r", "b")}; !slices.Equal(got, want) {
			t.Errorf("got  %q\nwant %q", got, want)
		}
		if got, want := x.h.Channel(w.app, "presence-r"), (node.Counts{Occupied: true, Users: 2, Subscriptions: 2}); got != want {
			t.Errorf("%+v", got)
		}
		if got := x.h.Channel(w.app, "news"); got != (node.Counts{}) {
			t.Errorf("news: %+v", got)
		}
	}
	w.expectHooks(memberHook("member_removed", "presence-r", "b"), memberHook("member_removed", "presence-r", "b2"), hook("channel_vacated", "news"))
}

func TestNodeThatWasTakenForDeadComesBack(t *testing.T) {
	w := newTown(t, 2, nil)
	a, b := w.houses[0], w.houses[1]
	one, two := a.enter(), b.enter()
	w.subscribe(a, one.id, "presence-r", "a")
	w.subscribe(b, two.id, "presence-r", "b")
	w.quiet()
	a.heard(one)
	b.heard(two)
	w.hooks()
	w.net.Pause(nameOf(1))
	w.down[1] = true
	w.net.Lapse(nameOf(1))
	w.until("b to go", func() bool { return a.Channel(w.app, "presence-r").Users == 1 })
	a.expect(one, removed("presence-r", "b"))
	// What happens there meanwhile counts, too.
	three := b.enter()
	b.Unsubscribe(w.app, two.id, "presence-r", "b")
	go func() { w.net.Resume(nameOf(1)) }()
	w.subscribe(b, three.id, "presence-r", "b2")
	w.until("b to come back", func() bool { return a.Channel(w.app, "presence-r").Users == 2 })
	delete(w.down, 1)
	w.quiet()
	a.expect(one, added("presence-r", "b2"))
	b.expect(two)
	if got := b.heard(three); len(got) != 1 {
		t.Errorf("got %q", got)
	}
	w.expectHooks(memberHook("member_removed", "presence-r", "b"), memberHook("member_added", "presence-r", "b2"))
}

func TestBoardThatLostItsMemoryIsWrittenAgainWithoutAWord(t *testing.T) {
	w := newTown(t, 3, nil)
	var conns []*conn
	for i, h := range w.houses {
		c := h.enter()
		conns = append(conns, c)
		w.subscribe(h, c.id, "presence-r", nameOf(i))
		w.subscribe(h, c.id, "news", "")
		w.quiet()
	}
	for i, h := range w.houses {
		h.heard(conns[i])
		h.SignIn(w.app, conns[i].id, &wire.User{ID: nameOf(i), Watchlist: []string{"a", "b", "c"}})
	}
	w.quiet()
	for i, h := range w.houses {
		h.heard(conns[i])
	}
	w.hooks()
	w.net.LoseBoard()
	w.until("everything to be written again", func() bool {
		for _, h := range w.houses {
			if len(h.Nodes()) != 3 {
				return false
			}
		}
		board := w.net.Board()
		for _, entries := range board {
			if len(entries) < 4 { // two counts, a member, a user
				return false
			}
		}
		return len(board) == 3
	})
	w.quiet()
	for i, h := range w.houses {
		h.expect(conns[i])
		if got, want := h.Channel(w.app, "news"), (node.Counts{Occupied: true, Subscriptions: 3}); got != want {
			t.Errorf("node %d: %+v", i, got)
		}
	}
	w.expectHooks()
}

// Presence, counts and hooks are told while the bus is away from what is here, and what was missed when it is back.
func TestNodeThatIsCutOffGoesOnAlone(t *testing.T) {
	w := newTown(t, 2, nil)
	a, b := w.houses[0], w.houses[1]
	one, two := a.enter(), b.enter()
	w.subscribe(a, one.id, "presence-r", "a")
	w.subscribe(b, two.id, "presence-r", "b")
	w.quiet()
	a.heard(one)
	b.heard(two)
	w.hooks()
	w.net.Cut(nameOf(0))
	w.until("the cut to be noticed", func() bool { return !a.Up() })
	three := a.enter()
	w.subscribe(a, three.id, "presence-r", "a2")
	a.expect(one, added("presence-r", "a2"))
	if got := a.heard(three); len(got) != 1 { // b is still taken to be there
		t.Errorf("got %q", got)
	}
	if got := w.users(a, "presence-r"); !slices.Equal(got, []string{"a", "a2", "b"}) {
		t.Errorf("got %q", got)
	}
	b.expect(two)
	w.expectHooks()
	w.net.Restore(nameOf(0))
	w.until("a2 to be seen", func() bool { return b.Channel(w.app, "presence-r").Users == 3 })
	w.quiet()
	b.expect(two, added("presence-r", "a2"))
	a.expect(one)
	w.expectHooks(memberHook("member_added", "presence-r", "a2"))
}

func TestCountIsThatOfAllNodes(t *testing.T) {
	w := newTown(t, 2, nil)
	a, b := w.houses[0], w.houses[1]
	one := a.enter()
	w.subscribe(a, one.id, "news", "")
	w.quiet()
	a.expect(one, `{"event":"pusher_internal:subscription_succeeded","channel":"news","data":"{}"}`, count(1))
	w.subscribe(b, engine.ID(1<<24|1000), "news", "")
	w.quiet()
	a.expect(one, count(2))
	b.Unsubscribe(w.app, engine.ID(1<<24|1000), "news", "")
	w.quiet()
	a.expect(one, count(1))

	// Above a hundred it is told at most every five seconds, wherever they come from.
	for i := range 150 {
		w.subscribe(b, engine.ID(1<<24|(1000+i)), "news", "")
	}
	w.quiet()
	last := a.heard(one)
	if n := len(last); n > 99 { // those that came within one write are told as one
		t.Errorf("%d counts", n)
	}
	a.clock.Advance(5 * time.Second)
	a.DoChores()
	if last = append(last, a.heard(one)...); last[len(last)-1] != count(151) {
		t.Errorf("the last count is %s", last[len(last)-1])
	}
	for _, hears := range w.witness {
		hears.take()
	}
	// Of it speaks one: who has been there longest.
	a.clock.Advance(5 * time.Second)
	a.DoChores()
	b.Unsubscribe(w.app, engine.ID(1<<24|1000), "news", "")
	w.quiet()
	a.clock.Advance(5 * time.Second)
	a.DoChores()
	b.clock.Advance(5 * time.Second)
	b.DoChores()
	var told []string
	for i, hears := range w.witness {
		for _, line := range hears.take() {
			told = append(told, fmt.Sprint(i, line))
		}
	}
	if want := []string{`0{"name":"subscription_count","channel":"news","subscription_count":150}`}; !slices.Equal(told, want) {
		t.Errorf("got %q, want %q", told, want)
	}
}

func TestMembersAreLimitedOverAllNodes(t *testing.T) {
	w := newTown(t, 2, func(a *app.App) { a.Limits.PresenceMembers = 2 })
	a, b := w.houses[0], w.houses[1]
	w.subscribe(a, 1<<24|1, "presence-r", "u")
	w.subscribe(b, 1<<24|1, "presence-r", "v")
	w.quiet()
	for i, h := range w.houses {
		_, err := h.Subscribe(w.app, 1<<24|2, "presence-r", pusher.Presence, &channel.Member{ID: "w"})
		if err == nil || err.Reason != "presence_full" {
			t.Errorf("node %d: %v", i, err)
		}
		// A further connection of a member, whose first is elsewhere, is no new member.
		w.subscribe(h, 1<<24|3, "presence-r", "u")
		w.subscribe(h, 1<<24|4, "presence-r", "v")
	}
}

func TestWatchlistSeesUsersOfAllNodes(t *testing.T) {
	w := newTown(t, 2, nil)
	a, b := w.houses[0], w.houses[1]
	watcher, tab, other := a.enter(), b.enter(), a.enter()
	if online, offline := a.SignIn(w.app, watcher.id, &wire.User{ID: "w", Watchlist: []string{"u"}}); len(online) != 0 || !slices.Equal(offline, []string{"u"}) {
		t.Fatalf("online %q, offline %q", online, offline)
	}
	b.SignIn(w.app, tab.id, &wire.User{ID: "u"})
	w.quiet()
	a.expect(watcher, changed("online", "u"))
	if online, offline := a.SignIn(w.app, watcher.id, &wire.User{ID: "w", Watchlist: []string{"u", "x"}}); !slices.Equal(online, []string{"u"}) || !slices.Equal(offline, []string{"x"}) {
		t.Fatalf("online %q, offline %q", online, offline)
	}
	pass := func(d time.Duration) {
		for _, h := range w.houses {
			h.clock.Advance(d)
			h.DoChores()
		}
	}
	// From one node to the other and back within the time that a page takes to load.
	b.SignOut(w.app, tab.id, "u")
	w.quiet()
	pass(2 * time.Second)
	a.SignIn(w.app, other.id, &wire.User{ID: "u"})
	w.quiet()
	pass(10 * time.Second)
	a.expect(watcher)
	a.SignOut(w.app, other.id, "u")
	w.quiet()
	pass(2 * time.Second)
	b.SignIn(w.app, tab.id, &wire.User{ID: "u"})
	w.quiet()
	pass(10 * time.Second)
	a.expect(watcher)
	// On both, then on one.
	a.SignIn(w.app, other.id, &wire.User{ID: "u"})
	w.quiet()
	b.SignOut(w.app, tab.id, "u")
	w.quiet()
	pass(10 * time.Second)
	a.expect(watcher)
	// Gone, and gone with its node.
	a.SignOut(w.app, other.id, "u")
	pass(10 * time.Second)
	a.expect(watcher, changed("offline", "u"))
	b.SignIn(w.app, tab.id, &wire.User{ID: "u"})
	w.quiet()
	a.expect(watcher, changed("online", "u"))
	w.crash(1)
	w.quiet()
	pass(2999 * time.Millisecond)
	a.expect(watcher)
	pass(time.Millisecond)
	a.expect(watcher, changed("offline", "u"))
}

func TestTerminateEndsTheUsersConnsOnAllNodes(t *testing.T) {
	w := newTown(t, 3, func(a *app.App) { a.Compat.TerminateByPresence = true })
	for _, h := range w.houses {
		h.SignIn(w.app, 1<<24|7, &wire.User{ID: "u"})
		h.SignIn(w.app, 1<<24|8, &wire.User{ID: "v"})
	}
	if err := w.houses[1].Terminate(w.app, "u"); err != nil {
		t.Fatal(err)
	}
	for _, h := range w.houses {
		w.until("the user to be sent away", func() bool {
			h.mu.Lock()
			defer h.mu.Unlock()
			return slices.Equal(h.terminated, []engine.ID{1<<24 | 7}) && slices.Equal(h.members, []string{"shop u"})
		})
	}
	w.net.Cut(nameOf(1))
	w.until("the cut to be noticed", func() bool { return !w.houses[1].Up() })
	if err := w.houses[1].Terminate(w.app, "u"); err == nil {
		t.Error("nobody could be told, and it is no error")
	}
}

// TestNodesAgreeWhenItIsQuiet has conns come and go on all nodes while nodes die, stop and are cut off. Afterwards all that are up answer alike, and
// right, and what webhooks were told adds up.
func TestNodesAgreeWhenItIsQuiet(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			w := newTown(t, 3, nil)
			r := rand.New(rand.NewPCG(seed, 8))
			names := []string{"presence-a", "presence-b", "news"}
			type place struct {
				house, conn int
				name        string
			}
			in := make(map[place]string) // user
			away, lapses := -1, 0
			for step := range 400 {
				i := r.IntN(len(w.houses))
				switch n := r.IntN(100); {
				case w.down[i]:
				case n == 0 && len(w.down) == 0 && away < 0:
					lapses++
					w.crash(i)
					for p := range in {
						if p.house == i {
							delete(in, p)
						}
					}
					if len(w.houses) < 6 {
						w.build()
					}
				case n == 1 && away < 0:
					away = i
					w.net.Cut(nameOf(i))
				case n == 2 && away < 0:
					away = i
					lapses++
					w.net.Cut(nameOf(i))
					w.net.Lapse(nameOf(i))
				case n < 10 && away >= 0:
					w.net.Restore(nameOf(away))
					away = -1
				case n == 10 && step%8 == 0 && away < 0:
					w.net.LoseBoard()
				default:
					p := place{i, r.IntN(4), names[r.IntN(3)]}
					id := engine.ID(1<<24 | (1000 + p.conn))
					if user, ok := in[p]; ok {
						w.houses[i].Unsubscribe(w.app, id, p.name, user)
						delete(in, p)
						break
					}
					user := ""
					if p.name != "news" {
						user = fmt.Sprint("u", r.IntN(5))
					}
					w.subscribe(w.houses[i], id, p.name, user)
					in[p] = user
				}
			}
			if away >= 0 {
				w.net.Restore(nameOf(away))
			}
			check := func() {
				t.Helper()
				w.until("nodes to agree", func() bool {
					for _, name := range names {
						want, users := node.Counts{}, map[string]bool{}
						for p, user := range in {
							if p.name == name {
								want.Occupied = true
								want.Subscriptions++
								if user != "" {
									users[user] = true
								}
							}
						}
						want.Users = len(users)
						for i, h := range w.houses {
							if w.down[i] {
								continue
							}
							if h.Channel(w.app, name) != want || !slices.Equal(w.users(h, name), slices.Sorted(maps.Keys(users))) {
								return false
							}
						}
					}
					return true
				})
				w.quiet()
			}
			check()
			for p, user := range in {
				w.houses[p.house].Unsubscribe(w.app, engine.ID(1<<24|(1000+p.conn)), p.name, user)
			}
			clear(in)
			check()
			// Everything has ended: what came went, as often as it came. But one whose lease lapsed may have taken a word with it, and another may have said it again.
			sum := make(map[string]int)
			for _, line := range w.hooks() {
				for _, pair := range [][2]string{{"channel_occupied", "channel_vacated"}, {"member_added", "member_removed"}} {
					for i, kind := range pair {
						prefix := `{"name":"` + kind + `",`
						if len(line) > len(prefix) && line[:len(prefix)] == prefix {
							sum[pair[0]+line[len(prefix):]] += 1 - 2*i
						}
					}
				}
			}
			for what, n := range sum {
				if n < -2*lapses || n > 2*lapses {
					t.Errorf("%s: %+d", what, n)
				}
			}
		})
	}
}
