//go:build linux

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/gannet-io/gannet/loadtest/report"
)

// A record is what one run of one line on one server has shown.
type record struct {
	Line   string             `json:"line"`
	Server string             `json:"server"`
	Round  int                `json:"round"`
	Values map[string]float64 `json:"values"` // by a measure's key
	Marks  string             `json:"marks,omitempty"`
	Error  string             `json:"error,omitempty"`
	Result *report.Result     `json:"result,omitempty"` // without curves and time line
}

// Marks, a letter each.
const (
	markSaturated = "S"
	markStarved   = "W"
	markBehind    = "B"
	markPartial   = "I"
	markLost      = "L"
)

// marksInWords says what they mean.
var marksInWords = []struct{ letter, words string }{
	{markSaturated, "the generator was saturated: the server could have done more."},
	{markStarved, "the generator waited for a processor."},
	{markBehind, "the server could not be given the load."},
	{markPartial, "not all subscribers got in."},
	{markLost, "messages were lost, repeated or disordered, or too late."},
}

const legend = `Marks: S the generator was saturated: the server could have done more. W the generator waited for a processor.
B the server could not be given the load. I not all subscribers got in. L messages were lost, repeated or disordered, or too late.
`

// take reads a line's values from a result.
func (r *record) take(result *report.Result) {
	result.Timeline, result.Connect.Curve = nil, nil
	r.Result = result
	r.Values["connects"] = result.Connect.PerSecond
	if d := result.Delivery; d != nil {
		d.Curve = nil
		r.Values["delivered"] = d.PerSecond
		if d.Latency.Count > 0 { // of nothing they are 0, and that is not quick
			r.Values["p50"], r.Values["p99"] = d.Latency.P50, d.Latency.P99
		}
		if d.Lost+d.Duplicates+d.Disordered+d.Stray+d.Stalled > 0 || result.Connect.Dropped > 0 {
			r.Marks += markLost
		}
	}
	if s := result.Server; s != nil {
		if s.UserPerM != nil && s.SystemPerM != nil { // seconds a million are microseconds each
			r.Values["user"], r.Values["cpu"] = *s.UserPerM, *s.UserPerM+*s.SystemPerM
		}
		if s.PerConn != nil {
			r.Values["rss"] = *s.PerConn
		}
	}
	for _, mark := range result.Marks {
		for word, letter := range map[string]string{"SATURATED": markSaturated, "STARVED": markStarved, "BEHIND": markBehind, "INCOMPLETE": markPartial} {
			if strings.HasPrefix(mark, word) && !strings.Contains(r.Marks, letter) {
				r.Marks += letter
			}
		}
	}
}

// summary is the record as a line of progress.
func (r *record) summary(l *line) string {
	if r.Error != "" {
		return "no result: " + r.Error
	}
	var parts []string
	for _, m := range l.measures {
		if v, ok := r.Values[m.key]; ok {
			parts = append(parts, m.unit.format(v)+" "+m.key)
		}
	}
	if r.Marks != "" {
		parts = append(parts, r.Marks)
	}
	return strings.Join(parts, ", ")
}

// results are all records and where they come from.
type results struct {
	head    head
	records []record
}

// write puts the table and the raw numbers into a file of its own and returns its path.
func (r *results) write(folder string) (path string, err error) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", err
	}
	base := filepath.Join(folder, r.head.Date[:10]+"-"+r.head.Commit+"-"+r.head.Machine)
	path = base + ".txt"
	for n := 2; ; n++ { // a second run does not replace the first
		if _, err := os.Lstat(path); err != nil {
			break
		}
		path = fmt.Sprintf("%s-%d.txt", base, n)
	}
	var b strings.Builder
	b.WriteString(r.text(false))
	b.WriteString("\nRaw numbers, a JSON document a line; bench --from reads them.\n")
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(&r.head); err != nil {
		return "", err
	}
	for i := range r.records {
		if err := encoder.Encode(&r.records[i]); err != nil {
			return "", err
		}
	}
	return path, os.WriteFile(path, []byte(b.String()), 0o644)
}

// readResults reads a file that write wrote.
func readResults(path string) (*results, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	r := &results{}
	in := bufio.NewScanner(f)
	in.Buffer(nil, 16<<20)
	for in.Scan() {
		if !strings.HasPrefix(in.Text(), "{") {
			continue
		}
		if r.head.Command == "" {
			err = json.Unmarshal(in.Bytes(), &r.head)
		} else {
			r.records = append(r.records, record{})
			err = json.Unmarshal(in.Bytes(), &r.records[len(r.records)-1])
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	if err := in.Err(); err != nil {
		return nil, err
	}
	if r.head.Command == "" {
		return nil, fmt.Errorf("%s holds no results", path)
	}
	return r, nil
}
