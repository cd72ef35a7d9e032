package frame

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
// frame. It is immutable and may be shared freely. Any goroutine.
type Prepared struct {
	frame  []byte
	header int // bytes of frame before the payload
	more   int // frames behind the first one, see Concat
}

// Prepare makes a final frame of buf, which [NewBuffer] returned and to which the
// payload was appended. The header is right-aligned in front of the payload;
// nothing is copied, and only the Prepared itself is allocated.
//
// A text payload must be UTF-8; that is not checked. It panics when buf is
// shorter than [HeaderRoom] and when a control payload exceeds
// [MaxControlPayload]. buf is taken. Any goroutine.
func Prepare(op Opcode, buf []byte) *Prepared {
	if len(buf) < HeaderRoom {
		panic("frame: Prepare needs a buffer from NewBuffer")
	}
	length := len(buf) - HeaderRoom
	if op.IsControl() && length > MaxControlPayload {
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
	AppendHeader(buf[:start], Header{Fin: true, Opcode: op, Length: uint64(length)})
	// The capacity is cut so that appending to what is shared cannot write into it.
	return &Prepared{frame: buf[start:len(buf):len(buf)], header: header}
}

// PrepareClose returns the close frame of [AppendClose], for sending to many.
// Any goroutine.
func PrepareClose(code CloseCode, reason string) *Prepared {
	return &Prepared{frame: AppendClose(nil, code, reason), header: 2}
}

// Concat returns the frames one after the other in one piece, for sending them together to
// many; their order is kept. There is at least one. Bytes and Len are about all of them, Payload
// has no meaning. frames is borrowed. Any goroutine.
func Concat(frames []*Prepared) *Prepared {
	if len(frames) == 1 {
		return frames[0]
	}
	size, count := 0, 0
	for _, f := range frames {
		size += f.Len()
		count += f.Count()
	}
	all := make([]byte, 0, size)
	for _, f := range frames {
		all = append(all, f.frame...)
	}
	return &Prepared{frame: all, more: count - 1}
}

// Count returns how many frames Bytes holds: 1 unless p is the result of [Concat]. Any
// goroutine.
func (p *Prepared) Count() int { return p.more + 1 }

// Bytes returns the whole frame. Shared. Any goroutine.
func (p *Prepared) Bytes() []byte { return p.frame }

// Payload returns the frame without its header. Shared. Any goroutine.
func (p *Prepared) Payload() []byte { return p.frame[p.header:] }

// Len returns len(p.Bytes()). Any goroutine.
func (p *Prepared) Len() int { return len(p.frame) }

// PrepareRaw returns b as if it were a frame, for bytes that must leave in front of
// one, such as the response to the handshake. b is taken. Any goroutine.
func PrepareRaw(b []byte) *Prepared { return &Prepared{frame: b} }
