package admin

import (
	"cmp"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"
)

// A Loop is what the overview shows of one loop; *engine.Loop is the real one. Any goroutine.
type Loop interface {
	Population() int
	// TakeLag returns how late the loop was at worst since the call before.
	TakeLag() time.Duration
}

type overview struct {
	Now      int64               `json:"now"`
	Started  string              `json:"started"`
	Ready    bool                `json:"ready"`
	Reason   string              `json:"reason"`
	Totals   map[string]float64  `json:"totals"`
	ByReason map[string][]reason `json:"by_reason"`
	Loops    []loopFact          `json:"loops"`
	Timeline timeline            `json:"timeline"`
}

type reason struct {
	Reason string  `json:"reason"`
	Total  float64 `json:"total"`
	PerS   float64 `json:"per_s"`
}

type loopFact struct {
	Loop        int     `json:"loop"`
	Connections int     `json:"connections"`
	LagMS       float64 `json:"lag_ms"`
	Waiting     int     `json:"waiting"`
}

// A timeline has its columns of one length.
type timeline struct {
	EveryMS        int64      `json:"every_ms"`
	At             []int64    `json:"at"`
	Connections    []float64  `json:"connections"`
	Subscriptions  []float64  `json:"subscriptions"`
	Channels       []float64  `json:"channels"`
	MessagesIn     []float64  `json:"messages_in"`
	MessagesOut    []float64  `json:"messages_out"`
	BytesIn        []float64  `json:"bytes_in"`
	BytesOut       []float64  `json:"bytes_out"`
	Published      []float64  `json:"published"`
	Drops          []float64  `json:"drops"`
	Refusals       []float64  `json:"refusals"`
	P50            []*float64 `json:"p50_ms"`
	P99            []*float64 `json:"p99_ms"`
	LoopLag        []float64  `json:"loop_lag_ms"`
	Memory         []float64  `json:"memory_bytes"`
	Heap           []float64  `json:"heap_bytes"`
	Backlog        []float64  `json:"backlog_bytes"`
	CPU            []float64  `json:"cpu"`
	WebhooksQueued []float64  `json:"webhooks_queued"`
}

func (s *Server) overview(_ http.ResponseWriter, r *http.Request) (any, error) {
	q, err := parse(r, "since")
	if err != nil {
		return nil, err
	}
	since := q.number("since", 0, math.MaxInt, 0)
	if q.err != nil {
		return nil, q.err
	}
	now := s.cfg.Now()
	f := s.figuresNow()
	memory, heap := memoryInUse()
	v := f.values
	o := overview{
		Now: now.UnixMilli(), Started: moment(s.cfg.Build.Started),
		Totals: map[string]float64{
			"connections": v["gannet_engine_websockets"], "subscriptions": v["gannet_hub_subscriptions"], "channels": v["gannet_hub_topics"],
			"messages_in": v["gannet_engine_messages_in_total"], "messages_out": v["gannet_engine_frames_out_total"],
			"bytes_in": v["gannet_engine_message_bytes_in_total"], "bytes_out": v["gannet_engine_bytes_out_total"],
			"published_rest": v[`gannet_node_publishes_total{source="rest"}`], "published_client": v[`gannet_node_publishes_total{source="client"}`],
			"deliveries":    v["gannet_hub_deliveries_total"],
			"backlog_bytes": v["gannet_engine_backlog_bytes"], "slow_clients": v["gannet_engine_slow_total"],
			"memory_bytes": memory, "heap_bytes": heap,
		},
		ByReason: make(map[string][]reason),
		Loops:    []loopFact{},
	}
	o.Ready, o.Reason = s.cfg.Ready()
	p := &s.sampler
	p.mu.Lock()
	defer p.mu.Unlock()
	for name, metric := range map[string]string{"drops": metricDrops, "refusals": metricRefusals, "closes": metricCloses, "rest": metricREST} {
		o.ByReason[name] = p.reasons(metric, f, now)
	}
	for i, l := range s.cfg.Loops {
		fact := loopFact{Loop: i, Connections: l.Population()}
		if i < len(p.lags) {
			fact.LagMS = milliseconds(p.lags[i])
		}
		if s.cfg.Waiting != nil {
			fact.Waiting = s.cfg.Waiting(i)
		}
		o.Loops = append(o.Loops, fact)
	}
	o.Timeline = p.timeline(int64(since))
	return o, nil
}

