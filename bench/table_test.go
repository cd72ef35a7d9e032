//go:build linux

package main_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	main "github.com/gannet-io/gannet/bench"
	"github.com/gannet-io/gannet/loadtest/report"
)

// Rounds differ, as they do on a machine with other things to do: the ratios of the rounds are 4,
// 5 and 6, while the ratio of the medians would be 400/100.
func TestARatioIsOfTheSameRound(t *testing.T) {
	r := main.Results(map[string][]float64{
		"ceiling": {100e3, 200e3, 50e3},
		"gannet":  {400e3, 1000e3, 300e3},
		"rival":   {100e3, 100e3},
	}, map[string]string{"gannet": "S"})
	want := []string{"deliveries a second", "≥ 4 ×", "5.00 · 400k/s S", "100k/s", "0.75 · 100k/s", "reached"}
	for _, markdown := range []bool{false, true} {
		text := r.Text(markdown)
		i := strings.Index(text, want[0])
		if i < 0 {
			t.Fatalf("no row in\n%s", text)
		}
		row, _, _ := strings.Cut(text[i:], "\n")
		for _, cell := range want {
			if _, rest, ok := strings.Cut(row, cell); ok {
				row = rest
			} else {
				t.Errorf("no %q, in its turn, in\n%s", cell, text)
			}
		}
	}
}

func TestResultsSurviveTheirFile(t *testing.T) {
	r := main.Results(map[string][]float64{"ceiling": {1000}, "gannet": {5000}}, nil)
	folder := t.TempDir()
	path, err := r.Write(folder)
	if err != nil {
		t.Fatal(err)
	}
	if want := folder + "/2026-01-02-c0ffee-cpu-2-cores.txt"; path != want {
		t.Errorf("wrote %s, want %s", path, want)
	}
	back, err := main.ReadResults(path)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := back.Text(true), r.Text(true); got != want {
		t.Errorf("came back as\n%s\nwas\n%s", got, want)
	}
	if second, err := r.Write(folder); err != nil || second == path {
		t.Errorf("a second run wrote %s, %v", second, err)
	}
}

func TestWhereARivalLiesIsNotTold(t *testing.T) {
	got := main.CommandLine([]string{"--rounds", "3", "--rival", "a=secret/place {port}", "--rival=b=secret/place {port}", "--out=secret/place", "--markdown"})
	if want := "go run ./bench --rounds 3 --rival a=… --rival=b=… --out=… --markdown"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestLinesAreChosenByName(t *testing.T) {
	all := main.Lines()
	for i, name := range all {
		if slices.Contains(all[:i], name) {
			t.Errorf("two lines are called %q", name)
		}
		if chosen, _, err := main.Chosen("--only", name); err != nil || !slices.Equal(chosen, []string{name}) {
			t.Errorf("--only %s chooses %q, %v", name, chosen, err)
		}
	}
	if _, _, err := main.Chosen("--only", "echo,nothing"); err == nil || !strings.Contains(err.Error(), `"nothing"`) {
		t.Errorf("a line that is none: %v", err)
	}
}

func TestRivalsHaveACommandOrAreOurs(t *testing.T) {
	if _, rivals, err := main.Chosen("--rival", "goroutines", "--rival=a=place {port}", "--rival=b@centrifuge=place {port}"); err != nil || !slices.Equal(rivals, []string{"goroutines", "a", "b"}) {
		t.Errorf("got %q, %v", rivals, err)
	}
	for _, text := range []string{"a", "a=place", "gannet=place {port}", "goroutines=place {port}", "a@morse=place {port}"} {
		if _, _, err := main.Chosen("--rival", text); err == nil {
			t.Errorf("--rival %q is taken", text)
		}
	}
}

func TestWhatNeverArrivedWasNotQuick(t *testing.T) {
	values := main.Take(&report.Result{Delivery: &report.Delivery{Expected: 10}})
	if _, ok := values["p99"]; ok {
		t.Errorf("a percentile of nothing is kept: %v", values)
	}
	values = main.Take(&report.Result{Delivery: &report.Delivery{Latency: report.Percentiles{Count: 1, P99: 2}}})
	if values["p99"] != 2 {
		t.Errorf("got %v, want a p99 of 2", values)
	}
}

func TestNearlyAllIsNotAll(t *testing.T) {
	for v, want := range map[float64]string{100: "100 %", 99.99999: "99.99 %", 63.5: "63.5 %", 0: "0 %"} {
		if got := main.Percent(v); got != want {
			t.Errorf("%v is %q, want %q", v, got, want)
		}
	}
}

func TestQuantileIsTheBoundOfItsBucket(t *testing.T) {
	all := map[float64]float64{0.001: 90, 0.01: 99, 0.1: 100, math.Inf(1): 100}
	for q, want := range map[float64]float64{0.5: 0.001, 0.9: 0.001, 0.99: 0.01, 1: 0.1} {
		if got := main.Quantile(all, q); got != want {
			t.Errorf("quantile %v is %v, want %v", q, got, want)
		}
	}
	if got := main.Quantile(nil, 0.5); !math.IsNaN(got) {
		t.Errorf("of nothing: %v", got)
	}
}

func TestBenchmarksAreReadFromTheirOutput(t *testing.T) {
	const out = `goos: linux
BenchmarkPublish/channels=1/bytes=300         	   89364	      1331 ns/op	 291.54 MB/s	     424 B/op	       7 allocs/op
BenchmarkPublish/channels=1/bytes=3000        	   89364	      9999 ns/op	 291.54 MB/s	     424 B/op	      99 allocs/op
BenchmarkPublish/channels=1/bytes=300-2       	   89364	      1400 ns/op	 291.54 MB/s	     424 B/op	       8 allocs/op
PASS
`
	got := main.Benchmarks(out, "BenchmarkPublish/channels=1/bytes=300")
	if !slices.Equal(got["ns/op"], []float64{1331, 1400}) || !slices.Equal(got["MB/s"], []float64{291.54, 291.54}) || !slices.Equal(got["allocs/op"], []float64{7, 8}) {
		t.Errorf("got %v", got)
	}
}
