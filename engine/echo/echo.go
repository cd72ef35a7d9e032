// Package echo gives every message back to who sent it, on the engine and through the frames that
// the server runs on. It is what conformance suites and people's own tools are pointed at: whatever
// they find here is true of the server, as nothing but the [engine.Handler] differs.
package echo

import (
	"github.com/gannet-io/gannet/engine"
	"github.com/gannet-io/gannet/frame"
	"github.com/gannet-io/gannet/frame/handshake"
)

// A Handler echoes: text as text, binary as binary, a message in fragments as one. Its zero value is
// ready, for any path and any origin. It implements engine.Handler.
type Handler struct{}

// Upgrade accepts everybody, without a subprotocol.
func (Handler) Upgrade(*engine.Conn, *handshake.Request) (string, *handshake.Error) { return "", nil }

// Open has nothing to say.
func (Handler) Open(*engine.Conn) {}

// Message sends the message back.
func (Handler) Message(c *engine.Conn, op frame.Opcode, payload []byte) {
	c.Send(frame.Prepare(op, append(frame.NewBuffer(len(payload)), payload...)))
}

// Notice ends the connection of who is silent, does not read its echoes, or has to go.
func (Handler) Notice(c *engine.Conn, n engine.Notice) {
	switch n {
	case engine.Unresponsive:
		c.Close(frame.PolicyViolation, "no answer to a ping")
	case engine.Slow:
		c.Close(frame.PolicyViolation, "too many echoes unread")
	case engine.Drain:
		c.Close(frame.GoingAway, "going away")
	}
}

// Closed has nothing to undo.
func (Handler) Closed(*engine.Conn) {}

// Work has nothing to do.
func (Handler) Work(*engine.Loop) {}

// Flushed is not waited for.
func (Handler) Flushed(*engine.Loop) {}
