package handshake

import (
	"bytes"
	"encoding/binary"
)

// nextItem splits a comma-separated list (RFC 9110 §5.6.1) after its first item,
// which is trimmed and may be empty.
func nextItem(list []byte) (item, rest []byte) {
	if i := bytes.IndexByte(list, ','); i >= 0 {
		return trim(list[:i]), list[i+1:]
	}
	return trim(list), nil
}

// lists reports whether a list has the token, which is lower case, in any case.
func lists(list []byte, token string) bool {
	for len(list) > 0 {
		var item []byte
		item, list = nextItem(list)
		if equalFold(item, token) {
			return true
		}
	}
	return false
}

// trim cuts optional white space, SP and HTAB (RFC 9110 §5.6.3), off both ends.
func trim(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}

// equalFold compares b with lower, of lower-case letters and hyphens. No other
// byte of a token becomes one of those when bit 0x20 is set.
func equalFold(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	const bits = 0x20 * eachByte
	for len(b) >= 8 {
		if binary.LittleEndian.Uint64(b)|bits != word(lower) {
			return false
		}
		b, lower = b[8:], lower[8:]
	}
	for i, c := range b {
		if c|0x20 != lower[i] {
			return false
		}
	}
	return true
}

// word is LittleEndian.Uint64 of a string; it compiles to one load as well.
func word(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}
