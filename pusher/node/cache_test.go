package node_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/node"
)

// TestCacheChannelsShareABudget: 512 bytes count for each channel, and the name and data of its
// event: 1 for the name, 490 for the data with its quotes, 1003 in all.
func TestCacheChannelsShareABudget(t *testing.T) {
	h := newHouse(t, node.Config{})
	a := newApp(func(a *app.App) { a.Limits.CacheBytes, a.Limits.CacheTTL = 3*1003, time.Minute })
	data := []byte(`"` + strings.Repeat("x", 488) + `"`)
	publish := func(name string) {
		t.Helper()
		if err := h.Publish(a, &node.Event{Channel: name, Name: "e", Data: data}); err != nil {
			t.Fatal(err)
		}
	}
	held := func() (names string) {
		for i := range 6 {
			name := fmt.Sprint("cache-", i)
			if _, _, ok := h.Cached(a, name); ok {
				names += name + " "
			}
		}
		return names
	}
	for i := range 3 {
		publish(fmt.Sprint("cache-", i))
	}
	publish("cache-0") // takes the place of its first event
	if got := held(); got != "cache-0 cache-1 cache-2 " {
		t.Fatalf("held %q within the budget", got)
	}
	publish("cache-3")
	if got := held(); got != "cache-1 cache-2 cache-3 " {
		t.Errorf("held %q, want the oldest channel emptied", got)
	}
	publish("cache-4")
	publish("cache-5")
	if got := held(); got != "cache-3 cache-4 cache-5 " {
		t.Errorf("held %q, want the two oldest channels emptied", got)
	}
	if got := h.keys(); len(got) != 3 {
		t.Errorf("topics %q, want those that hold an event", got)
	}
	h.clock.Advance(time.Minute)
	h.DoChores()
	if got := h.CacheBytes(a); got != 0 || len(h.keys()) != 0 {
		t.Errorf("%d bytes and topics %q after all has expired", got, h.keys())
	}
	publish("cache-0")
	if got := h.CacheBytes(a); got != 1003 {
		t.Errorf("%d bytes for one event, want 1003", got)
	}
}
