//go:build linux

package main_test

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/gannet-io/gannet/engine/backbone"
	"github.com/gannet-io/gannet/engine/backbone/membus"
	"github.com/gannet-io/gannet/engine/backbone/natsbus"
	"github.com/gannet-io/gannet/engine/backbone/redisbus"
	"github.com/gannet-io/gannet/pusher/node"
)

// freeAddress returns a loopback address that nobody listens at, for now.
func freeAddress(b *testing.B) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	return ln.Addr().String()
}

// drivers open the buses of a new cluster.
var drivers = []struct {
	name string
	open func(b *testing.B) []backbone.Bus
}{
	{"none", func(*testing.B) []backbone.Bus { return []backbone.Bus{nil} }},
	{"memory", func(b *testing.B) []backbone.Bus {
		n := membus.New()
		b.Cleanup(n.Close)
		return []backbone.Bus{n.Node("a"), n.Node("b")}
	}},
	{"nats-inside-1", func(b *testing.B) []backbone.Bus { return natsBuses(b, 1) }},
	{"nats-inside-3", func(b *testing.B) []backbone.Bus { return natsBuses(b, 3) }},
	{"redis", redisBuses},
}

// natsBuses opens those of two nodes or more, of which so many keep the data.
func natsBuses(b *testing.B, keeping int) (buses []backbone.Bus) {
	var routes []string
	for range keeping {
		routes = append(routes, freeAddress(b))
	}
	for i := range max(2, keeping) {
		inside := &natsbus.Embedded{Routes: routes, Listen: "127.0.0.1:0", Secret: "s"}
		if i < keeping {
			inside.Self, inside.Listen, inside.Dir = routes[i], routes[i], b.TempDir()
		}
		bus, err := natsbus.New(natsbus.Config{Name: string(rune('a' + i)), Embedded: inside, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			b.Fatal(err)
		}
		buses = append(buses, bus)
	}
	return buses
}

func redisBuses(b *testing.B) (buses []backbone.Bus) {
	program, err := exec.LookPath("redis-server")
	if err != nil {
		b.Skip("there is no redis-server")
	}
	addr := freeAddress(b)
	_, port, _ := net.SplitHostPort(addr)
	cmd := exec.Command(program, "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no")
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	for deadline := time.Now().Add(patience); ; {
		if conn, err := net.Dial("tcp", addr); err == nil {
			_ = conn.Close()
			break
		}
		if time.Now().After(deadline) {
			b.Fatal("redis-server does not listen")
		}
	}
	for _, name := range []string{"a", "b"} {
		bus, err := redisbus.New(redisbus.Config{URL: "redis://" + addr, Name: name})
		if err != nil {
			b.Fatal(err)
		}
		buses = append(buses, bus)
	}
	return buses
}

// newCluster returns the nodes of a started cluster.
func newCluster(b *testing.B, open func(b *testing.B) []backbone.Bus) (houses []*house) {
	var starting sync.WaitGroup
	for _, bus := range open(b) {
		var h *house
		b.Cleanup(func() { // behind the engine's end
			if err := h.node.Leave(b.Context()); err != nil {
				b.Logf("leave: %v", err)
			}
		})
		h = newHouseOn(b, bus)
		houses = append(houses, h)
		starting.Go(func() {
			if err := h.node.Start(b.Context()); err != nil {
				b.Error(err)
			}
		})
	}
	starting.Wait()
	if b.Failed() {
		b.FailNow()
	}
	return houses
}

// A listener is a client of the last node.
type listener struct {
	b  *testing.B
	in *bufio.Reader
}

func listen(b *testing.B, h *house, channel string) *listener {
	conn, in, err := enter(h.addr)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = conn.Close() })
	if err := subscribe(conn, in, channel); err != nil {
		b.Fatal(err)
	}
	return &listener{b, bufio.NewReaderSize(in, 64<<10)}
}

// hear reads one message.
func (l *listener) hear() {
	header, err := ws.ReadHeader(l.in)
	if err == nil {
		_, err = io.CopyN(io.Discard, l.in, header.Length)
	}
	if err != nil {
		panic(err)
	}
}

func percentile(all []time.Duration, percent int) float64 {
	slices.Sort(all)
	return float64(all[len(all)*percent/100].Nanoseconds()) / 1e3
}

// BenchmarkCluster publishes 100 bytes by the first node of a cluster for a client of the second, over loopback, all in one process but
// redis-server. One at a time: how long until the client has it, and until the publisher knows; 256 at a time: how many come through a second.
func BenchmarkCluster(b *testing.B) {
	event := func(channel string) *node.Event {
		return &node.Event{Channel: channel, Name: "tick", Data: []byte(`"` + strings.Repeat("x", 100) + `"`)}
	}
	for _, driver := range drivers {
		b.Run(driver.name, func(b *testing.B) {
			houses := newCluster(b, driver.open)
			from, to := houses[0], houses[min(1, len(houses)-1)]
			for i, kind := range []string{"plain", "kept"} {
				if driver.name == "none" && kind == "kept" {
					break // it costs the same
				}
				b.Run(kind+"/one", func(b *testing.B) {
					channel := kind + "-one-" + strconv.Itoa(b.N)
					l, ev := listen(b, to, channel), event(channel)
					var heard, known []time.Duration
					for b.Loop() {
						start := time.Now()
						wait := from.node.Submit(from.app, ev)
						l.hear()
						heard = append(heard, time.Since(start))
						if wait != nil {
							begin := time.Now()
							if err := wait(); err != nil {
								b.Fatal(err)
							}
							known = append(known, heard[len(heard)-1]+time.Since(begin))
						}
					}
					b.ReportMetric(percentile(heard, 50), "p50-µs")
					b.ReportMetric(percentile(heard, 99), "p99-µs")
					if len(known) > 0 {
						b.ReportMetric(percentile(known, 50), "known-by-p50-µs")
					}
				})
				b.Run(kind+"/many", func(b *testing.B) {
					// Of 16 channels, as events of one channel with history go to the log one after the other.
					var listening, publishing sync.WaitGroup
					const channels, publishers = 16, 256
					var names []string
					var listeners []*listener
					for j := range channels {
						names = append(names, fmt.Sprintf("%s-many-%d-%d-%d", kind, b.N, i, j))
						listeners = append(listeners, listen(b, to, names[j]))
					}
					flying := make(chan struct{}, 4096) // or clients would fall too far behind and be closed
					b.ResetTimer()
					for j, channel := range names {
						mine := 0
						for k := range publishers / channels {
							n := b.N / publishers
							if j*publishers/channels+k < b.N%publishers {
								n++
							}
							mine += n
							publishing.Go(func() {
								ev := event(channel)
								for range n {
									flying <- struct{}{}
									if err := from.node.Publish(from.app, ev); err != nil {
										panic(err) // nobody would end waiting for it
									}
								}
							})
						}
						listening.Go(func() {
							for range mine {
								listeners[j].hear()
								<-flying
							}
						})
					}
					publishing.Wait()
					listening.Wait()
					b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msgs/s")
				})
			}
		})
	}
}
