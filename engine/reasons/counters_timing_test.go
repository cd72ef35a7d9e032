package reasons_test

import (
	"testing"

	"github.com/VictoriaMetrics/metrics"

	"github.com/gannet-io/gannet/engine/reasons"
)

// BenchmarkOf is a flood of one kind of refusal on every processor, against the lock of the metric set.
func BenchmarkOf(b *testing.B) {
	set := metrics.NewSet()
	c := reasons.New(set, "refusals_total", "reason")
	reason := "malformed_message"
	b.Run("known", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				c.Of(reason).Inc()
			}
		})
	})
	b.Run("set", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				set.GetOrCreateCounter(`refusals_total{reason="` + reason + `"}`).Inc()
			}
		})
	})
}
