//go:build linux

package crew

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/gannet-io/gannet/loadtest/plan"
	"github.com/gannet-io/gannet/loadtest/probe"
	"github.com/gannet-io/gannet/loadtest/report"
	"github.com/gannet-io/gannet/loadtest/swarm"
)

const (
	// lead is how far ahead the start is set, so that every worker hears of it in time.
	lead = 250 * time.Millisecond

	// quiet is how long nothing may arrive before the drain is over, and settled the same when
	// nothing is missing. Workers report ten times a second by then.
	quiet   = time.Second
	settled = 300 * time.Millisecond

	// partingTime is how long members may take to end.
	partingTime = 10 * time.Second
)

// A Job is one run: what to do, and whom to watch and tell meanwhile.
type Job struct {
	Plan     *plan.Plan
	Command  string // for the report
	Prober   probe.Prober
	Progress io.Writer // a line a second, and what members complain of; never nil
}

// Run does a job to its end. When ctx is done it ends early with what there is, marked as
// interrupted; before the window that is an error.
func Run(ctx context.Context, job *Job) (*report.Outcome, error) {
	shared := *job
	shared.Progress = &turns{w: job.Progress}
	job = &shared
	r := &run{job: job, plan: job.Plan, collected: newCollector(job)}
	before, err := job.Prober.Read()
	if err != nil {
		return nil, err
	}
	r.outcome.Before = before
	if r.members, err = recruit(job.Plan, job.Progress); err != nil {
		return nil, err
	}
	defer r.members.dismiss()
	if err := r.connect(ctx); err != nil {
		return nil, err
	}
	if err := r.window(ctx); err != nil {
		return nil, err
	}
	if err := r.finish(); err != nil {
		return nil, err
	}
	return r.complete(), nil
}

// turns lets the parent and the members, each of which has a goroutine here, write one at a time.
type turns struct {
	mu sync.Mutex
	w  io.Writer
}

func (t *turns) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.w.Write(b)
}

// A run is a job that is being done.
type run struct {
	job     *Job
	plan    *plan.Plan
	members *members
	*collected
}

// pump takes notes until the deadline, or until done says so. tick is called about ten times a
// second.
func (r *run) pump(ctx context.Context, until time.Time, tick func(now time.Time), done func() bool) error {
	end := time.NewTimer(time.Until(until))
	defer end.Stop()
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for !done() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case note, open := <-r.members.notes:
			if !open {
				return errors.New("all processes of the generator have ended")
			}
			if note.Failed != "" {
				return errors.New(note.Failed)
			}
			r.take(&note)
		case now := <-ticker.C:
			if tick != nil {
				tick(now)
			}
			r.progress(now)
		case <-end.C:
			return context.DeadlineExceeded
		}
	}
	return nil
}

// connect waits until every worker has its conns.
func (r *run) connect(ctx context.Context) error {
	r.phase = "connecting"
	began := time.Now()
	err := r.pump(ctx, began.Add(r.plan.ConnectTimeout), nil, func() bool { return r.ready == r.plan.Crew() })
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("only %d of %d subscribers were there after %v (%d failed): %s; see --connect-timeout",
			r.outcome.Total.Live(), r.plan.Clients, r.plan.ConnectTimeout, r.outcome.Total.Failed, r.worst())
	case err != nil:
		return err
	case r.plan.Clients > 0 && r.outcome.Total.Live() == 0:
		return fmt.Errorf("not one of %d subscribers got its subscriptions: %s", r.plan.Clients, r.worst())
	}
	r.outcome.SetupTime = time.Since(began)
	r.phase = "settling"
	if err := r.wait(ctx, time.Now().Add(r.plan.Settle)); err != nil {
		return err
	}
	r.outcome.Settled = r.read()
	return nil
}

// wait pumps until a time.
func (r *run) wait(ctx context.Context, until time.Time) error {
	err := r.pump(ctx, until, nil, func() bool { return !time.Now().Before(until) })
	if errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	return err
}

// read looks at the server. That it cannot be seen is a problem of the report's, not of the run.
func (r *run) read() *probe.Reading {
	reading, err := r.job.Prober.Read()
	if err != nil {
		r.problem(err.Error())
	}
	return reading
}

// window sets the start and watches until the measured window is over, or ctx is done.
func (r *run) window(ctx context.Context) error {
	now, at := time.Now(), swarm.Now()
	start := now.Add(lead)
	r.members.tell(command{Start: &swarm.Start{At: at + int64(lead), Population: r.population}})
	r.phase = "warming up"
	if err := r.wait(ctx, start.Add(r.plan.Warmup)); err != nil {
		return err
	}
	r.outcome.Began = time.Now()
	r.outcome.Begin = r.read()
	r.phase = "measuring"
	end := start.Add(r.plan.Warmup + r.plan.Duration)
	step := max(r.plan.Interval, time.Second) // finer than a process's time can be read
	next := r.outcome.Began.Add(step)
	watch := func(now time.Time) {
		if now.Before(next) || len(r.job.Prober.PIDs) == 0 {
			return
		}
		next = next.Add(step)
		r.outcome.Readings = append(r.outcome.Readings, *r.read())
	}
	err := r.pump(ctx, end, watch, func() bool { return !time.Now().Before(end) })
	r.outcome.End = r.read()
	r.outcome.Elapsed = r.plan.Duration
	if ctx.Err() != nil {
		r.outcome.Interrupted = true
		r.outcome.Elapsed = time.Since(r.outcome.Began)
		return nil
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	return err
}

// finish waits for what is still on its way, then for the members to end.
func (r *run) finish() error {
	background := context.Background()
	if !r.outcome.Interrupted && r.plan.Publishes() {
		r.phase = "draining"
		seen, since := int64(-1), time.Now()
		err := r.pump(background, time.Now().Add(r.plan.Drain), nil, func() bool {
			if r.outcome.Total.Received != seen {
				seen, since = r.outcome.Total.Received, time.Now()
			}
			wait := quiet
			if r.outcome.Total.Lost() == 0 {
				wait = settled
			}
			return time.Since(since) > wait
		})
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
	}
	r.phase = "ending"
	r.members.tell(command{Stop: true})
	err := r.pump(background, time.Now().Add(partingTime), nil, func() bool { return r.done == r.plan.Crew() && r.used == r.plan.Processes })
	if errors.Is(err, context.DeadlineExceeded) {
		return errors.New("a process of the generator does not end")
	}
	return err
}
