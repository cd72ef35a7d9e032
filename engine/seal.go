package engine

// flushSecure is flushConn for TLS: what is pending for c is sealed and leaves in one send.
// Up to 16 KiB make one record.
func (l *Loop) flushSecure(c *Conn) (sends int) {
	for c.first != nil {
		b, whole := l.gather(c)
		n, k, err := l.sendSecure(c, b)
		sends += k
		if err != nil {
			l.dropPending(c, dropClosed)
			l.lose(c, closeBySocket)
			return sends
		}
		if n < len(b) {
			l.pushBacklog(c, n)
			return sends
		}
		for range whole {
			l.metrics.framesOut += l.shift(c).Count()
		}
		if c.backlog != nil {
			l.pushBacklog(c, 0)
			return sends
		}
	}
	l.sentAll(c)
	return sends
}

// sendSecure seals b and sends it, piece by piece. n is what it has sealed, which counts as sent: what
// the socket did not take of that is held in the backlog, and n may then be less than len(b).
// Nothing may be held when it is called.
func (l *Loop) sendSecure(c *Conn, b []byte) (n, sends int, err error) {
	for n < len(b) {
		piece := b[n:min(n+scratchBytes, len(b))]
		sealed, err := l.seal(c, piece)
		if err != nil {
			return n, sends, err // the peer has broken the rules, see endSecure
		}
		n += len(piece)
		k, err := send(c.fd, sealed)
		sends++
		if err != nil {
			return n, sends, err
		}
		l.metrics.sent(k)
		if k < len(sealed) {
			l.hold(c, sealed[k:])
			break
		}
	}
	return n, sends, nil
}

// seal returns the records that b makes, borrowed until anything else is sealed or read on the loop.
func (l *Loop) seal(c *Conn, b []byte) (sealed []byte, err error) {
	l.sealed = l.sealed[:0]
	_, err = c.secured().tls.Write(b)
	return l.sealed, err
}

// hold keeps sealed bytes that the socket of c did not take.
func (l *Loop) hold(c *Conn, sealed []byte) {
	l.block(c)
	c.backlog.Hold(sealed, l.tick)
}

// sendHeld sends from what is held for c, and returns whether all has left.
func (l *Loop) sendHeld(c *Conn) (moved, all bool, err error) {
	held := c.backlog.Held()
	n, err := send(c.fd, held)
	l.metrics.sent(n)
	if err != nil {
		return false, false, err
	}
	all = n == len(held)
	c.backlog.Release(n)
	return n > 0, all, nil
}

// sendAnswer sends what TLS itself has said while it read: an alert, or a change of keys.
func (l *Loop) sendAnswer(c *Conn) {
	if len(l.sealed) == 0 {
		return
	}
	if c.backlog != nil && len(c.backlog.Held()) > 0 {
		c.backlog.Hold(l.sealed, l.tick)
		return
	}
	n, err := send(c.fd, l.sealed)
	if err != nil {
		l.lose(c, closeBySocket)
		return
	}
	if n < len(l.sealed) {
		l.hold(c, l.sealed[n:])
	}
}

// sayGoodbye sends close_notify, if the socket takes it: a peer that checks for it knows
// then that nothing is missing.
func (l *Loop) sayGoodbye(c *Conn) {
	l.sealed = l.sealed[:0]
	if c.secured().tls.CloseWrite() == nil {
		_, _ = send(c.fd, l.sealed) // the FIN behind it says the same
	}
}
