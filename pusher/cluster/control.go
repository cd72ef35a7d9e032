package cluster

import "strings"

// ControlTopic is what all nodes are attached to, for wishes that are about no channel. No channel has its name, since that has no slash.
const ControlTopic = "!control"

// Terminate asks all other nodes to end a user's connections. wait is that of backbone.Bus. Any goroutine.
func (m *Member) Terminate(app, user string) (wait func() error) {
	e := Envelope{Kind: KindTerminate, App: []byte(app), User: []byte(user)}
	return m.cfg.Bus.Publish(ControlTopic, e.Append(nil))
}

// A Desk gets what nodes tell each other for operators: messages of ControlTopic that are no commands of the member's, and those of other topics that begin as it does.
// Take is called for one message of a topic at a time, borrows e, and must not block.
type Desk interface {
	Take(topic string, e *Envelope)
}

// aside reports whether a topic is about no channel.
func aside(topic string) bool { return strings.HasPrefix(topic, "!") }

// command does what another node wishes, or has the desk take it. What is not understood comes from a newer one and is none of ours.
func (m *Member) command(topic string, msg []byte) {
	e, err := ParseEnvelope(msg)
	switch {
	case err != nil:
	case e.Kind == KindTerminate:
		m.cfg.Room.Terminated(string(e.App), string(e.User))
	case m.cfg.Desk != nil:
		m.cfg.Desk.Take(topic, &e)
	}
}
