package node_test

import (
	"testing"
	"time"

	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/channel"
	"github.com/gannet-io/gannet/pusher/node"
)

func (h *house) publish(a *app.App, channel, data string) {
	h.t.Helper()
	if err := h.Publish(a, &node.Event{Channel: channel, Name: "e", Data: []byte(data)}); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) subscribe(a *app.App, c *conn, name, userID string) {
	h.t.Helper()
	var m *channel.Member
	if userID != "" {
		m = &channel.Member{ID: userID}
	}
	if _, err := h.Subscribe(a, c.id, name, pusher.KindOf(name), m); err != nil {
		h.t.Fatal(err)
	}
}

func TestCachedTopicIsForgottenWhenItsEventHasExpired(t *testing.T) {
	h, a := newHouse(t, node.Config{}), newApp(nil)
	h.publish(a, "cache-x", `"1"`)
	h.clock.Advance(29 * time.Minute)
	h.DoChores()
	if got := h.keys(); len(got) != 1 {
		t.Fatalf("topics %q", got)
	}
	// A newer event only postpones that, and many of them set one timer.
	for range 100 {
		h.publish(a, "cache-x", `"2"`)
	}
	if n := h.Pending(); n != 1 {
		t.Errorf("%d chores, want 1", n)
	}
	h.clock.Advance(29 * time.Minute)
	h.DoChores()
	if _, ttl, ok := h.Cached(a, "cache-x"); !ok || ttl != time.Minute {
		t.Errorf("cached %v for %v", ok, ttl)
	}
	h.clock.Advance(time.Minute)
	if _, _, ok := h.Cached(a, "cache-x"); ok {
		t.Error("an expired event is still there")
	}
	h.DoChores()
	if got, n := h.keys(), h.Pending(); len(got) != 0 || n != 0 {
		t.Errorf("topics %q, %d chores", got, n)
	}
	h.publish(a, "cache-x", `"3"`) // and from the beginning
	if token, _, ok := h.Cached(a, "cache-x"); !ok || string(token) != `"3"` {
		t.Errorf("cached %q %v", token, ok)
	}
	h.clock.Advance(30 * time.Minute)
	h.DoChores()
	if got := h.keys(); len(got) != 0 {
		t.Errorf("topics %q", got)
	}
}

// Whoever is on the channel stays there when its event expires, and who comes when it has
// but the chore has not been done gets a miss.
func TestExpiryLeavesSubscribersAlone(t *testing.T) {
	h, a := newHouse(t, node.Config{}), newApp(nil)
	early, late := h.enter(), h.enter()
	h.subscribe(a, early, "cache-x", "")
	h.publish(a, "cache-x", `"1"`)
	h.clock.Advance(30 * time.Minute)
	h.subscribe(a, late, "cache-x", "")
	h.DoChores()
	h.publish(a, "cache-x", `"2"`)
	const succeeded, miss = `{"event":"pusher_internal:subscription_succeeded","channel":"cache-x","data":"{}"}`, `{"event":"pusher:cache_miss","channel":"cache-x","data":"{}"}`
	h.expect(early, succeeded, miss, `{"event":"e","channel":"cache-x","data":"1"}`, `{"event":"e","channel":"cache-x","data":"2"}`)
	h.expect(late, succeeded, miss, `{"event":"e","channel":"cache-x","data":"2"}`)
	h.Unsubscribe(a, early.id, "cache-x", "")
	h.Unsubscribe(a, late.id, "cache-x", "")
	h.clock.Advance(30 * time.Minute)
	h.DoChores()
	if got := h.keys(); len(got) != 0 {
		t.Errorf("topics %q", got)
	}
}

func TestCacheWithoutTTLStays(t *testing.T) {
	h, a := newHouse(t, node.Config{}), newApp(func(a *app.App) { a.Limits.CacheTTL = 0 })
	h.publish(a, "private-cache-x", `"1"`)
	h.clock.Advance(24 * 365 * time.Hour)
	h.DoChores()
	if token, ttl, ok := h.Cached(a, "private-cache-x"); !ok || ttl != 0 || string(token) != `"1"` {
		t.Errorf("cached %q %v for %v", token, ok, ttl)
	}
	if h.Pending() != 0 {
		t.Error("a chore for what never expires")
	}
}

// The publisher's bytes are borrowed: what is kept must not change with them.
func TestCacheKeepsItsOwnBytes(t *testing.T) {
	h, a := newHouse(t, node.Config{}), newApp(nil)
	data := []byte(`"before"`)
	if err := h.Publish(a, &node.Event{Channel: "cache-x", Name: "e", Data: data}); err != nil {
		t.Fatal(err)
	}
	copy(data, `"after!"`)
	if token, _, _ := h.Cached(a, "cache-x"); string(token) != `"before"` {
		t.Errorf("cached %q", token)
	}
}

func TestNobodyIsNotKept(t *testing.T) {
	h, a := newHouse(t, node.Config{}), newApp(func(a *app.App) { a.Limits.PresenceMembers = 1 })
	c, d := h.enter(), h.enter()
	h.publish(a, "news", `"1"`)
	h.ClientEvent(a, c.id, &node.ClientEvent{Channel: "private-x", Name: "client-e"})
	h.Acknowledge(a, c.id, "news")
	h.subscribe(a, c, "presence-x", "u1")
	if _, err := h.Subscribe(a, d.id, "presence-x", pusher.Presence, &channel.Member{ID: "u2"}); err == nil || err.Reason != "presence_full" {
		t.Errorf("refusal: %v", err)
	}
	h.Unsubscribe(a, c.id, "presence-x", "u1")
	h.Channel(a, "nothing")
	h.Users(a, "nothing")
	h.Cached(a, "cache-nothing")
	if got := h.keys(); len(got) != 0 {
		t.Errorf("topics %q", got)
	}
}
