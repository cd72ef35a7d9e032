package engine

import (
	"time"

	"golang.org/x/sys/unix"
)

// drainHead is how long a request head may take once draining has begun. Only tests change it.
var drainHead = time.Second

// lingerTime is how long the peer gets to close its side once ours is shut down.
const lingerTime = time.Second

// expire runs when the wheel says that something of the conn in slot is due.
func (l *Loop) expire(slot uint32) {
	c := l.conns.at(slot)
	if c.timer != 0 && int32(l.tick-c.timer) >= 0 {
		c.timer = 0
		if c.state == stateOpen {
			l.notice(c, Timer)
		}
	}
	if c.begun != 0 && c.state == stateOpen && int32(l.tick-l.messageEnd(c)) >= 0 {
		l.fail(c, errMessageTime)
	}
	if c.due != 0 && int32(l.tick-c.due) >= 0 {
		c.due = 0
		l.overdue(c)
	}
	if c.state != stateFree {
		l.arm(c)
	}
}

// overdue handles the end of the time that c has in its state.
func (l *Loop) overdue(c *Conn) {
	switch c.state {
	case stateHead:
		l.metrics.rejected("timeout")
		l.lose(c, closeQuiet)
	case stateOpen:
		l.checkAlive(c)
	case stateClosing:
		l.linger(c)
	case stateLinger:
		l.lose(c, closeQuiet)
	}
}

// checkAlive pings a silent conn, or reports it when it stays silent. Reads only stamp
// lastRead; the deadline is corrected here, so that traffic costs no work on the wheel.
func (l *Loop) checkAlive(c *Conn) {
	cfg := &l.eng.cfg
	silent := l.tick - c.lastRead
	switch interval, wait := ticks(cfg.PingInterval), ticks(cfg.PongWait); {
	case silent < interval:
		c.due = max(c.lastRead+interval, 1)
	case !c.has(flagPinged):
		c.flags |= flagPinged
		l.metrics.pingsOut.Inc()
		l.enqueue(c, ping, false)
		c.due = l.after(wait)
	case silent < interval+wait:
		c.due = max(c.lastRead+interval+wait, 1)
	default:
		l.notice(c, Unresponsive)
		if c.state == stateOpen {
			c.due = l.after(wait)
		}
	}
}

// hurry leaves c, whose request head has not come yet, drainHead for it: whoever has
// connected and says nothing must not hold up the end.
func (l *Loop) hurry(c *Conn) {
	if soon := l.tick + ticks(drainHead) + 1; c.due == 0 || int32(c.due-soon) > 0 {
		c.due = soon
		l.arm(c)
	}
}

// linger shuts our side down and waits for the peer's. Whatever a close frame left unsent
// by now is dropped.
func (l *Loop) linger(c *Conn) {
	if c.state >= stateLinger {
		return
	}
	l.dropPending(c, dropClosed)
	if c.backlog != nil {
		// The peer has not read for the whole close wait: it will not read a FIN either.
		l.lose(c, closeQuiet)
		return
	}
	if c.has(flagSecure) {
		l.sayGoodbye(c)
	}
	l.leaveState(c)
	c.state = stateLinger
	l.conns.track(c)
	if err := unix.Shutdown(int(c.fd), unix.SHUT_WR); err != nil {
		l.lose(c, closeQuiet)
		return
	}
	c.due = l.after(ticks(lingerTime) + 1)
	l.arm(c)
	l.lookAfter(c)
}

// lose gives the socket of c up; reap closes it. Why a closing conn ends is counted already.
func (l *Loop) lose(c *Conn, why closeReason) {
	if c.state >= stateGone {
		return
	}
	if why != closeQuiet && c.state < stateClosing {
		l.metrics.closes[why].Inc()
	}
	l.leaveState(c)
	c.state = stateGone
	l.conns.track(c)
	l.lookAfter(c)
}

// leaveState keeps the counts of heads awaited and of open WebSockets right; it is called before the state moves to open
// or beyond closing.
func (l *Loop) leaveState(c *Conn) {
	switch c.state {
	case stateHead:
		l.eng.heads.Add(-1)
	case stateOpen, stateClosing:
		l.metrics.open.Add(-1)
	}
}

// closeSocket has gnet close the descriptor, which calls closed at once.
func (l *Loop) closeSocket(c *Conn) {
	gc := c.gc
	if el := l.el.Load(); el != nil && gc != nil {
		if err := (*el).Close(gc); err != nil {
			l.eng.cfg.Log.Warn("close socket", "err", err)
		}
	}
}

// closed runs inside gnet's OnClose: the descriptor is about to be closed and must be
// forgotten, since the next accept may be given the same number.
func (l *Loop) closed(c *Conn, err error) {
	if c.state != stateGone {
		why := closeQuiet
		switch {
		case c.state == stateOpen && err != nil:
			why = closeBySocket
		case c.state == stateHead:
			l.metrics.rejected("closed_early")
		}
		if why != closeQuiet {
			l.metrics.closes[why].Inc()
		}
		l.leaveState(c)
		c.state = stateGone
		l.conns.track(c)
	}
	peer := c.ClientAddr()
	l.tell(c)
	l.dropPending(c, dropClosed)
	if c.backlog != nil {
		frames, bytes := c.backlog.Truncate()
		l.metrics.dropped(dropClosed, frames, bytes)
	}
	l.disagree(c)
	l.wheel.Clear(c.id.Slot())
	if c.has(flagReap) {
		for i, r := range l.reaps {
			if r == c {
				l.reaps = append(l.reaps[:i], l.reaps[i+1:]...)
				break
			}
		}
	}
	l.releaseSecure(c)
	l.conns.put(c)
	l.eng.onLoops.Add(-1)
	l.eng.release(peer)
}
