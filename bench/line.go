//go:build linux

package main

import (
	"context"
	"fmt"
	"strconv"
	"time"
)

// A line is one load, run on each server in turn, and what is read from it.
type line struct {
	name, title string
	extra       bool // not run unless named
	once        bool // one round is enough
	ours        bool // says something about Gannet alone
	glance      bool // rivals take part in the first round only: what it shows of them is large, or is shown by another line
	serverless  bool // needs no server
	run         func(ctx context.Context, b *bench, s *server, r *record) error
	measures    []measure
}

// A measure is one row of the table.
type measure struct {
	key, what string
	unit      unit
	lower     bool    // less is better; turns the ratio over, so that more is always better there
	compared  bool    // show each server's ratio to the ceiling
	goal      float64 // 0: none
	byRatio   bool    // the goal is for the ratio
}

// scale is how much there is of everything.
type scale struct {
	divide   int           // of subscribers and rates
	most     int           // subscribers, by the limit of descriptors
	duration time.Duration // of what is about latency
	brief    time.Duration // of what is about rates and processor time
	warmup   time.Duration
	idle     time.Duration // until memory is looked at
	quick    bool
}

var fullScale = scale{divide: 1, most: 1 << 30, duration: 3 * time.Second, brief: 1200 * time.Millisecond, warmup: 300 * time.Millisecond, idle: 14 * time.Second}

func (s scale) subscribers(n int) int { return min(n/s.divide, s.most) }

// fanout is what the loads over client events have in common. Every server gets the same, and a
// message is outstanding until all subscribers have it.
func (s scale) fanout(subscribers, publishers, window int) []string {
	return append(s.common("fanout"), "--duration", s.brief.String(), "--drain", "8s", "--via", "client", "--saturate", "--until", "all",
		"--subscribers", strconv.Itoa(s.subscribers(subscribers)), "--publishers", strconv.Itoa(publishers), "--window", strconv.Itoa(window))
}

func (s scale) common(scenario string) []string {
	return []string{scenario, "--duration", s.duration.String(), "--warmup", s.warmup.String(), "--settle", "200ms", "--drain", "3s"}
}

// saturation is what a load without a schedule shows.
func saturation(goal float64) []measure {
	return []measure{
		{key: "delivered", what: "deliveries a second", unit: rate, compared: true, goal: goal, byRatio: goal > 0},
		{key: "cpu", what: "CPU a delivery", unit: micros, lower: true, compared: true},
	}
}

