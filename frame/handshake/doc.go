// Package handshake is the server's side of the opening handshake of RFC 6455 §4
// on byte slices: from the first bytes of a connection to a [Request], and from a
// Request to the 101 response, or to a refusal.
//
// It is not an HTTP server. A request that does not ask for a WebSocket parses
// too, with Upgrade false, so that the caller can hand the connection, bytes and
// all, to a server that will read it again and look at the body; of such a
// request only what is needed to find the end of its head is checked. It does no
// I/O, reads no clock and holds no state: all functions may be called from any
// goroutine.
//
// # The life of a handshake
//
// [Parse] reads the head in one pass; as a rule it is all there at the first try.
// When it is not, [Complete] looks for its end as bytes trickle in, each byte
// once, and says when to call Parse again. [Request.Check] says whether the server
// may accept it, and [AppendAccept] or [AppendReject] answers.
//
// # What is refused
//
// A parser in front of other parsers must not read a head in a way they could
// read differently. So lines end in CRLF and nothing else, a header is not folded,
// no space precedes its colon, there are no control bytes, Host and the
// Sec-WebSocket headers that may appear once appear once, and a request for a
// WebSocket has no body (RFC 9112 §2.2, §5, §6; RFC 6455 §11.3). The answer to a
// head depends on its bytes alone, never on how they were split.
package handshake
