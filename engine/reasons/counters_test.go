package reasons_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/VictoriaMetrics/metrics"

	"github.com/gannet-io/gannet/engine/reasons"
)

func written(set *metrics.Set) string {
	var b strings.Builder
	set.WritePrometheus(&b)
	return b.String()
}

func TestValuesShowUpAsTheyOccur(t *testing.T) {
	set := metrics.NewSet()
	c := reasons.New(set, "refusals_total", "reason")
	if got := written(set); got != "" {
		t.Errorf("before anything was counted: %q", got)
	}
	c.Of("too_long").Inc()
	c.Of("bad_name").Inc()
	c.Of("too_long").Add(2)
	if got, want := written(set), "refusals_total{reason=\"bad_name\"} 1\nrefusals_total{reason=\"too_long\"} 3\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestOtherLabelsStandBesideTheValue(t *testing.T) {
	set := metrics.NewSet()
	c := reasons.NewLabelled(set, "refusals_total", func(value string) string { return `app="1",reason="` + value + `"` })
	c.Of("too_long").Inc()
	if got, want := written(set), "refusals_total{app=\"1\",reason=\"too_long\"} 1\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestCountersMadeElsewhereAreShared(t *testing.T) {
	set := metrics.NewSet()
	one := set.NewCounter(`refusals_total{reason="bad_name"}`)
	if got := reasons.New(set, "refusals_total", "reason").Of("bad_name"); got != one {
		t.Errorf("got %p, want %p", got, one)
	}
}

func TestNothingIsLostWhenValuesAppearAtOnce(t *testing.T) {
	const goroutines, times = 8, 200
	set := metrics.NewSet()
	c := reasons.New(set, "refusals_total", "reason")
	values := []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"}
	var all sync.WaitGroup
	for g := range goroutines {
		all.Go(func() {
			for i := range times {
				for j := range values {
					c.Of(values[(g+i+j)%len(values)]).Inc()
				}
			}
		})
	}
	all.Wait()
	for _, value := range values {
		if got := c.Of(value).Get(); got != goroutines*times {
			t.Errorf("%s: got %d, want %d", value, got, goroutines*times)
		}
	}
}

func TestAKnownReasonCostsNoAllocation(t *testing.T) {
	c := reasons.New(metrics.NewSet(), "refusals_total", "reason")
	reason := strings.Repeat("bad_", 2) + "name" // not a constant
	if n := testing.AllocsPerRun(100, func() { c.Of(reason).Inc() }); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}
