//go:build linux

package swarm

import "github.com/gannet-io/gannet/loadtest/plan"

// A dialect is what differs between protocols. What carries a dst appends whole frames to it and
// returns it, unchanged where the protocol has nothing to say.
type dialect interface {
	// endpoint returns path and query of the opening request, after the target's prefix.
	endpoint() string

	// merges reports whether a frame may hold several messages, a line each.
	merges() bool

	// appendHello is what a client says first.
	appendHello(dst []byte) []byte

	// appendSubscription asks for a channel. socketID is what the server calls the conn.
	appendSubscription(dst []byte, c *conn, channel string, socketID []byte) []byte

	// subscribesToPublish reports whether only subscribers may publish.
	subscribesToPublish() bool

	// appendPublication publishes: message is scratch.
	appendPublication(dst, message []byte, channel string, s plan.Stamp, size int) []byte

	// appendPing breaks a client's silence, and appendPong answers a server's ping.
	appendPing(dst []byte) []byte
	appendPong(dst []byte) []byte

	// event tells what a message without a stamp is.
	event(message []byte) event

	// greeting returns what the server calls the conn, and the seconds of silence that it allows,
	// 0 when it does not say.
	greeting(message []byte) (socketID []byte, seconds int)

	// errorText returns what an error says in a form fit for counting.
	errorText(message []byte) string
}

// speak returns the plan's dialect.
func speak(p *plan.Plan) dialect {
	if p.Protocol == plan.Centrifuge {
		return centrifuge{}
	}
	return &pusher{plan: p}
}
