package report

import (
	"fmt"
	"math"
	"strings"

	"github.com/gannet-io/gannet/loadtest/picture"
)

// A panel is one diagram with its axes.
type panel struct {
	d    *drawing
	x, y picture.Scale
}

// A series is one line in a panel.
type series struct {
	name   string
	colour string
	filled bool
	x, y   []float64
}

// open begins a panel: its title, with the names of its series in their colours when there are
// several.
func (d *drawing) open(title string, all []series) *panel {
	d.Y += 14
	d.Text(picture.Margin, d.Y, "heading", "", title)
	if len(all) > 1 {
		right := float64(picture.Width - picture.Margin)
		for i := len(all) - 1; i >= 0; i-- {
			d.Text(right, d.Y, "small", "end", all[i].name)
			right -= 7.2*float64(len([]rune(all[i].name))) + 8
			d.Add(`<rect x="%.1f" y="%.1f" width="14" height="4" rx="2" fill="%s"/>`, right-12, d.Y-6, all[i].colour)
			right -= 28
		}
	}
	d.Y += 16
	return &panel{d: d}
}

// frame draws the axes, and close leaves room below them.
func (p *panel) frame(label func(float64) string) {
	for _, v := range p.y.Ticks() {
		y := p.y.At(v)
		p.d.Line(p.x.Start, y, p.x.End, y)
		p.d.Text(p.x.Start-10, y+4, "axis", "end", label(v))
	}
}

func (p *panel) close() { p.d.Y += panelHeight + panelGap - 30 }

// draw draws a line through the points, and fills what is below it when asked to.
func (p *panel) draw(s *series) {
	if len(s.x) == 0 {
		return
	}
	var path strings.Builder
	for i := range s.x {
		command := byte('L')
		if i == 0 {
			command = 'M'
		}
		fmt.Fprintf(&path, "%c%.1f %.1f", command, p.x.At(s.x[i]), p.y.At(s.y[i]))
	}
	if s.filled {
		p.d.Add(`<path d="%sL%.1f %.1fL%.1f %.1fZ" fill="%s" fill-opacity="0.13"/>`,
			path.String(), p.x.At(s.x[len(s.x)-1]), p.y.Start, p.x.At(s.x[0]), p.y.Start, s.colour)
	}
	p.d.Add(`<path d="%s" fill="none" stroke="%s" stroke-width="2" stroke-linejoin="round" stroke-linecap="round"/>`, path.String(), s.colour)
}

// distribution draws a curve over an axis on which every nine is as wide as the one before.
func (d *drawing) distribution(curve []Point, title string) {
	p := d.open(title, nil)
	last := curve[len(curve)-1]
	s := series{colour: picture.Blue, filled: true}
	for _, point := range curve {
		s.x = append(s.x, nine(point.At))
		s.y = append(s.y, point.Ms)
	}
	p.x = picture.Scale{Low: 0, High: max(nine(last.At), 1), Start: axisRoom + picture.Margin, End: picture.Width - picture.Margin}
	p.y = picture.Decades(s.y, d.Y+panelHeight, d.Y)
	p.frame(duration)
	for _, part := range []float64{0, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999} {
		if nine(part) > p.x.High+1e-6 {
			break
		}
		x := p.x.At(nine(part))
		d.Line(x, p.y.End, x, p.y.Start)
		d.Text(x, p.y.Start+18, "axis", "middle", percentile(part))
	}
	p.draw(&s)
	for _, part := range []float64{0.5, 0.9, 0.99, 0.999} {
		if nine(part) > p.x.High+1e-6 {
			break
		}
		v := valueAt(curve, part)
		x, y := p.x.At(nine(part)), p.y.At(v)
		d.Add(`<circle cx="%.1f" cy="%.1f" r="4" class="card" stroke="%s" stroke-width="2"/>`, x, y, picture.Blue)
		anchor, dx, dy := "end", -8.0, -8.0
		if x-p.x.Start < 70 { // beside the axis there is room on the right alone
			anchor, dx, dy = "start", 8, 18
		}
		d.Add(`<text x="%.1f" y="%.1f" class="small" font-weight="600" text-anchor="%s">%s</text>`, x+dx, y+dy, anchor, picture.Escape(duration(v)))
	}
	p.close()
}

