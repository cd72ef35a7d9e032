package rest

import (
	"io"
	"maps"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/valyala/fasthttp"

	"github.com/gannet-io/gannet/engine/reasons"
	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/app"
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

	apps atomic.Pointer[map[string]*appInstruments] // by id; copied to be changed
}

// appInstruments are those of one app, once a request has named one of its keys.
type appInstruments struct {
	in, out  *metrics.Counter // bytes of bodies
	refusals *reasons.Counters
}

// of returns the instruments of an app. It takes no lock and allocates nothing after the first call for one.
func (m *instruments) of(a *app.App) *appInstruments {
	known := m.apps.Load()
	if i := (*known)[a.ID]; i != nil {
		return i
	}
	label := `app=` + strconv.Quote(a.ID)
	one := &appInstruments{
		in:  m.set.GetOrCreateCounter("gannet_rest_app_body_bytes_in_total{" + label + "}"),
		out: m.set.GetOrCreateCounter("gannet_rest_app_body_bytes_out_total{" + label + "}"),
		refusals: reasons.NewLabelled(m.set, "gannet_rest_app_refusals_total", func(reason string) string {
			return label + `,class="` + pusher.Class(reason) + `",reason="` + reason + `"`
		}),
	}
	for {
		more := maps.Clone(*known)
		more[a.ID] = one // of two that are made at once both count in the same
		if m.apps.CompareAndSwap(known, &more) {
			return one
		}
		known = m.apps.Load()
	}
}

// exchanged counts the bodies of a request and of its answer, for the app whose key it has.
func (m *instruments) exchanged(a *app.App, ctx *fasthttp.RequestCtx) {
	of := m.of(a)
	of.in.Add(len(ctx.Request.Body()))
	if !ctx.Response.IsBodyStream() { // which is counted as it is read
		of.out.Add(len(ctx.Response.Body()))
	}
}

// A measured body is counted as it is sent.
type measured struct {
	io.ReadCloser
	bytes *metrics.Counter
}

func (b measured) Read(p []byte) (n int, err error) {
	n, err = b.ReadCloser.Read(p)
	b.bytes.Add(n)
	return n, err
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
	m.apps.Store(&map[string]*appInstruments{})
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

// refused counts one refusal, for an app once the client has named a key of it; nil until then. The reasons are a bounded set of words in
// the code of this package, pusher, pusher/auth and pusher/wire.
func (m *instruments) refused(a *app.App, reason string) {
	m.refusals.Of(reason).Inc()
	if a != nil {
		m.of(a).refusals.Of(reason).Inc()
	}
}

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
