package engine

import (
	"net"
	"time"

	"github.com/panjf2000/gnet/v2"

	"github.com/gannet-io/gannet/engine/backlog"
	"github.com/gannet-io/gannet/frame"
)

// A Conn is one connection on a loop. It is recycled after Closed: keep its ID, not the
// pointer. All methods are Loop-only.
type Conn struct {
	// Data and Tag belong to the Handler. A new conn has nil and 0.
	Data any
	Tag  uint64

	// Set once when the conn is taken from the slab.
	loop *Loop
	id   ID

	// Owned by the loop. What a fan-out looks at is in one cache line, the second.
	gc       gnet.Conn
	lastRead uint32 // tick of the last byte from the peer
	due      uint32 // tick of the engine's own deadline in this state; 0: none

	fd                 int32
	flags              flags
	first              *frame.Prepared // next to send; nil when nothing waits
	backlog            *backlog.Backlog
	restHead, restTail int32 // the frames behind first, linked in the loop's arena

	reader     frame.Reader
	need       uint32 // bytes from the start of the next frame to wait for, at most 2 GiB
	timer      uint32 // tick of the Handler's timer; 0: none
	scanned    uint32 // bytes of the head already searched for its end
	begun      uint32 // tick of the first byte of a message that is not whole yet; 0: there is none
	state      state
	retryIn    uint8 // of a full socket, in ticks of the fast clock
	retryEvery uint8 // what retryIn begins with
	listener   uint8 // index in Engine.listening
	window     uint8 // messages of at most 1<<window bytes may leave compressed; 0: none, nor may any come
}

// A state is where a conn is in its life; see the package comment.
type state uint8

const (
	stateFree state = iota
	stateHead
	stateOpen
	stateClosing
	stateLinger
	stateGone
)

type flags uint32

const (
	flagPinged     flags = 1 << iota // a ping is out and nothing has come since
	flagPeerClosed                   // the peer's close frame has come
	flagTold                         // Handler.Closed was called, or never will be
	flagExpress                      // queued for the next flush
	flagBulk                         // queued behind the express ones
	flagReap                         // on the loop's list of conns to look after
	flagSlow                         // Slow is to be told at the next reap
	flagEarly                        // input is in the loop's early, ahead of gnet's
	flagSecure                       // TLS
	flagCrowded                      // its client has too many; see Crowded
	flagVouched                      // a trusted proxy says that the client came to it over TLS
	flagPreamble                     // a PROXY header may come first, see readPreamble
	flagProxied                      // the address is that of a PROXY header
	flagAwait                        // Sent is to be told when nothing waits any more
	flagSent                         // Sent is to be told at the next reap
	flagNotices                      // notices are wanted
)

func (c *Conn) has(f flags) bool { return c.flags&f != 0 }

// ID returns the name of c that other goroutines may keep. Loop-only.
func (c *Conn) ID() ID { return c.id }

// Loop returns the loop that owns c. Loop-only.
func (c *Conn) Loop() *Loop { return c.loop }

// RemoteAddr returns the address that gnet keeps for the peer, nil once the socket is gone. It is what
// ClientAddr is read from. Loop-only.
func (c *Conn) RemoteAddr() net.Addr {
	if c.gc == nil {
		return nil
	}
	return c.gc.RemoteAddr()
}

// Open reports whether frames can still be queued for c: it is neither closing nor gone.
// Loop-only.
func (c *Conn) Open() bool { return c.state == stateOpen }

// Secure reports whether the client's connection is encrypted: c is TLS, or a trusted proxy says that it
// was asked over TLS. It is final when Handler.Upgrade is called. Loop-only.
func (c *Conn) Secure() bool { return c.flags&(flagSecure|flagVouched) != 0 }

// Send queues f, which leaves with everything else that is pending for c, at the latest at
// the end of the running callback. f is shared. A conn that is not open drops it. Loop-only.
func (c *Conn) Send(f *frame.Prepared) {
	c.loop.assertOnLoop()
	if c.state == stateOpen {
		if c.window != 0 {
			f = c.loop.variant(c, f)
		}
		c.loop.enqueue(c, f, false)
	}
}

// NotifySent makes the Handler hear Sent once, when everything has been handed to the kernel that is queued for c now or
// meanwhile. Loop-only.
func (c *Conn) NotifySent() {
	c.loop.assertOnLoop()
	if c.state == stateOpen {
		c.flags |= flagAwait
		c.loop.sentAll(c)
	}
}

// WantNotices has c sent a notice where frames leave it out. Loop-only.
func (c *Conn) WantNotices() {
	if c.flags |= flagNotices; c.backlog != nil {
		c.backlog.Notices = true
	}
}

// WantsNotices reports whether the conn in slot is to be sent notices. Loop-only.
func (l *Loop) WantsNotices(slot uint32) bool { return l.conns.at(slot).WantsNotices() }

// WantsNotices reports whether c is to be sent notices. Loop-only.
func (c *Conn) WantsNotices() bool { return c.has(flagNotices) }

// SetTimer makes the Handler hear Timer once, no earlier than d from now and at most two
// ticks of the clock (0.2 s) later. It replaces the timer set before; d ≤ 0 takes it away.
// Loop-only.
func (c *Conn) SetTimer(d time.Duration) {
	c.timer = 0
	if d > 0 && c.state <= stateOpen {
		c.timer = c.loop.after(ticks(d) + 1)
	}
	c.loop.arm(c)
}

// Close ends the session: frames pending and the given ones leave, then a close frame with
// code and reason (cut to 123 bytes), then the engine awaits the peer's and drops the
// socket. Of a backlog only a frame that has left in part is kept, so that a slow conn
// learns why it is cut off as soon as it reads again. Closed follows before the running
// callback's loop turn ends. Closing twice is harmless. Loop-only.
func (c *Conn) Close(code frame.CloseCode, reason string, last ...*frame.Prepared) {
	c.loop.assertOnLoop()
	if c.state != stateOpen {
		return
	}
	c.loop.metrics.closes[closeByHandler].Inc()
	c.beginClose(frame.PrepareClose(code, reason), last...)
}

// beginClose queues the last frames and moves c to closing.
func (c *Conn) beginClose(closeFrame *frame.Prepared, last ...*frame.Prepared) {
	l := c.loop
	if c.backlog != nil {
		l.dropPending(c, dropSlow)
		frames, bytes := c.backlog.Truncate()
		l.metrics.dropped(dropSlow, frames, bytes)
	}
	for _, f := range last {
		l.enqueue(c, f, false)
	}
	l.enqueue(c, closeFrame, false)
	c.state = stateClosing
	l.conns.track(c)
	c.due = l.after(ticks(l.eng.cfg.CloseWait) + 1)
	c.timer = 0
	l.arm(c)
	l.lookAfter(c)
}
