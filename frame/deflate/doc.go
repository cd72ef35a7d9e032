// Package deflate is the WebSocket extension permessage-deflate (RFC 7692), the server's side of it,
// for messages that many clients share: without context takeover, so that each message stands for
// itself and its compressed form is made once for all.
//
// It does no I/O, reads no clock and holds no lock. A [Deflater] and an [Inflater] have hundreds of
// kilobytes of tables and buffers, so there is one of each for many connections: whoever owns a
// loop owns them, and uses them for one message at a time.
//
// # The handshake
//
// [Negotiate] takes the first offer of a client that it can keep to, and names what to answer. Of the
// server's own frames it promises that no reference in them goes further back than the
// window asked for. No message has one that goes back further than its own beginning, so a message of at
// most 1<<bits bytes keeps the promise whatever compressed it; longer ones are sent as they are.
//
// # Messages
//
// The first frame of a compressed message has RSV1 set. Its payload, all fragments together, is a
// sequence of DEFLATE blocks that ends in an empty stored one, of which the last four bytes, 00 00 ff ff,
// are left out (RFC 7692 §7.2.1). Control frames are never compressed.
package deflate
