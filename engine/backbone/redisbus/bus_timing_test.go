package redisbus_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gannet-io/gannet/engine/backbone"
	"github.com/gannet-io/gannet/engine/backbone/redisbus"
)

// An ear tells when something came.
type ear struct {
	backbone.Sink
	came chan struct{}
}

func (e *ear) Message(string, []byte)         { e.came <- struct{}{} }
func (e *ear) Stored(string, backbone.Stored) { e.came <- struct{}{} }

// percentiles reports the median and the 99th percentile.
func percentiles(b *testing.B, all []time.Duration) {
	slices.Sort(all)
	b.ReportMetric(float64(all[len(all)/2].Nanoseconds())/1e3, "p50-µs")
	b.ReportMetric(float64(all[len(all)*99/100].Nanoseconds())/1e3, "p99-µs")
}

func BenchmarkBus(b *testing.B) {
	s := startServer(b)
	keep := &backbone.Retention{Events: 1000, Age: time.Minute}
	msg := slices.Repeat([]byte("x"), 100)
	start := func(name string) (*redisbus.Bus, *ear) {
		bus := newBus(b, redisbus.Config{URL: "redis://" + s.addr(), Name: name, Lease: 15 * time.Second, CheckEvery: 10 * time.Second})
		e := &ear{newWitness(b, bus), make(chan struct{}, 1)}
		if err := bus.Start(b.Context(), e); err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = bus.Close(b.Context()) })
		return bus, e
	}
	a, _ := start("a")
	c, ear := start("c")
	c.Attach("heard", keep)
	c.Attach("plain", nil)
	witness := ear.Sink.(*witness)
	witness.until("attached", func() bool { return witness.attached["heard"] > 0 && witness.attached["plain"] > 0 })

	kinds := map[string]func(topic string) func() error{
		"Publish": func(topic string) func() error { return a.Publish(topic, msg) },
		"Append":  func(topic string) func() error { return a.Append(topic, keep, msg) },
	}
	for _, kind := range []string{"Publish", "Append"} {
		send := kinds[kind]
		heard := map[string]string{"Publish": "plain", "Append": "heard"}[kind]
		b.Run(kind+"/outcome", func(b *testing.B) {
			var all []time.Duration
			for b.Loop() {
				begin := time.Now()
				if err := send("alone")(); err != nil {
					b.Fatal(err)
				}
				all = append(all, time.Since(begin))
			}
			percentiles(b, all)
		})
		b.Run(kind+"/other node", func(b *testing.B) {
			var all []time.Duration
			for b.Loop() {
				begin := time.Now()
				send(heard)
				<-ear.came
				all = append(all, time.Since(begin))
			}
			percentiles(b, all)
		})
		for _, topics := range []int{1, 64} {
			b.Run(fmt.Sprintf("%s/64 wait/%d topics", kind, topics), func(b *testing.B) {
				names := make([]string, 64)
				for i := range names {
					names[i] = fmt.Sprint("many", i%topics)
				}
				b.ReportAllocs()
				b.ResetTimer()
				var all sync.WaitGroup
				for i := range 64 {
					all.Go(func() {
						for range b.N / 64 {
							if err := send(names[i])(); err != nil {
								b.Error(err)
								return
							}
						}
					})
				}
				all.Wait()
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
			})
		}
	}
	b.Run("Put/outcome", func(b *testing.B) {
		var all []time.Duration
		for b.Loop() {
			begin := time.Now()
			if err := a.Put([]backbone.Entry{{Key: "key", Value: []byte("value")}})(); err != nil {
				b.Fatal(err)
			}
			all = append(all, time.Since(begin))
		}
		percentiles(b, all)
	})
	b.Run("Put/64 wait", func(b *testing.B) {
		var all sync.WaitGroup
		for i := range 64 {
			all.Go(func() {
				for range b.N / 64 {
					if err := a.Put([]backbone.Entry{{Key: fmt.Sprint("key", i), Value: []byte("value")}})(); err != nil {
						b.Error(err)
						return
					}
				}
			})
		}
		all.Wait()
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "entries/s")
	})
}
