package handshake

import (
	"encoding/binary"
	"math/bits"
)

const (
	tokenChar  = 1 << iota // RFC 9110 §5.6.2
	base64Char             // RFC 4648 §4, without the pad
)

// class tells what each byte may be part of.
var class = func() (t [256]uint8) {
	for c := '0'; c <= '9'; c++ {
		t[c] = tokenChar | base64Char
	}
	for c := 'a'; c <= 'z'; c++ {
		t[c] = tokenChar | base64Char
		t[c-0x20] = tokenChar | base64Char
	}
	for _, c := range "!#$%&'*+-.^_`|~" {
		t[c] |= tokenChar
	}
	t['+'] |= base64Char
	t['/'] |= base64Char
	return t
}()

const (
	eachByte = 0x0101010101010101
	topBits  = 0x80 * eachByte
)

// below sets the top bit of each byte of w that is less than n, at most 0x80. A
// byte above one it is right about may be set wrongly, so ask only for the lowest
// or for any.
func below(w uint64, n uint64) uint64 { return (w - n*eachByte) &^ w & topBits }

// del is below for bytes that are 0x7f.
func del(w uint64) uint64 { return below(w^0x7f*eachByte, 1) }

// controlIndex returns where the first control byte other than HTAB is: a field
// value ends there (RFC 9110 §5.5). It is len(b) when there is none.
func controlIndex(b []byte) int {
	i := 0
	for i+8 <= len(b) {
		w := binary.LittleEndian.Uint64(b[i:])
		hit := below(w, 0x20) | del(w)
		if hit == 0 {
			i += 8
			continue
		}
		i += bits.TrailingZeros64(hit) / 8
		if b[i] != '\t' {
			return i
		}
		i++
	}
	for i < len(b) && (b[i] >= 0x20 && b[i] != 0x7f || b[i] == '\t') {
		i++
	}
	return i
}

// visible reports whether b has no control byte and no space. Bytes above 0x7f
// pass: they are left for the HTTP server to judge.
func visible(b []byte) bool {
	for len(b) >= 8 {
		w := binary.LittleEndian.Uint64(b)
		if below(w, 0x21)|del(w) != 0 {
			return false
		}
		b = b[8:]
	}
	for _, c := range b {
		if c <= 0x20 || c == 0x7f {
			return false
		}
	}
	return true
}
