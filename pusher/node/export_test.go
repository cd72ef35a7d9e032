package node

import (
	"time"

	"github.com/gannet-io/gannet/engine"
	"github.com/gannet-io/gannet/engine/backbone"
	"github.com/gannet-io/gannet/pusher/app"
)

// DoChores does what is due by the clock of n at this moment. On a node that is closed nobody
// else does chores, so that all of it is done when DoChores returns.
func (n *Node) DoChores() {
	for {
		run, _ := n.chores.next()
		if run == nil {
			return
		}
		run()
	}
}

// Pending returns how many chores wait for their time.
func (n *Node) Pending() int {
	n.chores.mu.Lock()
	defer n.chores.mu.Unlock()
	return len(n.chores.queue)
}

// Parse returns the conn that a socket ID names, or 0.
func (n *Node) Parse(socketID string) engine.ID { return n.sockets.parse(socketID) }

// Permute and Restore are the two directions of a socket ID's second half.
func (n *Node) Permute(x uint64) uint64 { return n.sockets.permute(x) }
func (n *Node) Restore(x uint64) uint64 { return n.sockets.restore(x) }

// Leaving returns how many users have left the app without anybody having been told.
func (n *Node) Leaving(appID string) int {
	n.mu.RLock()
	t := n.tenants[appID]
	n.mu.RUnlock()
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.users.leaving)
}

// Chores are those of a node, alone.
type Chores struct{ c chores }

func (c *Chores) Start(now func() time.Time)                  { c.c.start(now) }
func (c *Chores) Stop()                                       { c.c.stop() }
func (c *Chores) Later(name string, at time.Time, run func()) { c.c.later(name, at, run) }

// Known returns how many connections the app's table of users has for ids, as theirs or as watching them.
func (n *Node) Known(appID string, ids ...string) (known int) {
	n.mu.RLock()
	t := n.tenants[appID]
	n.mu.RUnlock()
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, id := range ids {
		known += len(t.users.Conns(id)) + len(t.users.Watchers(id))
	}
	return known
}

// CacheBytes returns what the cache channels of the app hold.
func (n *Node) CacheBytes(a *app.App) int {
	t := n.tenant(a)
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.cache.bytes
}

// Past returns what the streams of the app hold.
func (n *Node) Past(a *app.App) (bytes, events, streams int) {
	p := &n.tenant(a).past
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.bytes, p.events, p.streams
}

// Heard reports whether this node has been told that a user is signed in somewhere, itself included.
func (n *Node) Heard(appID, userID string) bool {
	return n.member.Online(appID, userID)
}

// Nodes returns the incarnations on the board as this node was told.
func (n *Node) Nodes() []string { return n.member.Nodes() }

// Up reports whether the backbone can be reached.
func (n *Node) Up() bool { return n.up.Load() }

// SinkUp and SinkChanged tell the node of another one, as the bus would.
func (n *Node) SinkUp(id string)                        { n.member.Up(backbone.Node{ID: id}) }
func (n *Node) SinkChanged(id string, e backbone.Entry) { n.member.Changed(id, e) }
