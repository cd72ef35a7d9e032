package node

import (
	"github.com/gannet-io/gannet/engine/hub"
	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/channel"
	"github.com/gannet-io/gannet/pusher/ledger"
	"github.com/gannet-io/gannet/pusher/live"
	"github.com/gannet-io/gannet/pusher/trace"
)

// What happens is told under the lock of its topic, so that who watches sees the order in which it did.

// published notes an event of a server that was accepted, and how many subscribers are here.
func (n *Node) published(a *app.App, ev *Event, receivers int) {
	t := n.trafficOf(a)
	t.published.Inc()
	t.deliveries.Add(receivers)
	if ev.Span != nil {
		ev.Span.Set(trace.Number(trace.Subscribers, receivers))
	}
	if n.feed.Watched() {
		n.feed.Tell(&live.Event{Kind: live.Publish, App: a.ID, Channel: ev.Channel, Event: ev.Name, Data: ev.Data, Receivers: receivers + n.elsewhere(a, ev.Channel)})
	}
}

// clientPublished notes one of a client.
func (n *Node) clientPublished(a *app.App, ev *ClientEvent, receivers int) {
	t := n.trafficOf(a)
	t.clientEvents.Inc()
	t.deliveries.Add(receivers)
	if n.feed.Watched() {
		n.feed.Tell(&live.Event{Kind: live.ClientEvent, App: a.ID, Channel: ev.Channel, Event: ev.Name, Data: ev.Data, User: ev.UserID, SocketID: ev.SocketID, Receivers: max(receivers, 0) + n.elsewhere(a, ev.Channel)})
	}
}

// elsewhere returns how many subscribers a channel has on other nodes.
func (n *Node) elsewhere(a *app.App, channel string) int {
	if n.member == nil {
		return 0
	}
	var room [keyBytes]byte
	return n.member.Elsewhere(string(appendKey(room[:0], a, channel)))
}

// tellChange tells what has changed for the whole cluster, on the node that tells.
func (n *Node) tellChange(a *app.App, name string, c *ledger.Change) {
	e := live.Event{App: a.ID, Channel: name}
	switch member := c.Key.Class == ledger.Member; {
	case member && c.First:
		e.Kind, e.User = live.MemberAdded, c.Key.User
	case member:
		e.Kind, e.User = live.MemberRemoved, c.Key.User
	case c.First:
		e.Kind = live.Occupied
	default:
		e.Kind = live.Vacated
	}
	n.feed.Tell(&e)
}

// tellJoin tells what a join has changed: added says that the member is new. The door tells of the join itself.
func (n *Node) tellJoin(a *app.App, t *hub.Topic, name string, m *channel.Member, added bool) {
	if n.member != nil || !n.feed.Watched() {
		return // see tellChange
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
	if n.member != nil || !n.feed.Watched() {
		return
	}
	if removed {
		n.feed.Tell(&live.Event{Kind: live.MemberRemoved, App: a.ID, Channel: name, User: userID})
	}
	if t.Count() == 0 {
		n.feed.Tell(&live.Event{Kind: live.Vacated, App: a.ID, Channel: name})
	}
}
