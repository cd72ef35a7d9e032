package engine

import (
	"errors"
	"math"

	"github.com/gannet-io/gannet/frame"
	"github.com/gannet-io/gannet/frame/deflate"
	"github.com/gannet-io/gannet/frame/handshake"
)

// readable handles the bytes that have come for c. It runs under guard.
func (l *Loop) readable(c *Conn) {
	c.lastRead = l.tick
	c.flags &^= flagPinged
	if c.has(flagPreamble) && c.state == stateHead && !l.readPreamble(c) {
		return
	}
	if c.state == stateHead {
		l.readHead(c)
	}
	switch c.state {
	case stateOpen, stateClosing:
		l.readFrames(c)
	case stateLinger, stateGone:
		c.discard(c.buffered())
	}
}

// readHead waits for a whole request head and acts on it.
func (l *Loop) readHead(c *Conn) {
	buf, err := c.peek()
	if err != nil || len(buf) == 0 {
		return
	}
	if c.scanned == 0 && buf[0] == recordHandshake && c.mayTurnSecure() {
		l.hello(c, buf)
		return
	}
	n, next := handshake.Complete(buf, int(c.scanned), l.eng.cfg.Head)
	c.scanned = uint32(next)
	if n == 0 {
		return
	}
	r := &l.request
	*r, n, err = handshake.Parse(buf, l.eng.cfg.Head)
	if err == nil && !r.Upgrade && !c.wasHTTP() {
		l.handOff(c, buf)
		return
	}
	// An adopted conn is not sent back to the HTTP server, which might give it to us again:
	// Check refuses it.
	if err == nil {
		err = r.Check()
	}
	var agreed deflate.Agreement
	if err == nil && c.Listener().Deflate {
		if agreed, err = deflate.Negotiate(r.Extensions); err != nil {
			err = errExtensions
		}
	}
	var subprotocol string
	if err == nil {
		c.identify(r)
		// A nil *handshake.Error must not become a non-nil error.
		var refusal *handshake.Error
		if subprotocol, refusal = l.eng.cfg.Handler.Upgrade(c, r); refusal != nil {
			err = refusal
		}
	}
	if err != nil {
		l.reject(c, err)
		return
	}
	response := handshake.AppendAccept(make([]byte, 0, 192), r, subprotocol, agreed.Answer())
	c.flags &^= flagTold
	c.discard(n)
	l.metrics.accepted.Inc()
	l.leaveState(c)
	l.metrics.open.Add(1)
	l.agree(c, agreed)
	c.state = stateOpen
	l.conns.track(c)
	c.due = l.after(ticks(l.eng.cfg.PingInterval))
	l.arm(c)
	if l.eng.draining.Load() {
		l.drainOne(c)
	}
	// The response and the first frames leave in one send: the system calls are what a
	// handshake costs.
	l.enqueue(c, frame.PrepareRaw(response), false)
	l.eng.cfg.Handler.Open(c)
}

// reject answers a head with an HTTP error and lingers.
func (l *Loop) reject(c *Conn, err error) {
	var refusal *handshake.Error
	if !errors.As(err, &refusal) {
		refusal = &handshake.Error{Status: 400, Reason: "malformed", Message: "malformed request"}
	}
	l.metrics.rejected(refusal.Reason)
	// This is the first thing sent on the socket: its buffer has room, or it is broken.
	response := handshake.AppendReject(l.scratch[:0], refusal)
	var n int
	var err2 error
	if c.has(flagSecure) {
		n, _, err2 = l.sendSecure(c, response)
	} else {
		n, err2 = send(c.fd, response)
	}
	if err2 != nil || n < len(response) || c.backlog != nil {
		l.lose(c, closeQuiet)
		return
	}
	l.linger(c)
}

// errMessageTime ends a conn that takes too long for one message.
var errMessageTime = &frame.Error{Code: frame.PolicyViolation, Reason: "message_timeout"}

// readFrames parses what is there and delivers the messages.
func (l *Loop) readFrames(c *Conn) {
	l.parseFrames(c)
	if l.eng.cfg.MessageTime <= 0 {
		return
	}
	switch partial := c.reader.Open() || c.buffered() > 0; {
	case !partial:
		c.begun = 0
	case c.begun == 0:
		c.begun = l.tick
		l.arm(c)
	}
}

// messageEnd returns the tick by which the message that c has begun must be whole.
func (l *Loop) messageEnd(c *Conn) uint32 { return c.begun + ticks(l.eng.cfg.MessageTime) + 1 }

func (l *Loop) parseFrames(c *Conn) {
	lim := c.limits()
	for c.state == stateOpen || c.state == stateClosing {
		if c.has(flagPeerClosed) {
			// §5.5.1, §7.1.7: nothing behind a close frame or a framing error counts.
			c.discard(c.buffered())
			return
		}
		// A header or control frame that is not all there stays untouched in gnet's buffer:
		// peeking copies once it spans two reads, so it is not looked at until it can be whole.
		if n := c.buffered(); n == 0 || n < int(c.need) {
			return
		}
		buf, err := c.peek()
		if err != nil {
			return
		}
		used := 0
		c.need = 0
		pings := pingAnswers{}
		for used < len(buf) && !c.has(flagPeerClosed) {
			m, n, err := c.reader.Next(buf[used:], lim)
			if err != nil {
				l.fail(c, err)
				break
			}
			if n == 0 {
				c.need = uint32(min(c.reader.Need(buf[used:]), math.MaxInt32))
				break
			}
			used += n
			if !c.reader.Open() {
				c.begun = 0 // what follows is another message
			}
			if m.Opcode == frame.Ping {
				l.pinged(c, m.Payload, &pings)
				continue
			}
			l.message(c, m)
		}
		l.answerLast(c, &pings)
		c.discard(used)
		if c.need > 0 {
			return
		}
	}
}

