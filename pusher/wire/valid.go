package wire

import (
	"encoding/binary"
	"unicode/utf8"
)

// LargestDepth is how many arrays and objects may lie inside each other in anything that is parsed, whatever depth the
// caller allows. Data inside a JSON string does not count, it is text.
const LargestDepth = 64

// valid checks that b is one JSON value as RFC 8259 has it, and not nested deeper than maxDepth, where 0 stands for
// LargestDepth, as does what is more. It agrees with encoding/json in everything but the depth. UTF-8 is not checked:
// the text of a WebSocket message has been (RFC 6455 §8.1), for other sources see validUTF8.
//
// The road not taken is sonic.Valid, which is as fast, but lets raw control characters and unknown escapes pass in
// strings, and whose native code reads behind the end of its input: version 1.15.5 took "fal" and an open string of 32
// characters for JSON when the bytes in memory behind them happened to fit. This gate stands between hostile bytes and
// the frames of other clients, so it is made of checked Go.
func valid(b []byte, maxDepth int) error {
	if maxDepth <= 0 {
		maxDepth = LargestDepth
	}
	maxDepth = min(maxDepth, LargestDepth)
	var objects uint64 // a bit for each open bracket, the innermost lowest: 1 for an object
	depth := 0
	for i := 0; ; {
		if i = skipBlanks(b, i); i == len(b) {
			return errNotJSON
		}
		switch c := b[i]; c {
		case '{', '[':
			if depth == maxDepth {
				return errTooDeep
			}
			depth++
			objects <<= 1
			if c == '{' {
				objects |= 1
			}
			i = skipBlanks(b, i+1)
			if i < len(b) && (b[i] == '}' || b[i] == ']') {
				break // empty; closed below
			}
			if c == '{' {
				if i = checkKey(b, i); i < 0 {
					return errNotJSON
				}
			}
			continue
		case '"':
			i = checkString(b, i+1)
		default:
			i = checkLiteral(b, i)
		}
		if i < 0 {
			return errNotJSON
		}
		// Behind a value: close what ends here, until a comma promises another value.
		for {
			i = skipBlanks(b, i)
			if depth == 0 {
				if i < len(b) {
					return errNotJSON
				}
				return nil
			}
			if i == len(b) {
				return errNotJSON
			}
			c, object := b[i], objects&1 != 0
			i++
			if c == ',' {
				if object {
					if i = checkKey(b, skipBlanks(b, i)); i < 0 {
						return errNotJSON
					}
				}
				break
			}
			if object && c != '}' || !object && c != ']' {
				return errNotJSON
			}
			depth--
			objects >>= 1
		}
	}
}

// validUTF8 is valid for bytes nobody has looked at before, such as a request body.
func validUTF8(b []byte, maxDepth int) error {
	if !utf8.Valid(b) {
		return errNotUTF8
	}
	return valid(b, maxDepth)
}

// The check functions below return the index behind what they check, or -1.

// checkKey checks a member's name and colon, beginning at b[i].
func checkKey(b []byte, i int) int {
	if i == len(b) || b[i] != '"' {
		return -1
	}
	if i = checkString(b, i+1); i < 0 {
		return -1
	}
	i = skipBlanks(b, i)
	if i == len(b) || b[i] != ':' {
		return -1
	}
	return i + 1
}

// checkString checks the string whose first character is b[i], up to its closing quote: no raw control characters, and
// no escapes but those of RFC 8259 §7.
func checkString(b []byte, i int) int {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	for i < len(b) {
		// Skip eight bytes at a time as long as none is a quote, a backslash or below space. Subtracting borrows into
		// the top bit of a byte that is smaller, and &^ drops those that had it set before; a byte equal to c is one
		// that is below 1 after xor with c.
		for i+8 <= len(b) {
			w := binary.LittleEndian.Uint64(b[i:])
			quote, backslash := w^'"'*ones, w^'\\'*ones
			if ((w-' '*ones)&^w|(quote-ones)&^quote|(backslash-ones)&^backslash)&tops != 0 {
				break
			}
			i += 8
		}
		// At most eight bytes of the word that was not skipped, or the last few of b.
		for end := min(i+8, len(b)); i < end; {
			c := b[i]
			if c == '"' {
				return i + 1
			}
			if c < ' ' {
				return -1
			}
			if c != '\\' {
				i++
				continue
			}
			n := escapeLen(b[i:])
			if n == 0 {
				return -1
			}
			i += n
		}
	}
	return -1
}

// escapeLen returns the length of the escape b begins with, 0 when it is none.
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

// checkLiteral checks the number, true, false or null that begins at b[i].
func checkLiteral(b []byte, i int) int {
	word := ""
	switch b[i] {
	case 't':
		word = "true"
	case 'f':
		word = "false"
	case 'n':
		word = "null"
	default:
		return checkNumber(b, i)
	}
	if len(b)-i < len(word) || string(b[i:i+len(word)]) != word {
		return -1
	}
	return i + len(word)
}

// checkNumber follows the grammar of RFC 8259 §6.
func checkNumber(b []byte, i int) int {
	if b[i] == '-' {
		i++
	}
	// No leading zeros.
	if i < len(b) && b[i] == '0' {
		i++
	} else if i = checkDigits(b, i); i < 0 {
		return -1
	}
	if i < len(b) && b[i] == '.' {
		if i = checkDigits(b, i+1); i < 0 {
			return -1
		}
	}
	if i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		return checkDigits(b, i)
	}
	return i
}

// checkDigits checks that there is at least one.
func checkDigits(b []byte, i int) int {
	first := i
	for i < len(b) && '0' <= b[i] && b[i] <= '9' {
		i++
	}
	if i == first {
		return -1
	}
	return i
}
