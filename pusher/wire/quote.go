package wire

import (
	"slices"
	"unicode/utf8"
)

// AppendQuoted appends s as a JSON string token. It escapes what RFC 8259 §7 demands and no more, so that sizes stay
// honest and <, >, & stay readable; bytes that are not UTF-8 become \ufffd each.
func AppendQuoted[S string | []byte](dst []byte, s S) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			// A conversion of at most four bytes stays on the stack.
			r, n := utf8.DecodeRuneInString(string(s[i:min(i+utf8.UTFMax, len(s))]))
			if r == utf8.RuneError && n == 1 {
				dst = append(dst, s[start:i]...)
				dst = append(dst, `\ufffd`...)
				start = i + 1
			}
			i += n
			continue
		}
		if c >= ' ' && c != '"' && c != '\\' {
			i++
			continue
		}
		dst = append(dst, s[start:i]...)
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\b':
			dst = append(dst, '\\', 'b')
		case '\f':
			dst = append(dst, '\\', 'f')
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
		i++
		start = i
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}

// AppendDataToken appends raw, any valid JSON value, as the JSON string token that carries it in an event: a string is
// copied as it came, anything else becomes the text of itself, byte for byte.
func AppendDataToken(dst, raw []byte) []byte {
	if isString(raw) {
		return append(dst, raw...)
	}
	return AppendQuoted(dst, raw)
}

// escapeFrom turns dst[from:], a JSON text, into the inside of a string token that holds this text. It works in place:
// each quote, backslash and line break between tokens grows by exactly one byte, so the text is counted once and then
// moved from its end.
func escapeFrom(dst []byte, from int) []byte {
	more := 0
	for _, c := range dst[from:] {
		if escaped(c) != 0 {
			more++
		}
	}
	if more == 0 {
		return dst
	}
	read := len(dst)
	dst = slices.Grow(dst, more)[:read+more]
	for write := len(dst); write > read; {
		read--
		c := dst[read]
		write--
		if e := escaped(c); e != 0 {
			dst[write] = e
			write--
			c = '\\'
		}
		dst[write] = c
	}
	return dst
}

// escaped returns what follows the backslash when c is escaped, 0 when c stands for itself. A JSON text holds no other
// control characters than these three.
func escaped(c byte) byte {
	switch c {
	case '"', '\\':
		return c
	case '\n':
		return 'n'
	case '\r':
		return 'r'
	case '\t':
		return 't'
	}
	return 0
}
