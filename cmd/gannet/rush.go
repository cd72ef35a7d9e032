package main

import "time"

// A rush has garbage collected more often while connections pour in. Each leaves some 40 small
// objects behind, between the ones that stay as long as it does; the sooner the next
// connections are given that room again, the less of it is scattered over the heap for good.
type rush struct {
	// Set once.
	conns  func() int
	set    func(percent int)
	normal int // percent

	// Owned by run.
	seen int // conns
	on   bool
	calm int // looks in a row
}

const (
	rushEvery   = 100 * time.Millisecond
	rushConns   = 50 // more than at the last look are a rush
	rushCalm    = 20 // looks until it is over
	rushPercent = 25
)

// run looks until quit is closed.
func (r *rush) run(quit <-chan struct{}) {
	if r.normal <= rushPercent {
		return
	}
	t := time.NewTicker(rushEvery)
	defer t.Stop()
	for {
		select {
		case <-quit:
			return
		case <-t.C:
			r.look()
		}
	}
}

func (r *rush) look() {
	held := r.conns()
	grown := held - r.seen
	r.seen = held
	switch {
	case grown >= rushConns:
		if r.calm = 0; !r.on {
			r.on = true
			r.set(rushPercent)
		}
	case r.on:
		if r.calm++; r.calm == rushCalm {
			r.on = false
			r.set(r.normal)
		}
	}
}
