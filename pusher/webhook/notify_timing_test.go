package webhook_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/webhook"
	"github.com/gannet-io/gannet/pusher/wire"
)

// BenchmarkNotify is what a transition costs the loop that reports it, and the dispatcher beside it.
func BenchmarkNotify(b *testing.B) {
	h := hook("main", "http://one.example/", func(h *app.Webhook) { h.BatchEvents = 100 })
	a := &app.App{ID: "shop", Keys: []app.Key{{Key: key, Secret: secret}}, Webhooks: []app.Webhook{h}}
	s, err := webhook.New(webhook.Config{Apps: []*app.App{a}, LeaveDelay: 3 * time.Second, QueueEvents: 1 << 30, QueueBytes: 1 << 40})
	if err != nil {
		b.Fatal(err)
	}
	s.SetTransport(func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Body: http.NoBody, Request: r}, nil
	})
	s.Start()
	names := make([]string, 1<<16)
	for i := range names {
		names[i] = fmt.Sprint("channel-", i)
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		name := names[i/2%len(names)]
		kind := pusher.HookOccupied
		if i%2 == 1 {
			kind = pusher.HookVacated
		}
		s.Notify(a, wire.HookEvent{Hook: kind, Channel: name})
		i++
	}
	b.StopTimer()
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	if err := s.Close(ctx); err != nil {
		b.Fatal(err)
	}
}
