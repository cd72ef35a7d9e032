package report

import (
	"fmt"
	"time"

	"github.com/gannet-io/gannet/loadtest/plan"
	"github.com/gannet-io/gannet/loadtest/tally"
)

// Summarize makes a Result of an Outcome.
func Summarize(o *Outcome) *Result {
	r := &Result{
		Scenario: o.Plan.Scenario,
		Command:  o.Command,
		Began:    o.Began,
		Seconds:  o.Elapsed.Seconds(),
		Marks:    []string{},
		Setup:    setup(o.Plan),
		Connect: Connect{
			Subscribed: o.Total.Joined,
			Failed:     o.Total.Failed,
			Dropped:    o.Total.Dropped,
			Seconds:    o.SetupTime.Seconds(),
			PerSecond:  per(float64(o.Total.Joined), o.SetupTime),
			Join:       percentiles(o.SetupJoin),
			Curve:      curve(o.SetupJoin),
		},
		Generator: generator(o),
		Problems:  o.Problems,
	}
	if o.Plan.Publishes() {
		r.Delivery = delivery(o)
	}
	if o.Plan.ChurnRate > 0 {
		r.Churn = churn(o)
	}
	r.Server = server(o)
	if o.Plan.Scenario == "soak" {
		r.Leak = leak(o)
	}
	r.Timeline = timeline(o)
	r.mark(o)
	return r
}

func setup(p *plan.Plan) Setup {
	s := Setup{Subscribers: p.Clients, Deaf: p.Deaf, DeafRate: p.DeafRate, Channels: p.Channels, PerClient: p.PerClient, Payload: p.Payload, ChurnRate: p.ChurnRate}
	for i := range p.Targets {
		s.Targets = append(s.Targets, p.Targets[i].Host+p.Targets[i].Prefix)
	}
	if p.Publishes() {
		s.Publishers, s.Via, s.Batch = p.Publishers, string(p.Via), p.Batch
		if p.Saturate {
			s.Window, s.Until = p.Window, string(p.Until)
		} else {
			s.Rate, s.Burst = p.Rate, p.Burst
		}
	}
	return s
}

func delivery(o *Outcome) *Delivery {
	return &Delivery{
		PublishedPerSecond: per(float64(o.Window.Published), o.Elapsed),
		PerSecond:          per(float64(o.Window.Unique()), o.Elapsed),
		BytesPerSecond:     per(float64(o.Window.Bytes), o.Elapsed),
		Published:          o.Total.Published,
		Expected:           o.Total.Expected,
		Delivered:          o.Total.Unique(),
		Lost:               o.Total.Lost(),
		Duplicates:         o.Total.Duplicates,
		Disordered:         o.Total.Disordered,
		Stray:              o.Total.Stray,
		Refused:            o.Total.Refused,
		Unsent:             o.Total.Unsent,
		Stalled:            o.Total.Stalled,
		PerRead:            ratio(float64(o.Window.Received), float64(o.Window.Reads)),
		Latency:            percentiles(o.Latency),
		Curve:              curve(o.Latency),
		ClosedLoop:         o.Plan.Saturate,
	}
}

func churn(o *Outcome) *Churn {
	return &Churn{
		PerSecond: per(float64(o.Window.Arrivals), o.Elapsed),
		Joined:    o.Total.Arrivals,
		Rejected:  o.Total.Rejected,
		Cut:       o.Total.Cut,
		Departed:  o.Total.Departed,
		Abandoned: o.Total.Abandoned,
		Join:      percentiles(o.Join),
		Curve:     curve(o.Join),
	}
}

// percentiles describes a distribution.
func percentiles(h *tally.Histogram) Percentiles {
	return Percentiles{
		Count: h.Count(),
		Mean:  ms(h.Mean()),
		P50:   ms(h.Quantile(0.50)),
		P90:   ms(h.Quantile(0.90)),
		P99:   ms(h.Quantile(0.99)),
		P999:  ms(h.Quantile(0.999)),
		Max:   ms(h.Max()),
	}
}

