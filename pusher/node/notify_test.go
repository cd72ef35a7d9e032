package node_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gannet-io/gannet/engine"
	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/channel"
	"github.com/gannet-io/gannet/pusher/node"
	"github.com/gannet-io/gannet/pusher/wire"
)

// A witness writes down what it is told.
type witness struct {
	mu   sync.Mutex
	told []string // guarded by mu
}

func (w *witness) Notify(a *app.App, e wire.HookEvent) {
	w.mu.Lock()
	w.told = append(w.told, string(wire.AppendHookEvent(nil, &e)))
	w.mu.Unlock()
}

// Tell is Notify without the ID, of which the test knows enough.
func (w *witness) Tell(a *app.App, e wire.HookEvent, _ pusher.Ticket) {
	e.ID = ""
	w.Notify(a, e)
}

func (w *witness) Hush() {}

// take returns what was told since the last call.
func (w *witness) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	told := w.told
	w.told = nil
	return told
}

func hooks(kinds pusher.Hook) func(*app.App) {
	return func(a *app.App) { a.Webhooks = []app.Webhook{{Events: kinds}} }
}

func TestNotifierHearsOfTransitionsInOrder(t *testing.T) {
	w := &witness{}
	h, a := newHouse(t, node.Config{Notifier: w}), newApp(hooks(pusher.AllHooks))
	a.SubscriptionCount = true
	one, two := h.enter(), h.enter()
	expect := func(step string, want ...string) {
		t.Helper()
		if got := w.take(); !slices.Equal(got, want) {
			t.Errorf("%s\n got %q\nwant %q", step, got, want)
		}
	}
	h.subscribe(a, one, "presence-r", "10")
	expect("the first member comes", `{"name":"channel_occupied","channel":"presence-r"}`, `{"name":"member_added","channel":"presence-r","user_id":"10"}`)
	h.subscribe(a, two, "presence-r", "10")
	expect("the same user once more")
	h.Unsubscribe(a, one.id, "presence-r", "10")
	expect("one of the user's two connections leaves")
	h.subscribe(a, one, "presence-r", "11")
	expect("another user", `{"name":"member_added","channel":"presence-r","user_id":"11"}`)
	socket := pusher.SocketID{First: 1, Second: 2}
	h.ClientEvent(a, one.id, &node.ClientEvent{Channel: "presence-r", Name: "client-e", Data: []byte(`[1]`), UserID: "11", SocketID: socket})
	expect("a client event", `{"name":"client_event","channel":"presence-r","event":"client-e","data":"[1]","socket_id":"1.2","user_id":"11"}`)
	h.Unsubscribe(a, two.id, "presence-r", "10")
	expect("a user leaves", `{"name":"member_removed","channel":"presence-r","user_id":"10"}`)
	h.Unsubscribe(a, one.id, "presence-r", "11")
	expect("the last one leaves", `{"name":"member_removed","channel":"presence-r","user_id":"11"}`, `{"name":"channel_vacated","channel":"presence-r"}`)

	h.subscribe(a, one, "cache-c", "")
	expect("an empty cache", `{"name":"channel_occupied","channel":"cache-c"}`, `{"name":"cache_miss","channel":"cache-c"}`,
		`{"name":"subscription_count","channel":"cache-c","subscription_count":1}`)
	if err := h.Publish(a, &node.Event{Channel: "cache-c", Name: "e", Data: []byte(`"x"`)}); err != nil {
		t.Fatal(err)
	}
	h.subscribe(a, two, "cache-c", "")
	expect("a full one", `{"name":"subscription_count","channel":"cache-c","subscription_count":2}`)
	h.Unsubscribe(a, two.id, "cache-c", "")
	h.Unsubscribe(a, one.id, "cache-c", "")
	expect("all leave", `{"name":"subscription_count","channel":"cache-c","subscription_count":1}`,
		`{"name":"channel_vacated","channel":"cache-c"}`, `{"name":"subscription_count","channel":"cache-c","subscription_count":0}`)

	h.subscribe(a, one, "private-encrypted-e", "")
	expect("an encrypted channel", `{"name":"channel_occupied","channel":"private-encrypted-e"}`,
		`{"name":"subscription_count","channel":"private-encrypted-e","subscription_count":1}`)
	h.subscribe(a, one, "#server-to-user-10", "")
	h.Unsubscribe(a, one.id, "#server-to-user-10", "")
	expect("a user's own channel")
}

