package redisbus

import (
	"context"
	"errors"
	"time"

	"github.com/gannet-io/gannet/engine/backbone"
)

// A pending is a message or a write whose outcome somebody may wait for.
type pending struct {
	topic  string
	msg    []byte
	keep   *backbone.Retention // of a log
	number uint64              // of what is appended by this node
	until  time.Time           // when patience ends
	tried  bool                // it may have been done
	done   chan error          // has room for one
}

func (p *pending) answer(err error) { p.done <- err }

// wait waits for the outcome.
func (p *pending) wait() error {
	select {
	case err := <-p.done:
		return err
	default:
	}
	t := time.NewTimer(time.Until(p.until))
	defer t.Stop()
	select {
	case err := <-p.done:
		return err
	case <-t.C:
		return backbone.ErrUnknown
	}
}

// failed is the outcome of what failed before anything was done.
func failed(err error) func() error { return func() error { return err } }

// A pause grows with each attempt that fails.
type pause time.Duration

const (
	firstPause = 20 * time.Millisecond
	maxPause   = time.Second
)

// next waits, or returns when done is closed.
func (p *pause) next(done <-chan struct{}) {
	d := min(max(2*time.Duration(*p), firstPause), maxPause)
	*p = pause(d)
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-done:
	}
}

func ctxExpired(err error) bool { return errors.Is(err, context.DeadlineExceeded) }
