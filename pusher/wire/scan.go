package wire

import "bytes"

// The scanner below splits a JSON value that valid has accepted into the spans of its parts. On anything else its
// spans mean nothing, but it never reads outside the slice and always comes to an end.

// members walks the members of an object in order of appearance.
type members struct {
	b []byte
	i int // behind the brace or comma before the next member

	key   []byte // between the quotes, escapes not decoded
	value []byte // without the blanks around it, never empty
}

// objectMembers starts a walk; ok is false when b is no object.
func objectMembers(b []byte) (m members, ok bool) {
	i := skipBlanks(b, 0)
	if i == len(b) || b[i] != '{' {
		return m, false
	}
	return members{b: b, i: i + 1}, true
}

// next moves to the next member.
func (m *members) next() bool {
	i := skipBlanks(m.b, m.i)
	if i < len(m.b) && m.b[i] == ',' {
		i = skipBlanks(m.b, i+1)
	}
	if i == len(m.b) || m.b[i] != '"' {
		return false
	}
	end := stringEnd(m.b, i)
	if end-i < 2 {
		return false
	}
	m.key = m.b[i+1 : end-1]
	i = skipBlanks(m.b, end)
	if i == len(m.b) || m.b[i] != ':' {
		return false
	}
	i = skipBlanks(m.b, i+1)
	m.i = valueEnd(m.b, i)
	m.value = m.b[i:m.i:m.i]
	return m.i > i
}

// name returns the decoded key. It is m.key itself or a part of scratch, which is where the rare key with escapes goes.
func (m *members) name(scratch []byte) []byte {
	if !hasEscape(m.key) {
		return m.key
	}
	return appendText(scratch[:0], m.key)
}

// elements walks the elements of an array.
type elements struct {
	b []byte
	i int

	value []byte // without the blanks around it, never empty
}

// arrayElements starts a walk; ok is false when b is no array.
func arrayElements(b []byte) (e elements, ok bool) {
	i := skipBlanks(b, 0)
	if i == len(b) || b[i] != '[' {
		return e, false
	}
	return elements{b: b, i: i + 1}, true
}

// next moves to the next element.
func (e *elements) next() bool {
	i := skipBlanks(e.b, e.i)
	if i < len(e.b) && e.b[i] == ',' {
		i = skipBlanks(e.b, i+1)
	}
	e.i = valueEnd(e.b, i)
	e.value = e.b[i:e.i:e.i]
	return e.i > i
}

// skipBlanks returns the index of the first byte at or behind i that is no JSON whitespace.
func skipBlanks(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\r' || b[i] == '\t') {
		i++
	}
	return i
}

// valueEnd returns the index behind the value that begins at b[i]; i itself when none does.
func valueEnd(b []byte, i int) int {
	if i == len(b) {
		return i
	}
	switch b[i] {
	case '"':
		return stringEnd(b, i)
	case '{', '[':
		return nestedEnd(b, i)
	}
	for i < len(b) && !endsLiteral(b[i]) {
		i++
	}
	return i
}

// endsLiteral reports whether c cannot be part of a number, true, false or null.
func endsLiteral(c byte) bool {
	switch c {
	case ',', '}', ']', ':', '"', ' ', '\n', '\r', '\t':
		return true
	}
	return false
}

// nestedEnd returns the index behind the object or array that begins at b[i]. It need not tell braces from brackets,
// since valid has seen to it that they match.
func nestedEnd(b []byte, i int) int {
	depth := 0
	for i < len(b) {
		switch b[i] {
		case '"':
			i = stringEnd(b, i)
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
		i++
	}
	return i
}

// stringEnd returns the index behind the closing quote of the string whose opening quote is b[i]: the first quote with
// an even number of backslashes before it.
func stringEnd(b []byte, i int) int {
	first := i + 1
	for i = first; ; {
		n := bytes.IndexByte(b[i:], '"')
		if n < 0 {
			return len(b)
		}
		i += n + 1
		escapes := i - 2
		for escapes >= first && b[escapes] == '\\' {
			escapes--
		}
		if (i-escapes)%2 == 0 {
			return i
		}
	}
}