// figuresNow reads the metrics, but not more often than they are worth: many pages may ask.
func (s *Server) figuresNow() *figures {
	s.fresh.Lock()
	defer s.fresh.Unlock()
	if now := time.Now(); s.freshFigures == nil || now.Sub(s.freshAt) > sampleEvery/4 {
		s.freshFigures, s.freshAt = scrape(s.cfg.Sets, &s.freshBuffer), now
	}
	return s.freshFigures
}

func milliseconds(d time.Duration) float64 {
	return math.Round(float64(d)/float64(time.Microsecond)) / 1000
}

// reasons returns what a metric counts by reason, with rates over the last minute. Under the sampler's lock.
func (p *sampler) reasons(metric string, f *figures, now time.Time) []reason {
	list := []reason{}
	for name, total := range f.reasons[metric] {
		if total == 0 {
			continue
		}
		one := reason{Reason: name, Total: total}
		if len(p.recent) > 0 {
			first := &p.recent[0]
			if seconds := now.Sub(first.at).Seconds(); seconds > 0 {
				one.PerS = rounded(max(total-first.f.reasons[metric][name], 0) / seconds)
			}
		}
		list = append(list, one)
	}
	slices.SortFunc(list, func(a, b reason) int {
		return cmp.Or(cmp.Compare(b.Total, a.Total), strings.Compare(a.Reason, b.Reason))
	})
	return list
}

func rounded(n float64) float64 { return math.Round(n*1000) / 1000 }

// timeline returns the samples behind a time in Unix milliseconds. Under the sampler's lock.
func (p *sampler) timeline(since int64) timeline {
	from := len(p.samples)
	for from > 0 && p.samples[from-1].at.UnixMilli() > since {
		from--
	}
	samples := p.samples[from:]
	column := func(of func(s *sample) float64) []float64 {
		c := make([]float64, len(samples))
		for i := range samples {
			c[i] = rounded(of(&samples[i]))
		}
		return c
	}
	t := timeline{
		EveryMS: sampleEvery.Milliseconds(), At: make([]int64, len(samples)), P50: make([]*float64, len(samples)), P99: make([]*float64, len(samples)),
		Connections:    column(func(s *sample) float64 { return s.connections }),
		Subscriptions:  column(func(s *sample) float64 { return s.subscriptions }),
		Channels:       column(func(s *sample) float64 { return s.channels }),
		MessagesIn:     column(func(s *sample) float64 { return s.messagesIn }),
		MessagesOut:    column(func(s *sample) float64 { return s.messagesOut }),
		BytesIn:        column(func(s *sample) float64 { return s.bytesIn }),
		BytesOut:       column(func(s *sample) float64 { return s.bytesOut }),
		Published:      column(func(s *sample) float64 { return s.published }),
		Drops:          column(func(s *sample) float64 { return s.drops }),
		Refusals:       column(func(s *sample) float64 { return s.refusals }),
		LoopLag:        column(func(s *sample) float64 { return milliseconds(s.lag) }),
		Memory:         column(func(s *sample) float64 { return s.memory }),
		Heap:           column(func(s *sample) float64 { return s.heap }),
		Backlog:        column(func(s *sample) float64 { return s.backlog }),
		CPU:            column(func(s *sample) float64 { return s.cpu }),
		WebhooksQueued: column(func(s *sample) float64 { return s.hooksQueue }),
	}
	for i := range samples {
		t.At[i], t.P50[i], t.P99[i] = samples[i].at.UnixMilli(), samples[i].p50, samples[i].p99
	}
	return t
}