func TestNotifierHearsOfWhatIsWantedAlone(t *testing.T) {
	w := &witness{}
	h := newHouse(t, node.Config{Notifier: w})
	c := h.enter()
	play := func(a *app.App) []string {
		a.SubscriptionCount = true
		h.subscribe(a, c, "presence-cache-r", "10")
		h.ClientEvent(a, c.id, &node.ClientEvent{Channel: "presence-cache-r", Name: "client-e"})
		h.Unsubscribe(a, c.id, "presence-cache-r", "10")
		return w.take()
	}
	if got := play(newApp(nil)); len(got) > 0 {
		t.Errorf("an app without webhooks: %q", got)
	}
	// A pair comes whole, or nobody could tell a short absence.
	for kind, want := range map[pusher.Hook]int{
		pusher.HookOccupied: 2, pusher.HookVacated: 2, pusher.HookMemberAdded: 2, pusher.HookMemberRemoved: 2,
		pusher.HookClientEvent: 1, pusher.HookCacheMiss: 1, pusher.HookCount: 0, pusher.AllHooks: 6,
	} {
		if got := play(newApp(hooks(kind))); len(got) != want {
			t.Errorf("%v: got %q, want %d", kind, got, want)
		}
	}
}

func TestRefusedEventsAreNotNotified(t *testing.T) {
	w := &witness{}
	h, a := newHouse(t, node.Config{Notifier: w}), newApp(hooks(pusher.AllHooks))
	a.Limits.PresenceMembers = 1
	one, two := h.enter(), h.enter()
	h.subscribe(a, one, "presence-r", "10")
	w.take()
	if _, err := h.Subscribe(a, two.id, "presence-r", pusher.Presence, &channel.Member{ID: "11"}); err == nil {
		t.Fatal("a second member where one is allowed")
	}
	if err := h.ClientEvent(a, two.id, &node.ClientEvent{Channel: "private-nobody", Name: "client-e"}); err != nil {
		t.Fatal(err)
	}
	if got := w.take(); len(got) > 0 {
		t.Errorf("got %q", got)
	}
}

func TestHeldBackCountIsNotifiedLater(t *testing.T) {
	w := &witness{}
	h, a := newHouse(t, node.Config{Notifier: w}), newApp(hooks(pusher.HookCount))
	a.SubscriptionCount = true
	for _, id := range crowd(0, 150) {
		if _, err := h.Subscribe(a, id, "news", pusher.Public, nil); err != nil {
			t.Fatal(err)
		}
	}
	if got := w.take(); len(got) != 100 {
		t.Errorf("%d counts for 150 joins at one moment, want 100", len(got))
	}
	h.clock.Advance(5 * time.Second)
	h.DoChores()
	if got, want := w.take(), []string{`{"name":"subscription_count","channel":"news","subscription_count":150}`}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestNotifierHearsEachChannelInOrder has many come and go at once: whatever the interleaving, of each channel occupied and
// vacated take turns, and so do added and removed of each member, inside of the channel's.
func TestNotifierHearsEachChannelInOrder(t *testing.T) {
	w := &witness{}
	h, a := newHouse(t, node.Config{Notifier: w}), newApp(hooks(pusher.HookOccupied|pusher.HookMemberAdded))
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			id := engine.ID(i%2<<44 | 1<<24 | (i + 1000))
			for n := range 300 {
				name, user := fmt.Sprintf("presence-%d", n%2), fmt.Sprint(i%3)
				if _, err := h.Subscribe(a, id, name, pusher.Presence, &channel.Member{ID: user}); err != nil {
					t.Error(err)
				}
				h.Unsubscribe(a, id, name, user)
			}
		})
	}
	all.Wait()
	told := w.take()
	if len(told) == 0 {
		t.Fatal("nothing was told")
	}
	for _, name := range []string{"presence-0", "presence-1"} {
		occupied, members := false, map[string]bool{}
		for _, line := range told {
			var kind, user string
			for _, k := range []string{"channel_occupied", "channel_vacated"} {
				if line == fmt.Sprintf(`{"name":%q,"channel":%q}`, k, name) {
					kind = k
				}
			}
			for _, k := range []string{"member_added", "member_removed"} {
				for u := range 3 {
					if line == fmt.Sprintf(`{"name":%q,"channel":%q,"user_id":"%d"}`, k, name, u) {
						kind, user = k, fmt.Sprint(u)
					}
				}
			}
			ok := true
			switch kind {
			case "channel_occupied":
				ok, occupied = !occupied, true
			case "channel_vacated":
				ok, occupied = occupied && len(members) == 0, false
			case "member_added":
				ok = occupied && !members[user]
				members[user] = true
			case "member_removed":
				ok = occupied && members[user]
				delete(members, user)
			}
			if !ok {
				t.Fatalf("%s out of turn (occupied %v, members %v)", line, occupied, members)
			}
		}
		if occupied || len(members) > 0 {
			t.Errorf("%s ends occupied %v with %v", name, occupied, members)
		}
	}
}
