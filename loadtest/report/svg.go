package report

import (
	"fmt"
	"strings"
)

// The page, in pixels.
const (
	pageWidth   = 960
	margin      = 40
	axisRoom    = 84 // left of a panel, for its labels
	panelHeight = 190
	panelGap    = 74
)

// The colours: ink for words, the rest for data. They stay apart for most colour-blind eyes.
const (
	ink    = "#1c2430"
	muted  = "#67717e"
	grid   = "#e6e9ed"
	blue   = "#2f6fdb"
	teal   = "#0f9d8a"
	orange = "#e2711d"
	red    = "#c62f2f"
)

const style = `text{font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;fill:` + ink + `}` +
	`.muted{fill:` + muted + `}.small{font-size:12px}.axis{font-size:12px;fill:` + muted + `}` +
	`.heading{font-size:15px;font-weight:600}.figure{font-size:24px;font-weight:650}` +
	`.mono{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:11px;fill:` + muted + `}`

// SVG draws a Result as a picture of its own: the figures that matter, how latency is distributed,
// and how rate, latency and the server's use went over time. It needs no font and no script, and
// stands on white, so that it can be read anywhere.
func SVG(r *Result) []byte {
	d := &drawing{y: margin}
	d.header(r)
	d.figures(r)
	if curve, title := curveOf(r); len(curve) > 1 {
		d.distribution(curve, title)
	}
	d.timelines(r)
	d.footer(r)
	return d.page(r)
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

// A drawing grows downwards; y is where the next thing goes.
type drawing struct {
	b strings.Builder
	y float64
}

func (d *drawing) add(format string, args ...any) { fmt.Fprintf(&d.b, format+"\n", args...) }

// text writes words at a place; class and anchor may be empty.
func (d *drawing) text(x, y float64, class, anchor, words string) {
	if anchor != "" {
		anchor = ` text-anchor="` + anchor + `"`
	}
	d.add(`<text x="%.1f" y="%.1f" class="%s"%s>%s</text>`, x, y, class, anchor, escape(words))
}

func (d *drawing) line(x1, y1, x2, y2 float64, colour string) {
	d.add(`<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s"/>`, x1, y1, x2, y2, colour)
}

// page puts the drawing on its sheet.
func (d *drawing) page(r *Result) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%.0f" viewBox="0 0 %d %.0f" role="img">`+"\n", pageWidth, d.y, pageWidth, d.y)
	fmt.Fprintf(&b, "<title>%s</title>\n<style>%s</style>\n", escape("loadtest "+r.Scenario+": "+describe(&r.Setup)), style)
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" rx="10" fill="#fff"/>`+"\n")
	b.WriteString(d.b.String())
	b.WriteString("</svg>\n")
	return []byte(b.String())
}

func (d *drawing) header(r *Result) {
	d.y += 22
	d.add(`<text x="%d" y="%.1f" font-size="28" font-weight="700">%s</text>`, margin, d.y, escape(r.Scenario))
	d.text(pageWidth-margin, d.y, "muted small", "end", r.Began.UTC().Format("2006-01-02 15:04 UTC"))
	for _, line := range wrap(describe(&r.Setup), 125) {
		d.y += 22
		d.add(`<text x="%d" y="%.1f" font-size="14" class="muted">%s</text>`, margin, d.y, escape(line))
	}
	for _, mark := range r.Marks {
		for _, line := range wrap(mark, 120) {
			d.y += 22
			d.add(`<text x="%d" y="%.1f" font-size="13" font-weight="600" style="fill:%s">%s</text>`, margin, d.y, red, escape(line))
		}
	}
	d.y += 26
}

// figures writes the numbers that a person looks for first, in one row.
func (d *drawing) figures(r *Result) {
	all := figures(r)
	width := float64(pageWidth-2*margin) / float64(max(len(all), 1))
	for i, f := range all {
		x := margin + width*float64(i)
		if i > 0 {
			d.line(x-14, d.y+2, x-14, d.y+48, grid)
		}
		colour := ink
		if f.bad {
			colour = red
		}
		d.add(`<text x="%.1f" y="%.1f" class="figure" style="fill:%s">%s</text>`, x, d.y+24, colour, escape(f.value))
		d.text(x, d.y+45, "muted small", "", f.name)
	}
	d.y += 70
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
	d.y += 4
	for _, line := range wrap(r.Command, 130) {
		d.text(margin, d.y, "mono", "", line)
		d.y += 16
	}
	g := &r.Generator
	d.text(margin, d.y, "mono", "", fmt.Sprintf("generator: %s, busiest worker %.0f %% computing and %.0f %% waiting for a processor; measured %s",
		some(g.Processes, "process"), 100*g.Busiest, 100*g.Starved, clock(r.Seconds)))
	d.y += 28
}

// escape makes words safe as XML text, leaving out what XML cannot hold.
func escape(words string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;").Replace(
		strings.Map(func(r rune) rune {
			if r < ' ' || r == 0xfffe || r == 0xffff {
				return ' '
			}
			return r
		}, strings.ToValidUTF8(words, "�")))
}

// wrap breaks words into lines of about n characters.
func wrap(words string, n int) (lines []string) {
	line := ""
	for word := range strings.FieldsSeq(words) {
		if line != "" && len(line)+1+len(word) > n {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}
