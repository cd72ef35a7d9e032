package report

import (
	"time"

	"github.com/gannet-io/gannet/loadtest/probe"
)

// server works out what the run cost the server, nil when nothing of it could be seen.
func server(o *Outcome) *Server {
	s := &Server{}
	seen := false
	if o.Begin != nil && o.End != nil && o.Begin.Process != nil && o.End.Process != nil {
		s.processorTime(o)
		seen = true
	}
	if o.Before != nil && o.Settled != nil && o.Before.Process != nil && o.Settled.Process != nil {
		s.memory(o)
		seen = true
	}
	if o.Begin != nil && o.End != nil && o.Begin.Metrics != nil && o.End.Metrics != nil {
		s.metrics(o)
		seen = true
	}
	if !seen {
		return nil
	}
	return s
}

func (s *Server) processorTime(o *Outcome) {
	user := (o.End.Process.User - o.Begin.Process.User).Seconds()
	system := (o.End.Process.System - o.Begin.Process.System).Seconds()
	s.UserSeconds, s.SystemSeconds = &user, &system
	s.Cores = new(ratio(user+system, o.End.At.Sub(o.Begin.At).Seconds()))
	s.RSS = new(o.End.Process.RSS)
	s.Threads = new(o.End.Process.Threads)
	if o.End.Process.FDs >= 0 {
		s.FDs = new(o.End.Process.FDs)
	}
	work := float64(o.Window.Unique())
	if work == 0 {
		work = float64(o.Window.Arrivals)
	}
	if work > 0 {
		s.UserPerM = new(user / work * 1e6)
		s.SystemPerM = new(system / work * 1e6)
	}
}

// fewConns is below what the noise of a process's memory drowns the share of one conn.
const fewConns = 500

func (s *Server) memory(o *Outcome) {
	s.RSSBefore = new(o.Before.Process.RSS)
	conns := float64(o.Total.Joined + int64(o.Plan.Deaf))
	if conns < fewConns {
		return
	}
	s.PerConn = new(float64(o.Settled.Process.RSS-o.Before.Process.RSS) / conns)
	if o.Before.Process.Anonymous > 0 {
		s.AnonPerConn = new(float64(o.Settled.Process.Anonymous-o.Before.Process.Anonymous) / conns)
	}
	if o.Before.Slab > 0 {
		s.SlabPerConn = new(float64(o.Settled.Slab-o.Before.Slab) / conns)
	}
}

func (s *Server) metrics(o *Outcome) {
	grown := func(name string) float64 { return o.End.Metrics[name] - o.Begin.Metrics[name] }
	if n := grown(probe.Deliveries); n > 0 {
		s.SendsPer = new(grown(probe.Sends) / n)
	}
	if n := grown(probe.Sends); n > 0 {
		s.FramesPerSend = new(grown(probe.FramesOut) / n)
	}
	if n, ok := o.End.Metrics[probe.Goroutines]; ok {
		s.Goroutines = &n
	}
}

// leak draws lines through what the server held, leaving out the first third of the window, in
// which pools and caches fill. It is nil when there is too little to draw them through.
func leak(o *Outcome) *Leak {
	var kept []probe.Reading
	for _, r := range o.Readings {
		if r.Process != nil && o.Begin != nil && r.At.Sub(o.Begin.At) >= o.Elapsed/3 {
			kept = append(kept, r)
		}
	}
	if len(kept) < 3 {
		return nil
	}
	hours := make([]float64, len(kept))
	for i := range kept {
		hours[i] = kept[i].At.Sub(kept[0].At).Hours()
	}
	slope := func(of func(r *probe.Reading) float64) float64 {
		values := make([]float64, len(kept))
		for i := range kept {
			values[i] = of(&kept[i])
		}
		return probe.Slope(hours, values)
	}
	l := &Leak{
		RSSPerHour:     slope(func(r *probe.Reading) float64 { return float64(r.Process.RSS) }),
		FDsPerHour:     slope(func(r *probe.Reading) float64 { return float64(r.Process.FDs) }),
		ThreadsPerHour: slope(func(r *probe.Reading) float64 { return float64(r.Process.Threads) }),
		Hours:          kept[len(kept)-1].At.Sub(kept[0].At).Round(time.Millisecond).Hours(),
	}
	if _, ok := kept[0].Metrics[probe.Goroutines]; ok {
		l.GoroutinesPerHour = new(slope(func(r *probe.Reading) float64 { return r.Metrics[probe.Goroutines] }))
	}
	return l
}
