//go:build linux

package crew

import (
	"fmt"
	"time"

	"github.com/gannet-io/gannet/loadtest/report"
	"github.com/gannet-io/gannet/loadtest/swarm"
	"github.com/gannet-io/gannet/loadtest/tally"
)

// collected is the sum of all notes so far.
type collected struct {
	outcome    report.Outcome
	population []int32
	ready      int // workers
	done       int // workers
	used       int // processes
	phase      string

	firstInterval, lastInterval int // of the measured window

	spoken   time.Time // of the last line of progress
	reported tally.Counts
}

func newCollector(job *Job) *collected {
	p := job.Plan
	first := int(p.Warmup / p.Interval)
	return &collected{
		population:    make([]int32, p.Channels),
		firstInterval: first,
		lastInterval:  first + int((p.Duration+p.Interval-1)/p.Interval) - 1,
		spoken:        time.Now(),
		outcome: report.Outcome{
			Plan: p, Command: job.Command,
			SetupJoin: tally.NewHistogram(), Latency: tally.NewHistogram(), Join: tally.NewHistogram(), Late: tally.NewHistogram(),
			Intervals: make([]report.Interval, (p.Duration+p.Interval-1)/p.Interval),
		},
	}
}

// take adds one note.
func (c *collected) take(note *swarm.Note) {
	switch {
	case note.Sample != nil:
		c.sample(note.Sample)
	case note.Ready != nil:
		c.ready++
		for i, n := range note.Ready.Population {
			c.population[i] += n
		}
	case note.Done != nil:
		c.done++
		d := note.Done
		if d.Wall > 0 {
			c.outcome.Workers = append(c.outcome.Workers, report.Worker{CPU: d.CPU, Wait: d.Wait, Wall: d.Wall})
		}
	case note.Usage != nil:
		c.used++
		u := note.Usage
		c.outcome.Processes = append(c.outcome.Processes, report.Process{User: u.User, System: u.System, CPUs: u.CPUs})
	}
}

func (c *collected) sample(s *tally.Sample) {
	o := &c.outcome
	o.Total.Add(&s.Counts)
	o.Latency.Merge(s.Latency)
	o.Late.Merge(s.Late)
	if s.Index < 0 {
		o.SetupJoin.Merge(s.Join)
	} else {
		o.Join.Merge(s.Join)
	}
	for text, n := range s.Problems {
		o.Problems = tally.Note(o.Problems, text, n)
	}
	if s.Index < c.firstInterval || s.Index > c.lastInterval {
		return
	}
	o.Window.Add(&s.Counts)
	in := &o.Intervals[s.Index-c.firstInterval]
	in.Add(&s.Counts)
	if len(s.Latency.Slot) > 0 {
		in.Latency = append(in.Latency, s.Latency)
	}
	if len(s.Join.Slot) > 0 {
		in.Join = append(in.Join, s.Join)
	}
}

func (c *collected) problem(text string) {
	c.outcome.Problems = tally.Note(c.outcome.Problems, text, 1)
}

// worst returns the most frequent problem.
func (c *collected) worst() string {
	worst, most := "no reason was given", int64(0)
	for text, n := range c.outcome.Problems {
		if n > most {
			worst, most = fmt.Sprintf("%s (%d times)", text, n), n
		}
	}
	return worst
}

// complete returns the outcome. Of an interrupted run the intervals that never were are cut off.
func (r *run) complete() *report.Outcome {
	o := &r.outcome
	if o.Interrupted {
		whole := min(int(o.Elapsed/r.plan.Interval)+1, len(o.Intervals))
		o.Intervals = o.Intervals[:whole]
	}
	return o
}

// progress writes a line once a second.
func (r *run) progress(now time.Time) {
	const every = time.Second
	passed := now.Sub(r.spoken)
	if passed < every {
		return
	}
	t := &r.outcome.Total
	rate := func(now, before int64) int64 { return int64(float64(now-before) / passed.Seconds()) }
	line := fmt.Sprintf("%-10s  %d connected", r.phase, t.Live())
	if t.Failed > 0 {
		line += fmt.Sprintf(", %d failed", t.Failed)
	}
	if r.plan.Publishes() && r.phase != "connecting" {
		line += fmt.Sprintf("  %d published/s  %d delivered/s", rate(t.Published, r.reported.Published), rate(t.Received, r.reported.Received))
		if n := t.Duplicates + t.Disordered; n > 0 {
			line += fmt.Sprintf("  %d duplicate or out of order", n)
		}
	}
	if r.plan.ChurnRate > 0 && r.phase != "connecting" {
		line += fmt.Sprintf("  %d joined/s", rate(t.Arrivals, r.reported.Arrivals))
	}
	// Nobody is told when nobody reads.
	_, _ = fmt.Fprintln(r.job.Progress, line)
	r.spoken, r.reported = now, *t
}
