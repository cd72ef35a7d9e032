package admin

import (
	"bytes"
	"context"
	"runtime/metrics"
	"sync"
	"syscall"
	"time"

	"github.com/gannet-io/gannet/pusher/node"
)

const (
	sampleEvery = 2 * time.Second
	samplesKept = 450 // 15 minutes
	rateSamples = 30  // a minute
	maxAppRates = 1000
)

// A sample is one step of the time line.
type sample struct {
	at time.Time

	connections, subscriptions, channels   float64
	messagesIn, messagesOut                float64 // a second
	bytesIn, bytesOut                      float64 // a second
	published, drops, refusals             float64 // a second
	p50, p99                               *float64
	lag                                    time.Duration
	memory, heap, backlog, cpu, hooksQueue float64
}

// A sampler looks at the metrics now and then, so that charts have a past and counters a rate. It is one goroutine, from run to the end of its
// context.
type sampler struct {
	s *Server

	mu      sync.Mutex
	samples []sample // guarded by mu; at most samplesKept, oldest first
	lags    []time.Duration
	recent  []moments // guarded by mu; the last rateSamples+1

	// Of run alone.
	buffer bytes.Buffer
	cpu    time.Duration
}

// moments are the counters at one time.
type moments struct {
	at   time.Time
	f    *figures
	apps map[string]node.Traffic
}

func (p *sampler) run(ctx context.Context) {
	ticker := time.NewTicker(sampleEvery)
	defer ticker.Stop()
	p.take(p.s.cfg.Now())
	for {
		select {
		case <-ticker.C:
			p.take(p.s.cfg.Now())
		case <-ctx.Done():
			return
		}
	}
}

// take notes how things are now.
func (p *sampler) take(now time.Time) {
	m := moments{at: now, f: scrape(p.s.cfg.Sets, &p.buffer), apps: p.s.traffic()}
	memory, heap := memoryInUse()
	cpu := processTime()
	var lags []time.Duration
	for _, l := range p.s.cfg.Loops {
		lags = append(lags, l.TakeLag())
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lags = lags
	if n := len(p.recent); n > 0 {
		if s, ok := step(&p.recent[n-1], &m); ok {
			for _, lag := range lags {
				s.lag = max(s.lag, lag)
			}
			s.memory, s.heap = memory, heap
			s.cpu = (cpu - p.cpu).Seconds() / now.Sub(p.recent[n-1].at).Seconds()
			if p.samples = append(p.samples, s); len(p.samples) > samplesKept {
				p.samples = append(p.samples[:0], p.samples[len(p.samples)-samplesKept:]...)
			}
		}
	}
	p.cpu = cpu
	if p.recent = append(p.recent, m); len(p.recent) > rateSamples+1 {
		p.recent = append(p.recent[:0], p.recent[1:]...)
	}
}

// step says what happened between two moments.
func step(before, after *moments) (s sample, ok bool) {
	seconds := after.at.Sub(before.at).Seconds()
	if seconds <= 0 {
		return s, false
	}
	rate := func(name string) float64 {
		return max(after.f.values[name]-before.f.values[name], 0) / seconds
	}
	v := after.f.values
	s = sample{
		at:          after.at,
		connections: v["gannet_engine_websockets"], subscriptions: v["gannet_hub_subscriptions"], channels: v["gannet_hub_topics"],
		messagesIn: rate("gannet_engine_messages_in_total"), messagesOut: rate("gannet_engine_frames_out_total"),
		bytesIn: rate("gannet_engine_message_bytes_in_total"), bytesOut: rate("gannet_engine_bytes_out_total"),
		published: rate("gannet_node_publishes_total"), drops: rate(metricDrops), refusals: rate(metricRefusals) + rate(metricREST),
		backlog: v["gannet_engine_backlog_bytes"], hooksQueue: v["gannet_webhook_queued_events"],
	}
	if ms, ok := quantile(before.f.latency, after.f.latency, 0.5); ok {
		ms *= 1000
		s.p50 = &ms
	}
	if ms, ok := quantile(before.f.latency, after.f.latency, 0.99); ok {
		ms *= 1000
		s.p99 = &ms
	}
	return s, true
}

// traffic returns what the apps have published, of no more than maxAppRates.
func (s *Server) traffic() map[string]node.Traffic {
	apps := s.cfg.Apps
	all := make(map[string]node.Traffic, min(len(apps), maxAppRates))
	for _, a := range apps[:min(len(apps), maxAppRates)] {
		all[a.ID] = s.cfg.Node.Traffic(a)
	}
	return all
}

// memoryInUse returns the resident memory of the process, and what of it is live objects.
func memoryInUse() (resident, heap float64) {
	samples := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(samples)
	return float64(residentBytes()), float64(samples[0].Value.Uint64())
}

// processTime returns how much processor time the process has used.
func processTime() time.Duration {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
