package engine

import "time"

// What operators ask of conns and loops. Nothing here is kept for it but two words of each loop.

// Waiting returns what waits for c's socket, as its backlog limits count frames and bytes, and for how long the oldest of it has. Loop-only.
func (c *Conn) Waiting() (bytes, frames int, age time.Duration) {
	if c.backlog == nil {
		return 0, 0, 0
	}
	return c.backlog.Bytes(), c.backlog.Frames(), time.Duration(max(c.backlog.Age(c.loop.tick), 0)) * tickLength
}

// Silent returns for how long nothing has come from the peer, to a tenth of a second. Loop-only.
func (c *Conn) Silent() time.Duration {
	return time.Duration(max(int32(c.loop.tick-c.lastRead), 0)) * tickLength
}

// Compressed reports whether messages may leave compressed. Loop-only.
func (c *Conn) Compressed() bool { return c.window != 0 }

// Kernel returns how many bytes the kernel has taken for c that the peer has not acknowledged, and its estimate of the round
// trip; ok is false where it cannot be asked. It costs two calls. Loop-only.
func (c *Conn) Kernel() (unacked int, rtt time.Duration, ok bool) {
	if c.state != stateOpen && c.state != stateClosing {
		return 0, 0, false
	}
	return kernelFacts(int(c.fd))
}

// Scan calls f for the open conns in at most n slots from one on, and returns the slot to go on from; more is false when there are none
// behind it. Conns may come and go between two calls: those who stay are seen once. Loop-only.
func (l *Loop) Scan(from uint32, n int, f func(c *Conn)) (next uint32, more bool) {
	l.assertOnLoop()
	end := min(uint64(from)+uint64(n), uint64(l.conns.next))
	for slot := uint64(from); slot < end; slot++ {
		if c := l.conns.at(uint32(slot)); c.state == stateOpen {
			f(c)
		}
	}
	return uint32(end), end < uint64(l.conns.next)
}

// Behind appends the IDs of conns that something waits for, and of some that are gone. Loop-only.
func (l *Loop) Behind(ids []ID) []ID {
	l.assertOnLoop()
	return append(ids, l.blocked...)
}

// Started reports whether the loop runs: before its first conn it does not, and what is posted waits for that. Any goroutine.
func (l *Loop) Started() bool { return l.el.Load() != nil && !l.eng.stopped.Load() }

// TakeLag returns the most that a tick of the clock was late since the call before, or that one is late now. It is for one
// caller. Any goroutine.
func (l *Loop) TakeLag() time.Duration {
	lag := time.Duration(l.worstLag.Swap(0))
	if due := l.tickAt.Load(); due != 0 {
		lag = max(lag, time.Since(l.eng.start)-time.Duration(due))
	}
	return max(lag, 0)
}

// late returns how late the clock of the loop is: the tick that is overdue, or else the one before. Any goroutine.
func (l *Loop) late() time.Duration {
	lag := time.Duration(l.lastLag.Load())
	if due := l.tickAt.Load(); due != 0 {
		lag = max(lag, time.Since(l.eng.start)-time.Duration(due))
	}
	return max(lag, 0)
}

// slowest returns the most that of has of any loop.
func (e *Engine) slowest(of func(l *Loop) float64) (most float64) {
	for _, l := range e.loops {
		most = max(most, of(l))
	}
	return most
}

// noteLag remembers that a tick was late, and when the next is due.
func (l *Loop) noteLag(lag time.Duration) {
	l.tickAt.Store(int64(l.ticking.Sub(l.eng.start)))
	l.population.Store(int64(l.conns.open))
	l.lastLag.Store(int64(lag))
	for {
		worst := l.worstLag.Load()
		if int64(lag) <= worst || l.worstLag.CompareAndSwap(worst, int64(lag)) {
			return
		}
	}
}

// Population returns how many conns the loop had at its last tick, handshakes included. Any goroutine.
func (l *Loop) Population() int { return int(l.population.Load()) }
