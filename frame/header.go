package frame

import "encoding/binary"

// MaxControlPayload is the longest payload of a control frame, in bytes
// (RFC 6455 §5.5).
const MaxControlPayload = 125

const (
	finBit  = 0x80
	maskBit = 0x80
)

// The reserved bits of a [Header] (RFC 6455 §5.2). RFC 7692 §6 gives the first one a meaning: the
// message that the frame begins is compressed.
const (
	Rsv1 = 4
	Rsv2 = 2
	Rsv3 = 1
)

// A Header is everything of a frame that is not its payload.
type Header struct {
	Fin    bool
	Rsv    byte // three bits: Rsv1, Rsv2, Rsv3
	Opcode Opcode
	Masked bool
	Mask   [4]byte // masking key; meaningless unless Masked
	Length uint64  // payload bytes, below 1<<63
}

// ParseHeader reads the header at the start of b and returns it with its size,
// 2 to 14 bytes. When b holds too little to tell, n is 0 and err is nil.
//
// It refuses, with a *[Error] of code 1002, what no frame in either direction
// may have: a reserved opcode, a control frame that is fragmented or longer than
// [MaxControlPayload], a length with the top bit set or not in its shortest form
// (RFC 6455 §5.2, §5.5). Masking, reserved bits and the order of fragments
// depend on the connection and are [Reader]'s to judge. b is borrowed and keeps
// its contents. Any goroutine.
func ParseHeader(b []byte) (h Header, n int, err error) {
	if len(b) < 2 {
		return Header{}, 0, nil
	}
	b0, b1 := b[0], b[1]
	op := Opcode(b0 & 0x0f)
	if defined>>op&1 == 0 {
		return Header{}, 0, errReservedOpcode
	}
	length := uint64(b1 & 0x7f)
	if op.IsControl() {
		// §5.5: control frames carry at most 125 bytes and are never fragmented.
		if b0&finBit == 0 {
			return Header{}, 0, errFragmentedControl
		}
		if length > MaxControlPayload {
			return Header{}, 0, errControlTooLong
		}
	}

	n = 2
	switch length {
	case 126:
		if len(b) < 4 {
			return Header{}, 0, nil
		}
		length = uint64(binary.BigEndian.Uint16(b[2:]))
		if length < 126 {
			return Header{}, 0, errLengthNotMinimal
		}
		n = 4
	case 127:
		if len(b) < 10 {
			return Header{}, 0, nil
		}
		length = binary.BigEndian.Uint64(b[2:])
		// A top bit taken as a sign has crashed servers and slipped past their
		// size limits; it is looked at before anything is computed from length.
		if length>>63 != 0 {
			return Header{}, 0, errLengthTopBit
		}
		if length <= 0xffff {
			return Header{}, 0, errLengthNotMinimal
		}
		n = 10
	}

	if b1&maskBit != 0 {
		if len(b) < n+4 {
			return Header{}, 0, nil
		}
		h.Masked = true
		h.Mask = [4]byte(b[n:])
		n += 4
	}
	h.Fin = b0&finBit != 0
	h.Rsv = b0 >> 4 & 7
	h.Opcode = op
	h.Length = length
	return h, n, nil
}

// AppendHeader appends the wire form of h to dst and returns the extended slice.
//
// The length takes its shortest form, so it adds 2, 4 or 10 bytes, and 4 more
// when h.Masked (RFC 6455 §5.2). It checks nothing: h.Length must be below 1<<63.
// The payload is not written. dst is taken. Any goroutine.
func AppendHeader(dst []byte, h Header) []byte {
	b0 := h.Rsv&7<<4 | byte(h.Opcode)&0x0f
	if h.Fin {
		b0 |= finBit
	}
	var b1 byte
	if h.Masked {
		b1 = maskBit
	}
	switch {
	case h.Length <= 125:
		dst = append(dst, b0, b1|byte(h.Length))
	case h.Length <= 0xffff:
		dst = append(dst, b0, b1|126)
		dst = binary.BigEndian.AppendUint16(dst, uint16(h.Length))
	default:
		dst = append(dst, b0, b1|127)
		dst = binary.BigEndian.AppendUint64(dst, h.Length)
	}
	if h.Masked {
		dst = append(dst, h.Mask[:]...)
	}
	return dst
}
