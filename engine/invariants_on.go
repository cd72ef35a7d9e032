//go:build invariants

package engine

import (
	"fmt"
	"runtime"
	"sync"
)

var heads = sync.Pool{New: func() any { return new([64]byte) }} // room for the first bytes of a stack

// A goroutine remembers which one runs a loop.
type goroutine struct{ id uint64 }

// current returns the number of this goroutine, which heads its stack: "goroutine 17 [running]:". It allocates nothing, so that what may not
// allocate can be measured with the invariants, too.
func current() (id uint64) {
	room := heads.Get().(*[64]byte)
	defer heads.Put(room)
	head := room[:runtime.Stack(room[:], false)]
	for _, c := range head[len("goroutine "):] {
		if c < '0' || c > '9' {
			break
		}
		id = id*10 + uint64(c-'0')
	}
	return id
}

func (g *goroutine) set() { g.id = current() }

// assertOnLoop panics when a Loop-only method is called from elsewhere.
func (l *Loop) assertOnLoop() {
	if id := current(); id != l.owner.id {
		panic(fmt.Sprintf("engine: Loop-only method called on goroutine %d, the loop runs on %d", id, l.owner.id))
	}
}

// assertIdle panics when Deliver would overtake what waits for the conn in slot, or has the
// wrong idea of it.
func (l *Loop) assertIdle(slot uint32) {
	if c := l.conns.at(slot); c.first != nil || c.backlog != nil || c.state != stateOpen || c.fd != l.conns.direct(slot) {
		panic("engine: Deliver to a conn that is not idle")
	}
}
