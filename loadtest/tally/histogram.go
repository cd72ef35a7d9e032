package tally

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// The range and precision of a Histogram, in microseconds and decimal digits.
const (
	lowest, highest = 1, int64(time.Hour / time.Microsecond)
	digits          = 3
)

// A Histogram is a distribution of durations from 1 µs to an hour, exact to one part in a thousand
// (and to a microsecond). It takes 180 KB and no allocation to record.
type Histogram struct {
	hdr *hdrhistogram.Histogram
}

// NewHistogram returns an empty one.
func NewHistogram() *Histogram { return &Histogram{hdrhistogram.New(lowest, highest, digits)} }

// Record adds one duration in nanoseconds. What lies outside the range counts as its end.
func (h *Histogram) Record(ns int64) {
	// The clamped value is in range, so there is no error.
	_ = h.hdr.RecordValue(min(max((ns+500)/1000, lowest), highest))
}

// Count returns how many durations were recorded.
func (h *Histogram) Count() int64 { return h.hdr.TotalCount() }

// Quantile returns the duration that the given part of all, from 0 to 1, did not exceed. Without
// any it is 0.
func (h *Histogram) Quantile(q float64) time.Duration {
	if q*float64(h.hdr.TotalCount()) < 1 {
		return micros(h.hdr.Min()) // the library says 0 here
	}
	return micros(h.hdr.ValueAtQuantile(q * 100))
}

// Max returns the longest, within the precision.
func (h *Histogram) Max() time.Duration { return micros(h.hdr.Max()) }

// Mean returns the average.
func (h *Histogram) Mean() time.Duration { return time.Duration(h.hdr.Mean() * 1000) }

// Merge adds what was taken out of another.
func (h *Histogram) Merge(s Sparse) {
	if len(s.Slot) == 0 {
		return
	}
	snapshot := h.hdr.Export()
	clear(snapshot.Counts)
	for i, slot := range s.Slot {
		if int(slot) < len(snapshot.Counts) {
			snapshot.Counts[slot] = s.Count[i]
		}
	}
	h.hdr.Merge(hdrhistogram.Import(snapshot))
}

// A Sparse is the content of a Histogram, without its emptiness. It is shared: do not change it.
type Sparse struct {
	Slot  []int32
	Count []int64
}

// Take returns what h holds and empties it.
func (h *Histogram) Take() (s Sparse) {
	if h.hdr.TotalCount() == 0 {
		return s
	}
	for slot, n := range h.hdr.Export().Counts {
		if n > 0 {
			s.Slot = append(s.Slot, int32(slot))
			s.Count = append(s.Count, n)
		}
	}
	h.hdr.Reset()
	return s
}

func micros(v int64) time.Duration { return time.Duration(v) * time.Microsecond }
