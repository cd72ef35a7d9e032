package rest

import (
	"iter"
	"time"

	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/node"
)

// A Node is what the API works on; *node.Node is the real one. Its methods may be called by any goroutine,
// and, Admit, Reach and what Submit returns excepted, should not wait for clients or other nodes.
type Node interface {
	// Admit waits while subscribers of the channels are so far behind that publishing to
	// them would only fill memory, for a bounded time; node.ErrBusy says that it was in vain. It is
	// asked once a request, before anything is published. It may block.
	Admit(a *app.App, channels iter.Seq[string]) error

	// Submit hands an event to the subscribers and to the other nodes. wait, which may be nil, waits for what becomes of it. A nil error
	// means that it is on its way, not that anybody received it. ev and everything in it is borrowed. A *pusher.Error is
	// a limit the publisher ran into, every other error a fault of the node's.
	Submit(a *app.App, ev *Event) (wait func() error)

	// Reach sees to it that Cached and History know what other nodes have published on a channel. It may block.
	Reach(a *app.App, name string) error

	// Channel counts who is on a channel, on all nodes. Names nobody is on give the zero Counts.
	Channel(a *app.App, name string) Counts

	// Cached returns the data of what a cache channel would send to a new subscriber: a JSON string token, which
	// is shared, and how long it will stay, 0 for ever. ok is false when there is nothing.
	Cached(a *app.App, name string) (token []byte, ttl time.Duration, ok bool)

	// Channels yields every occupied channel whose name begins with prefix, in any order, those of
	// users (#server-to-user-) excepted. It may be left early, and takes as long as its caller does.
	Channels(a *app.App, prefix string) iter.Seq2[string, Counts]

	// Users returns the distinct user ids on a presence channel, in any order.
	Users(a *app.App, channel string) []string

	// History returns events that a channel has kept, and whether it keeps any.
	History(a *app.App, channel string, q *node.PastQuery) node.Past

	// Terminate closes all connections of a user, on all nodes. It is no error when there are none; one says that other nodes may not
	// know of it. It may block.
	Terminate(a *app.App, userID string) error
}

// What a Node takes and gives.
type (
	Event  = node.Event
	Counts = node.Counts
)
