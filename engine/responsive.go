package engine

import (
	"context"
	"fmt"
)

// Responsive waits until each loop has come round to doing something new, and returns an error when ctx
// ends first: one is stuck, or has far too much to do. Loops that never had a conn are not
// asked. Any goroutine but a loop's; may block.
func (e *Engine) Responsive(ctx context.Context) error {
	asked := make(map[*Loop]chan struct{}, len(e.loops))
	for _, l := range e.loops {
		if l.el.Load() == nil {
			continue
		}
		done := make(chan struct{})
		if l.Post(func() { close(done) }) {
			asked[l] = done
		}
	}
	for l, done := range asked {
		select {
		case <-done:
		case <-ctx.Done():
			return fmt.Errorf("engine: loop %d: %w", l.index, ctx.Err())
		}
	}
	return nil
}
