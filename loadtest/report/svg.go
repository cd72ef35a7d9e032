package report

import (
	"fmt"

	"github.com/gannet-io/gannet/loadtest/picture"
)

const (
	axisRoom    = 84 // left of a panel, for its labels
	panelHeight = 190
	panelGap    = 74
)

// SVG draws a Result as a picture of its own: the figures that matter, how latency is distributed,
// and how rate, latency and the server's use went over time.
func SVG(r *Result) []byte {
	d := &drawing{}
	d.Y = picture.Margin
	d.header(r)
	d.figures(r)
	if curve, title := curveOf(r); len(curve) > 1 {
		d.distribution(curve, title)
	}
	d.timelines(r)
	d.footer(r)
	return d.SVG("loadtest " + r.Scenario + ": " + describe(&r.Setup))
}

// curveOf returns the distribution that the scenario is about.
func curveOf(r *Result) (curve []Point, title string) {
	switch {
	case r.Delivery != nil && r.Delivery.ClosedLoop:
		return r.Delivery.Curve, "Latency by percentile, from sending to reading"
	case r.Delivery != nil:
		return r.Delivery.Curve, "Latency by percentile, from the time a message was due to reading it"
	case r.Churn != nil:
		return r.Churn.Curve, "Time to subscribe by percentile, from the time a connection was due"
	}
	return r.Connect.Curve, "Time to subscribe by percentile"
}

// A drawing is a sheet with what a Result has to say.
type drawing struct{ picture.Sheet }

func (d *drawing) header(r *Result) {
	d.Y += 22
	d.Add(`<text x="%d" y="%.1f" font-size="28" font-weight="700">%s</text>`, picture.Margin, d.Y, picture.Escape(r.Scenario))
	d.Text(picture.Width-picture.Margin, d.Y, "muted small", "end", r.Began.UTC().Format("2006-01-02 15:04 UTC"))
	for _, line := range picture.Wrap(describe(&r.Setup), 125) {
		d.Y += 22
		d.Add(`<text x="%d" y="%.1f" font-size="14" class="muted">%s</text>`, picture.Margin, d.Y, picture.Escape(line))
	}
	for _, mark := range r.Marks {
		for _, line := range picture.Wrap(mark, 120) {
			d.Y += 22
			d.Add(`<text x="%d" y="%.1f" font-size="13" font-weight="600" class="bad">%s</text>`, picture.Margin, d.Y, picture.Escape(line))
		}
	}
	d.Y += 26
}

// figures writes the numbers that a person looks for first, in one row.
func (d *drawing) figures(r *Result) {
	all := figures(r)
	width := float64(picture.Width-2*picture.Margin) / float64(max(len(all), 1))
	for i, f := range all {
		x := picture.Margin + width*float64(i)
		if i > 0 {
			d.Line(x-14, d.Y+2, x-14, d.Y+48)
		}
		class := "figure"
		if f.bad {
			class += " bad"
		}
		d.Text(x, d.Y+24, class, "", f.value)
		d.Text(x, d.Y+45, "muted small", "", f.name)
	}
	d.Y += 70
}

type figure struct {
	value, name string
	bad         bool
}

func figures(r *Result) (all []figure) {
	add := func(name, value string) { all = append(all, figure{value: value, name: name}) }
	distribution := func(p *Percentiles) {
		add("p50", duration(p.P50))
		add("p99", duration(p.P99))
		add("longest", duration(p.Max))
	}
	switch {
	case r.Delivery != nil:
		x := r.Delivery
		add("delivered a second", quantity(x.PerSecond))
		distribution(&x.Latency)
		wrong := x.Lost + x.Duplicates + x.Disordered
		all = append(all, figure{count(wrong), "lost, twice, disordered", wrong > 0})
	case r.Churn != nil:
		add("joined a second", quantity(r.Churn.PerSecond))
		distribution(&r.Churn.Join)
		wrong := r.Churn.Rejected + r.Churn.Cut + r.Churn.Abandoned
		all = append(all, figure{count(wrong), "rejected or cut off", wrong > 0})
	default:
		add("connections", count(r.Connect.Subscribed-r.Connect.Dropped))
		add("connected a second", quantity(r.Connect.PerSecond))
	}
	if s := r.Server; s != nil {
		switch {
		case r.Delivery != nil && s.UserPerM != nil:
			add("server CPU s per million", threeDigits(*s.UserPerM+*s.SystemPerM))
		case s.PerConn != nil && *s.PerConn > 0 && r.Churn == nil:
			add("RSS per connection", size(*s.PerConn))
			if s.SlabPerConn != nil {
				add("kernel, both ends", size(*s.SlabPerConn))
			}
		}
	}
	return all
}

func (d *drawing) footer(r *Result) {
	d.Y += 4
	for _, line := range picture.Wrap(r.Command, 130) {
		d.Text(picture.Margin, d.Y, "mono", "", line)
		d.Y += 16
	}
	g := &r.Generator
	d.Text(picture.Margin, d.Y, "mono", "", fmt.Sprintf("generator: %s, busiest worker %.0f %% computing and %.0f %% waiting for a processor; measured %s",
		some(g.Processes, "process"), 100*g.Busiest, 100*g.Starved, clock(r.Seconds)))
	d.Y += 28
}
