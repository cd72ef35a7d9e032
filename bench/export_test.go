//go:build linux

package main

import (
	"io"

	"github.com/gannet-io/gannet/loadtest/report"
)

// Results makes results of records of the line "saturate-5k" (deliveries a second) in rounds.
func Results(delivered map[string][]float64, marks map[string]string) *results {
	r := &results{head: head{Command: "go run ./bench", Date: "2026-01-02T03:04:05Z", Commit: "c0ffee", Machine: "cpu-2-cores",
		Divide: 1, Most: 1 << 30, Servers: []string{"ceiling", "gannet", "rival"}}}
	for name, values := range delivered {
		for i, v := range values {
			r.records = append(r.records, record{Line: "saturate-5k", Server: name, Round: i + 1, Values: map[string]float64{"delivered": v}, Marks: marks[name]})
		}
	}
	return r
}

func (r *results) Write(folder string) (string, error) { return r.write(folder) }
func (r *results) Text(markdown bool) string           { return r.text(markdown) }

func (r *results) SVG() []byte { return r.svg() }

// Add adds a record of each server with one value, in one round.
func (r *results) Add(line, key string, values map[string]float64) {
	for name, v := range values {
		r.records = append(r.records, record{Line: line, Server: name, Round: 1, Values: map[string]float64{key: v}})
	}
}

func ReadResults(path string) (*results, error) { return readResults(path) }

// Lines returns the names of all lines.
func Lines() (names []string) {
	for _, l := range lines(fullScale) {
		names = append(names, l.name)
	}
	return names
}

// Chosen returns the names of the lines, and of the rivals, that a command line asks for.
func Chosen(args ...string) (chosen, rivals []string, err error) {
	o, err := parse(io.Discard, args)
	if err != nil {
		return nil, nil, err
	}
	for _, l := range o.chosen(fullScale) {
		chosen = append(chosen, l.name)
	}
	for _, r := range o.rivals {
		rivals = append(rivals, r.name)
	}
	return chosen, rivals, nil
}

// Take returns what a record keeps of a result.
func Take(result *report.Result) map[string]float64 {
	r := record{Values: make(map[string]float64)}
	r.take(result)
	return r.Values
}

// Percent writes a part of all.
func Percent(v float64) string { return percent.format(v) }

var (
	CommandLine = commandLine
	Benchmarks  = benchmarks
)

// Quantile is of a cumulative histogram.
func Quantile(all map[float64]float64, q float64) float64 { return buckets(all).quantile(q) }
