package hub_test

import (
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"github.com/gannet-io/gannet/engine/hub"
)

// BenchmarkInstruments is what counting costs alone: once a publish and loop for the flow of an account and for what the histograms of a turn with one
// publish take, once a message that comes.
func BenchmarkInstruments(b *testing.B) {
	r := newRoom(b, 1)
	c := r.dial()
	l := r.Loops()[c.id.Loop()]
	on := func(name string, f func(b *testing.B)) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			done := make(chan struct{})
			l.Post(func() { defer close(done); f(b) })
			<-done
		})
	}
	on("flow", func(b *testing.B) {
		for b.Loop() {
			r.Queued(l, 3, 47)
		}
	})
	on("message", func(b *testing.B) {
		for b.Loop() {
			r.Came(l, 3, 47)
		}
	})
	measured := hub.New(metrics.NewSet(), func() int64 { return int64(time.Since(start)) })
	measured.Bind(r.Loops())
	on("turn", func(b *testing.B) {
		for b.Loop() {
			hub.Turn(measured, l)
		}
	})
}

var start = time.Now()
