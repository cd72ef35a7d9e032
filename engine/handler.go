package engine

import (
	"github.com/gannet-io/gannet/frame"
	"github.com/gannet-io/gannet/frame/handshake"
)

// A Handler is what the engine serves: it is told what happens to each conn, on the loop
// that owns it, and must never block. Calls for one conn come in this order:
//
//	Upgrade, Open, then any number of Message and Notice, then Closed
//
// Closed follows an accepted Upgrade exactly once, even when the socket broke before Open.
// A conn whose Upgrade was refused sees none of the rest.
// A panic in a callback for one conn closes that conn with 1011 and is counted; a panic in
// Work or Flushed ends the process, since they touch state that conns share.
type Handler interface {
	// Upgrade decides about a correct opening handshake. It returns the subprotocol to
	// select ("" for none), or an error that becomes the HTTP response. r is borrowed.
	Upgrade(c *Conn, r *handshake.Request) (subprotocol string, err *handshake.Error)
	// Open says that the handshake was accepted; frames may be queued.
	Open(c *Conn)
	// Message delivers one whole message; op is frame.Text or frame.Binary, text is valid
	// UTF-8. payload is borrowed: it is overwritten after the call.
	Message(c *Conn, op frame.Opcode, payload []byte)
	// Notice tells of something that time or load brought about; see the Notice values.
	Notice(c *Conn, n Notice)
	// Closed says that the session is over: either side has sent a close frame, or the
	// socket is gone. Frames queued from now on are dropped.
	Closed(c *Conn)

	// Work runs on a loop after Loop.Wake, any number of wakes at once.
	Work(l *Loop)
	// Flushed runs when a loop has handed everything that was queued to the kernel or to
	// the backlogs of conns whose sockets are full.
	Flushed(l *Loop)
}

// A Notice is an event of a conn that no message brought. The Handler answers it as it likes,
// usually with Conn.Close; without an answer Unresponsive and Slow come again.
type Notice uint8

const (
	// Timer: the time given to Conn.SetTimer has come.
	Timer Notice = iota
	// Unresponsive: nothing came from the peer for the ping interval and the pong wait.
	Unresponsive
	// Slow: the backlog exceeds its bytes or its age.
	Slow
	// Drain: the engine is emptying itself and it is this conn's turn to go.
	Drain
	// Sent: everything queued for the conn has been handed to the kernel, as Conn.NotifySent asked.
	Sent
)
