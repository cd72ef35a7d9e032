package frame

import "slices"

// HeaderRoom is the space before the payload that [Prepare] needs: the longest
// header of an unmasked frame, in bytes.
const HeaderRoom = 10

// NewBuffer returns a buffer to append a payload to and give to [Prepare]: its
// length is [HeaderRoom], and there is room for capacity bytes before it grows.
// The buffer is the caller's own. Any goroutine.
func NewBuffer(capacity int) []byte {
	return make([]byte, HeaderRoom, HeaderRoom+capacity)
}

// A Prepared is a message encoded once for all subscribers: one whole unmasked
// frame. It is immutable and may be shared freely, but for its twin. Any goroutine.
//
// It takes 48 bytes beside its frame; there is one for each message published.
type Prepared struct {
	frame  []byte
	plain  uint32 // length of frame had nothing been compressed
	more   uint16 // frames behind the first one, see Concat
	header uint8  // bytes of frame before the payload

	// twin is the same message compressed, once somebody has wanted it; see SetTwin.
	twin *Prepared

	label *label // nil: nobody may leave it out; see Flow
}

// Prepare makes a final frame of buf, which [NewBuffer] returned and to which the
// payload was appended. The header is right-aligned in front of the payload;
// nothing is copied, and only the Prepared itself is allocated.
//
// A text payload must be UTF-8; that is not checked. It panics when buf is
// shorter than [HeaderRoom] and when a control payload exceeds
// [MaxControlPayload]. buf is taken. Any goroutine.
func Prepare(op Opcode, buf []byte) *Prepared { return prepare(Header{Fin: true, Opcode: op}, buf) }

// PrepareDeflated is [Prepare] for a payload that is compressed (RFC 7692 §6.1). plain is how many bytes the
// frame would have otherwise. The result is its own twin. Any goroutine.
func PrepareDeflated(op Opcode, buf []byte, plain int) *Prepared {
	p := prepare(Header{Fin: true, Opcode: op, Rsv: Rsv1}, buf)
	p.plain, p.twin = uint32(plain), p
	return p
}

func prepare(h Header, buf []byte) *Prepared {
	p := new(Prepared)
	p.fill(h, buf)
	return p
}

// fill makes p the frame of buf.
func (p *Prepared) fill(h Header, buf []byte) {
	if len(buf) < HeaderRoom {
		panic("frame: Prepare needs a buffer from NewBuffer")
	}
	length := len(buf) - HeaderRoom
	if h.Opcode.IsControl() && length > MaxControlPayload {
		panic("frame: control payload too long")
	}
	header := 10
	switch {
	case length <= 125:
		header = 2
	case length <= 0xffff:
		header = 4
	}
	start := HeaderRoom - header
	h.Length = uint64(length)
	AppendHeader(buf[:start], h)
	// The capacity is cut so that appending to what is shared cannot write into it.
	p.frame = buf[start:len(buf):len(buf)]
	p.plain, p.header = uint32(len(p.frame)), uint8(header)
}

// PrepareClose returns the close frame of [AppendClose], for sending to many.
// Any goroutine.
func PrepareClose(code CloseCode, reason string) *Prepared {
	f := AppendClose(nil, code, reason)
	return &Prepared{frame: f, plain: uint32(len(f)), header: 2}
}

// Concat returns the frames one after the other in one piece, for sending them together to
// many; their order is kept. There is at least one, and 65,536 at most. Bytes and Len are about all of them, Payload
// has no meaning. frames is borrowed. Any goroutine.
func Concat(frames []*Prepared) *Prepared {
	if len(frames) == 1 {
		return frames[0]
	}
	size, plain, count, labelled := 0, 0, 0, false
	for _, f := range frames {
		size += f.Len()
		plain += f.Plain()
		count += f.Count()
		labelled = labelled || f.label != nil
	}
	if count > 1<<16 {
		panic("frame: too many frames in one piece")
	}
	all := make([]byte, 0, size)
	for _, f := range frames {
		all = append(all, f.frame...)
	}
	p := &Prepared{frame: all, plain: uint32(plain), more: uint16(count - 1)}
	if labelled {
		p.label = &label{parts: slices.Clone(frames)}
	}
	return p
}

// Count returns how many frames Bytes holds: 1 unless p is the result of [Concat]. Any
// goroutine.
func (p *Prepared) Count() int { return int(p.more) + 1 }

// Opcode returns that of the frame, and [Continuation] for several frames in one piece. Any goroutine.
func (p *Prepared) Opcode() Opcode {
	if p.more > 0 {
		return Continuation
	}
	return Opcode(p.frame[0] & 0x0f)
}

// Plain returns what Len would be had nothing been compressed. Any goroutine.
func (p *Prepared) Plain() int { return int(p.plain) }

// Twin returns what SetTwin was given, nil before that. Guarded by whoever calls SetTwin.
func (p *Prepared) Twin() *Prepared { return p.twin }

// SetTwin keeps the compressed form of p with it, so that it is made once for all subscribers; p itself
// when there is none worth sending. Loops share p and this package has no locks, so that all who call
// Twin and SetTwin must have agreed on one (see engine.Loop.Deflated).
func (p *Prepared) SetTwin(twin *Prepared) {
	if p.twin = twin; twin != nil && twin != p {
		twin.label = p.label // before anybody else sees it
	}
}

// Bytes returns the whole frame. Shared. Any goroutine.
func (p *Prepared) Bytes() []byte { return p.frame }

// Payload returns the frame without its header. Shared. Any goroutine.
func (p *Prepared) Payload() []byte { return p.frame[p.header:] }

// Len returns len(p.Bytes()). Any goroutine.
func (p *Prepared) Len() int { return len(p.frame) }

// PrepareRaw returns b as if it were a frame, for bytes that must leave in front of
// one, such as the response to the handshake. b is taken. Any goroutine.
func PrepareRaw(b []byte) *Prepared { return &Prepared{frame: b, plain: uint32(len(b))} }
