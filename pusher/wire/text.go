package wire

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"
)

func hasEscape(span []byte) bool { return bytes.IndexByte(span, '\\') >= 0 }

// isString reports whether value is a string token.
func isString(value []byte) bool { return len(value) >= 2 && value[0] == '"' }

// isNull reports whether value is the literal null.
func isNull(value []byte) bool { return string(value) == "null" }

// copiedText returns the text of a string token as a string of its own.
func copiedText(token []byte) string {
	span := token[1 : len(token)-1]
	if !hasEscape(span) {
		return string(span)
	}
	return string(appendText(make([]byte, 0, len(span)), span))
}

// borrowedText returns the text of a string token as a string that shares token's bytes when nothing needs decoding.
// It must not outlive them.
func borrowedText(token []byte) string {
	span := token[1 : len(token)-1]
	if !hasEscape(span) {
		return unsafe.String(unsafe.SliceData(span), len(span))
	}
	return string(appendText(make([]byte, 0, len(span)), span))
}

// bytesOf returns the bytes of s, shared; nobody may write to them.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// appendText appends the text of span, the inside of a string token. Halves of surrogate pairs without their partner
// become U+FFFD, as they do in encoding/json.
func appendText(dst, span []byte) []byte {
	for len(span) > 0 {
		i := bytes.IndexByte(span, '\\')
		if i < 0 {
			return append(dst, span...)
		}
		dst = append(dst, span[:i]...)
		r, n := decodeEscape(span[i:])
		dst = utf8.AppendRune(dst, r)
		span = span[i+n:]
	}
	return dst
}

// DecodedLen returns how many bytes of UTF-8 the text of a JSON string token has, without decoding it: an escape counts
// as what it stands for, a surrogate pair as four bytes. The quotes do not count. It is what Pusher's limit on data is
// measured in. token must be valid JSON; anything shorter than two quotes gives 0.
func DecodedLen(token []byte) int {
	if !isString(token) {
		return 0
	}
	span := token[1 : len(token)-1]
	total := 0
	for len(span) > 0 {
		i := bytes.IndexByte(span, '\\')
		if i < 0 {
			return total + len(span)
		}
		r, n := decodeEscape(span[i:])
		total += i + utf8.RuneLen(r)
		span = span[i+n:]
	}
	return total
}

// decodeEscape returns the character of the escape b begins with and the length of that escape, at least 1.
func decodeEscape(b []byte) (r rune, n int) {
	if len(b) < 2 {
		return utf8.RuneError, len(b)
	}
	switch c := b[1]; c {
	case 'b':
		return '\b', 2
	case 'f':
		return '\f', 2
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't':
		return '\t', 2
	case 'u':
	default:
		return rune(c), 2
	}
	r, ok := hex4(b)
	if !ok {
		return utf8.RuneError, 2
	}
	if !utf16.IsSurrogate(r) {
		return r, 6
	}
	if low, ok := hex4(b[6:]); ok {
		if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
			return pair, 12
		}
	}
	return utf8.RuneError, 6
}

// hex4 returns the number in the escape \uXXXX that b begins with.
func hex4(b []byte) (r rune, ok bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	for _, c := range b[2:6] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}