// message acts on a message or control frame.
func (l *Loop) message(c *Conn, m frame.Message) {
	switch m.Opcode {
	case frame.Text, frame.Binary:
		l.metrics.messagesIn.Inc()
		if c.state != stateOpen {
			return
		}
		if m.Deflated {
			var err error
			if m, err = l.inflate(m); err != nil {
				l.fail(c, err)
				return
			}
		}
		l.metrics.bytesIn.Add(len(m.Payload))
		l.eng.cfg.Handler.Message(c, m.Opcode, m.Payload)
	case frame.Close:
		l.peerClosed(c, m.Payload)
	}
	// A pong needs no more than the bytes having come; Continuation is half a message.
}

// maxPongs is how many pings are answered one by one of those that come at once. Of more only the last is, which is all
// that RFC 6455 §5.5.3 asks for: who sends a flood of them does not get one back.
const maxPongs = 16

// pingAnswers are those to the pings of one read.
type pingAnswers struct {
	sent int
	late bool   // last is still to be answered
	last []byte // borrowed
}

// pinged answers a ping, or leaves it for answerLast. So it does while the socket is full: answers would only pile up.
func (l *Loop) pinged(c *Conn, payload []byte, p *pingAnswers) {
	l.metrics.pingsIn.Inc()
	if c.backlog != nil || p.sent == maxPongs {
		p.late, p.last = true, payload
		return
	}
	p.sent++
	if c.state == stateOpen {
		l.enqueue(c, pong(payload), false)
	}
}

// answerLast answers the last ping of a read, if that was not done yet. In a backlog it takes the place of an
// answer that still waits there.
func (l *Loop) answerLast(c *Conn, p *pingAnswers) {
	switch {
	case !p.late || c.state != stateOpen:
	case c.backlog != nil:
		c.backlog.PushPong(pong(p.last), l.tick)
		l.checkBacklog(c)
	default:
		l.enqueue(c, pong(p.last), false)
	}
}

var emptyPong = frame.Prepare(frame.Pong, frame.NewBuffer(0))
var ping = frame.Prepare(frame.Ping, frame.NewBuffer(0))

func pong(payload []byte) *frame.Prepared {
	if len(payload) == 0 {
		return emptyPong
	}
	return frame.Prepare(frame.Pong, append(frame.NewBuffer(len(payload)), payload...))
}

// peerClosed answers the peer's close frame, or completes ours (RFC 6455 §5.5.1).
func (l *Loop) peerClosed(c *Conn, payload []byte) {
	if c.has(flagPeerClosed) {
		return
	}
	c.flags |= flagPeerClosed
	if c.state == stateOpen {
		code, _, err := frame.ParseClose(payload)
		if err != nil {
			l.fail(c, err)
			return
		}
		l.metrics.closes[closeByPeer].Inc()
		c.beginClose(frame.PrepareClose(code, "")) // NoStatus gives an empty frame
	}
	l.lookAfter(c)
}

// fail ends c for an error of the peer's (RFC 6455 §7.1.7).
func (l *Loop) fail(c *Conn, err error) {
	code, reason := frame.ProtocolError, "protocol_error"
	var e *frame.Error
	if errors.As(err, &e) {
		code, reason = e.Code, e.Reason
	}
	if c.state != stateOpen {
		// Our close frame is out; nothing more can be said.
		c.flags |= flagPeerClosed
		l.lookAfter(c)
		return
	}
	l.metrics.failed(reason)
	// What follows a framing error cannot be parsed: do not look for the peer's close.
	c.flags |= flagPeerClosed
	c.beginClose(frame.PrepareClose(code, reason))
}

// guard runs f, which acts for c alone, and survives its panic: that conn is closed with
// 1011 and the others never notice.
func (l *Loop) guard(c *Conn, f func()) {
	defer func() {
		if p := recover(); p != nil {
			l.panicked(c, p)
		}
	}()
	f()
}

// guardConn is guard for a function of the conn.
func (l *Loop) guardConn(c *Conn, f func(c *Conn)) {
	defer func() {
		if p := recover(); p != nil {
			l.panicked(c, p)
		}
	}()
	f(c)
}

// panicked counts a panic, logs it with its stack unless there have been too many, and closes the conn it was for.
func (l *Loop) panicked(c *Conn, p any) {
	l.metrics.panics.Inc()
	l.eng.logPanic("panic while serving a connection", p)
	switch c.state {
	case stateOpen:
		c.flags |= flagPeerClosed // its input is in an unknown state
		l.metrics.closes[closeByPanic].Inc()
		c.beginClose(frame.PrepareClose(frame.InternalError, "internal error"))
	case stateClosing:
		c.flags |= flagPeerClosed
		l.lookAfter(c)
	case stateHead:
		l.reject(c, &handshake.Error{Status: 500, Reason: "panic", Message: "internal error"})
	}
	if c.gc != nil {
		c.discard(c.buffered())
	}
}
