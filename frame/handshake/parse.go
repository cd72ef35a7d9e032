package handshake

import "bytes"

// Parse reads the head of the request at the start of b; n is its size, and b[n:]
// is what the client sent behind it. n is 0 and err nil while the head is not all
// there; then use [Complete] to learn when to call again.
//
// A *[Error] refuses the request: 400 for what the package doc lists, 414 and 431
// for a head beyond lim, 505 for a
// version that is neither HTTP/1.1 nor HTTP/1.0. The first fault in b decides. r is borrowed from b, and nothing is
// allocated unless a list header comes in parts. Any goroutine.
func Parse(b []byte, lim Limits) (r Request, n int, err error) {
	if len(b) == 0 {
		return Request{}, 0, nil
	}
	// As in Complete: no need to wait for the end of a line that is not HTTP.
	if class[b[0]]&tokenChar == 0 {
		return Request{}, 0, errRequestLine
	}
	window := b[:min(len(b), lim.Bytes)]

	first := window[:min(len(window), lim.line())]
	lf := bytes.IndexByte(first, '\n')
	if lf < 0 {
		if len(first) == lim.line() {
			return Request{}, 0, errRequestLineSize
		}
		return Request{}, 0, nil
	}
	// RFC 9112 §2.2 lets a recipient take a bare LF for the end of a line. Whoever
	// does not would see another head.
	if first[lf-1] != '\r' {
		return Request{}, 0, errBareLF
	}
	var h headers
	if err := h.requestLine(first[:lf-1]); err != nil {
		return Request{}, 0, err
	}

	n = lf + 1
	for count := 0; ; count++ {
		name, value, size, err := headerLine(window[n:])
		if err != nil {
			return Request{}, 0, err
		}
		if size == 0 {
			if len(window) == lim.Bytes {
				return Request{}, 0, errHeadSize
			}
			return Request{}, 0, nil
		}
		n += size
		if len(name) == 0 {
			break
		}
		if lim.Headers > 0 && count == lim.Headers {
			return Request{}, 0, errHeaderCount
		}
		if err := h.header(name, value); err != nil {
			return Request{}, 0, err
		}
	}
	if err := h.finish(); err != nil {
		return Request{}, 0, err
	}
	return h.Request, n, nil
}

// headerLine splits the line at the start of b; size is 0 when its end is not
// there. The empty line at the end of a head has no name, and no other has none.
func headerLine(b []byte) (name, value []byte, size int, err error) {
	i := 0
	for i < len(b) && class[b[i]]&tokenChar != 0 {
		i++
	}
	if i == len(b) {
		return nil, nil, 0, nil
	}
	if i == 0 {
		switch b[0] {
		case '\r':
			if len(b) == 1 {
				return nil, nil, 0, nil
			}
			if b[1] == '\n' {
				return nil, nil, 2, nil
			}
		case ' ', '\t':
			return nil, nil, 0, errFolded
		case '\n':
			return nil, nil, 0, errBareLF
		}
		return nil, nil, 0, errHeaderName
	}
	// RFC 9112 §5.1: a space before the colon has led to smuggling; it is refused
	// like any other byte that is not of a name.
	if b[i] != ':' {
		return nil, nil, 0, errHeaderName
	}

	start := i + 1
	end := start + controlIndex(b[start:])
	switch {
	case end == len(b) || b[end] == '\r' && end+1 == len(b):
		return nil, nil, 0, nil
	case b[end] == '\n':
		return nil, nil, 0, errBareLF
	case b[end] != '\r' || b[end+1] != '\n':
		return nil, nil, 0, errHeaderValue
	}
	return b[:i], trim(b[start:end]), end + 2, nil
}

// headers is a Request being read, with what only matters until its end.
type headers struct {
	Request
	seen       uint8 // of the headers that may come once
	body       bool  // Transfer-Encoding, or a Content-Length that is not 0
	upgrade    bool  // Upgrade lists websocket
	connection bool  // Connection lists upgrade
	absolute   bool
}

// Bits of headers.seen.
const (
	seenHost = 1 << iota
	seenOrigin
	seenKey
	seenVersion
)

