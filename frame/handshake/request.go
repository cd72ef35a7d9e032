package handshake

import "bytes"

// A Request is the head of an HTTP request.
//
// Its slices are borrowed from the bytes given to [Parse], except that a list
// header that came in several parts is joined with ", " in memory of its own. A
// header that is absent or empty gives an empty slice.
type Request struct {
	Method []byte // as sent; HTTP methods are case-sensitive
	Target []byte // as sent
	Path   []byte // of Target, up to the first "?", not decoded; "/" for an absolute form without one
	Query  []byte // of Target, after the first "?", not decoded
	Proto  []byte // "HTTP/1.1" or "HTTP/1.0"

	Host      []byte // Host header, or the authority of an absolute Target, which wins (RFC 9112 §3.2.2)
	Origin    []byte
	UserAgent []byte

	// What proxies say, or anybody: the caller decides whether to believe it. Joined.
	ForwardedFor   []byte // X-Forwarded-For
	ForwardedProto []byte // X-Forwarded-Proto
	Forwarded      []byte // RFC 7239

	Key          []byte // Sec-WebSocket-Key
	Version      []byte // Sec-WebSocket-Version
	Subprotocols []byte // Sec-WebSocket-Protocol, joined
	Extensions   []byte // Sec-WebSocket-Extensions, joined

	// Upgrade is true when the request asks for a WebSocket: Upgrade lists
	// "websocket" and Connection lists "upgrade" (RFC 6455 §4.2.1).
	Upgrade bool
}

// Check reports whether a server may accept r as a WebSocket handshake (RFC 6455
// §4.2.1): nil, or a *[Error] to answer with. Any goroutine.
//
// It asks for Upgrade, a GET of HTTP/1.1, a target that is a path without
// fragment, a Host, version 13 (426 otherwise, §4.4) and a key of 16 bytes in
// base64. Origin, path and subprotocol are the caller's policy.
func (r *Request) Check() error {
	switch {
	case !r.Upgrade:
		return errNotUpgrade
	case string(r.Method) != "GET":
		return errMethod
	case string(r.Proto) != "HTTP/1.1":
		return errUpgradeHTTP10
	// RFC 6455 §3: fragments are meaningless here and must not be used.
	case len(r.Path) == 0 || r.Path[0] != '/' || bytes.IndexByte(r.Target, '#') >= 0:
		return errTarget
	case len(r.Host) == 0:
		return errNoHost
	case string(r.Version) != "13":
		return errWebSocketVer
	case !validKey(r.Key):
		return errKey
	}
	return nil
}

// validKey reports whether k is base64 of 16 bytes: 22 digits and two pads. The
// four bits the last digit has too many are not looked at, as in other servers.
func validKey(k []byte) bool {
	if len(k) != 24 || k[22] != '=' || k[23] != '=' {
		return false
	}
	for _, c := range k[:22] {
		if class[c]&base64Char == 0 {
			return false
		}
	}
	return true
}

// Offers reports whether the client's list of subprotocols has subprotocol,
// compared byte by byte (RFC 6455 §11.3.4). Any goroutine.
func (r *Request) Offers(subprotocol string) bool {
	if subprotocol == "" {
		return false
	}
	for list := r.Subprotocols; len(list) > 0; {
		var item []byte
		item, list = nextItem(list)
		if string(item) == subprotocol {
			return true
		}
	}
	return false
}
