package node

import (
	"iter"
	"strings"
	"time"

	"github.com/gannet-io/gannet/engine/hub"
	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/app"
)

// Counts says who is on a channel.
type Counts struct {
	Occupied      bool
	Users         int // distinct users, presence channels only
	Subscriptions int // connections
}

func countsOf(t *hub.Topic) Counts {
	c := Counts{Occupied: t.Count() > 0, Subscriptions: t.Count()}
	if p, ok := t.State.(*place); ok {
		c.Users = p.Users()
	}
	return c
}

// find calls f with the locked topic of a channel, if there is one.
func (n *Node) find(a *app.App, name string, f func(t *hub.Topic, p *place)) {
	var room [keyBytes]byte
	t := n.hub.Find(appendKey(room[:0], a, name))
	if t == nil {
		return
	}
	defer n.hub.Release(t)
	if p, ok := t.State.(*place); ok {
		f(t, p)
	}
}

// Channel counts who is on a channel; a name nobody is on gives the zero Counts. Any goroutine.
func (n *Node) Channel(a *app.App, name string) (c Counts) {
	n.find(a, name, func(t *hub.Topic, _ *place) { c = countsOf(t) })
	return c
}

// Cached returns the data of the event that a cache channel would send to a new subscriber,
// as a JSON string token, which is shared, and how much longer it will; 0 means for ever.
// Any goroutine.
func (n *Node) Cached(a *app.App, name string) (token []byte, ttl time.Duration, ok bool) {
	n.find(a, name, func(_ *hub.Topic, p *place) { _, token, ttl, ok = p.Cached(n.now()) })
	return token, ttl, ok
}

// Channels yields every occupied channel whose name begins with prefix, in any
// order, except those of users. Each is counted at a moment of its own, and no lock is held
// between them: the caller may take its time. Any goroutine.
func (n *Node) Channels(a *app.App, prefix string) iter.Seq2[string, Counts] {
	app := a.ID + "/"
	return func(yield func(string, Counts) bool) {
		n.hub.Keys(func(key string) bool {
			name, ok := strings.CutPrefix(key, app)
			if !ok || !strings.HasPrefix(name, prefix) || pusher.KindOf(name)&pusher.ServerToUser != 0 {
				return true
			}
			// The id of another app may begin with this one's and a slash.
			if strings.Contains(name, "/") {
				return true
			}
			c := n.Channel(a, name)
			return !c.Occupied || yield(name, c)
		})
	}
}

// Users returns the ids of a presence channel's members, in any order. Any goroutine.
func (n *Node) Users(a *app.App, name string) (ids []string) {
	n.find(a, name, func(_ *hub.Topic, p *place) { ids = p.UserIDs() })
	return ids
}
