package outbox_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/webhook/outbox"
	"github.com/gannet-io/gannet/pusher/wire"
)

// BenchmarkOutbox takes an event from its transition to the answer of its receiver.
func BenchmarkOutbox(b *testing.B) {
	for _, journal := range []bool{false, true} {
		b.Run(fmt.Sprintf("journal %v", journal), func(b *testing.B) {
			w := app.DefaultWebhook()
			w.Name = "main"
			box := outbox.New(outbox.Config{
				QueueEvents: 1 << 30, QueueBytes: 1 << 40, Journal: journal, Jitter: func() float64 { return 0.5 },
			}, []*app.App{{ID: "a", Webhooks: []app.Webhook{w}}})
			names := make([]string, 1<<12)
			for i := range names {
				names[i] = fmt.Sprint("channel-", i)
			}
			now, i := start, 0
			b.ReportAllocs()
			for b.Loop() {
				now = now.Add(time.Microsecond)
				e := wire.HookEvent{Hook: pusher.HookCount, Channel: names[i%len(names)], Count: i}
				box.Notify("a", &e, now)
				if i++; i%100 == 0 {
					box.Tick(now)
					box.Stored(box.Changes(), now)
					for x := box.Start(now); x != nil; x = box.Start(now) {
						box.Finish(x, outbox.Result{OK: true}, now)
					}
				}
			}
		})
	}
}
