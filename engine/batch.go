package engine

import (
	"sync/atomic"
	"time"
)

// A batch holds the frames of fan-outs back for Config.BatchWindow from the first of them,
// so that those which follow leave in the same send.
type batch struct {
	// Any goroutine.
	due atomic.Bool // the timer has fired

	// Owned by the loop.
	state batchState
	timer *time.Timer
}

type batchState uint8

const (
	batchNone    batchState = iota
	batchWaiting            // the window is running
	batchOpen               // it is over: everything leaves
)

// open ends the window.
func (b *batch) open() {
	if b.state == batchWaiting {
		b.state = batchOpen
	}
}

// holdBulk reports whether the bulk queue is to wait for more. The window opens with the
// first frame; it ends early when the arena is full, since then waiting only holds up Work.
func (l *Loop) holdBulk() bool {
	window := l.eng.cfg.BatchWindow
	if window <= 0 || l.bulk.empty() {
		return false
	}
	switch {
	case l.Full():
		l.batch.state = batchOpen
	case l.batch.state == batchNone:
		l.batch.state = batchWaiting
		l.batch.timer.Reset(window)
	}
	return l.batch.state == batchWaiting
}
