// Package frame is RFC 6455 on byte slices: it turns what a client sent into
// messages, and a message for clients into the bytes of a frame.
//
// It is the server's side only: frames that come in must be masked, frames that
// go out are not. It does no I/O, reads no clock, starts nothing and locks
// nothing. It decides what is wrong with a frame and which close code says so;
// closing is the caller's. Of extensions it knows only that RSV1 may mark a
// message as compressed; package deflate does the rest.
//
// # Reading
//
// Each connection owns one [Reader], whose zero value is ready. The caller shows
// it the unread bytes; [Reader.Next] consumes a frame a call and returns a message
// when one is complete. A message that is all there is unmasked where it lies and
// lent to the caller; what comes in pieces is moved to a buffer as it comes, and text
// is judged there and then. Half a header and half a control frame are left where
// they are: only what Next says it consumed was changed.
//
// # Writing
//
// [Prepare] encodes a message once, in the buffer the payload was built in. The
// [Prepared] is immutable, so every subscriber's connection writes the same
// bytes.
//
// # Wire
//
//	byte 0    FIN(0x80) RSV1(0x40) RSV2(0x20) RSV3(0x10) opcode(0x0f)
//	byte 1    MASK(0x80) length(0x7f): 0-125, or 126 or 127
//	          126: 2 bytes of length, big endian, at least 126
//	          127: 8 bytes of length, big endian, at least 65536, top bit 0
//	          MASK: 4 bytes of masking key
//	          payload
package frame
