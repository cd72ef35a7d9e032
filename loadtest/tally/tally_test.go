package tally_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/gannet-io/gannet/loadtest/tally"
)

func TestEveryCounterIsAdded(t *testing.T) {
	var one, sum tally.Counts
	fields := reflect.ValueOf(&one).Elem()
	for i := range fields.NumField() {
		fields.Field(i).SetInt(int64(i + 1))
	}
	sum.Add(&one)
	sum.Add(&one)
	for i := range fields.NumField() {
		if got, want := reflect.ValueOf(sum).Field(i).Int(), int64(2*(i+1)); got != want {
			t.Errorf("%s is %d, want %d", fields.Type().Field(i).Name, got, want)
		}
	}
}

func TestLossIsWhatWasExpectedAndNotReceivedOnce(t *testing.T) {
	c := tally.Counts{Expected: 100, Received: 99, Duplicates: 3, Stray: 1}
	if c.Unique() != 95 || c.Lost() != 5 {
		t.Errorf("unique %d, lost %d; want 95 and 5", c.Unique(), c.Lost())
	}
	c.Expected = 90
	if c.Lost() != 0 {
		t.Errorf("lost %d of less than was received", c.Lost())
	}
}

func TestQuantilesAreThoseOfAllParts(t *testing.T) {
	total := tally.NewHistogram()
	for part := range 4 { // 1 ms … 100 ms, a hundredth each, in four processes
		h := tally.NewHistogram()
		for ms := part + 1; ms <= 100; ms += 4 {
			h.Record(int64(ms) * 1e6)
		}
		total.Merge(h.Take())
		if h.Count() != 0 {
			t.Errorf("%d are left after Take", h.Count())
		}
	}
	if total.Count() != 100 {
		t.Errorf("%d values, want 100", total.Count())
	}
	for q, want := range map[float64]time.Duration{0.5: 50 * time.Millisecond, 0.99: 99 * time.Millisecond, 1: 100 * time.Millisecond} {
		if got := total.Quantile(q); got < want || got > want+want/1000 {
			t.Errorf("quantile %v is %v, want %v and up to a thousandth more", q, got, want)
		}
	}
}

func TestRecordAllocatesNothingAndClamps(t *testing.T) {
	h := tally.NewHistogram()
	if n := testing.AllocsPerRun(100, func() { h.Record(12_345_678) }); n != 0 {
		t.Errorf("%v allocations a record", n)
	}
	h.Take()
	h.Record(-5)
	h.Record(int64(48 * time.Hour))
	if low, high := h.Quantile(0), h.Max(); h.Count() != 2 || low > time.Microsecond || high < time.Hour {
		t.Errorf("%d values from %v to %v, want 2 from 1µs to 1h", h.Count(), low, high)
	}
}

func TestProblemsAreBounded(t *testing.T) {
	var m map[string]int64
	for i := range 2 * tally.MaxProblems {
		m = tally.Note(m, string(rune('a'+i)), 1)
	}
	if len(m) > tally.MaxProblems+1 || m["other problems"] != tally.MaxProblems {
		t.Errorf("%d kinds, %d others", len(m), m["other problems"])
	}
}
