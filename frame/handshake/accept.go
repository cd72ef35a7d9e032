package handshake

import (
	"crypto/sha1"
	"encoding/base64"
)

// guid is what RFC 6455 §1.3 has every server append to the key.
const guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

// AppendAccept appends the 101 response to r, which [Request.Check] passed, to
// dst and returns the extended slice (RFC 6455 §4.2.2).
//
// subprotocol is one that r [Request.Offers], extensions the value of the header that
// accepts some that r asks for; "" selects none. dst is taken. Any goroutine.
func AppendAccept(dst []byte, r *Request, subprotocol, extensions string) []byte {
	var buf [24 + len(guid)]byte
	sum := sha1.Sum(append(append(buf[:0], r.Key...), guid...))

	dst = append(dst, "HTTP/1.1 101 Switching Protocols\r\n"+
		"Upgrade: websocket\r\n"+
		"Connection: Upgrade\r\n"+
		"Sec-WebSocket-Accept: "...)
	dst = base64.StdEncoding.AppendEncode(dst, sum[:])
	if subprotocol != "" {
		dst = append(dst, "\r\nSec-WebSocket-Protocol: "...)
		dst = append(dst, subprotocol...)
	}
	if extensions != "" {
		dst = append(dst, "\r\nSec-WebSocket-Extensions: "...)
		dst = append(dst, extensions...)
	}
	return append(dst, "\r\n\r\n"...)
}
