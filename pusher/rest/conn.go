package rest

import (
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// After a refusal that leaves part of the request unread, the connection is read on for a while
// before it is closed. Closing at once would make the kernel send a reset, and a client
// that is still writing its body would see that instead of our 413 (RFC 9112 §9.6).
const (
	lingerTimeout = time.Second
	lingerBytes   = 16 << 20
)

// acceptPause bounds the wait after a failed accept: it doubles from the first to the last.
const (
	acceptPauseMin = 5 * time.Millisecond
	acceptPauseMax = time.Second
)

// A listener wraps what Serve got. It outlives a shortage of descriptors, which fasthttp takes for the end of
// the listener, and knows its open connections, so that Shutdown can wait for them and end them: fasthttp
// stops counting a connection before it is closed.
type listener struct {
	net.Listener
	log     *slog.Logger
	shared  bool          // given to ServeShared; set before it accepts
	closed  chan struct{} // closed by Close
	drained chan struct{} // closed when no connection is open any more, after Close

	// Guarded by mu.
	mu    sync.Mutex
	shut  bool // Close was called: conns only shrinks
	conns map[*conn]struct{}
}

func newListener(ln net.Listener, log *slog.Logger) *listener {
	return &listener{
		Listener: ln, log: log,
		closed: make(chan struct{}), drained: make(chan struct{}),
		conns: make(map[*conn]struct{}),
	}
}

// Accept returns io.EOF, which ends fasthttp's Serve in peace, after Close.
func (l *listener) Accept() (net.Conn, error) {
	var pause time.Duration
	for {
		nc, err := l.Listener.Accept()
		if err == nil {
			c, ok := l.adopt(nc)
			if !ok {
				nc.Close()
				return nil, io.EOF
			}
			return c, nil
		}
		select {
		case <-l.closed:
			return nil, io.EOF
		default:
		}
		if !temporary(err) {
			return nil, err
		}
		if pause == 0 {
			l.log.Error("rest: accept", "addr", l.Addr().String(), "err", err)
		}
		pause = min(max(2*pause, acceptPauseMin), acceptPauseMax)
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-l.closed:
			timer.Stop()
			return nil, io.EOF
		}
	}
}

// temporary asks for the deprecated Temporary method, as net/http does: there is no other way to
// tell a lack of descriptors and an aborted connection from a broken listener on every system.
func temporary(err error) bool {
	var t interface{ Temporary() bool }
	return errors.As(err, &t) && t.Temporary()
}

// adopt enters nc among the open connections, unless l is closed.
func (l *listener) adopt(nc net.Conn) (net.Conn, bool) {
	c := &conn{Conn: nc, listener: l}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.shut {
		return nil, false
	}
	l.conns[c] = struct{}{}
	if t, ok := nc.(handshaker); ok {
		return &tlsConn{c, t}, true
	}
	return c, true
}

func (l *listener) forget(c *conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.conns[c]; !ok {
		return // closed twice
	}
	delete(l.conns, c)
	if l.shut && len(l.conns) == 0 {
		close(l.drained)
	}
}

// Close stops accepting. Open connections stay.
func (l *listener) Close() error {
	l.mu.Lock()
	if l.shut {
		l.mu.Unlock()
		return nil
	}
	l.shut = true
	if len(l.conns) == 0 {
		close(l.drained)
	}
	l.mu.Unlock()
	close(l.closed)
	return l.Listener.Close()
}

// closeConns closes every open connection at once.
func (l *listener) closeConns() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.conns {
		c.Conn.Close()
	}
}

func (l *listener) open() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.conns)
}

// A conn is an accepted connection.
type conn struct {
	net.Conn
	listener *listener
	linger   atomic.Bool // the next Close takes its time
}

// accepted is how handlers reach a conn, also behind its tlsConn.
type accepted interface{ accepted() *conn }

func (c *conn) accepted() *conn { return c }

func (c *conn) Close() error {
	if c.linger.CompareAndSwap(true, false) {
		if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
			half.CloseWrite()
		}
		if c.Conn.SetReadDeadline(time.Now().Add(lingerTimeout)) == nil {
			io.CopyN(io.Discard, c.Conn, lingerBytes)
		}
	}
	err := c.Conn.Close()
	c.listener.forget(c)
	return err
}

// A handshaker is a TLS connection, as fasthttp recognises them.
type handshaker interface {
	Handshake() error
	ConnectionState() tls.ConnectionState
}

type tlsConn struct {
	*conn
	handshaker
}
