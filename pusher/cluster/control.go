package cluster

// ControlTopic is what all nodes are attached to, for wishes that are about no channel. No channel has its name, since that has no slash.
const ControlTopic = "!control"

// Terminate asks all other nodes to end a user's connections. wait is that of backbone.Bus. Any goroutine.
func (m *Member) Terminate(app, user string) (wait func() error) {
	e := Envelope{Kind: KindTerminate, App: []byte(app), User: []byte(user)}
	return m.cfg.Bus.Publish(ControlTopic, e.Append(nil))
}

// command does what another node wishes. What is not understood comes from a newer one and is none of ours.
func (m *Member) command(msg []byte) {
	e, err := ParseEnvelope(msg)
	if err == nil && e.Kind == KindTerminate {
		m.cfg.Room.Terminated(string(e.App), string(e.User))
	}
}
