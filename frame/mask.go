package frame

import (
	"encoding/binary"
	"math/bits"

	"github.com/gobwas/ws"
)

// cipherFrom is the size from which the SIMD of ws.Cipher repays its set-up
// (BenchmarkUnmask).
const cipherFrom = 256

// Unmask applies the masking key to b in place; as masking is an exclusive or,
// it also masks (RFC 6455 §5.3).
//
// offset, not negative, is the position of b[0] in the frame's payload. Doing
// the same bytes twice undoes it: call it only for bytes that are consumed now.
// b is borrowed. Any goroutine.
func Unmask(b []byte, key [4]byte, offset int) {
	if len(b) >= cipherFrom {
		ws.Cipher(b, key, offset)
		return
	}
	// Little endian puts key[0] in the lowest byte, where the word's first byte
	// is too; turning right by offset bytes puts key[offset%4] there.
	k := bits.RotateLeft32(binary.LittleEndian.Uint32(key[:]), -8*(offset&3))
	kk := uint64(k)<<32 | uint64(k)
	for len(b) >= 32 {
		w := b[:32]
		binary.LittleEndian.PutUint64(w[0:], binary.LittleEndian.Uint64(w[0:])^kk)
		binary.LittleEndian.PutUint64(w[8:], binary.LittleEndian.Uint64(w[8:])^kk)
		binary.LittleEndian.PutUint64(w[16:], binary.LittleEndian.Uint64(w[16:])^kk)
		binary.LittleEndian.PutUint64(w[24:], binary.LittleEndian.Uint64(w[24:])^kk)
		b = b[32:]
	}
	for len(b) >= 8 {
		binary.LittleEndian.PutUint64(b, binary.LittleEndian.Uint64(b)^kk)
		b = b[8:]
	}
	for i := range b {
		b[i] ^= byte(kk >> (8 * i))
	}
}
