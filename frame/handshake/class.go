package handshake

import "encoding/binary"

const (
	tokenChar  = 1 << iota // RFC 9110 §5.6.2
	base64Char             // RFC 4648 §4, without the pad
	targetChar             // any visible byte; those above 0x7f are left for the HTTP server to judge
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
	for c := 0x21; c <= 0xff; c++ {
		if c != 0x7f {
			t[c] |= targetChar
		}
	}
	return t
}()

const (
	eachByte = 0x0101010101010101
	topBits  = 0x80 * eachByte
)

// printable reports whether b has no control byte but HTAB (RFC 9110 §5.5).
func printable(b []byte) bool {
	for len(b) >= 8 {
		w := binary.LittleEndian.Uint64(b)
		del := w ^ 0x7f*eachByte
		// The usual tricks for "some byte below 0x20" and "some byte 0": they find
		// a HTAB too, which the slow way allows.
		if ((w-0x20*eachByte)&^w|(del-eachByte)&^del)&topBits != 0 && !printableSlow(b[:8]) {
			return false
		}
		b = b[8:]
	}
	return printableSlow(b)
}

func printableSlow(b []byte) bool {
	for _, c := range b {
		if c < 0x20 && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}
