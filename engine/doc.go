// Package engine holds WebSocket connections on a few event loops, without a goroutine each.
//
// It accepts sockets, reads and answers the opening handshake, parses frames in place,
// answers pings, notices dead and slow peers, and sends shared frames with as few system
// calls as the load allows. It knows topics and connections, not channels and users: what a
// message means is the business of the [Handler]. Nothing of Pusher appears here.
//
// # The life of a connection
//
//	accept ── head ──┬── open ── closing ── linger ── gone
//	           │  ▲  ├── handed off to the HTTP server (not a WebSocket); Adopt takes it back
//	           ▼  │  └── rejected with an HTTP status
//	           TLS handshake, in a goroutine
//
// A [Conn] lives in a slot of its loop's slab and is recycled; an [ID] names it across loops
// and goes stale with it. Head: a PROXY header is read where there may be one (see
// [ProxyProtocol]), then bytes are collected until the request is whole. Open:
// messages go to the Handler. Closing: a close frame has been queued, input is read and
// thrown away until the peer's close frame or a time-out. Linger: our side of TCP is shut
// down and the peer's is awaited for a moment, since closing a socket with unread input
// makes the kernel send RST, which can destroy the close frame on its way to the client.
//
// # Loops and threads
//
// gnet runs the loops; its listeners are not used (they end the whole server at the first
// EMFILE). A [Loop] owns its conns, their timers and everything waiting to be sent. Methods
// marked Loop-only must be called in a Handler callback of that loop or from a function
// given to [Loop.Post]; in a build with the tag invariants they check it.
//
// # TLS
//
// A conn whose first byte is 0x16 is TLS when Config.TLS is set. Its handshake is done off the
// loops, by a few goroutines at once; then a loop gets the socket again, and the tls.Conn with
// it, which never blocks there: see wire. What is sealed and did not fit into the socket is
// held in the backlog, before frames.
//
// # Sending
//
// Frames queue in the loop, linked per conn, and leave together: everything pending for a
// conn goes out in one non-blocking send. When the socket is full the conn gets a backlog
// with a ceiling in bytes and age; the Handler is told when it is exceeded. A loop sends for
// at most a millisecond, or 256 times, before other conns get a turn.
package engine
