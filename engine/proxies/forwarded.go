package proxies

import (
	"bytes"
	"net/netip"
)

// A Head is what a request says of the proxies on its way: the values of the headers by these
// names, joined with commas when there are several. Borrowed.
type Head struct {
	For       []byte // X-Forwarded-For
	Proto     []byte // X-Forwarded-Proto
	Forwarded []byte
}

// Client returns the address of the client whose request with the head h came from peer, and
// whether a proxy says that it came to it over TLS. When peer is no trusted proxy that is peer
// itself, and false.
//
// Otherwise it is the rightmost address in the header that is no trusted proxy's; the leftmost
// when all are. What stands left of an entry that is no address ("unknown", a name in
// hiding, garbage) does not count: the client is then the proxy that wrote the entry.
//
// h is borrowed. Any goroutine.
func (t *Trust) Client(peer netip.Addr, h Head) (client netip.Addr, secure bool) {
	if !t.Proxy(peer) {
		return peer, false
	}
	if t.header == Forwarded {
		return t.forwarded(peer, h.Forwarded)
	}
	client = peer
	for list := h.For; len(list) > 0; {
		var item []byte
		list, item = lastItem(list)
		if len(item) == 0 {
			continue
		}
		addr, ok := parseNode(item)
		if !ok {
			break
		}
		if client = addr; !t.Proxy(addr) {
			break
		}
	}
	// Proxies replace this header or add to it; the last word is that of the one next to us.
	_, proto := lastItem(h.Proto)
	return client, secureProto(proto)
}

// forwarded is Client for RFC 7239. Each proxy adds an element that says by whom ("for") and how
// ("proto") it was asked; that of the client is the one whose "for" is returned.
func (t *Trust) forwarded(peer netip.Addr, list []byte) (client netip.Addr, secure bool) {
	client = peer
	for len(list) > 0 {
		var element []byte
		list, element = lastElement(list)
		if len(element) == 0 {
			continue
		}
		node, proto, ok := parseElement(element)
		if !ok {
			break
		}
		secure = secureProto(proto)
		addr, ok := parseNode(node)
		if !ok {
			break
		}
		if client = addr; !t.Proxy(addr) {
			break
		}
	}
	return client, secure
}

// lastItem splits a list at its last comma and returns what stands before and, trimmed, after it.
func lastItem(list []byte) (rest, item []byte) {
	if i := bytes.LastIndexByte(list, ','); i >= 0 {
		return list[:i], bytes.Trim(list[i+1:], " \t")
	}
	return nil, bytes.Trim(list, " \t")
}

// lastElement is lastItem with commas in quotes belonging to the element. It reads from the right,
// where the proxies are that are believed: a quote that a stranger left open cannot swallow
// what they wrote behind it.
func lastElement(list []byte) (rest, element []byte) {
	quoted := false
	for i := len(list) - 1; i >= 0; i-- {
		switch {
		case list[i] == '"' && !escaped(list, i):
			quoted = !quoted
		case list[i] == ',' && !quoted:
			return list[:i], bytes.Trim(list[i+1:], " \t")
		}
	}
	return nil, bytes.Trim(list, " \t")
}

// escaped reports whether an odd number of backslashes stands before b[i].
func escaped(b []byte, i int) bool {
	n := 0
	for n < i && b[i-1-n] == '\\' {
		n++
	}
	return n%2 == 1
}

// parseElement returns the parameters "for" and "proto" of an element (RFC 7239 §4), without the
// quotes. ok is false when it is not made of parameters, or has one of the two twice.
func parseElement(element []byte) (node, proto []byte, ok bool) {
	for len(element) > 0 {
		name, rest, found := bytes.Cut(element, []byte("="))
		if !found {
			return nil, nil, false
		}
		var value []byte
		if value, rest, ok = parseValue(rest); !ok {
			return nil, nil, false
		}
		var field *[]byte
		switch {
		case bytes.EqualFold(name, []byte("for")):
			field = &node
		case bytes.EqualFold(name, []byte("proto")):
			field = &proto
		}
		if field != nil {
			if *field != nil || len(value) == 0 {
				return nil, nil, false
			}
			*field = value
		}
		// No blanks are allowed around the semicolon, but some proxies write them.
		if element = bytes.TrimLeft(rest, " \t"); len(element) > 0 {
			if element[0] != ';' {
				return nil, nil, false
			}
			element = bytes.TrimLeft(element[1:], " \t")
		}
	}
	return node, proto, true
}

// parseValue reads a token or a quoted string. Escapes in quotes stay as they are: no address or
// protocol has any.
func parseValue(b []byte) (value, rest []byte, ok bool) {
	if len(b) == 0 || b[0] != '"' {
		if i := bytes.IndexAny(b, "; \t\""); i >= 0 {
			return b[:i], b[i:], true
		}
		return b, nil, true
	}
	for i := 1; i < len(b); i++ {
		if b[i] == '"' && !escaped(b, i) {
			return b[1:i], b[i+1:], true
		}
	}
	return nil, nil, false
}

// parseNode reads an address with or without a port: 192.0.2.1, 192.0.2.1:80, 2001:db8::1,
// [2001:db8::1], [2001:db8::1]:80.
func parseNode(b []byte) (netip.Addr, bool) {
	host := b
	if len(b) > 0 && b[0] == '[' {
		end := bytes.IndexByte(b, ']')
		if end < 0 || end+1 < len(b) && b[end+1] != ':' {
			return netip.Addr{}, false
		}
		host = b[1:end]
	} else if i := bytes.IndexByte(b, ':'); i >= 0 && i == bytes.LastIndexByte(b, ':') {
		host = b[:i]
	}
	addr, err := netip.ParseAddr(string(host))
	if err != nil || addr.Zone() != "" {
		return netip.Addr{}, false
	}
	return addr.Unmap(), true
}

func secureProto(b []byte) bool {
	return bytes.EqualFold(b, []byte("https")) || bytes.EqualFold(b, []byte("wss"))
}
