//go:build invariants

package engine

import (
	"bytes"
	"runtime"
)

// A goroutine remembers which one runs a loop.
type goroutine struct{ id string }

func current() string {
	var buf [64]byte
	return string(bytes.Fields(buf[:runtime.Stack(buf[:], false)])[1])
}

func (g *goroutine) set() { g.id = current() }

// assertOnLoop panics when a Loop-only method is called from elsewhere.
func (l *Loop) assertOnLoop() {
	if id := current(); id != l.owner.id {
		panic("engine: Loop-only method called on goroutine " + id + ", the loop runs on " + l.owner.id)
	}
}

// assertIdle panics when Deliver would overtake what waits for the conn in slot, or has the
// wrong idea of it.
func (l *Loop) assertIdle(slot uint32) {
	if c := l.conns.at(slot); c.first != nil || c.backlog != nil || c.state != stateOpen || c.fd != l.conns.direct(slot) {
		panic("engine: Deliver to a conn that is not idle")
	}
}