// curve takes a distribution at points that lie evenly where people look: each nine is as wide as
// the one before. It ends where single messages would decide.
func curve(h *tally.Histogram) []Point {
	var points []Point
	rest := 1.0
	for i := range 6 * stepsPerNine {
		if float64(h.Count())*rest < 1 {
			break
		}
		points = append(points, Point{At: 1 - rest, Ms: ms(h.Quantile(1 - rest))})
		rest = nines(float64(i+1) / stepsPerNine)
		if i+1 == 6 {
			rest = 0.5 // 0.3 nines but for a thousandth, and the one that is quoted
		}
	}
	return points
}

const stepsPerNine = 20

func timeline(o *Outcome) []Moment {
	moments := make([]Moment, 0, len(o.Intervals))
	h := tally.NewHistogram()
	for i := range o.Intervals {
		in := &o.Intervals[i]
		measured := in.Latency
		if !o.Plan.Publishes() {
			measured = in.Join
		}
		for _, part := range measured {
			h.Merge(part)
		}
		m := Moment{
			Second:    (time.Duration(i) * o.Plan.Interval).Seconds(),
			Delivered: per(float64(in.Unique()), o.Plan.Interval),
			Published: per(float64(in.Published), o.Plan.Interval),
			Joined:    per(float64(in.Arrivals), o.Plan.Interval),
			P50:       ms(h.Quantile(0.5)),
			P99:       ms(h.Quantile(0.99)),
			Max:       ms(h.Max()),
		}
		h.Take()
		moments = append(moments, m)
	}
	addServer(moments, o)
	return moments
}

// addServer puts the readings of the server beside the intervals that they end in.
func addServer(moments []Moment, o *Outcome) {
	if o.Begin == nil || o.Begin.Process == nil {
		return
	}
	last := o.Begin
	for i := range o.Readings {
		r := &o.Readings[i]
		at := int(r.At.Sub(o.Begin.At)/o.Plan.Interval) - 1
		if r.Process == nil || at < 0 || at >= len(moments) {
			continue
		}
		used := r.Process.User + r.Process.System - last.Process.User - last.Process.System
		moments[at].Cores = new(ratio(used.Seconds(), r.At.Sub(last.At).Seconds()))
		moments[at].RSS = new(r.Process.RSS)
		last = r
	}
}

// mark says why the figures should not be trusted.
func (r *Result) mark(o *Outcome) {
	add := func(format string, args ...any) { r.Marks = append(r.Marks, fmt.Sprintf(format, args...)) }
	g := &r.Generator
	if g.Busiest >= busyLimit {
		add("SATURATED GENERATOR: a worker computed %.0f %% of the time; it measured itself. Add --workers or --processes on other processors, or lower the load.", 100*g.Busiest)
	}
	if g.Load >= busyLimit {
		add("SATURATED GENERATOR: it used %.0f %% of the processors that it may use (%v).", 100*g.Load, g.CPUs)
	}
	if g.Starved >= starvedLimit {
		add("STARVED GENERATOR: a worker was ready to run and had no processor for %.0f %% of the time. Pin the server and the generator to different ones (taskset -c).", 100*g.Starved)
	}
	if d := r.Delivery; d != nil && d.Unsent > 0 && !o.Interrupted {
		add("BEHIND: %s messages fell due and were not sent in time; the server answered too slowly, or --publishers is too small, for this rate.", count(d.Unsent))
	}
	if r.Connect.Failed > 0 {
		add("INCOMPLETE: %s of %s subscribers did not get their subscriptions.", count(r.Connect.Failed), count(int64(r.Setup.Subscribers)))
	}
	if o.Interrupted {
		add("INTERRUPTED after %.1f s.", r.Seconds)
	}
}

// Clean reports whether everything that should arrive did, once and in order, and the figures can
// be trusted.
func (r *Result) Clean() bool {
	if len(r.Marks)+len(r.Problems) > 0 || r.Connect.Dropped > 0 {
		return false
	}
	if d := r.Delivery; d != nil && d.Lost+d.Duplicates+d.Disordered+d.Stray+d.Refused+d.Stalled > 0 {
		return false
	}
	c := r.Churn
	return c == nil || c.Rejected+c.Cut+c.Abandoned == 0
}