// nine returns how many nines a part of all has: 0.9 one, 0.99 two, and 0.5 a third of one.
func nine(part float64) float64 {
	return -math.Log10(max(1-part, 1e-12))
}

// valueAt returns the curve's value at a part, or at the last point before it.
func valueAt(curve []Point, part float64) (v float64) {
	for _, p := range curve {
		if p.At > part+1e-9 {
			break
		}
		v = p.Ms
	}
	return v
}

// timelines draws what went on over time, in panels with one common time axis.
func (d *drawing) timelines(r *Result) {
	if len(r.Timeline) < 2 {
		return
	}
	step := r.Timeline[1].Second - r.Timeline[0].Second
	pick := func(name, colour string, of func(m *Moment) (float64, bool)) series {
		s := series{name: name, colour: colour}
		for i := range r.Timeline {
			if v, ok := of(&r.Timeline[i]); ok {
				s.x = append(s.x, r.Timeline[i].Second+step/2)
				s.y = append(s.y, v)
			}
		}
		return s
	}
	always := func(of func(m *Moment) float64) func(m *Moment) (float64, bool) {
		return func(m *Moment) (float64, bool) { return of(m), true }
	}
	measured := func(of func(m *Moment) float64) func(m *Moment) (float64, bool) {
		return func(m *Moment) (float64, bool) { v := of(m); return v, v > 0 }
	}
	end := r.Timeline[len(r.Timeline)-1].Second + step
	p50 := pick("p50", picture.Teal, measured(func(m *Moment) float64 { return m.P50 }))
	p99 := pick("p99", picture.Orange, measured(func(m *Moment) float64 { return m.P99 }))
	switch {
	case r.Delivery != nil:
		d.overTime("Delivered a second", end, false, quantity, pick("", picture.Blue, always(func(m *Moment) float64 { return m.Delivered })))
		d.overTime("Latency over time", end, true, duration, p50, p99)
	case r.Churn != nil:
		d.overTime("Joined a second", end, false, quantity, pick("", picture.Blue, always(func(m *Moment) float64 { return m.Joined })))
		d.overTime("Time to subscribe over time", end, true, duration, p50, p99)
	}
	if r.Scenario == "idle" || r.Scenario == "soak" {
		mebibytes := func(v float64) string { return threeDigits(v) + " MiB" }
		d.overTime("Resident memory of the server", end, false, mebibytes, pick("", picture.Teal, func(m *Moment) (float64, bool) {
			if m.RSS == nil {
				return 0, false
			}
			return float64(*m.RSS) / (1 << 20), true
		}))
		d.overTime("Processors that the server used", end, false, threeDigits, pick("", picture.Orange, func(m *Moment) (float64, bool) {
			if m.Cores == nil {
				return 0, false
			}
			return *m.Cores, true
		}))
	}
}

// overTime draws one panel of series over time, and none when there is nothing to draw.
func (d *drawing) overTime(title string, end float64, log bool, label func(float64) string, all ...series) {
	var values []float64
	for i := range all {
		values = append(values, all[i].y...)
		all[i].filled = len(all) == 1
	}
	if len(all[0].x) < 2 {
		return
	}
	p := d.open(title, all)
	p.x = picture.Scale{Low: 0, High: end, Start: axisRoom + picture.Margin, End: picture.Width - picture.Margin}
	highest := 0.0
	for _, v := range values {
		highest = max(highest, v)
	}
	if log {
		p.y = picture.Decades(values, d.Y+panelHeight, d.Y)
	} else {
		p.y = picture.FromZero(highest, d.Y+panelHeight, d.Y)
	}
	p.frame(label)
	for _, t := range p.x.Ticks() {
		d.Text(p.x.At(t), p.y.Start+18, "axis", "middle", clock(t))
	}
	for i := range all {
		p.draw(&all[i])
	}
	p.close()
}
