//go:build linux

package swarm

import (
	"github.com/gannet-io/gannet/loadtest/tally"
)

// drainStep is the time between samples once the window is over, in nanoseconds.
const drainStep = 100e6

// sampleDue ends an interval and sets the time of the next. After the start the ends are at
// multiples of the interval from it, so that those of all workers are the same.
func (w *worker) sampleDue(at, now int64) {
	w.sample()
	interval := int64(w.plan.Interval)
	next := at + interval
	if w.begin != nil {
		k := (now - w.begin.At) / interval // never before the start: the mark sees to that
		w.sampled = int(k)
		next = w.begin.At + (k+1)*interval
		if now >= w.until {
			next = min(next, now+drainStep) // the parent waits for the last of it
		}
	}
	w.tasks.push(task{at: next, do: dutySample, mark: w.sampling})
}

// sample sends what has been counted since the last.
func (w *worker) sample() {
	w.notes <- Note{Worker: w.index, Sample: &tally.Sample{
		Index:    w.sampled,
		Counts:   w.counts,
		Latency:  w.latency.Take(),
		Join:     w.joined.Take(),
		Late:     w.lateness.Take(),
		Problems: w.problems,
	}}
	w.counts = tally.Counts{}
	w.problems = nil
}
