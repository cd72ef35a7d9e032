package engine

import "time"

// trimSlack is how much unused room in a table is worth copying the table for.
const trimSlack = 64 << 10

// Trim gives up, on every loop, the memory that a burst of work has left behind and nobody
// uses now, calls also there for what others keep for the loop, and waits for all of it, but
// no longer than patience. Any goroutine but a loop's; blocks.
func (e *Engine) Trim(patience time.Duration, also func(l *Loop)) {
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	done := make(chan struct{}, len(e.loops))
	for _, l := range e.loops {
		trim := func() {
			l.trim()
			also(l)
			done <- struct{}{}
		}
		if l.el.Load() == nil || !l.Post(trim) {
			done <- struct{}{} // it has never had a conn, or never will again
		}
	}
	for range e.loops {
		select {
		case <-done:
		case <-deadline.C:
			return
		}
	}
}

// trim drops scratch memory. Nothing is lost but the time to grow it again.
func (l *Loop) trim() {
	if l.arena.used == 0 {
		l.arena = arena{free: noLink}
	}
	for _, q := range []*fifo{&l.express, &l.bulk} {
		if q.empty() {
			*q = fifo{}
		}
	}
	l.deflate = deflation{conns: l.deflate.conns}
	if len(l.blocked) == 0 {
		l.blocked = nil
	}
	if l.heads.head == len(l.heads.all) {
		l.heads = headQueue{}
	}
	if len(l.reaps) == 0 {
		l.reaps = nil
	}
	if cap(l.conns.free)-len(l.conns.free) > trimSlack/4 {
		l.conns.free = append([]uint32(nil), l.conns.free...)
	}
	l.plain, l.sealed = nil, nil
	l.mu.Lock()
	if len(l.posted) == 0 {
		l.posted = nil
	}
	l.mu.Unlock()
}
