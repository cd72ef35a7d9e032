package engine

import (
	"errors"
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// acceptors is how many goroutines accept on one listener: while one waits for a loop to
// take its socket, another takes the next from the kernel.
const acceptors = 2

// reservedFiles are kept free for files, HTTP duplicates and whatever the process opens.
const reservedFiles = 256

// fileBudget returns how many conns the limit of open files allows.
func fileBudget() int {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 1024 - reservedFiles
	}
	n := min(limit.Cur, 1<<30)
	return max(int(n)-reservedFiles, int(n)/2)
}

// Serve accepts conns from ln until the engine drains or stops, and closes it then. Failing
// to accept, as when descriptors run out, never ends it: it waits a little, longer each
// time, and goes on, while the kernel keeps new conns in its queue. It returns nil after
// Drain or Stop, or the error that says ln was closed by someone else. Any goroutine; blocks.
func (e *Engine) Serve(ln net.Listener) error {
	if !e.addListener(ln) {
		return ErrStopped
	}
	errs := make(chan error, acceptors)
	for range acceptors {
		go func() {
			defer e.accepting.Done()
			errs <- e.accept(ln)
		}()
	}
	var err error
	for range acceptors {
		err = errors.Join(err, <-errs)
	}
	if e.draining.Load() {
		return nil
	}
	return err
}

// accept is one accepting goroutine.
func (e *Engine) accept(ln net.Listener) error {
	var wait time.Duration
	for {
		if !e.roomForConn() {
			return nil
		}
		conn, err := ln.Accept()
		if err == nil {
			wait = 0
			e.enroll(conn)
			continue
		}
		if errors.Is(err, net.ErrClosed) {
			return err
		}
		if wait == 0 {
			e.cfg.Log.Warn("accept", "err", err, "listener", ln.Addr().String())
		}
		e.metrics.acceptErrors.Inc()
		wait = min(max(2*wait, 5*time.Millisecond), time.Second)
		if !e.pause(wait) {
			return nil
		}
	}
}

// roomForConn waits until the engine holds fewer conns than it may, and returns false when
// it drains or stops first.
func (e *Engine) roomForConn() bool {
	for e.conns.Load() >= int64(e.cfg.MaxConns) {
		e.metrics.acceptPauses.Inc()
		if !e.pause(20 * time.Millisecond) {
			return false
		}
	}
	return !e.draining.Load()
}

// pause waits for d, and returns false when the engine drains or stops meanwhile.
func (e *Engine) pause(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-e.quit:
		return false
	}
}

// enroll gives conn to a loop.
func (e *Engine) enroll(conn net.Conn) {
	e.conns.Add(1)
	e.metrics.accepts.Inc()
	// gnet duplicates the descriptor and closes conn. It waits for the loop, so that a busy
	// loop slows accepting down.
	if _, err := e.client.Enroll(conn); err != nil {
		e.release(1)
		e.metrics.acceptErrors.Inc()
		e.cfg.Log.Warn("enroll", "err", err)
	}
}
