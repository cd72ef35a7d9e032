package admin

import (
	"bytes"
	"context"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
)

func TestFiguresAreReadAsPrometheusReadsThem(t *testing.T) {
	set := metrics.NewSet()
	set.NewCounter("gannet_engine_messages_in_total").Set(7)
	set.NewCounter(`gannet_node_publishes_total{source="rest"}`).Set(3)
	set.NewCounter(`gannet_node_publishes_total{source="client"}`).Set(4)
	set.NewCounter(`gannet_engine_dropped_frames_total{reason="slow"}`).Set(5)
	set.NewCounter(`gannet_webhook_queued_events{app="1",webhook="a"}`).Set(2)
	set.NewCounter(`gannet_webhook_queued_events{app="1",webhook="b"}`).Set(3)
	set.NewCounter("another_total").Set(9)
	h := set.NewPrometheusHistogramExt(metricLatency, []float64{0.001, 0.01})
	h.Update(0.0005)
	h.Update(0.005)
	h.Update(5)
	set.NewPrometheusHistogramExt("gannet_rest_admitted_seconds", []float64{1}).Update(0.5)
	f := scrape([]*metrics.Set{set}, new(bytes.Buffer))
	for name, want := range map[string]float64{
		"gannet_engine_messages_in_total": 7, "gannet_node_publishes_total": 7, `gannet_node_publishes_total{source="rest"}`: 3,
		metricDrops: 5, "gannet_webhook_queued_events": 5, "another_total": 0, "gannet_rest_admitted_seconds_bucket": 0,
	} {
		if got := f.values[name]; got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	if f.reasons[metricDrops]["slow"] != 5 {
		t.Errorf("%v", f.reasons)
	}
	want := []bucket{{0.001, 1}, {0.01, 2}, {math.Inf(1), 3}}
	for i, b := range f.latency {
		if b != want[i] {
			t.Errorf("buckets %v, want %v", f.latency, want)
		}
	}
}

func TestQuantilesAreOfWhatHappenedBetween(t *testing.T) {
	none := []bucket{{1, 10}, {2, 10}, {4, 10}, {math.Inf(1), 10}}
	for _, tt := range []struct {
		after []float64 // beyond none
		q     float64
		want  float64
		ok    bool
	}{
		{[]float64{0, 0, 0, 0}, 0.5, 0, false},
		{[]float64{10, 10, 10, 10}, 0.5, 0.5, true},
		{[]float64{0, 10, 10, 10}, 0.5, 1.5, true},
		{[]float64{5, 10, 10, 10}, 0.5, 1, true},
		{[]float64{50, 90, 100, 100}, 0.99, 3.8, true}, // 9 of the 10 between 2 and 4
		{[]float64{0, 0, 0, 1}, 0.5, 4, true},          // more than the largest bound is all that is known
	} {
		after := make([]bucket, len(none))
		for i := range none {
			after[i] = bucket{none[i].le, none[i].count + tt.after[i]}
		}
		if got, ok := quantile(none, after, tt.q); math.Abs(got-tt.want) > 1e-9 || ok != tt.ok {
			t.Errorf("%v: %v %v, want %v %v", tt.after, got, ok, tt.want, tt.ok)
		}
	}
	if _, ok := quantile(nil, none, 0.5); ok {
		t.Error("of what was not there before")
	}
}

func TestTheTimeLineIsBoundedAndHasRates(t *testing.T) {
	set := metrics.NewSet()
	in := set.NewCounter("gannet_engine_messages_in_total")
	drops := set.NewCounter(`gannet_engine_dropped_frames_total{reason="slow"}`)
	now := time.Unix(1_700_000_000, 0)
	s := New(Config{Sets: []*metrics.Set{set}, Now: func() time.Time { return now }})
	defer s.Shutdown(context.Background())
	p := &s.sampler
	for range samplesKept + 50 {
		p.take(now)
		now = now.Add(sampleEvery)
		in.Add(10)
		drops.Add(4)
	}
	all := p.timeline(0)
	if len(all.At) != samplesKept || len(all.CPU) != samplesKept || len(all.P50) != samplesKept {
		t.Fatalf("%d samples, want %d", len(all.At), samplesKept)
	}
	for i := range all.At {
		if all.MessagesIn[i] != 5 || all.Drops[i] != 2 || all.P50[i] != nil || i > 0 && all.At[i]-all.At[i-1] != 2000 {
			t.Fatalf("sample %d: %v messages and %v drops a second, p50 %v", i, all.MessagesIn[i], all.Drops[i], all.P50[i])
		}
	}
	if some := p.timeline(all.At[samplesKept-3]); len(some.At) != 2 || some.At[0] != all.At[samplesKept-2] {
		t.Errorf("behind the third last: %v", some.At)
	}
	if none := p.timeline(all.At[samplesKept-1]); none.At == nil || len(none.At) != 0 {
		t.Errorf("behind the last: %v", none.At)
	}
	if got := p.reasons(metricDrops, scrape(s.cfg.Sets, new(bytes.Buffer)), now); len(got) != 1 || got[0].Reason != "slow" || got[0].Total != 2000 || got[0].PerS != 2 {
		t.Errorf("%+v", got)
	}
	if len(p.recent) != rateSamples+1 {
		t.Errorf("%d moments are kept", len(p.recent))
	}
}

func TestOddLinesAreSkipped(t *testing.T) {
	f := &figures{values: map[string]float64{}, reasons: map[string]map[string]float64{}}
	for _, line := range []string{"", "gannet_x", "gannet_x x", "gannet_x{", `gannet_engine_closes_total{reason="a} 1`, `gannet_hub_publish_to_sent_seconds_bucket 3`, strings.Repeat("gannet_", 100) + " 1"} {
		func() {
			defer func() {
				if p := recover(); p != nil {
					t.Errorf("%q: %v", line, p)
				}
			}()
			f.add([]byte(line))
		}()
	}
}
