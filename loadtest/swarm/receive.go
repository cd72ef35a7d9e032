//go:build linux

package swarm

import (
	"bytes"
	"encoding/binary"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/gannet-io/gannet/loadtest/plan"
)

// read takes what a socket holds, up to the buffer's size, and returns the time at which it did.
// A socket that holds more is ready again at once.
func (w *worker) read(slot int32) (now int64) {
	c := &w.conns[slot]
	kept := len(c.in)
	if kept > len(w.buf)/2 {
		w.buf = make([]byte, 2*len(w.buf)) // a frame larger than any so far; never again
	}
	copy(w.buf, c.in)
	n, errno, err := w.receive(c, w.buf[kept:])
	now = w.clock.now()
	switch {
	case err != nil:
		w.lose(slot, "TLS: "+err.Error())
		return now
	case errno == unix.EAGAIN || errno == unix.EINTR:
		return now
	case errno != 0:
		w.lose(slot, "read: "+errno.Error())
		return now
	case n == 0:
		w.lose(slot, "the server closed the connection without a close frame")
		return now
	}
	if c.role == roleSubscriber {
		w.counts.Reads++
	}
	w.counts.Bytes += int64(n)
	c.heard = w.seconds(now)

	mark := c.mark
	b := w.buf[:kept+n]
	rest, reason := w.consume(slot, b, now)
	if c.mark != mark {
		return now // it ended meanwhile
	}
	if reason != "" {
		w.lose(slot, reason)
		return now
	}
	w.keep(c, rest)
	if c.secure != nil && c.secure.more {
		return w.read(slot) // the socket will not be ready for what is decrypted already
	}
	return now
}

// keep stores an incomplete frame until more of it comes.
func (w *worker) keep(c *conn, rest []byte) {
	if len(rest) == 0 {
		if c.in != nil {
			w.spare(c.in)
			c.in = nil
		}
		return
	}
	if last := len(w.stash) - 1; c.in == nil && last >= 0 {
		c.in, w.stash = w.stash[last], w.stash[:last]
	}
	c.in = append(c.in[:0], rest...)
}

// consume handles the whole answers or frames in b and returns the rest, or why the conn has to
// end.
func (w *worker) consume(slot int32, b []byte, now int64) (rest []byte, reason string) {
	c := &w.conns[slot]
	mark := c.mark
	if c.role == roleREST {
		return w.answers(slot, b)
	}
	if c.state == stateOpening {
		n, err := nextOpening(b)
		if err != nil {
			return nil, err.Error()
		}
		if n == 0 {
			return b, ""
		}
		c.state = stateUpgraded
		b = b[n:]
		if w.text = w.dialect.appendHello(w.text[:0]); len(w.text) > 0 {
			w.transmit(slot, w.text)
		}
		if c.mark != mark {
			return nil, ""
		}
	}
	for {
		op, payload, n, err := nextFrame(b)
		if err != nil {
			return nil, err.Error()
		}
		if n == 0 {
			return b, ""
		}
		b = b[n:]
		switch {
		case op != opText:
			reason = w.control(slot, op, payload)
		case w.merges:
			for line := range bytes.SplitSeq(payload, []byte{'\n'}) {
				if len(line) > 0 && c.mark == mark {
					w.message(slot, line, now)
				}
			}
		default:
			w.message(slot, payload, now)
		}
		if reason != "" || c.mark != mark {
			return nil, reason
		}
	}
}

// message handles a message, published or about the protocol.
func (w *worker) message(slot int32, message []byte, now int64) {
	if stamp, at, ok := plan.FindStamp(message, w.hint); ok {
		w.hint = at
		w.deliver(&w.conns[slot], &stamp, now)
	} else {
		w.event(slot, message, now)
	}
}

// deliver accounts for one message.
func (w *worker) deliver(c *conn, s *plan.Stamp, now int64) {
	if c.role != roleSubscriber {
		w.counts.Unscheduled++
		return
	}
	w.counts.Received++
	if int(s.Publisher) >= w.plan.Publishers || int(s.Channel) >= w.plan.Channels {
		w.counts.Stray++
		return
	}
	place := c.place.Slot(int(s.Channel))
	if place < 0 {
		w.counts.Stray++
		return
	}
	t := &w.tracks[c.tracks+int32(place)*w.streams+int32(w.plan.Stream(int(s.Publisher)))]
	switch how, skipped := t.arrive(s.Seq); how {
	case ahead:
		w.counts.Skipped += int64(skipped)
	case late:
		w.counts.Disordered++
		w.counts.Skipped--
	case duplicate:
		w.counts.Duplicates++
		return
	}
	if s.At >= w.from && s.At < w.until {
		w.latency.Record(now - s.At)
	}
	if w.plan.Saturate {
		w.credit(s)
	}
}

// event handles a message about the protocol.
func (w *worker) event(slot int32, payload []byte, now int64) {
	c := &w.conns[slot]
	switch w.dialect.event(payload) {
	case eventEstablished:
		if c.state == stateUpgraded {
			w.established(slot, payload)
		}
	case eventSubscribed:
		w.subscribed(slot, now)
	case eventPing:
		w.text = w.dialect.appendPong(w.text[:0])
		w.transmit(slot, w.text)
	case eventError:
		w.problem(w.dialect.errorText(payload))
		if c.state == stateUpgraded || c.state == stateGreeted {
			w.lose(slot, "") // counted above
		}
	default:
		w.counts.Other++
	}
}

// control handles a control frame, and returns why the conn has to end.
func (w *worker) control(slot int32, op byte, payload []byte) (reason string) {
	c := &w.conns[slot]
	switch op {
	case opPing:
		w.counts.Other++
		w.text = appendFrame(w.text[:0], opPong, payload)
		w.transmit(slot, w.text)
	case opPong:
	case opClose:
		if c.state == stateLeaving {
			return "left"
		}
		code := 1005 // RFC 6455 §7.1.5: none was given
		if len(payload) >= 2 {
			code = int(binary.BigEndian.Uint16(payload))
		}
		return "the server closed with " + strconv.Itoa(code)
	default:
		return "a binary frame from the server"
	}
	return ""
}
