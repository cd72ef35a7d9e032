package engine

import (
	"fmt"
	"reflect"
	"testing"
	"time"
)

// SetDrainHead changes, until t ends, how long a request head may take once draining has begun.
func SetDrainHead(t *testing.T, d time.Duration) {
	old := drainHead
	drainHead = d
	t.Cleanup(func() { drainHead = old })
}

// SpreadDrain gives the open conns of l their moments, as Drain does, and returns how far off
// they are. Loop-only.
func (l *Loop) SpreadDrain(window time.Duration) (waits []time.Duration) {
	l.eng.drainUntil.Store(l.eng.now() + ticks(window))
	l.Each(func(c *Conn) {
		l.drainOne(c)
		last := l.farewells.all[len(l.farewells.all)-1]
		waits = append(waits, time.Duration(int32(last.at-l.tick))*tickLength)
	})
	return waits
}

// OnLoops returns how many conns are counted on the loops.
func (e *Engine) OnLoops() int { return int(e.onLoops.Load()) }

// Open returns the value behind the gauge of open WebSockets.
func (e *Engine) OpenWebSockets() int { return int(e.metrics.open.Load()) }

// StartAt makes the clock of ticks stand at tick. To be called before Serve.
func (e *Engine) StartAt(tick uint32) {
	e.start = time.Now().Add(-time.Duration(tick) * tickLength)
}

// Leftovers says what an idle loop without conns still holds, "" when nothing. To be called
// on the loop, or once it has stopped.
func (l *Loop) Leftovers() (report string) {
	add := func(what string, n int) {
		if n != 0 {
			report += fmt.Sprintf("%d %s; ", n, what)
		}
	}
	add("conns in the slab", l.conns.open)
	add("conns with early bytes", len(l.early))
	add("frames in the arena", l.arena.used)
	add("blocks in the arena", l.arena.taken)
	add("conns to reap", len(l.reaps))
	if l.wheel != nil {
		add("deadlines", l.wheel.Len())
	}
	return report
}

// Early returns how many conns have input that came before their sockets did. Loop-only.
func (l *Loop) Early() int { return len(l.early) }

// Links returns how many frames are linked in the arena. Loop-only.
func (l *Loop) Links() int { return l.arena.used }

// Blocked returns how many entries of present conns are tried again. Loop-only.
func (l *Loop) Blocked() (n int) {
	for _, id := range l.blocked {
		if c := l.conns.find(id); c != nil && c.backlog != nil {
			n++
		}
	}
	return n
}

// StartTick is where the tests' next engine begins to count time.
var StartTick uint32

// Tick returns the time.
func (e *Engine) Tick() uint32 { return e.now() }

// Now returns the time as the loop knows it. Loop-only.
func (l *Loop) Now() uint32 { return l.tick }

// Posted returns how many posts wait.
func (l *Loop) Posted() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.posted)
}

// FD returns the descriptor of c's socket. Loop-only.
func (c *Conn) FD() int { return int(c.fd) }

// EndBatch does what the timer of the batch window does.
func (l *Loop) EndBatch() {
	l.batch.due.Store(true)
	l.Wake()
}

// Scratch returns the room of queues and links that Trim gives up when they are empty. Loop-only.
func (l *Loop) Scratch() int {
	return cap(l.arena.blocks) + cap(l.express.slots) + cap(l.bulk.slots)
}

// Heads returns how many conns are counted as waiting for their heads.
func (e *Engine) Heads() int { return int(e.heads.Load()) }

// HeadRoom returns how many heads the queue of those awaited has room for. Loop-only.
func (l *Loop) HeadRoom() int { return cap(l.heads.all) }

// Pace is the pace of accepting.
type Pace struct{ p pace }

func (p *Pace) Take(now time.Duration, perSecond int) time.Duration { return p.p.take(now, perSecond) }

// HasDeflation reports whether l has a compressor or decompressor. Loop-only.
func (l *Loop) HasDeflation() bool {
	return !reflect.DeepEqual(l.deflate, deflation{conns: l.deflate.conns})
}

// FlushConn sends what is pending for c. Loop-only.
func (l *Loop) FlushConn(c *Conn) { l.flushConn(c) }

// Waiting returns how many frames are in backlogs. Loop-only.
func (l *Loop) Waiting() (n int) {
	for _, id := range l.blocked {
		if c := l.conns.find(id); c != nil && c.backlog != nil {
			n += c.backlog.Frames()
		}
	}
	return n
}

// AddConns makes the engine believe that it holds n more sockets.
func (e *Engine) AddConns(n int) { e.conns.Add(int64(n)) }
