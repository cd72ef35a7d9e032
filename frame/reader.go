package frame

import (
	"math"
	"unicode/utf8"
)

// A Message is one whole reassembled message, or a control frame.
type Message struct {
	Opcode  Opcode // Text, Binary, Close, Ping or Pong; Continuation: none complete yet
	Payload []byte // unmasked; see Reader.Next for whose it is
}

// Limits bound what one message may cost. Many connections may share one value,
// which nobody changes.
type Limits struct {
	MessageBytes int // payload of a text or binary message, all fragments together; 0: no limit
	Fragments    int // frames of a fragmented message, empty ones too; 0: no limit
}

// maxLength keeps header plus payload within an int, even when MessageBytes is 0.
const maxLength = math.MaxInt - 14

// A Reader is the inbound state of one connection. Its zero value is ready.
//
// It is one pointer, nil except while a fragmented message is being assembled.
// After an error it must not be used again: the connection is to be failed.
// After a Close message the caller should discard whatever follows (RFC 6455
// §5.5.1). Owned by one goroutine at a time.
type Reader struct {
	open *fragments // nil: between messages
}

// fragments is a message whose last frame has not come.
type fragments struct {
	buf    []byte
	valid  int // text: buf[:valid] is UTF-8 and ends on a rune boundary
	count  int // frames so far, at least 1
	opcode Opcode
}

// Next consumes at most one frame from the start of b and returns its size.
//
// n is 0 when the frame is not all there: [Reader.Need] then says how many bytes
// must be. Nothing of b was changed, so it can be shown again with more behind
// it. When n is positive, b[:n] was unmasked in place and must not be shown
// again. m.Opcode is [Continuation] unless the frame completed a message;
// control frames come out in between the fragments of one (RFC 6455 §5.4).
//
// The payload of a control frame and of a message in a single frame is borrowed
// from b. That of a fragmented message is the caller's own.
//
// A *[Error] comes as soon as the header shows it, before the payload is there:
// 1002 for a breach of framing, an unmasked frame (§5.1) or a reserved bit; 1009
// and 1008 for lim, which must not be nil. Text that is not UTF-8 is refused with
// 1007 at the end of the frame that spoils it (§8.1). n is then 0. The payload
// of a Close message is for [ParseClose] to judge.
func (r *Reader) Next(b []byte, lim *Limits) (m Message, n int, err error) {
	h, n, err := ParseHeader(b)
	if n == 0 {
		return Message{}, 0, err
	}
	// §5.2: no extension was negotiated that gives these bits a meaning.
	if h.Rsv != 0 {
		return Message{}, 0, errReservedBits
	}
	// §5.1: a server must not accept an unmasked frame.
	if !h.Masked {
		return Message{}, 0, errUnmasked
	}
	if !h.Opcode.IsControl() {
		if err := r.admit(&h, lim); err != nil {
			return Message{}, 0, err
		}
	}
	if h.Length > uint64(len(b)-n) {
		return Message{}, 0, nil
	}

	end := n + int(h.Length)
	payload := b[n:end:end]
	Unmask(payload, h.Mask, 0)
	if !h.Opcode.IsControl() && (r.open != nil || !h.Fin) {
		m, err = r.fragment(&h, payload)
	} else {
		if h.Opcode == Text && !utf8.Valid(payload) {
			return Message{}, 0, errInvalidUTF8
		}
		m = Message{h.Opcode, payload}
	}
	if err != nil {
		return Message{}, 0, err
	}
	return m, end, nil
}

// admit judges the header of a data frame against the message that is open and
// the limits.
func (r *Reader) admit(h *Header, lim *Limits) error {
	size, count := h.Length, 1
	if r.open == nil {
		if h.Opcode == Continuation {
			return errUnexpectedContinuation
		}
	} else {
		// §5.4: messages do not interleave.
		if h.Opcode != Continuation {
			return errExpectedContinuation
		}
		// No overflow: length is below 1<<63, and so is what a slice holds.
		size += uint64(len(r.open.buf))
		count += r.open.count
	}
	if size > maxLength || lim.MessageBytes > 0 && size > uint64(lim.MessageBytes) {
		return errMessageTooBig
	}
	if lim.Fragments > 0 && count > lim.Fragments {
		return errTooManyFragments
	}
	return nil
}

// fragment adds an unmasked payload to the open message, or opens one.
func (r *Reader) fragment(h *Header, payload []byte) (Message, error) {
	f := r.open
	if f == nil {
		f = &fragments{opcode: h.Opcode}
		r.open = f
	}
	f.buf = append(f.buf, payload...)
	f.count++
	if f.opcode == Text {
		var ok bool
		if f.valid, ok = validPrefix(f.buf, f.valid); !ok || h.Fin && f.valid < len(f.buf) {
			return Message{}, errInvalidUTF8
		}
	}
	if !h.Fin {
		return Message{}, nil
	}
	r.open = nil
	return Message{f.opcode, f.buf}, nil
}

// Need returns how many bytes from the start of the frame at b must be there
// before calling [Reader.Next] again makes sense, given that it has just consumed
// nothing of b and returned no error. While the header is cut short it asks for
// the header only; so it may have to be asked twice for a frame.
func (r *Reader) Need(b []byte) int {
	h, n, _ := ParseHeader(b)
	if n > 0 {
		// Next has refused what does not fit, unless the caller did not ask it.
		return n + int(min(h.Length, maxLength))
	}
	if len(b) < 2 {
		return 2
	}
	n = 2
	switch b[1] & 0x7f {
	case 126:
		n = 4
	case 127:
		n = 10
	}
	if b[1]&maskBit != 0 {
		n += 4
	}
	return n
}

// Open reports whether a fragmented message is being assembled: the caller may
// want to bound for how long.
func (r *Reader) Open() bool { return r.open != nil }
