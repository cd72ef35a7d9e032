package node

import (
	"github.com/gannet-io/gannet/engine/hub"
	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/channel"
	"github.com/gannet-io/gannet/pusher/live"
)

// What happens is told under the lock of its topic, so that who watches sees the order in which it did.

// published notes an event of a server that was accepted, and how many subscribers are here.
func (n *Node) published(a *app.App, ev *Event, receivers int) {
	t := n.trafficOf(a)
	t.published.Inc()
	t.deliveries.Add(receivers)
	if n.feed.Watched() {
		n.feed.Tell(&live.Event{Kind: live.Publish, App: a.ID, Channel: ev.Channel, Event: ev.Name, Data: ev.Data, Receivers: receivers})
	}
}

// clientPublished notes one of a client.
func (n *Node) clientPublished(a *app.App, ev *ClientEvent, receivers int) {
	t := n.trafficOf(a)
	t.clientEvents.Inc()
	t.deliveries.Add(receivers)
	if n.feed.Watched() {
		n.feed.Tell(&live.Event{Kind: live.ClientEvent, App: a.ID, Channel: ev.Channel, Event: ev.Name, Data: ev.Data, User: ev.UserID, SocketID: ev.SocketID, Receivers: receivers})
	}
}

// tellJoin tells what a join has changed: added says that the member is new. The door tells of the join itself.
func (n *Node) tellJoin(a *app.App, t *hub.Topic, name string, m *channel.Member, added bool) {
	if !n.feed.Watched() {
		return
	}
	if t.Count() == 1 {
		n.feed.Tell(&live.Event{Kind: live.Occupied, App: a.ID, Channel: name})
	}
	if added {
		n.feed.Tell(&live.Event{Kind: live.MemberAdded, App: a.ID, Channel: name, User: m.ID})
	}
}

// tellLeave tells what a leave has changed: removed says that it was the member's last connection.
func (n *Node) tellLeave(a *app.App, t *hub.Topic, name, userID string, removed bool) {
	if !n.feed.Watched() {
		return
	}
	if removed {
		n.feed.Tell(&live.Event{Kind: live.MemberRemoved, App: a.ID, Channel: name, User: userID})
	}
	if t.Count() == 0 {
		n.feed.Tell(&live.Event{Kind: live.Vacated, App: a.ID, Channel: name})
	}
}
