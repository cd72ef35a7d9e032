package admin

import (
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// acceptPause is how long nobody is accepted after a failure that may pass.
const acceptPause = 100 * time.Millisecond

// A listener outlives a shortage of file descriptors, which fasthttp takes for the end of the listener: that
// is when the operator needs this port most.
type listener struct {
	net.Listener
	closed chan struct{}
	once   sync.Once
}

func newListener(ln net.Listener) *listener {
	return &listener{Listener: ln, closed: make(chan struct{})}
}

// Accept returns io.EOF, which ends fasthttp's Serve in peace, after Close.
func (l *listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err == nil {
			return c, nil
		}
		// The deprecated Temporary, as in net/http, for want of another question that covers descriptors,
		// memory and aborted connections alike.
		var passing interface{ Temporary() bool }
		temporary := errors.As(err, &passing) && passing.Temporary()
		select {
		case <-l.closed:
			return nil, io.EOF
		default:
		}
		if !temporary {
			return nil, err
		}
		timer := time.NewTimer(acceptPause)
		select {
		case <-timer.C:
		case <-l.closed:
			timer.Stop()
			return nil, io.EOF
		}
	}
}

// Close stops accepting. It may be called twice.
func (l *listener) Close() error {
	var err error
	l.once.Do(func() {
		close(l.closed)
		err = l.Listener.Close()
	})
	return err
}
