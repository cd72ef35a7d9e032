//go:build linux

package swarm

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/gannet-io/gannet/loadtest/plan"
)

// A Swarm is the workers of one process.
type Swarm struct {
	plan    *plan.Plan
	notes   chan Note
	workers []*worker
	started atomic.Pointer[Start]
	stopped atomic.Bool
	done    chan struct{}
}

// New prepares the workers of process number process of the plan.
func New(p *plan.Plan, process int) (*Swarm, error) {
	s := &Swarm{plan: p, notes: make(chan Note, 256), done: make(chan struct{})}
	for i := range p.Workers {
		w, err := newWorker(p, process*p.Workers+i, s.notes, &s.started, &s.stopped)
		if err != nil {
			return nil, err
		}
		s.workers = append(s.workers, w)
	}
	return s, nil
}

// Notes is where everything that happens is told. It must be read until Run closes it.
func (s *Swarm) Notes() <-chan Note { return s.notes }

// Run connects the clients and does the rest when told to. It returns after Stop.
func (s *Swarm) Run() {
	var workers, other sync.WaitGroup
	for _, w := range s.workers {
		workers.Go(w.run)
	}
	other.Go(s.meter)
	workers.Wait()
	close(s.done)
	other.Wait()
	close(s.notes)
}

// Start names the beginning, which should lie ahead. Any goroutine, once.
func (s *Swarm) Start(start Start) { s.started.Store(&start) }

// Stop ends Run. Any goroutine.
func (s *Swarm) Stop() { s.stopped.Store(true) }

// meter reads what the process uses in the measured window, or as much of it as there was.
func (s *Swarm) meter() {
	const step = 10 * time.Millisecond
	tick := time.NewTicker(step)
	defer tick.Stop()
	var from, until int64
	var user, system time.Duration
	metering := false
	for {
		ended := false
		select {
		case <-s.done:
			ended = true
		case <-tick.C:
		}
		if start := s.started.Load(); start != nil && from == 0 {
			from = start.At + int64(s.plan.Warmup)
			until = from + int64(s.plan.Duration)
		}
		switch now := Now(); {
		case metering && (now >= until || ended):
			u, sys := processTime()
			usage := &Usage{User: u - user, System: sys - system, CPUs: allowedCPUs()}
			s.notes <- Note{Worker: s.workers[0].index, Usage: usage}
			return
		case ended:
			return
		case !metering && from > 0 && now >= from:
			user, system = processTime()
			metering = true
		}
	}
}
