package main

import (
	"runtime/metrics"
	"time"
)

// A reclaimer gives memory back to the system once the process has become quiet: what
// thousands of handshakes leave behind would else stay with it for hours, since the runtime
// keeps all that its next collection could let it use.
//
// Giving back costs one collection, which the runtime runs every two minutes anyway, and the
// page faults of growing again. So it waits until connections and allocations are steady,
// asks for a gain that is worth it, and never comes twice within reclaimPause.
type reclaimer struct {
	// Set once.
	conns func() int
	read  func() memory
	free  func()

	// Owned by run.
	seen   memory
	held   int // conns
	steady int // looks in a row
	freed  time.Time
}

const (
	reclaimEvery  = 2 * time.Second
	reclaimSteady = 3 // looks
	reclaimPause  = time.Minute

	reclaimLeast = 1 << 20 // bytes
	reclaimShare = 4       // percent of the heap's memory
	quietBytes   = 1 << 20 // allocated between two looks, and 1 % of what lives
	quietConns   = 16      // that come or go between two looks, and 1 % of those held
)

// memory is what a look sees, in bytes.
type memory struct {
	allocated uint64 // ever
	live      uint64 // found by the last collection
	objects   uint64 // live and garbage
	idle      uint64 // held from the system and unused
	unused    uint64 // between objects
}

// run looks until quit is closed.
func (r *reclaimer) run(quit <-chan struct{}) {
	t := time.NewTicker(reclaimEvery)
	defer t.Stop()
	for {
		select {
		case <-quit:
			return
		case now := <-t.C:
			if r.look(now) {
				r.free()
			}
		}
	}
}

// look takes a look, and reports whether now is the time to give memory back.
func (r *reclaimer) look(now time.Time) bool {
	m, held := r.read(), r.conns()
	quiet := m.allocated-r.seen.allocated <= quietBytes+m.live/100 && abs(held-r.held) <= quietConns+held/100
	r.seen, r.held = m, held
	if !quiet {
		r.steady = 0
		return false
	}
	r.steady++
	if r.steady < reclaimSteady || !r.freed.IsZero() && now.Sub(r.freed) < reclaimPause {
		return false
	}
	garbage := m.objects - min(m.live, m.objects)
	gain := m.idle + garbage
	if gain < reclaimLeast || gain*100 < (m.idle+m.unused+m.objects)*reclaimShare {
		return false
	}
	r.freed, r.steady = now, 0
	return true
}

func abs(n int) int { return max(n, -n) }

// readMemory asks the runtime, which does not stop for it.
func readMemory() memory {
	s := []metrics.Sample{
		{Name: "/gc/heap/allocs:bytes"},
		{Name: "/gc/heap/live:bytes"},
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/heap/free:bytes"},
		{Name: "/memory/classes/heap/unused:bytes"},
	}
	metrics.Read(s)
	value := func(i int) uint64 {
		if s[i].Value.Kind() != metrics.KindUint64 {
			return 0 // a runtime that knows it no more
		}
		return s[i].Value.Uint64()
	}
	return memory{value(0), value(1), value(2), value(3), value(4)}
}
