package hub_test

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/gannet-io/gannet/engine"
	"github.com/gannet-io/gannet/engine/hub"
)

// crowd makes n conns on one loop, all subscribed to the topic, whose frames are read and
// thrown away. sent receives when a publish has been handed to the kernel.
func crowd(t testing.TB, n int) (r *room, sent <-chan struct{}) {
	return crowdWith(t, n, func(int) string { return "" })
}

// crowdWith is crowd with what each of them offers in the handshake.
func crowdWith(t testing.TB, n int, offer func(i int) string) (r *room, sent <-chan struct{}) {
	r = newRoom(t, 1)
	r.listener.Deflate = true
	done := make(chan struct{}, 1)
	r.flushed = func(*engine.Loop) {
		select {
		case done <- struct{}{}:
		default:
		}
	}
	for i := range n {
		c := r.dialWith(offer(i))
		r.topic("topic", func(t *hub.Topic) { t.Join(c.id) })
		go func() { _, _ = io.Copy(io.Discard, c.Conn) }() // until the test closes it
	}
	r.settled()
	for len(done) > 0 {
		<-done
	}
	return r, done
}

// A publish costs some allocations (a task of gnet's), a delivery none. One for each delivery
// would be 200; what the clock does meanwhile, which on a slow machine is more, is counted too.
func TestADeliveryAllocatesNothing(t *testing.T) {
	const subscribers = 200
	r, sent := crowd(t, subscribers)
	key, f := []byte("topic"), text("hello")
	publish := func() {
		topic := r.Acquire(key)
		topic.Publish(f, 0)
		r.Release(topic)
		<-sent
	}
	publish()
	if got := testing.AllocsPerRun(200, publish); got > subscribers/4 {
		t.Errorf("%v allocations for a publish to %d", got, subscribers)
	}
}

// Those who take it compressed cost nothing more: one twin is made for all, of two objects.
func TestADeliveryOfACompressedMessageAllocatesNothing(t *testing.T) {
	const subscribers = 200
	r, sent := crowdWith(t, subscribers, func(i int) string { return []string{"permessage-deflate", ""}[i%2] })
	key, long := []byte("topic"), strings.Repeat(`{"price": 100}`, 100)
	publish := func() {
		topic := r.Acquire(key)
		topic.Publish(text(long), 0)
		r.Release(topic)
		<-sent
	}
	publish()
	if got := testing.AllocsPerRun(200, publish); got > subscribers/4 {
		t.Errorf("%v allocations for a publish to %d", got, subscribers)
	}
}

// Locking a topic and filling mailboxes allocates nothing, but for waking an idle loop.
func TestAPublishAllocatesNothing(t *testing.T) {
	r, _ := crowd(t, 1)
	key, f := []byte("topic"), text("hello")
	var got float64
	r.on(0, func(*engine.Loop) { // a loop at work needs no waking
		const runs = 1000
		topic := r.Acquire(key)
		for range 4 * runs { // room in the mailbox
			topic.Publish(f, 0)
		}
		r.Release(topic)
	})
	r.settled()
	r.on(0, func(*engine.Loop) {
		got = testing.AllocsPerRun(500, func() {
			topic := r.Acquire(key)
			topic.Publish(f, 0)
			r.Release(topic)
		})
	})
	if got != 0 {
		t.Errorf("%v allocations", got)
	}
}

func BenchmarkPublish(b *testing.B) {
	for _, n := range []int{1, 100, 1000} {
		b.Run(fmt.Sprintf("subscribers=%d", n), func(b *testing.B) {
			r, sent := crowd(b, n)
			key, f := []byte("topic"), text("hello, how are you all doing today")
			b.ReportAllocs()
			b.SetBytes(int64(n * f.Len()))
			for b.Loop() {
				topic := r.Acquire(key)
				topic.Publish(f, 0)
				r.Release(topic)
				<-sent
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/delivery")
		})
	}
}

// BenchmarkPublishCompressed sends 2 KiB of prices, new ones each time, to subscribers none, half or all of whom take it
// compressed.
func BenchmarkPublishCompressed(b *testing.B) {
	const subscribers = 1000
	var prices []byte
	for i := 0; len(prices) < 2<<10; i++ {
		prices = fmt.Appendf(prices, `{\"symbol\":\"S%dUSD\",\"price\":%d.%02d},`, i*7919%1000, i*104729%50000, i*31%100)
	}
	for _, m := range []struct {
		name  string
		every int // which of them offers it; 0: nobody
	}{{"none", 0}, {"half", 2}, {"all", 1}} {
		b.Run(m.name, func(b *testing.B) {
			r, sent := crowdWith(b, subscribers, func(i int) string {
				if m.every > 0 && i%m.every == 0 {
					return "permessage-deflate"
				}
				return ""
			})
			key, before := []byte("topic"), r.metric("gannet_engine_bytes_out_total")
			b.ReportAllocs()
			for b.Loop() {
				topic := r.Acquire(key)
				topic.Publish(text(string(prices)), 0)
				r.Release(topic)
				<-sent
			}
			n := float64(b.N * subscribers)
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/n, "ns/delivery")
			b.ReportMetric((r.metric("gannet_engine_bytes_out_total")-before)/n, "B/delivery")
		})
	}
}

func BenchmarkJoinLeave(b *testing.B) {
	r := newRoom(b, 1)
	c := r.dial()
	keys := make([][]byte, 100)
	for i := range keys {
		keys[i] = fmt.Appendf(nil, "topic-%d", i)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		key := keys[i%len(keys)]
		topic := r.Acquire(key)
		topic.Join(c.id)
		r.Release(topic)
		topic = r.Find(key)
		topic.Leave(c.id)
		r.Release(topic)
		if i%1000 == 999 {
			r.on(0, func(*engine.Loop) {}) // else the mailbox only grows
		}
	}
}

func BenchmarkShard(b *testing.B) {
	var s hub.Shard
	lists := make([]uint32, 1000)
	for i := range lists {
		lists[i] = s.NewList()
		for slot := range uint32(15) {
			s.Add(lists[i], slot*1000+uint32(i))
		}
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		s.Add(lists[i%len(lists)], 1<<20-1)
		s.Remove(lists[i%len(lists)], 1<<20-1)
	}
}
