package ledger_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/gannet-io/gannet/pusher/ledger"
)

func heap() uint64 {
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return s.HeapAlloc
}

// BenchmarkLedger fills a ledger with a million channels, and says what one costs.
func BenchmarkLedger(b *testing.B) {
	for _, c := range []struct {
		name    string
		members int
	}{{"plain", 0}, {"one member", 1}, {"ten members", 10}} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				channels := 1_000_000
				if c.members > 0 {
					channels = 100_000
				}
				before := heap()
				l := ledger.New()
				l.Up("a", 0)
				for i := range channels {
					topic := fmt.Sprintf("app-id/presence-room-%08d", i) // 30 bytes
					l.Put("a", ledger.Key{Class: ledger.Count, Topic: topic}, []byte{1})
					for u := range c.members {
						l.Put("a", ledger.Key{Class: ledger.Member, Topic: topic, User: fmt.Sprintf("user-%08d", u)}, []byte(`{"name":"somebody"}`))
					}
				}
				b.ReportMetric(float64(heap()-before)/float64(channels), "B/channel")
				runtime.KeepAlive(l)
			}
		})
	}
}
