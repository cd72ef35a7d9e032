package deflate

import (
	"errors"
	"strconv"
)

// ErrMalformed says that a list of extensions is not one: the handshake must be refused (RFC 6455
// §9.1). Every error of [Negotiate] is it.
var ErrMalformed = errors.New("deflate: malformed list of extensions")

// MaxBits is the window of a connection that did not ask for a smaller one, as a power of two of
// bytes; minBits is the smallest that may be asked for (RFC 7692 §7.1.2).
const (
	MaxBits = 15
	minBits = 8
)

// name is the extension-token of RFC 7692 §7.
const name = "permessage-deflate"

// The parameters of RFC 7692 §7.1, as a set.
const (
	serverNoContextTakeover = 1 << iota
	clientNoContextTakeover
	serverMaxWindowBits
	clientMaxWindowBits
)

// An Agreement is what a handshake settles. The zero value is none: messages are not compressed.
type Agreement struct {
	// Bits is the window of what the server sends, 8 to 15; 0: the extension is not in use. Messages
	// longer than 1<<Bits are to be sent as they are.
	Bits uint8

	told bool // the client has named a window, so the answer must
}

// answers has the Sec-WebSocket-Extensions of the response by window, index 0 for clients that named none.
// Either side starts anew with each message; both parameters may be answered without having been
// offered (RFC 7692 §7.1.1). client_max_window_bits is left out, as any window of the client's will do.
var answers = func() (a [MaxBits + 1]string) {
	const base = name + "; server_no_context_takeover; client_no_context_takeover"
	a[0] = base
	for bits := minBits; bits <= MaxBits; bits++ {
		a[bits] = base + "; server_max_window_bits=" + strconv.Itoa(bits)
	}
	return a
}()

// Answer returns the value of the response's Sec-WebSocket-Extensions header, "" when the extension is
// not in use. Any goroutine.
func (a Agreement) Answer() string {
	switch {
	case a.Bits == 0:
		return ""
	case a.told:
		return answers[a.Bits]
	}
	return answers[0]
}

// Negotiate reads the Sec-WebSocket-Extensions of a request, several headers joined by commas, and
// accepts the first offer of permessage-deflate that has no parameter twice, none unknown and none with a
// value that RFC 7692 §7.1 does not allow. Such offers are declined, other extensions passed over. No
// acceptable one gives the zero Agreement. offers is borrowed. Any goroutine.
func Negotiate(offers []byte) (Agreement, error) {
	var accepted Agreement
	l := lexer{rest: offers}
	for {
		for l.skip(',') { // RFC 9110 §5.6.1: a list may have empty elements
		}
		if l.end() {
			return accepted, nil
		}
		extension, ok := l.token()
		if !ok {
			return Agreement{}, ErrMalformed
		}
		ours := string(extension) == name
		offer, seen := Agreement{Bits: MaxBits}, 0
		for l.skip(';') {
			param, value, has, ok := l.param()
			if !ok {
				return Agreement{}, ErrMalformed
			}
			bit := 0
			if ours {
				bit = offer.take(param, value, has)
			}
			if bit == 0 || seen&bit != 0 {
				ours = false
			}
			seen |= bit
		}
		if !l.end() && l.rest[0] != ',' {
			return Agreement{}, ErrMalformed
		}
		// What follows is read all the same: whether a list is malformed must not depend on its order.
		if ours && accepted.Bits == 0 {
			accepted = offer
		}
	}
}

// take notes a parameter and returns its bit, 0 when the offer has to be declined for it.
func (a *Agreement) take(param, value []byte, has bool) int {
	switch string(param) {
	case "server_no_context_takeover":
		if !has {
			return serverNoContextTakeover
		}
	case "client_no_context_takeover":
		if !has {
			return clientNoContextTakeover
		}
	case "server_max_window_bits":
		if bits := windowBits(value); bits != 0 {
			a.Bits, a.told = bits, true
			return serverMaxWindowBits
		}
	case "client_max_window_bits":
		// Only a hint: what comes is inflated with the largest window.
		if !has || windowBits(value) != 0 {
			return clientMaxWindowBits
		}
	}
	return 0
}

// windowBits reads 8 to 15 without leading zeroes; all else gives 0 (RFC 7692 §7.1.2).
func windowBits(v []byte) uint8 {
	switch {
	case len(v) == 1 && (v[0] == '8' || v[0] == '9'):
		return v[0] - '0'
	case len(v) == 2 && v[0] == '1' && '0' <= v[1] && v[1] <= '5':
		return 10 + v[1] - '0'
	}
	return 0
}

// A lexer reads the list of RFC 6455 §9.1. White space is allowed between any two of its parts.
type lexer struct{ rest []byte }

func (l *lexer) space() {
	for len(l.rest) > 0 && (l.rest[0] == ' ' || l.rest[0] == '\t') {
		l.rest = l.rest[1:]
	}
}

func (l *lexer) end() bool {
	l.space()
	return len(l.rest) == 0
}

// skip reads c, when it is what comes next.
func (l *lexer) skip(c byte) bool {
	l.space()
	if len(l.rest) == 0 || l.rest[0] != c {
		return false
	}
	l.rest = l.rest[1:]
	return true
}

func (l *lexer) token() (t []byte, ok bool) {
	l.space()
	i := 0
	for i < len(l.rest) && tokenChar(l.rest[i]) {
		i++
	}
	t, l.rest = l.rest[:i], l.rest[i:]
	return t, i > 0
}

// param reads a name and the value it may have.
func (l *lexer) param() (param, value []byte, has, ok bool) {
	if param, ok = l.token(); !ok || !l.skip('=') {
		return param, nil, false, ok
	}
	if l.skip('"') {
		value, ok = l.quoted()
	} else {
		value, ok = l.token()
	}
	return param, value, true, ok
}

// quoted reads a string behind its opening quote. What it quotes must be a token (RFC 6455 §9.1).
func (l *lexer) quoted() (value []byte, ok bool) {
	escaped := false
	for i, c := range l.rest {
		switch {
		case c == '"':
			value, l.rest = l.rest[:i], l.rest[i+1:]
			if escaped {
				value = unescape(value)
			}
			return value, i > 0
		case c == '\\' && i+1 < len(l.rest) && tokenChar(l.rest[i+1]):
			escaped = true
		case !tokenChar(c):
			return nil, false
		}
	}
	return nil, false
}

func unescape(quoted []byte) []byte {
	plain := make([]byte, 0, len(quoted))
	for _, c := range quoted {
		if c != '\\' {
			plain = append(plain, c)
		}
	}
	return plain
}

// tokenChar reports whether c may be part of a token (RFC 9110 §5.6.2).
func tokenChar(c byte) bool {
	switch {
	case '0' <= c && c <= '9', 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z':
		return true
	}
	switch c {
	case '!', '#', '$', '%', '&', '\'', '*', '+', '-', '.', '^', '_', '`', '|', '~':
		return true
	}
	return false
}