// requestLine reads method SP target SP version (RFC 9112 §3).
func (h *headers) requestLine(line []byte) error {
	i := 0
	for i < len(line) && class[line[i]]&tokenChar != 0 {
		i++
	}
	if i == 0 || i == len(line) || line[i] != ' ' {
		return errRequestLine
	}
	h.Method, line = line[:i:i], line[i+1:]

	i = bytes.IndexByte(line, ' ')
	if i <= 0 || !visible(line[:i]) {
		return errRequestLine
	}
	h.Target, h.Proto = line[:i:i], line[i+1:]

	switch string(h.Proto) {
	case "HTTP/1.1", "HTTP/1.0":
	default:
		if len(h.Proto) == 8 && string(h.Proto[:5]) == "HTTP/" &&
			digit(h.Proto[5]) && h.Proto[6] == '.' && digit(h.Proto[7]) {
			return errVersion
		}
		return errRequestLine
	}
	return h.splitTarget()
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

// splitTarget sets Path and Query, and Host from an absolute form. The other
// forms, "*" and an authority, are left whole in Path (RFC 9112 §3.2).
func (h *headers) splitTarget() error {
	t := h.Target
	scheme := -1
	if t[0] != '/' {
		scheme = bytes.Index(t, []byte("://"))
	}
	if scheme > 0 && webScheme(t[:scheme]) {
		t = t[scheme+3:]
		end := bytes.IndexAny(t, "/?#")
		if end < 0 {
			end = len(t)
		}
		// RFC 9110 §4.2.4: user information in a target is for misleading people.
		if end == 0 || bytes.IndexByte(t[:end], '@') >= 0 {
			return errTarget
		}
		h.Host, h.absolute = t[:end:end], true
		t = t[end:]
	}
	h.Path = t
	if q := bytes.IndexByte(t, '?'); q >= 0 {
		h.Path, h.Query = t[:q:q], t[q+1:]
	}
	if len(h.Path) == 0 && h.absolute {
		h.Path = []byte("/")
	}
	return nil
}

func webScheme(b []byte) bool {
	return equalFold(b, "http") || equalFold(b, "https") || equalFold(b, "ws") || equalFold(b, "wss")
}

// header keeps what matters of one header.
func (h *headers) header(name, value []byte) error {
	value = value[:len(value):len(value)]
	switch len(name) {
	case len("host"):
		if equalFold(name, "host") {
			if h.absolute {
				value = h.Host
			}
			return h.once(seenHost, &h.Host, value)
		}
	case len("origin"):
		if equalFold(name, "origin") {
			return h.once(seenOrigin, &h.Origin, value)
		}
	case len("upgrade"):
		if equalFold(name, "upgrade") {
			h.upgrade = h.upgrade || lists(value, "websocket")
		}
	case len("forwarded"):
		if equalFold(name, "forwarded") {
			join(&h.Forwarded, value)
		}
	case len("connection"):
		if equalFold(name, "connection") {
			h.connection = h.connection || lists(value, "upgrade")
		} else if equalFold(name, "user-agent") {
			h.UserAgent = value
		}
	case len("content-length"):
		if equalFold(name, "content-length") && string(value) != "0" {
			h.body = true
		}
	case len("x-forwarded-for"):
		if equalFold(name, "x-forwarded-for") {
			join(&h.ForwardedFor, value)
		}
	case len("sec-websocket-key"):
		if equalFold(name, "x-forwarded-proto") {
			join(&h.ForwardedProto, value)
		}
		if equalFold(name, "sec-websocket-key") {
			return h.once(seenKey, &h.Key, value)
		}
		if equalFold(name, "transfer-encoding") {
			h.body = true
		}
	case len("sec-websocket-version"):
		if equalFold(name, "sec-websocket-version") {
			return h.once(seenVersion, &h.Version, value)
		}
	case len("sec-websocket-protocol"):
		if equalFold(name, "sec-websocket-protocol") {
			join(&h.Subprotocols, value)
		}
	case len("sec-websocket-extensions"):
		if equalFold(name, "sec-websocket-extensions") {
			join(&h.Extensions, value)
		}
	}
	return nil
}

// once sets a field whose header must not be repeated.
func (h *headers) once(bit uint8, field *[]byte, value []byte) error {
	if h.seen&bit != 0 {
		return errDuplicate
	}
	h.seen |= bit
	*field = value
	return nil
}

// join adds value to a list whose header may be repeated (RFC 9110 §5.3). The
// first value's capacity is cut, so that adding to it moves it out of the input.
func join(list *[]byte, value []byte) {
	switch {
	case len(value) == 0:
	case len(*list) == 0:
		*list = value
	default:
		*list = append(append(*list, ", "...), value...)
	}
}

// finish judges what only the whole head shows.
func (h *headers) finish() error {
	h.Upgrade = h.upgrade && h.connection
	// Frames would be read from where another reader of this head sees a body.
	if h.Upgrade && h.body {
		return errBody
	}
	return nil
}
