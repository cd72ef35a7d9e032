package node

import (
	"iter"
	"strings"
	"time"

	"github.com/gannet-io/gannet/engine/hub"
	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/channel"
	"github.com/gannet-io/gannet/pusher/ledger"
)

// Counts says who is on a channel.
type Counts struct {
	Occupied      bool
	Users         int // distinct users, presence channels only
	Subscriptions int // connections
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
	here := false
	n.find(a, name, func(t *hub.Topic, p *place) {
		here = true
		c = Counts{Users: n.users(t.Key(), &p.State), Subscriptions: n.subscriptions(t)}
	})
	if !here && n.member != nil {
		var room [keyBytes]byte
		key := string(appendKey(room[:0], a, name))
		c.Subscriptions = n.member.Elsewhere(key)
		if kind := pusher.KindOf(name); c.Subscriptions > 0 && kind&pusher.Presence != 0 {
			c.Users = n.users(key, channel.New(kind))
		}
	}
	c.Occupied = c.Subscriptions > 0
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
	// nameOf returns the channel of a topic's key, if it is one of those.
	nameOf := func(key string) (name string, ok bool) {
		name, ok = strings.CutPrefix(key, app)
		// The id of another app may begin with this one's and a slash.
		return name, ok && strings.HasPrefix(name, prefix) && pusher.KindOf(name)&pusher.ServerToUser == 0 && !strings.Contains(name, "/")
	}
	return func(yield func(string, Counts) bool) {
		more := true
		n.hub.Keys(func(key string) bool {
			if name, ok := nameOf(key); ok && (n.member == nil || n.subscribed(key) > 0) {
				c := n.Channel(a, name)
				more = !c.Occupied || yield(name, c)
			}
			return more
		})
		if n.member == nil {
			return
		}
		// Those of which nobody is here. One that moves at this moment may come twice, but none is left out that stays.
		for shard := 0; shard < ledger.Shards && more; shard++ {
			for _, key := range n.member.Occupied(shard, app+prefix) {
				if name, ok := nameOf(key); ok && n.subscribed(key) == 0 {
					c := n.Channel(a, name)
					if more = !c.Occupied || yield(name, c); !more {
						return
					}
				}
			}
		}
	}
}

// subscribed returns how many connections are subscribed on this node.
func (n *Node) subscribed(key string) (count int) {
	n.findKey(key, func(t *hub.Topic, _ *place) { count = t.Count() })
	return count
}

// Users returns the ids of a presence channel's members, in any order. Any goroutine.
func (n *Node) Users(a *app.App, name string) (ids []string) {
	if n.member == nil {
		n.find(a, name, func(_ *hub.Topic, p *place) { ids = p.UserIDs() })
		return ids
	}
	here := false
	n.find(a, name, func(t *hub.Topic, p *place) {
		here = true
		for id := range n.members(t.Key(), &p.State) {
			ids = append(ids, id)
		}
	})
	if !here {
		var room [keyBytes]byte
		for id := range n.member.MembersElsewhere(string(appendKey(room[:0], a, name))) {
			ids = append(ids, id)
		}
	}
	return ids
}
