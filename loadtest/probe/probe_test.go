package probe_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/gannet-io/gannet/loadtest/probe"
)

func TestMetricsAreSummedOverLabels(t *testing.T) {
	got := probe.ParseMetrics([]byte(`# HELP x something
# TYPE x counter
x{a="1"} 3
x{a="}{ 2",b="c"} 4.5
y 7 1700000000000
broken
`))
	if len(got) != 2 || got["x"] != 7.5 || got["y"] != 7 {
		t.Errorf("got %v", got)
	}
}

func TestStatSurvivesStrangeNames(t *testing.T) {
	const line = "42 (a) b (c) S 1 42 42 0 -1 4194560 100 0 0 0 250 75 0 0 20 0 9 0 1000 1 1"
	user, system, err := probe.ParseStat([]byte(line))
	if err != nil || user != 2500*time.Millisecond || system != 750*time.Millisecond {
		t.Errorf("user %v, system %v, %v; want 2.5s and 750ms", user, system, err)
	}
	for _, bad := range []string{"", "42 (a", "42 (a) S 1"} {
		if _, _, err := probe.ParseStat([]byte(bad)); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

func TestSlopeIsThatOfTheLine(t *testing.T) {
	if got := probe.Slope([]float64{0, 1, 2, 3}, []float64{5, 7, 9, 11}); got != 2 {
		t.Errorf("got %v, want 2", got)
	}
	if got := probe.Slope([]float64{0, 1, 2}, []float64{1, 4, 1}); got != 0 { // symmetric
		t.Errorf("got %v, want 0", got)
	}
	if probe.Slope(nil, nil) != 0 || probe.Slope([]float64{1, 1}, []float64{0, 9}) != 0 {
		t.Error("no slope without a distance")
	}
}

func TestProberReadsThisProcessAndAPage(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("there is no /proc")
	}
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "go_goroutines 12") }))
	defer page.Close()
	p := probe.Prober{PIDs: []int{os.Getpid(), os.Getpid()}, Metrics: page.URL}
	r, err := p.Read()
	if err != nil {
		t.Fatal(err)
	}
	if r.Process.RSS < 1<<20 || r.Process.FDs < 6 || r.Process.Threads < 2 || r.Metrics[probe.Goroutines] != 12 || r.Slab == 0 {
		t.Errorf("got %+v of %+v", r, r.Process)
	}
}

func TestProberSaysWhatItCannotRead(t *testing.T) {
	r, err := (&probe.Prober{PIDs: []int{1 << 30}}).Read()
	if err == nil || r.Process != nil {
		t.Errorf("got %+v, %v; want an error and no process", r, err)
	}
	if r, err := (&probe.Prober{}).Read(); err != nil || r.Process != nil || r.Metrics != nil {
		t.Errorf("got %+v, %v; want nothing", r, err)
	}
}
