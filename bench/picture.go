//go:build linux

package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/gannet-io/gannet/loadtest/picture"
)

// A chart is one diagram of bars: a group for each line, a bar for each server.
type chart struct {
	title string
	lines []string // by name
	key   string   // of the measure
	ratio bool     // bars are ratios to the ceiling
	of    []string // headings of the lines, when there are several
}

// charts returns what the picture shows of r, in its order. Of loads that are measured in
// different ways it shows the first that r has.
func (r *results) charts() (all []chart) {
	saturated, how := []string{"together-1k", "together-5k", "together-15k"}, "8 messages in flight"
	if !slices.ContainsFunc(saturated, r.has) {
		saturated, how = []string{"saturate-1k", "saturate-5k", "saturate-15k"}, "8 messages in flight of each of 4 publishers"
	}
	sizes := []string{"1,000 subscribers", "5,000 subscribers", "15,000 subscribers"}
	for _, c := range []chart{
		{title: "Deliveries a second, " + how + ": how many times a plain loop of sends", lines: saturated, key: "delivered", ratio: true, of: sizes},
		{title: "Processor time a delivery (less is better)", lines: []string{"one-5k", saturated[1]}, key: "cpu", of: []string{"5,000 subscribers, one message at a time", "5,000 subscribers, " + how}},
		{title: "Memory of an idle connection (less is better)", lines: []string{"idle"}, key: "rss"},
		{title: "p99 added by a fan-out beside it (less is better)", lines: []string{"fairness"}, key: "added_p99"},
		{title: "Connected and subscribed, a second", lines: []string{"idle"}, key: "connects"},
	} {
		kept := chart{title: c.title, key: c.key, ratio: c.ratio}
		for i, name := range c.lines {
			if r.has(name) && r.measure(name, c.key) != nil {
				kept.lines = append(kept.lines, name)
				if len(c.of) > 0 {
					kept.of = append(kept.of, c.of[i])
				}
			}
		}
		if len(kept.lines) > 0 {
			all = append(all, kept)
		}
	}
	return all
}

// has reports whether a line has been measured.
func (r *results) has(name string) bool {
	return slices.ContainsFunc(r.records, func(e record) bool { return e.Line == name && e.Error == "" })
}

// measure returns a measure of a line, nil when there is none.
func (r *results) measure(name, key string) *measure {
	for _, l := range lines(r.scale()) {
		if l.name != name {
			continue
		}
		for i := range l.measures {
			if l.measures[i].key == key {
				return &l.measures[i]
			}
		}
	}
	return nil
}

// Sizes of a chart, in pixels.
const (
	rowHeight  = 20
	barHeight  = 13
	nameRoom   = 126 // left of the bars
	columnGap  = 36
	halfColumn = (picture.Width - 2*picture.Margin - columnGap) / 2
)

// svg draws the results: bars, Gannet's in colour.
func (r *results) svg() []byte {
	s := &picture.Sheet{Y: picture.Margin}
	s.Y += 12
	s.Text(picture.Margin, s.Y, "figure", "", "Gannet beside others, on one processor")
	h := &r.head
	for _, line := range picture.Wrap(fmt.Sprintf("%s, %d cores, %s, %s. Server and load generator on a processor each; medians of %d rounds in which the servers took turns. %s, commit %s.",
		h.CPU, h.Cores, h.Kernel, h.Go, h.Rounds, h.Date[:10], h.Commit), 135) {
		s.Y += 20
		s.Text(picture.Margin, s.Y, "muted small", "", line)
	}
	if h.Quick {
		s.Y += 20
		s.Text(picture.Margin, s.Y, "bad small", "", "QUICK: a smoke test; the numbers mean nothing")
	}
	s.Y += 24
	all := r.charts()
	if len(all) > 0 && all[0].ratio {
		r.draw(s, &all[0], picture.Margin, picture.Width-2*picture.Margin)
		all = all[1:]
	}
	columns := [2]float64{s.Y, s.Y} // how far each has come
	for i := range all {
		k := 0
		if columns[1] < columns[0] {
			k = 1
		}
		s.Y = columns[k]
		r.draw(s, &all[i], float64(picture.Margin+k*(halfColumn+columnGap)), halfColumn)
		columns[k] = s.Y
	}
	s.Y = max(columns[0], columns[1])
	for _, line := range r.footnotes() {
		s.Text(picture.Margin, s.Y, "muted small", "", line)
		s.Y += 17
	}
	s.Y += 12
	return s.SVG("Gannet beside other servers: " + h.Command)
}

