package wire

import (
	"bytes"
	"encoding/binary"
	"unicode/utf8"

	"github.com/bytedance/sonic"
)

// MaxDepth is how many arrays and objects may lie inside each other in anything that is parsed. Data inside a JSON
// string does not count, it is text.
const MaxDepth = 32

// valid checks that b is one JSON value as RFC 8259 has it, and not nested deeper than MaxDepth. UTF-8 is not checked:
// the text of a WebSocket message has been (RFC 6455 §8.1), for other sources see validUTF8.
func valid(b []byte) error {
	if !plain(b) {
		// First, so that the depth is bounded before any other code walks b.
		if err := checkStrings(b); err != nil {
			return err
		}
	}
	// This is the only call of sonic in the program: it is two to six times as fast as encoding/json, but it has no
	// native code for Go versions it does not know, and then falls back to encoding/json by itself. It checks
	// everything but the inside of strings, where it lets raw control characters and unknown escapes pass.
	if !sonic.Valid(b) {
		return errNotJSON
	}
	return nil
}

// validUTF8 is valid for bytes nobody has looked at before, such as a request body.
func validUTF8(b []byte) error {
	if !utf8.Valid(b) {
		return errNotUTF8
	}
	return valid(b)
}

// plain reports whether b has so little in it that checkStrings could find nothing wrong: no escape, no byte below
// space and no more brackets than MaxDepth. Most frames from clients are like that, and this runs at many bytes per
// nanosecond.
func plain(b []byte) bool {
	return bytes.IndexByte(b, '\\') < 0 && !hasControl(b) &&
		bytes.Count(b, openBrace)+bytes.Count(b, openBracket) <= MaxDepth
}

var (
	openBrace   = []byte("{")
	openBracket = []byte("[")
)

// hasControl reports whether b holds a byte below 0x20, looking at eight at a time: subtracting borrows into the top
// bit of a byte that is smaller, and masking with ^w drops the bytes that had it set before.
func hasControl(b []byte) bool {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	for ; len(b) >= 8; b = b[8:] {
		w := binary.LittleEndian.Uint64(b)
		if (w-0x20*ones)&^w&tops != 0 {
			return true
		}
	}
	for _, c := range b {
		if c < 0x20 {
			return true
		}
	}
	return false
}

// checkStrings refuses what sonic.Valid lets pass: raw control characters and unknown escapes in strings (RFC 8259 §7),
// and nesting beyond MaxDepth. On bytes that are no JSON its verdict means nothing, but it is safe.
func checkStrings(b []byte) error {
	depth := 0
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '{', '[':
			if depth++; depth > MaxDepth {
				return errTooDeep
			}
		case '}', ']':
			depth--
		case '"':
			if i = checkString(b, i+1); i < 0 {
				return errNotJSON
			}
		}
	}
	return nil
}

// checkString returns the index of the quote that ends the string whose first character is b[i], or -1.
func checkString(b []byte, i int) int {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	for i < len(b) {
		// Skip eight bytes at a time as long as none is a quote, a backslash or below space; the method is that of
		// hasControl, where a byte equal to c is one that is below 1 after xor with c.
		for i+8 <= len(b) {
			w := binary.LittleEndian.Uint64(b[i:])
			quote, backslash := w^'"'*ones, w^'\\'*ones
			if ((w-0x20*ones)&^w|(quote-ones)&^quote|(backslash-ones)&^backslash)&tops != 0 {
				break
			}
			i += 8
		}
		if i == len(b) {
			return -1
		}
		switch c := b[i]; {
		case c == '"':
			return i
		case c < 0x20:
			return -1
		case c != '\\':
			i++
		default:
			n := escapeLen(b[i:])
			if n == 0 {
				return -1
			}
			i += n
		}
	}
	return -1
}

// escapeLen returns the length of the escape b begins with, 0 when it is none that RFC 8259 §7 knows.
func escapeLen(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if _, ok := hex4(b); ok {
			return 6
		}
	}
	return 0
}
