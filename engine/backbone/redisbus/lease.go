package redisbus

import (
	"context"
	"sync/atomic"
	"time"
)

// ticksPerLease is how often a lease is renewed while it lasts.
const ticksPerLease = 15

// A lease keeps this node on the board and takes off it who has left. It is also what sees first that Redis cannot be reached.
type lease struct {
	bus    *Bus
	wake   chan struct{} // has room for one
	took   atomic.Int64  // ns that Redis took to answer
	behind atomic.Int64  // changes of the board that were not told yet
}

func newLease(b *Bus) *lease { return &lease{bus: b, wake: make(chan struct{}, 1)} }

// look has the connection looked at now, since somebody had trouble with it. Any goroutine.
func (l *lease) look() { poke(l.wake) }

func (l *lease) run(ctx context.Context) {
	b := l.bus
	every := max(b.config.Lease/ticksPerLease, 20*time.Millisecond)
	t := time.NewTicker(every)
	defer t.Stop()
	var p pause
	attempt := 0
	for {
		err := l.tick(ctx)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			attempt, p = 0, 0
			b.health.report(ofLease, "")
			select {
			case <-t.C:
			case <-l.wake:
			case <-ctx.Done():
				return
			}
			continue
		}
		// A connection that is merely broken is there again at the second attempt.
		if attempt++; attempt > 1 || !broken(err) || ctxExpired(err) {
			b.health.report(ofLease, reason(err))
		}
		p.next(ctx.Done())
	}
}

func (l *lease) tick(ctx context.Context) error {
	b := l.bus
	self := b.board.selfID()
	begin := time.Now()
	m, err := b.runBoard(ctx, tickScript, self)
	if err != nil {
		return err
	}
	l.took.Store(int64(time.Since(begin)))
	answer, err := m.ToArray()
	if err != nil || len(answer) != 3 {
		return err
	}
	epoch, _ := answer[0].ToString()
	place, _ := answer[1].AsInt64()
	here, _ := answer[2].AsInt64()
	l.behind.Store(place)
	if here == 0 {
		b.board.fenced(self)
	}
	b.board.seen(epoch)
	return nil
}
