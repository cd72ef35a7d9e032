//go:build linux

package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A unit says how a value is written.
type unit uint8

const (
	plain unit = iota
	micros
	millis
	nanos
	rate
	octets
	mega
	percent
)

func (u unit) format(v float64) string {
	switch u {
	case micros:
		return strconv.FormatFloat(v, 'f', 2, 64) + " µs"
	case millis:
		return threeDigits(v) + " ms"
	case nanos:
		return thousands(v) + " ns"
	case rate:
		if v >= 10_000 {
			return thousands(v/1000) + "k/s"
		}
		return thousands(v) + "/s"
	case octets:
		return threeDigits(v) + " B"
	case mega:
		return threeDigits(v) + " MB"
	case percent:
		return strconv.FormatFloat(math.Floor(100*v)/100, 'f', -1, 64) + " %" // all is 100, nearly all is not
	}
	return threeDigits(v)
}

func threeDigits(v float64) string {
	if math.Abs(v) >= 100 {
		return thousands(v)
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}

// thousands writes a whole number in groups.
func thousands(v float64) string {
	text := strconv.FormatFloat(math.Round(v), 'f', 0, 64)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// median of nothing is NaN.
func median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	values = slices.Sorted(slices.Values(values))
	n := len(values)
	return (values[n/2] + values[(n-1)/2]) / 2
}

// values returns a measure of a server, by round.
func (r *results) values(line, server, key string) map[int]float64 {
	all := make(map[int]float64)
	for i := range r.records {
		e := &r.records[i]
		if v, ok := e.Values[key]; ok && e.Line == line && e.Server == server && e.Error == "" {
			all[e.Round] = v
		}
	}
	return all
}

// value is the median over the rounds, and ratio that of what it is to the ceiling's of the same
// round, above 1 when it is better. Each is NaN where there is nothing.
func (r *results) value(line, server string, m *measure) (value, ratio float64) {
	mine, ceiling := r.values(line, server, m.key), r.values(line, "ceiling", m.key)
	var values, ratios []float64
	for round, v := range mine {
		values = append(values, v)
		if c, ok := ceiling[round]; ok && c > 0 && v > 0 {
			if m.lower {
				ratios = append(ratios, c/v)
			} else {
				ratios = append(ratios, v/c)
			}
		}
	}
	return median(values), median(ratios)
}

// marks returns those of any round.
func (r *results) marks(line, server string) (all string) {
	for i := range r.records {
		if e := &r.records[i]; e.Line == line && e.Server == server {
			for _, mark := range e.Marks {
				if !strings.ContainsRune(all, mark) {
					all += string(mark)
				}
			}
		}
	}
	return all
}

func (r *results) cell(line, server string, m *measure) string {
	value, ratio := r.value(line, server, m)
	if math.IsNaN(value) {
		return "–"
	}
	text := m.unit.format(value)
	if m.compared && server != "ceiling" && !math.IsNaN(ratio) {
		text = strconv.FormatFloat(ratio, 'f', 2, 64) + " · " + text
	}
	if marks := r.marks(line, server); marks != "" {
		text += " " + marks
	}
	return text
}

func (m *measure) goalText() string {
	switch {
	case m.goal == 0:
		return ""
	case m.byRatio:
		return "≥ " + strconv.FormatFloat(m.goal, 'g', 4, 64) + " ×"
	case m.lower:
		return "≤ " + m.unit.format(m.goal)
	}
	return "≥ " + m.unit.format(m.goal)
}

func (r *results) verdict(line string, m *measure) string {
	if m.goal == 0 || r.head.Quick {
		return ""
	}
	value, ratio := r.value(line, "gannet", m)
	if m.byRatio {
		value = ratio
	}
	lost := strings.Contains(r.marks(line, "gannet"), markLost)
	switch {
	case math.IsNaN(value):
		return "not measured"
	case m.lower && !m.byRatio && value > m.goal, (!m.lower || m.byRatio) && value < m.goal:
		return "missed"
	case lost && m.key == "delivered":
		return "lost some"
	}
	return "reached"
}

// scale is that of the run.
func (r *results) scale() scale {
	s := fullScale
	s.quick = r.head.Quick
	s.divide, s.most = max(r.head.Divide, 1), r.head.Most
	return s
}

// text is the table, with where it comes from.
func (r *results) text(markdown bool) string {
	header := append([]string{"what", "goal"}, servers(r.head.Servers)...)
	header = append(header, "verdict")
	rows := [][]string{header}
	for _, l := range lines(r.scale()) {
		if !slices.ContainsFunc(r.records, func(e record) bool { return e.Line == l.name }) {
			continue
		}
		title := l.title
		if l.glance && r.head.Rounds > 1 && len(r.head.Servers) > 2 {
			title += " (rivals: one round)"
		}
		rows = append(rows, []string{title})
		for i := range l.measures {
			m := &l.measures[i]
			row := []string{m.what, m.goalText()}
			for _, name := range servers(r.head.Servers) {
				row = append(row, r.cell(l.name, name, m))
			}
			rows = append(rows, append(row, r.verdict(l.name, m)))
		}
	}
	if markdown {
		return r.markdownHead() + markdownTable(rows) + "\n" + strings.ReplaceAll(legend, "\n", "\n") + r.problems()
	}
	return r.plainHead() + plainTable(rows) + "\n" + legend + r.problems()
}

// servers puts Gannet first.
func servers(names []string) []string {
	all := []string{"gannet"}
	for _, name := range names {
		if name != "gannet" {
			all = append(all, name)
		}
	}
	return all
}

func (r *results) plainHead() string {
	h := &r.head
	var b strings.Builder
	fmt.Fprintf(&b, "%s\ncommit %s, %s\n%s, %d cores, %s, %s\n", h.Command, h.Commit, h.Date, h.CPU, h.Cores, h.Kernel, h.Go)
	fmt.Fprintf(&b, "server on processor %d, generator on %d; load of the machine before %s; medians of %d rounds in turns\n", h.Processors[0], h.Processors[1], h.Load, h.Rounds)
	if h.Quick {
		b.WriteString("QUICK: a smoke test; the numbers mean nothing. Of so few connections each bears much of what the process takes once, its memory above all.\n")
	}
	for _, note := range h.Notes {
		b.WriteString("note: " + note + "\n")
	}
	b.WriteString("\n")
	return b.String()
}

func (r *results) markdownHead() string {
	h := &r.head
	text := fmt.Sprintf("`%s` at commit %s on %s: %s, %d cores, %s, %s. Medians of %d rounds; a number before a dot is the ratio to the ceiling of the same round, above 1 is better.\n\n",
		h.Command, h.Commit, h.Date[:10], h.CPU, h.Cores, h.Kernel, h.Go, h.Rounds)
	for _, note := range h.Notes {
		text += note + "\n\n"
	}
	return text
}

// problems lists what ended without a result.
func (r *results) problems() string {
	var b strings.Builder
	for i := range r.records {
		if e := &r.records[i]; e.Error != "" {
			fmt.Fprintf(&b, "\nNo result: %s, %s, round %d: %s", e.Line, e.Server, e.Round, e.Error)
		}
	}
	if b.Len() > 0 {
		b.WriteString("\n")
	}
	return b.String()
}

// plainTable aligns the columns; a row of one cell is a heading.
func plainTable(rows [][]string) string {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			if len(row) > 1 {
				widths[i] = max(widths[i], utf8.RuneCountInString(cell))
			}
		}
	}
	var b strings.Builder
	for _, row := range rows {
		if len(row) == 1 {
			b.WriteString("\n" + row[0] + "\n")
			continue
		}
		var line strings.Builder
		line.WriteString("  ")
		for i, cell := range row {
			line.WriteString(cell + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)+2))
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return b.String()
}

func markdownTable(rows [][]string) string {
	var b strings.Builder
	for i, row := range rows {
		if len(row) == 1 {
			row = append([]string{"**" + row[0] + "**"}, make([]string, len(rows[0])-1)...)
		}
		b.WriteString("| " + strings.Join(row, " | ") + " |\n")
		if i == 0 {
			b.WriteString(strings.Repeat("|---", len(row)) + "|\n")
		}
	}
	return b.String()
}
