package natsbus_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gannet-io/gannet/engine/backbone"
	"github.com/gannet-io/gannet/engine/backbone/natsbus"
)

// A stopwatch is a Sink that knows how long messages were on their way.
type stopwatch struct {
	up, attached chan struct{}
	arrived      chan time.Duration
}

func newStopwatch() *stopwatch {
	return &stopwatch{up: make(chan struct{}, 100), attached: make(chan struct{}, 1000), arrived: make(chan time.Duration, 1<<20)}
}

func (s *stopwatch) Message(_ string, msg []byte)              { s.arrive(msg) }
func (s *stopwatch) Stored(_ string, e backbone.Stored)        { s.arrive(e.Message) }
func (s *stopwatch) Attached(string, backbone.Tail)            { s.attached <- struct{}{} }
func (s *stopwatch) Up(backbone.Node)                          {}
func (s *stopwatch) Changed(node string, entry backbone.Entry) {}
func (s *stopwatch) Gone(string)                               {}
func (*stopwatch) At(backbone.Place)                           {}

func (s *stopwatch) Rejoin(backbone.Node) {}
func (s *stopwatch) State(up bool, _ string) {
	if up {
		s.up <- struct{}{}
	}
}

func (s *stopwatch) arrive(msg []byte) {
	select {
	case s.arrived <- time.Since(time.Unix(0, int64(binary.BigEndian.Uint64(msg)))):
	default:
	}
}

// stamped returns a message of 100 bytes that says when it was made.
func stamped() []byte {
	msg := make([]byte, 100)
	binary.BigEndian.PutUint64(msg, uint64(time.Now().UnixNano()))
	return msg
}

// benchmarkNodes starts one node with a server of its own, or three that replicate.
func benchmarkNodes(b *testing.B, count int) (buses []*natsbus.Bus, sinks []*stopwatch) {
	doors := free(b, count)
	var all sync.WaitGroup
	for i := range count {
		e := &natsbus.Embedded{Dir: b.TempDir()}
		if count > 1 {
			e.Self, e.Routes = doors[i], doors
		}
		bus, err := natsbus.New(natsbus.Config{Name: fmt.Sprint("n", i), Embedded: e, Logger: logger()})
		if err != nil {
			b.Fatal(err)
		}
		s := newStopwatch()
		buses, sinks = append(buses, bus), append(sinks, s)
		b.Cleanup(func() { bus.Close(context.Background()) })
		all.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			if err := bus.Start(ctx, s); err != nil {
				b.Error(err)
				return
			}
			<-s.up
		})
	}
	all.Wait()
	if b.Failed() {
		b.FailNow()
	}
	return buses, sinks
}

// free returns addresses at which nobody listens, most likely: servers in a benchmark speak to each other without a proxy between.
func free(b *testing.B, count int) (addresses []string) {
	for range count {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
		}
		defer l.Close()
		addresses = append(addresses, l.Addr().String())
	}
	return addresses
}

func percentiles(b *testing.B, what string, all []time.Duration) {
	slices.Sort(all)
	if len(all) == 0 {
		return
	}
	b.ReportMetric(float64(all[len(all)/2])/1e3, what+"-p50-µs")
	b.ReportMetric(float64(all[len(all)*99/100])/1e3, what+"-p99-µs")
}

// BenchmarkOne waits for each message's outcome before it sends the next; another node is attached when there is one.
func BenchmarkOne(b *testing.B) {
	keep := &backbone.Retention{Events: 100}
	for _, nodes := range []int{1, 3} {
		buses, sinks := benchmarkNodes(b, nodes)
		last := nodes - 1
		buses[last].Attach("publish", nil)
		buses[last].Attach("append", keep)
		<-sinks[last].attached
		<-sinks[last].attached
		for _, verb := range []string{"publish", "append"} {
			b.Run(fmt.Sprintf("%s/R%d", verb, nodes), func(b *testing.B) {
				var acks, ways []time.Duration
				live := verb == "append" || nodes > 1
				for b.Loop() {
					begin := time.Now()
					var wait func() error
					if verb == "publish" {
						wait = buses[0].Publish(verb, stamped())
					} else {
						wait = buses[0].Append(verb, keep, stamped())
					}
					if err := wait(); err != nil {
						b.Fatal(err)
					}
					acks = append(acks, time.Since(begin))
					if live {
						ways = append(ways, <-sinks[last].arrived)
					}
				}
				percentiles(b, "ack", acks)
				percentiles(b, "live", ways)
			})
		}
	}
}

// BenchmarkMany sends from 64 goroutines, each of which waits for its outcomes, to as many topics as are said.
func BenchmarkMany(b *testing.B) {
	keep := &backbone.Retention{Events: 100}
	for _, nodes := range []int{1, 3} {
		buses, _ := benchmarkNodes(b, nodes)
		for _, verb := range []string{"publish", "append"} {
			for _, topics := range []int{1, 64} {
				b.Run(fmt.Sprintf("%s/R%d/topics=%d", verb, nodes, topics), func(b *testing.B) {
					var worker atomic.Int64
					b.SetParallelism(32)
					b.RunParallel(func(pb *testing.PB) {
						topic := fmt.Sprint(verb, worker.Add(1)%int64(topics))
						for pb.Next() {
							var wait func() error
							if verb == "publish" {
								wait = buses[0].Publish(topic, stamped())
							} else {
								wait = buses[0].Append(topic, keep, stamped())
							}
							if err := wait(); err != nil {
								b.Error(err)
								return
							}
						}
					})
					b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
				})
			}
		}
	}
}

// BenchmarkPut writes one entry at a time, and in hundreds.
func BenchmarkPut(b *testing.B) {
	for _, nodes := range []int{1, 3} {
		buses, _ := benchmarkNodes(b, nodes)
		for _, count := range []int{1, 100} {
			b.Run(fmt.Sprintf("R%d/entries=%d", nodes, count), func(b *testing.B) {
				var acks []time.Duration
				for b.Loop() {
					entries := make([]backbone.Entry, count)
					for i := range entries {
						entries[i] = backbone.Entry{Key: fmt.Sprint("key", i), Value: []byte("1")}
					}
					begin := time.Now()
					if err := buses[0].Put(entries)(); err != nil {
						b.Fatal(err)
					}
					acks = append(acks, time.Since(begin))
				}
				percentiles(b, "ack", acks)
			})
		}
	}
}
