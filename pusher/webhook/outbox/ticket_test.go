package outbox_test

import (
	"slices"
	"testing"
	"time"

	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/webhook/outbox"
	"github.com/gannet-io/gannet/pusher/wire"
)

// What has a ticket is over when all webhooks that want it have had it, or when it is called off, and is dropped when another is to tell it.
func TestTicketsAreOverWhenTheirEventsAre(t *testing.T) {
	now := time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)
	hook := func(name string) app.Webhook {
		return app.Webhook{Name: name, Events: pusher.AllHooks, Workers: 1, BatchEvents: 2, BatchDelay: time.Second, RetryFor: time.Minute}
	}
	o := outbox.New(outbox.Config{LeaveDelay: 3 * time.Second, QueueEvents: 100, QueueBytes: 1 << 20, Jitter: func() float64 { return 0 }},
		[]*app.App{{ID: "a", Webhooks: []app.Webhook{hook("one"), hook("two")}}})
	tell := func(h pusher.Hook, channel string, ticket uint64, sure bool) {
		id := ""
		if ticket != 0 {
			id = channel + "-" + h.String()
		}
		o.Tell("a", &wire.HookEvent{Hook: h, Channel: channel, ID: id, Event: "client-e"}, ticket, sure, now)
	}
	told := func(step string, want ...uint64) {
		t.Helper()
		if got := o.Told(); !slices.Equal(got, want) {
			t.Errorf("%s: over are %d, want %d", step, got, want)
		}
	}
	var under []*outbox.Batch
	start := func() {
		for b := o.Start(now); b != nil; b = o.Start(now) {
			under = append(under, b)
		}
	}
	tell(pusher.HookOccupied, "x", 1, false)
	tell(pusher.HookVacated, "x", 2, false)
	tell(pusher.HookOccupied, "x", 3, false)
	told("back at once", 2, 3)
	tell(pusher.HookOccupied, "y", 4, false)
	start()
	o.Finish(under[0], outbox.Result{OK: true}, now)
	told("one webhook has it")
	o.Finish(under[1], outbox.Result{OK: true}, now)
	told("both have", 1, 4)

	tell(pusher.HookVacated, "y", 5, true)
	tell(pusher.HookClientEvent, "y", 0, false)
	tell(pusher.HookVacated, "x", 6, false) // waits
	tell(pusher.HookOccupied, "z", 7, false)
	under = nil
	start()
	if len(under) != 2 || string(under[0].Events) != `{"name":"channel_vacated","channel":"y","id":"y-channel_vacated"},{"name":"client_event","channel":"y","event":"client-e","socket_id":"0.0"}` {
		t.Fatalf("%d under way, %s", len(under), under[0].Events)
	}
	o.Hush(now)
	o.Finish(under[0], outbox.Result{Reason: "5xx"}, now)
	o.Finish(under[1], outbox.Result{OK: true}, now)
	for range 10 {
		now = now.Add(time.Second)
		o.Tick(now)
	}
	under = nil
	start()
	if len(under) != 1 || string(under[0].Events) != `{"name":"client_event","channel":"y","event":"client-e","socket_id":"0.0"}` {
		t.Errorf("after Hush %d are under way", len(under))
	}
	told("it is another's to tell")
	o.Finish(under[0], outbox.Result{OK: true}, now)
	if !o.Empty() {
		t.Error("something is left")
	}
}
