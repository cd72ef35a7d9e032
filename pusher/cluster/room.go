package cluster

import (
	"iter"

	"github.com/gannet-io/gannet/engine/backbone"
	"github.com/gannet-io/gannet/pusher/ledger"
)

// A Room is the node, as a Member needs it.
type Room interface {
	// Have returns what this node has itself under a topic at one moment: connections, and the info of each of users, nil for those that
	// are no members, not nil for one without info. The slices are the caller's.
	Have(topic string, users []string) (count int, infos [][]byte)
	// HaveUsers reports which of users are signed in to an app here.
	HaveUsers(app string, users []string) []bool
	// Everything calls for each topic and app that has anything on this node, users being its members or those signed in. What changes
	// meanwhile is marked anyway.
	Everything(topic func(topic string, users iter.Seq[string]), app func(app string, users iter.Seq[string]))

	// Update calls apply under the lock of a topic, whether anybody is here or not, and does what the changes mean that it returns. They are borrowed.
	Update(topic string, apply func() []ledger.Change)
	// UpdateUsers does so for those signed in to an app.
	UpdateUsers(app string, apply func() []ledger.Change)
	// Told is told of changes that this node has made itself: its clients know them already.
	Told(changes []ledger.Change)

	// Terminated says that another node was asked to end a user's connections.
	Terminated(app, user string)

	// Message, Attached and Stored are those of backbone.Sink.
	Message(topic string, msg []byte)
	Attached(topic string, t backbone.Tail)
	Stored(topic string, e backbone.Stored)
	// State says whether the backbone can be reached. reason is "" when it can.
	State(up bool, reason string)
}
