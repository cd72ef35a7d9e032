package admin

import (
	"net"
	"sync"
	"sync/atomic"
)

// A listener closes connections above a number: an operator's tools are few, and nothing else may use up descriptors here.
type listener struct {
	net.Listener
	open *atomic.Int64 // of all listeners of a Server
}

// Accept returns the next connection that there is room for. A lack of descriptors comes out as the temporary error that net/http waits for.
func (l *listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if l.open.Add(1) <= maxConns {
			return &conn{Conn: c, open: l.open}, nil
		}
		l.open.Add(-1)
		_ = c.Close() // nobody was promised anything
	}
}

// A conn counts itself out.
type conn struct {
	net.Conn
	open *atomic.Int64
	once sync.Once
}

func (c *conn) Close() error {
	c.once.Do(func() { c.open.Add(-1) })
	return c.Conn.Close()
}
