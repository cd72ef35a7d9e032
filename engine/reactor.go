package engine

import (
	"sync"

	"github.com/panjf2000/gnet/v2"
)

// A reactor is the Engine as gnet's event handler. Its methods run on the loops.
type reactor struct {
	gnet.BuiltinEventEngine
	eng *Engine

	mu    sync.RWMutex
	loops map[gnet.EventLoop]*Loop // guarded by mu; only grows
}

// loop returns the Loop that el runs, tying a free one to it at its first conn.
func (r *reactor) loop(el gnet.EventLoop) *Loop {
	r.mu.RLock()
	l := r.loops[el]
	r.mu.RUnlock()
	if l != nil {
		return l
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	l = r.eng.loops[len(r.loops)]
	r.loops[el] = l
	l.bind(el)
	return l
}

// OnOpen takes over a socket that accept has enrolled.
func (r *reactor) OnOpen(gc gnet.Conn) ([]byte, gnet.Action) {
	l := r.loop(gc.EventLoop())
	l.advance()
	from := gc.Context().(*entry)
	from.opened = true
	c := l.conns.take(l)
	if c == nil {
		return nil, gnet.Close // 2^24 conns on one loop
	}
	gc.SetContext(c)
	c.gc, c.fd, c.state = gc, int32(gc.Fd()), stateHead
	c.listener = from.listener
	c.flags = from.flags | flagTold // there is nothing to tell before an Upgrade is accepted
	if from.client.IsValid() {
		c.restoreClientAddr(from.client)
	}
	r.eng.onLoops.Add(1)
	l.awaitHead(c)
	l.eng.setSocketOptions(int(c.fd))
	c.lastRead = l.tick
	c.due = l.after(ticks(r.eng.cfg.HeadTimeout) + 1)
	l.arm(c)
	if s := from.secure; s != nil {
		l.secureConn(c, s)
		s.in, s.own, s.unseen, s.adopted = from.early, true, true, from.adopted
		from.early = nil
		if l.eng.draining.Load() {
			l.hurry(c)
		}
		// What came with the end of the handshake is in the tls.Conn already.
		if err := gc.Wake(nil); err != nil {
			return nil, gnet.Close
		}
		return nil, gnet.None
	}
	if len(from.early) > 0 {
		// Handled by OnTraffic, like any input: here the conn cannot be closed.
		c.setEarly(from.early)
		from.early = nil // gnet keeps from as long as the conn
		if err := gc.Wake(nil); err != nil {
			return nil, gnet.Close
		}
	}
	return nil, gnet.None
}

// OnTraffic handles input, then sends what the callbacks queued for this conn; for others
// the loop's next turn does.
func (r *reactor) OnTraffic(gc gnet.Conn) gnet.Action {
	c, ok := gc.Context().(*Conn)
	if !ok {
		return gnet.Close
	}
	l := c.loop
	l.advance()
	l.current = c
	l.serve(c)
	l.current = nil
	l.flushConn(c)
	l.reap()
	l.metrics.publish()
	if l.queued {
		l.Wake() // frames for other conns of this loop
	}
	return gnet.None
}

func (l *Loop) serve(c *Conn) {
	defer func() {
		if p := recover(); p != nil {
			l.panicked(c, p)
		}
	}()
	if c.has(flagSecure) {
		l.readSecure(c)
		return
	}
	l.readable(c)
}

// OnClose forgets the conn.
func (r *reactor) OnClose(gc gnet.Conn, err error) gnet.Action {
	if c, ok := gc.Context().(*Conn); ok && c.gc == gc {
		l := c.loop
		c.setEarly(nil)
		l.closed(c, err)
		if !l.reaping && (l.queued || len(l.reaps) > 0) {
			l.Wake() // Closed did something to other conns
		}
	} else if !ok {
		r.eng.release(addrOf(gc.RemoteAddr()))
	}
	return gnet.None
}
