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

	// Told is told of each first and last, on the node that leads.
	Told(c *ledger.Change)
	// Wants says of which changes of a topic somebody outside is to be told.
	Wants(topic string) Wanted
	// Speak says that this node is to tell. Calls come in the order of the board. Member.Done is to be called when that is done.
	Speak(d Due)
	// Cleared says that of what Member.Owe was called with nothing is left to tell.
	Cleared()
	// Hush says that what was to be told and has not been is not this node's to tell any more.
	Hush()

	// Terminated says that another node was asked to end a user's connections.
	Terminated(app, user string)

	// Message, Attached and Stored are those of backbone.Sink.
	Message(topic string, msg []byte)
	Attached(topic string, t backbone.Tail)
	Stored(topic string, e backbone.Stored)
	// State says whether the backbone can be reached. reason is "" when it can.
	State(up bool, reason string)
}