// lines returns the table, in its order.
func lines(s scale) (all []line) {
	sizes := []struct {
		name string
		n    int
		goal float64 // at saturation
	}{{"1k", 1000, 4}, {"5k", 5000, 4}, {"15k", 15_000, 3.7}}

	for _, size := range sizes {
		all = append(all, line{
			name:   "one-" + size.name,
			title:  fmt.Sprintf("one channel, %s subscribers, one message at a time", thousands(float64(s.subscribers(size.n)))),
			glance: size.n != 5000,
			// The kernel tells processor time in ticks of 10 ms, of which little is the server's own: a second would have two of them.
			run: load(append(s.fanout(size.n, 1, 1), "--duration", (s.brief * 10 / 3).String())),
			measures: []measure{
				{key: "cpu", what: "CPU a delivery", unit: micros, lower: true, compared: true, goal: 0.95, byRatio: true},
				{key: "user", what: "user CPU a delivery", unit: micros, lower: true, goal: 0.2},
			},
		})
	}
	// What a server can merge depends on how much is under way, of all publishers together. So
	// there are two readings of "4 publishers, 8 messages in flight".
	for _, reading := range []struct {
		prefix, says       string
		window, deepWindow int
	}{{"together", "8 messages in flight (4 publishers × 2)", 2, 2}, {"saturate", "4 publishers × 8 in flight", 8, 32}} {
		for _, size := range sizes {
			all = append(all, line{
				name:     reading.prefix + "-" + size.name,
				title:    fmt.Sprintf("one channel, %s subscribers, %s", thousands(float64(s.subscribers(size.n))), reading.says),
				glance:   reading.window == 8 && size.n != 5000,
				run:      load(s.fanout(size.n, 4, reading.window)),
				measures: saturation(size.goal),
			})
		}
		says := "32 messages in flight (16 publishers × 2)"
		if reading.deepWindow == 32 {
			says = "16 publishers × 32 in flight"
		}
		all = append(all, line{
			name:     reading.prefix + "-deep",
			title:    fmt.Sprintf("one channel, %s subscribers, %s", thousands(float64(s.subscribers(5000))), says),
			glance:   true,
			run:      load(s.fanout(5000, 16, reading.deepWindow)),
			measures: saturation(14),
		})
	}
	for _, publishers := range []int{4, 16} {
		all = append(all, line{
			name:     fmt.Sprintf("turns-%d", publishers),
			title:    fmt.Sprintf("one channel, %s subscribers, %d publishers × 1 in flight", thousands(float64(s.subscribers(5000))), publishers),
			glance:   true,
			run:      load(s.fanout(5000, publishers, 1)),
			measures: saturation(0),
		})
	}
	for _, shape := range []struct {
		name, title string
		burst       int
		goal        float64
	}{{"ticker-burst", "all tick at once", 1000 / s.divide, 15}, {"ticker-steady", "evenly", 1, 0}} {
		channels := 1000 / s.divide
		due := float64(s.subscribers(15_000) * 20)
		all = append(all, line{
			name:   shape.name,
			title:  fmt.Sprintf("%s channels once a second, %s, %s clients on 20 each", thousands(float64(channels)), shape.title, thousands(float64(s.subscribers(15_000)))),
			glance: true,
			run: load(append(s.common("ticker"), "--duration", max(s.duration, time.Second).String(), "--via", "client", "--prefix", "private-", "--batch", "1", "--subscribers", strconv.Itoa(s.subscribers(15_000)),
				"--channels", strconv.Itoa(channels), "--rate", strconv.Itoa(channels), "--burst", strconv.Itoa(shape.burst))),
			measures: []measure{
				{key: "delivered", what: "deliveries a second", unit: rate, compared: true, goal: 0.99 * due},
				{key: "cpu", what: "CPU a delivery", unit: micros, lower: true, compared: true, goal: shape.goal, byRatio: true},
				{key: "p99", what: "p99 from due", unit: millis, lower: true},
			},
		})
	}
	all = append(all, line{
		name:  "echo",
		title: "one publisher, one subscriber, nothing else",
		run:   load(append(s.common("echo"), "--via", "client", "--rate", "200")),
		measures: []measure{
			{key: "p50", what: "p50 at the client", unit: millis, lower: true, compared: true},
			{key: "p99", what: "p99 at the client", unit: millis, lower: true, compared: true, goal: 1},
		},
	}, line{
		name:  "echo-rest",
		title: "the same, published by HTTP",
		ours:  true,
		run:   load(append(s.common("echo"), "--rate", "200")),
		measures: []measure{
			{key: "p50", what: "p50 at the client", unit: millis, lower: true},
			{key: "p99", what: "p99 at the client", unit: millis, lower: true, goal: 1},
		},
	}, line{
		name:   "echo-half",
		title:  fmt.Sprintf("one publisher, one subscriber, beside half of what the server can do (%s subscribers on %d channels)", thousands(float64(s.subscribers(1000))), max(100/s.divide, 1)),
		glance: true,
		run:    echoAtHalfLoad(s),
		measures: []measure{
			{key: "sent_p99", what: "p99 in the server, publish to last send", unit: millis, lower: true, goal: 1},
			{key: "p50", what: "p50 at the client", unit: millis, lower: true, compared: true},
			{key: "p99", what: "p99 at the client", unit: millis, lower: true, compared: true},
			{key: "half", what: "deliveries a second beside it", unit: rate},
			{key: "cores", what: "processors used meanwhile", unit: plain},
		},
	})
	all = append(all, line{
		name:   "fairness",
		title:  fmt.Sprintf("one publisher, one subscriber, beside a channel of %s subscribers that always has a message to fan out", thousands(float64(s.subscribers(15_000)))),
		glance: true,
		run:    echoBesideFanout(s),
		measures: []measure{
			{key: "added_p50", what: "added to p50 at the client", unit: millis, lower: true},
			{key: "added_p99", what: "added to p99 at the client", unit: millis, lower: true, goal: 5},
			{key: "longest", what: "longest", unit: millis, lower: true},
			{key: "beside", what: "deliveries a second beside it", unit: rate},
		},
	}, line{
		name:  "deaf",
		title: fmt.Sprintf("one channel, %s subscribers that read and %s that never do, 30 messages of 10 kB a second", thousands(float64(s.subscribers(500))), thousands(float64(s.subscribers(1000)))),
		once:  true,
		run:   besideDeaf(s),
		measures: []measure{
			{key: "arrived", what: "arrived at those that read", unit: percent, goal: 100},
			{key: "p99", what: "p99 from due", unit: millis, lower: true, compared: true},
			{key: "harm", what: "p99 against the same when all read", unit: plain, lower: true, goal: 1.25},
			{key: "grown", what: "memory that the server takes for it", unit: mega, lower: true},
		},
	})
	for _, size := range sizes {
		all = append(all, line{
			name:  "half-" + size.name,
			title: fmt.Sprintf("one channel, %s subscribers, at half of the server's own maximum", thousands(float64(s.subscribers(size.n)))),
			extra: true,
			run:   fanoutAtHalfLoad(s, size.n),
			measures: []measure{
				{key: "half", what: "deliveries a second", unit: rate, compared: true},
				{key: "p50", what: "p50 from due", unit: millis, lower: true, compared: true},
				{key: "p99", what: "p99 from due", unit: millis, lower: true, compared: true},
			},
		})
	}
	all = append(all, line{
		name:  "idle",
		title: fmt.Sprintf("%s connections with one subscription each", thousands(float64(s.subscribers(15_000)))),
		run: load([]string{"idle", "--subscribers", strconv.Itoa(s.subscribers(15_000)), "--channels", "100",
			"--settle", s.idle.String(), "--duration", "300ms"}),
		measures: []measure{
			{key: "rss", what: "resident memory a connection", unit: octets, lower: true, goal: 0.9 * 1024},
			{key: "connects", what: "connect, upgrade and subscribe, a second", unit: rate, compared: true, goal: 15_000},
		},
	}, line{
		name:  "heap",
		title: fmt.Sprintf("heap after a collection, %s connections on 1 and on 21 channels", thousands(float64(s.subscribers(15_000)))),
		once:  true,
		ours:  true,
		run:   heapPerSubscription(s),
		measures: []measure{
			{key: "conn", what: "heap a connection with one subscription", unit: octets, lower: true},
			{key: "subscription", what: "heap a further subscription", unit: octets, lower: true, goal: 24},
		},
	}, line{
		name:  "admission",
		title: "before an event is published (micro benchmarks)",
		ours:  true,
		once:  true, // its rounds are go test's

		serverless: true,
		run:        admission,
		measures: []measure{
			{key: "signature_ns", what: "check of a request's signature", unit: nanos, lower: true, goal: 3000},
			{key: "signature_allocs", what: "its allocations", unit: plain, lower: true, goal: 2},
			{key: "publish_ns", what: "a whole request, 300 B to one channel", unit: nanos, lower: true},
			{key: "publish_allocs", what: "its allocations", unit: plain, lower: true},
		},
	}, line{
		name:  "compression",
		title: "2 KiB to 1,000 subscribers, compressed for nobody and for all (micro benchmarks)",
		ours:  true,
		once:  true,

		serverless: true,
		run:        compression,
		measures: []measure{
			{key: "plain_ns", what: "a delivery, plain", unit: nanos, lower: true},
			{key: "deflated_ns", what: "a delivery, compressed", unit: nanos, lower: true},
			{key: "plain_bytes", what: "bytes a delivery, plain", unit: octets, lower: true},
			{key: "deflated_bytes", what: "bytes a delivery, compressed", unit: octets, lower: true},
		},
	}, line{
		name:  "counts",
		title: "what does not drift (tests)",
		ours:  true,
		once:  true,

		serverless: true,
		run:        counts,
		measures: []measure{
			{key: "allocations_per_delivery", what: "allocations a delivery", unit: plain, lower: true, goal: 0.05},
			{key: "sends_per_delivery", what: "system calls a delivery, subscribers idle", unit: plain, lower: true, goal: 1},
			{key: "sends_per_drain", what: "system calls a subscriber for 100 messages that wait", unit: plain, lower: true, goal: 1},
		},
	})
	return all
}
