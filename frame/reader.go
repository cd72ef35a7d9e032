package frame

import (
	"math"
	"unicode/utf8"
)

// A Message is one whole reassembled message, or a control frame.
type Message struct {
	Opcode   Opcode // Text, Binary, Close, Ping or Pong; Continuation: none complete yet
	Deflated bool   // compressed (RFC 7692 §6): the payload is to be inflated, and then judged, by the caller
	Payload  []byte // unmasked; see Reader.Next for whose it is
}

// Limits bound what one message may cost. Many connections may share one value,
// which nobody changes.
type Limits struct {
	MessageBytes int // payload of a text or binary message, all fragments together; 0: no limit
	Fragments    int // frames of a fragmented message, empty ones too; 0: no limit

	// Deflate says that permessage-deflate was agreed on, so that RSV1 marks a message as
	// compressed. Compressed it may be a little longer than MessageBytes: what does not get
	// smaller gets larger.
	Deflate bool
}

// maxLength keeps header plus payload within an int, even when MessageBytes is 0.
const maxLength = math.MaxInt - 14

// A Reader is the inbound state of one connection. Its zero value is ready.
//
// It is one pointer, nil except while a message is being put together: in fragments,
// or of a frame that is not all there. After an error it must not be used again: the
// connection is to be failed. After a Close message the caller should discard
// whatever follows (RFC 6455 §5.5.1). Owned by one goroutine at a time.
type Reader struct {
	open *partial // nil: between messages
}

// A partial is a message of which something is missing.
type partial struct {
	buf      []byte // payload so far, unmasked
	valid    int    // text: buf[:valid] is UTF-8 and ends on a rune boundary
	count    int    // frames so far, at least 1
	left     int    // bytes still to come of the frame at hand
	key      [4]byte
	keyAt    int // bytes of the frame at hand that have come
	opcode   Opcode
	deflated bool
	fin      bool // the frame at hand is the last
}

// Next consumes at most one frame from the start of b and returns its size.
//
// Of a data frame that is not all there it takes what is, so that text can be refused
// at the first byte that spoils it, and no byte is looked at twice however many reads
// it takes. n is 0 when b holds less than a header, or part of a control frame:
// [Reader.Need] then says how many bytes must be there, and nothing of b was changed,
// so it can be shown again with more behind it. When n is positive, b[:n] was unmasked
// in place and must not be shown again. m.Opcode is [Continuation] unless a message is
// complete; control frames come out in between the fragments of one (RFC 6455 §5.4).
//
// The payload of a control frame, and of a message in a single frame that was there
// at once, is borrowed from b. Any other is the caller's own.
//
// A *[Error] comes as soon as the header shows it, before the payload is there:
// 1002 for a breach of framing, an unmasked frame (§5.1) or a reserved bit; 1009
// and 1008 for lim, which must not be nil. Text that is not UTF-8 is refused with
// 1007 as soon as nothing could follow to make it so (§8.1). n is then 0. What is
// deflated is not looked into, and the payload of a Close message is for [ParseClose].
func (r *Reader) Next(b []byte, lim *Limits) (m Message, n int, err error) {
	if r.open != nil && r.open.left > 0 {
		return r.more(b)
	}
	h, n, err := ParseHeader(b)
	if n == 0 {
		return Message{}, 0, err
	}
	// §5.2: reserved bits need an extension that gives them a meaning. RFC 7692 §6.1: RSV1
	// is on the first frame of a data message.
	if h.Rsv != 0 && (h.Rsv != Rsv1 || !lim.Deflate || h.Opcode != Text && h.Opcode != Binary) {
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
		if r.open != nil || !h.Fin || h.Length > uint64(len(b)-n) {
			return r.begin(&h, b, n)
		}
	}
	if h.Length > uint64(len(b)-n) {
		return Message{}, 0, nil
	}

	end := n + int(h.Length)
	payload := b[n:end:end]
	Unmask(payload, h.Mask, 0)
	if h.Opcode == Text && h.Rsv == 0 && !utf8.Valid(payload) {
		return Message{}, 0, errInvalidUTF8
	}
	return Message{h.Opcode, h.Rsv != 0, payload}, end, nil
}

// admit judges the header of a data frame against the message that is open and
// the limits.
func (r *Reader) admit(h *Header, lim *Limits) error {
	size, count, deflated := h.Length, 1, h.Rsv != 0
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
		deflated = r.open.deflated
	}
	most := uint64(maxLength)
	if lim.MessageBytes > 0 {
		most = uint64(lim.MessageBytes)
		if deflated {
			// RFC 1951 §3.2.4: bytes that do not compress go into blocks of up to 65535, with 5 in
			// front. Encoders make them as small as 4 KiB.
			most += most>>9 + 16
		}
	}
	if size > most {
		return errMessageTooBig
	}
	if lim.Fragments > 0 && count > lim.Fragments {
		return errTooManyFragments
	}
	return nil
}

// begin opens a message with a data frame, or goes on with the next one, and takes of its
// payload, which starts at b[at], what is there.
func (r *Reader) begin(h *Header, b []byte, at int) (m Message, n int, err error) {
	if r.open == nil {
		r.open = &partial{opcode: h.Opcode, deflated: h.Rsv != 0}
	}
	f := r.open
	f.count++
	f.left, f.key, f.keyAt, f.fin = int(h.Length), h.Mask, 0, h.Fin
	m, n, err = r.more(b[at:])
	if err != nil {
		return Message{}, 0, err
	}
	return m, at + n, nil
}

// more takes from b what it has of the frame at hand.
func (r *Reader) more(b []byte) (m Message, n int, err error) {
	f := r.open
	b = b[:min(len(b), f.left)]
	Unmask(b, f.key, f.keyAt)
	f.add(b)
	f.keyAt += len(b)
	f.left -= len(b)
	whole := f.fin && f.left == 0
	if f.opcode == Text && !f.deflated {
		var ok bool
		if f.valid, ok = validPrefix(f.buf, f.valid); !ok || whole && f.valid < len(f.buf) {
			return Message{}, 0, errInvalidUTF8
		}
	}
	if !whole {
		return Message{}, len(b), nil
	}
	r.open = nil
	return Message{f.opcode, f.deflated, f.buf}, len(b), nil
}

// add appends b, which is not counted off left yet. The buffer doubles when it is full, so that
// a header that announces much costs nothing until it comes, and grows no larger than the
// message once its end is in sight.
func (f *partial) add(b []byte) {
	have := len(f.buf)
	if need := have + len(b); need > cap(f.buf) {
		size := max(need, 2*cap(f.buf), 64)
		if f.fin {
			size = min(size, have+f.left)
		}
		f.buf = append(make([]byte, 0, size), f.buf...)
	}
	f.buf = append(f.buf, b...)
}

// Need returns how many bytes from the start of the frame at b must be there
// before calling [Reader.Next] again makes sense, given that it has just consumed
// nothing of b and returned no error. While the header is cut short it asks for
// the header only; so it may have to be asked twice for a frame.
func (r *Reader) Need(b []byte) int {
	h, n, _ := ParseHeader(b)
	if n > 0 {
		return n + int(h.Length) // a control frame, or Next would have taken what there is
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

// Open reports whether a message is being put together: the caller may want to bound
// for how long.
func (r *Reader) Open() bool { return r.open != nil }