// draw draws a chart from s.Y on.
func (r *results) draw(s *picture.Sheet, c *chart, left, width float64) {
	s.Y += 14
	s.Text(left, s.Y, "heading", "", c.title)
	s.Y += 12
	bars := r.bars(c)
	highest := 0.0
	for _, b := range bars {
		highest = max(highest, b.length)
	}
	x := picture.Scale{High: max(highest, 1e-9), Start: left + nameRoom, End: left + width - labelRoom(bars)}
	for i, b := range bars {
		if b.heading != "" && len(c.of) > 0 {
			s.Y += 15
			s.Text(left, s.Y, "muted small", "", b.heading)
			s.Y += 4
		}
		middle := s.Y + rowHeight/2 + 4
		fill := `class="other"`
		if b.server == "gannet" {
			fill = `fill="` + picture.Orange + `"`
		}
		s.Text(left+nameRoom-8, middle, "small", "end", b.name)
		s.Add(`<rect x="%.1f" y="%.1f" width="%.1f" height="%d" rx="2" %s><title>%s</title></rect>`, x.Start, s.Y+(rowHeight-barHeight)/2.0,
			max(x.At(b.length)-x.Start, 1), barHeight, fill, picture.Escape(b.name+": "+b.label))
		s.Text(x.At(b.length)+7, middle, "small", "", b.label)
		s.Y += rowHeight
		if i+1 < len(bars) && bars[i+1].heading != "" {
			s.Y += 2
		}
	}
	s.Y += 26
}

// labelRoom is what the longest label needs to the right of its bar.
func labelRoom(bars []bar) float64 {
	longest := 0
	for _, b := range bars {
		longest = max(longest, len([]rune(b.label)))
	}
	return 6.6*float64(longest) + 12
}

// A bar is one server's value. The first of a line has its heading.
type bar struct {
	heading, server, name, label string
	length                       float64
}

func (r *results) bars(c *chart) (all []bar) {
	for i, line := range c.lines {
		m := r.measure(line, c.key)
		heading := line
		if len(c.of) > 0 {
			heading = c.of[i]
		}
		for _, server := range drawn(r.head.Servers) {
			value, ratio := r.value(line, server, m)
			if math.IsNaN(value) {
				continue
			}
			b := bar{heading: heading, server: server, name: called(server), label: m.unit.format(value), length: value}
			if c.ratio {
				if server == "ceiling" {
					ratio = 1
				}
				if math.IsNaN(ratio) {
					continue
				}
				b.length = ratio
				b.label = strconv.FormatFloat(ratio, 'f', 2, 64) + " × · " + b.label
			}
			if marks := r.marks(line, server); marks != "" {
				b.label += " " + marks
			}
			all = append(all, b)
			heading = ""
		}
	}
	return all
}

// drawn puts Gannet first and the ceiling last.
func drawn(names []string) []string {
	all := slices.DeleteFunc(servers(names), func(name string) bool { return name == "ceiling" })
	return append(all, "ceiling")
}

// called is what the picture calls a server.
func called(server string) string {
	switch server {
	case "gannet":
		return "Gannet"
	case "ceiling":
		return "plain loop of sends"
	}
	return server
}

// footnotes explains the marks that there are.
func (r *results) footnotes() (all []string) {
	var used strings.Builder
	for _, c := range r.charts() {
		for _, line := range c.lines {
			for _, server := range r.head.Servers {
				used.WriteString(r.marks(line, server))
			}
		}
	}
	for _, mark := range marksInWords {
		if strings.Contains(used.String(), mark.letter) {
			all = append(all, mark.letter+": "+mark.words)
		}
	}
	return all
}
