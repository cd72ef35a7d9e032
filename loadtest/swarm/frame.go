package swarm

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
)

// RFC 6455 §5.2.
const (
	opText  = 1
	opClose = 8
	opPing  = 9
	opPong  = 10
)

// maxFrameBytes is the longest frame taken from a server. The roster of a large presence channel is
// the longest that is to be expected.
const maxFrameBytes = 8 << 20

var (
	errMasked     = errors.New("a masked frame from the server")
	errFragmented = errors.New("a fragmented message from the server")
	errCompressed = errors.New("a frame with RSV bits, though no extension was agreed")
	errTooLong    = errors.New("a frame of more than 8 MiB from the server")
)

// nextFrame parses the first frame of b as a server sends it: whole messages, neither masked nor
// compressed. The payload is borrowed from b. n is the length of the frame, 0 when b does not hold
// all of it yet.
func nextFrame(b []byte) (op byte, payload []byte, n int, err error) {
	if len(b) < 2 {
		return 0, nil, 0, nil
	}
	length, head := uint64(b[1]), 2
	switch {
	case b[1] < 126:
	case b[1] == 126:
		if len(b) < 4 {
			return 0, nil, 0, nil
		}
		length, head = uint64(binary.BigEndian.Uint16(b[2:])), 4
	case b[1] == 127:
		if len(b) < 10 {
			return 0, nil, 0, nil
		}
		length, head = binary.BigEndian.Uint64(b[2:]), 10
	default:
		return 0, nil, 0, errMasked
	}
	switch {
	case b[0]&0x70 != 0:
		return 0, nil, 0, errCompressed
	case b[0]&0x80 == 0 || b[0]&0x0f == 0:
		return 0, nil, 0, errFragmented
	case length > maxFrameBytes:
		return 0, nil, 0, errTooLong
	}
	if uint64(len(b)-head) < length {
		return 0, nil, 0, nil
	}
	n = head + int(length)
	return b[0] & 0x0f, b[head:n:n], n, nil
}

// appendFrame appends a client's frame: masked, as RFC 6455 §5.3 demands.
func appendFrame(dst []byte, op byte, payload []byte) []byte {
	dst = append(dst, 0x80|op)
	switch n := len(payload); {
	case n < 126:
		dst = append(dst, 0x80|byte(n))
	case n <= 0xffff:
		dst = binary.BigEndian.AppendUint16(append(dst, 0x80|126), uint16(n))
	default:
		dst = binary.BigEndian.AppendUint64(append(dst, 0x80|127), uint64(n))
	}
	var key [4]byte
	binary.LittleEndian.PutUint32(key[:], rand.Uint32())
	dst = append(dst, key[:]...)
	start := len(dst)
	dst = append(dst, payload...)
	for i := range dst[start:] {
		dst[start+i] ^= key[i&3]
	}
	return dst
}
