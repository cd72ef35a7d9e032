package node_test

import (
	"testing"
	"time"

	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/node"
)

func TestTotalsAreOfTheWholeApp(t *testing.T) {
	h := newHouse(t, node.Config{})
	a := &app.App{ID: "1", Limits: app.Limits{TotalSubscribesPerSecond: 2, TotalClientEventsPerSecond: 3}}
	free := &app.App{ID: "2"}
	one, two := h.enter(), h.enter()
	join := func(a *app.App, c *conn, channel, reason string) {
		t.Helper()
		_, err := h.Subscribe(a, c.id, channel, pusher.KindOf(channel), nil)
		if err == nil && reason != "" || err != nil && err.Reason != reason {
			t.Errorf("%s: %v, want %q", channel, err, reason)
		}
	}
	say := func(a *app.App, from *conn, want *pusher.Error) {
		t.Helper()
		if got := h.ClientEvent(a, from.id, &node.ClientEvent{Channel: "private-c", Name: "client-e"}); got != want {
			t.Errorf("client event: %v, want %v", got, want)
		}
	}
	join(a, one, "private-c", "")
	join(a, two, "private-c", "")
	join(a, one, "d", "app_subscribe_rate")
	join(free, one, "d", "")
	say(a, one, nil)
	say(a, two, nil)
	say(a, one, nil)
	say(a, two, pusher.ErrAppClientEventRate)
	say(free, two, nil)
	h.clock.Advance(500 * time.Millisecond)
	join(a, one, "d", "")
	say(a, two, nil)
	if got := len(h.heard(one)); got != 5 { // joined three channels, and heard two events of the other
		t.Errorf("heard %d frames", got)
	}
	for _, c := range []*conn{one, two} {
		h.Unsubscribe(a, c.id, "private-c", "")
	}
	h.Unsubscribe(a, one.id, "d", "")
	h.Unsubscribe(free, one.id, "d", "")
}
