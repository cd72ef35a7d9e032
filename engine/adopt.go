package engine

import (
	"errors"
	"net"
	"time"

	"github.com/gannet-io/gannet/frame/handshake"
)

// Adopt gives conn to a loop, which goes on as if it had read the bytes in read itself: a
// request head, that is to ask for a WebSocket, and what followed it. conn is one that an
// HTTPListener gave out, or a *net.TCPConn or *net.UnixConn; nobody else may be reading it.
//
// Both arguments are taken: conn is closed, its socket lives on under another descriptor.
// With an error the socket is gone, too, after an answer of 503 where one could be given:
// ErrStopped, or a lack of descriptors. Any goroutine but a loop's; waits for the loop.
func (e *Engine) Adopt(conn net.Conn, read []byte) error {
	if !e.beginAdopting() {
		e.turnAway(conn, "draining")
		return ErrStopped
	}
	defer e.accepting.Done()
	return e.adopt(conn, read)
}

// adopt is Adopt for who makes Stop wait.
func (e *Engine) adopt(conn net.Conn, read []byte) error {
	socket, as := conn, &entry{early: read}
	if h, ok := conn.(interface{ handed() *handedConn }); ok {
		h := h.handed()
		*as = entry{early: append(read, h.unread()...), listener: h.listener, client: h.client, flags: h.flags}
		socket = h.Conn
		if s := h.secure; s != nil {
			socket = s.wire.socket
			as.secure, as.adopted = s, len(read) > 0
		}
	}
	switch socket.(type) {
	case *net.TCPConn, *net.UnixConn:
	default:
		_ = conn.Close() // it is of no use to anybody
		return errors.New("engine: not a socket that a loop can watch")
	}
	a := acceptor{eng: e, spare: -1, null: -1}
	if err := a.holdSpare(); err != nil {
		e.turnAway(conn, "no_descriptor")
		return err
	}
	a.close()
	// The socket is counted twice for a moment, as in handOff: at the bound of MaxConns it
	// keeps its place.
	e.hold(addrOf(socket.RemoteAddr()))
	err := a.enroll(socket, as)
	if h, ok := conn.(interface{ handed() *handedConn }); ok {
		h.handed().forget() // gnet has closed this descriptor; the tls.Conn lives on
	}
	return err
}

// beginAdopting makes Drain and Stop wait, as for an acceptor. It returns false when one of
// them was faster.
func (e *Engine) beginAdopting() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.draining.Load() {
		return false
	}
	e.accepting.Add(1)
	return true
}

// turnAway answers 503 on a conn that no loop gets, and closes it.
func (e *Engine) turnAway(conn net.Conn, reason string) {
	e.metrics.rejected(reason)
	response := handshake.AppendReject(nil, &handshake.Error{Status: 503, Reason: reason, Message: "overloaded or shutting down"})
	if conn.SetDeadline(time.Now().Add(time.Second)) == nil {
		_, _ = conn.Write(response)
	}
	_ = conn.Close() // there is nothing left to lose
}

// wasHTTP reports whether the HTTP server has had c before.
func (c *Conn) wasHTTP() bool {
	return c.has(flagEarly) || c.has(flagSecure) && c.secured().adopted
}

// early returns the bytes of c that came before its socket did. They are kept beside the
// conns, since hardly any conn has some.
func (c *Conn) early() []byte {
	if !c.has(flagEarly) {
		return nil
	}
	return c.loop.early[c.id]
}

func (c *Conn) setEarly(b []byte) {
	l := c.loop
	if len(b) == 0 {
		if c.has(flagEarly) {
			c.flags &^= flagEarly
			delete(l.early, c.id)
		}
		return
	}
	if l.early == nil {
		l.early = make(map[ID][]byte)
	}
	c.flags |= flagEarly
	l.early[c.id] = b
}

// buffered returns the number of bytes that peek would return.
func (c *Conn) buffered() int {
	if c.flags&(flagEarly|flagSecure) == 0 {
		return c.gc.InboundBuffered()
	}
	if c.has(flagSecure) {
		return len(c.secured().in)
	}
	return len(c.early()) + c.gc.InboundBuffered()
}

// peek returns all input that was not discarded yet, borrowed until it is.
func (c *Conn) peek() ([]byte, error) {
	if c.has(flagSecure) {
		return c.secured().in, nil
	}
	buf, err := c.gc.Peek(-1)
	if err != nil || !c.has(flagEarly) {
		return buf, err
	}
	early := c.early()
	if len(buf) > 0 {
		early = append(early, buf...)
		_, _ = c.gc.Discard(len(buf)) // it has no error to report
		c.setEarly(early)
	}
	return early, nil
}

// discard drops the first n bytes of the input.
func (c *Conn) discard(n int) {
	if c.flags&(flagEarly|flagSecure) == 0 {
		if n > 0 { // gnet takes 0 to mean all of it
			_, _ = c.gc.Discard(n) // it has no error to report
		}
		return
	}
	if c.has(flagSecure) {
		s := c.secured()
		if s.in = s.in[n:]; len(s.in) == 0 {
			s.in = nil
		}
		return
	}
	if c.has(flagEarly) {
		early := c.early()
		k := min(n, len(early))
		c.setEarly(early[k:])
		n -= k
	}
	if n > 0 { // gnet takes 0 to mean all of it
		_, _ = c.gc.Discard(n) // it has no error to report
	}
}
