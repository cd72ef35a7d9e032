package engine

import (
	"sync"
	"unsafe"

	"github.com/gannet-io/gannet/frame"
	"github.com/gannet-io/gannet/frame/deflate"
	"github.com/gannet-io/gannet/frame/handshake"
)

var errExtensions = &handshake.Error{Status: 400, Reason: "malformed_extensions", Message: "malformed Sec-WebSocket-Extensions header"}

// A deflation is what a loop has for conns that agreed on permessage-deflate: one compressor and one
// decompressor for all, which take memory once they are used, until the loop is trimmed.
type deflation struct {
	conns   int // that have agreed and are not gone
	out     deflate.Deflater
	in      deflate.Inflater
	scratch []byte
}

// twins guard the twins of frames. A lock is held while one loop compresses the frame, so that another that needs
// it at the same moment waits for what it would otherwise do itself.
type twins [64]sync.Mutex

// of returns the lock of f's twin.
func (t *twins) of(f *frame.Prepared) *sync.Mutex {
	return &t[uintptr(unsafe.Pointer(f))/unsafe.Sizeof(*f)%uintptr(len(t))]
}

// agree notes what c, whose handshake is accepted, may do.
func (l *Loop) agree(c *Conn, a deflate.Agreement) {
	if c.window = a.Bits; c.window != 0 {
		l.deflate.conns++
		l.metrics.deflating.Add(1)
	}
}

// disagree forgets c, which is gone.
func (l *Loop) disagree(c *Conn) {
	if c.window != 0 {
		l.deflate.conns--
		l.metrics.deflating.Add(-1)
	}
}

// limits returns those of messages that come from c.
func (c *Conn) limits() *frame.Limits {
	if c.window != 0 {
		return &c.loop.eng.deflated
	}
	return &c.loop.eng.cfg.Message
}

// inflate decompresses a message; see deflate.Inflater.
func (l *Loop) inflate(m frame.Message) (frame.Message, error) {
	return l.deflate.in.Inflate(m, l.eng.cfg.Message.MessageBytes)
}

// Deflates returns the window of the conn in slot, when messages may be sent to it compressed: frame.Prepared made
// by Deflated are for those of deflate.MaxBits. 0: only plain ones. Loop-only.
func (l *Loop) Deflates(slot uint32) uint8 { return l.conns.at(slot).window }

// Deflating returns the number of conns of the loop for which Deflates is not 0. Loop-only.
func (l *Loop) Deflating() int { return l.deflate.conns }

// Deflated returns the compressed form of f, made when it is first asked for and once for all loops; f itself where
// there is none worth sending. f is shared, and so is the result. Loop-only.
func (l *Loop) Deflated(f *frame.Prepared) *frame.Prepared {
	if f.Len() < deflate.Threshold || f.Count() > 1 || f.Plain() != f.Len() {
		return f // too short, several, or what this has returned before
	}
	lock := l.eng.twins.of(f)
	lock.Lock()
	defer lock.Unlock()
	if twin := f.Twin(); twin != nil {
		return twin
	}
	l.metrics.deflates.Inc()
	twin, scratch := l.deflate.out.Twin(f, l.deflate.scratch)
	if l.deflate.scratch = scratch; cap(scratch) > scratchBytes {
		l.deflate.scratch = nil
	}
	f.SetTwin(twin)
	return twin
}

// variant returns what to send to c, which agreed on permessage-deflate, for f.
func (l *Loop) variant(c *Conn, f *frame.Prepared) *frame.Prepared {
	// A reference cannot reach back further than the message is long (RFC 7692 §7.2.1).
	if c.window == deflate.MaxBits || len(f.Payload()) <= 1<<c.window {
		f = l.Deflated(f)
	}
	if plain := f.Plain(); plain != f.Len() {
		l.metrics.compressed(plain, f.Len())
	}
	return f
}
