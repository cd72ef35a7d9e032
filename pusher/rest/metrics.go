package rest

import (
	"strconv"
	"sync/atomic"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"github.com/gannet-io/gannet/engine/reasons"
)

// statuses are all the door can answer; anything else is counted as 500.
var statuses = [...]int{200, 204, 304, 308, 400, 401, 403, 404, 405, 408, 413, 414, 415, 421, 429, 431, 500, 503}

// durationBounds are the upper bounds of the histogram's buckets in seconds. A publish takes tens of
// microseconds, an answer that a client gives up on takes seconds.
var durationBounds = []float64{0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5}

// instruments are the metrics of a Server. Any goroutine.
type instruments struct {
	set       *metrics.Set
	bodyBytes *metrics.Counter
	panics    *metrics.Counter
	repeats   *metrics.Counter
	refusals  *reasons.Counters
	admitted  *metrics.PrometheusHistogram
	seconds   [routeCount]*metrics.PrometheusHistogram

	// Made when first needed: most pairs never happen, and would be noise.
	requests [routeCount][len(statuses)]atomic.Pointer[metrics.Counter]
}

func newInstruments(set *metrics.Set, openConns, rejectedConns func() float64) *instruments {
	m := &instruments{
		set:       set,
		bodyBytes: set.NewCounter("gannet_rest_request_body_bytes_total"),
		panics:    set.NewCounter("gannet_rest_panics_total"),
		repeats:   set.NewCounter("gannet_rest_repeats_total"),
		refusals:  reasons.New(set, "gannet_rest_refusals_total", "reason"),
		admitted:  set.NewPrometheusHistogramExt("gannet_rest_admitted_seconds", durationBounds),
	}
	set.NewGauge("gannet_rest_open_connections", openConns)
	set.NewGauge("gannet_rest_rejected_connections_total", rejectedConns)
	for r := range m.seconds {
		m.seconds[r] = set.NewPrometheusHistogramExt(
			`gannet_rest_request_duration_seconds{route="`+routes[r].name+`"}`, durationBounds)
	}
	return m
}

// served counts one answered request.
func (m *instruments) served(r route, status int, took time.Duration) {
	m.seconds[r].Update(took.Seconds())
	m.answered(r, status)
}

// answered counts one answer that has no duration worth knowing, because the request never came whole.
func (m *instruments) answered(r route, status int) {
	i := statusIndex(status)
	c := m.requests[r][i].Load()
	if c == nil {
		c = m.set.GetOrCreateCounter(`gannet_rest_requests_total{route="` + routes[r].name +
			`",status="` + strconv.Itoa(statuses[i]) + `"}`)
		m.requests[r][i].Store(c)
	}
	c.Inc()
}

// refused counts one refusal. The reasons are a bounded set of words in the code of this package,
// pusher, pusher/auth and pusher/wire.
func (m *instruments) refused(reason string) { m.refusals.Of(reason).Inc() }

func statusIndex(status int) int {
	internal := 0
	for i, s := range statuses {
		switch s {
		case status:
			return i
		case 500:
			internal = i
		}
	}
	return internal
}
