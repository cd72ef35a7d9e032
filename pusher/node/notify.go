package node

import (
	"github.com/gannet-io/gannet/engine/hub"
	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/channel"
	"github.com/gannet-io/gannet/pusher/wire"
)

// A Notifier hears what happens on channels, for webhooks.
type Notifier interface {
	// Notify is told of one event. It hears of a channel what happened there in the order it did, under the lock of the channel's topic or, in a
	// cluster, in the board's order, and mostly on a loop: it must return at once and call nothing of the
	// node. The event's name and data are borrowed, its other strings are not.
	//
	// Only apps with a webhook for the event are reported. What is a pair, such as occupied and vacated, is reported whole
	// when one of it is wanted. Any goroutine.
	Notify(a *app.App, e wire.HookEvent)
	// Tell is Notify of what happened on the board of a cluster, on the one node that is to tell it. Node.Done is to be called with its
	// ticket when that is done.
	Tell(a *app.App, e wire.HookEvent, t pusher.Ticket)
	// Hush says that whatever Tell was called with and is not under way is told by another node now, and to be dropped.
	Hush()
}

// What belongs together.
const (
	hookChannel = pusher.HookOccupied | pusher.HookVacated
	hookMember  = pusher.HookMemberAdded | pusher.HookMemberRemoved
)

// hooks returns the kinds that have to be reported of a channel of a. Channels of single users are nobody's business.
//
// One node knows all there is to know. In a cluster the first and last here need not be the first and last anywhere: there the board tells, see Speak.
func (n *Node) hooks(a *app.App, kind pusher.Kind) pusher.Hook {
	if n.notifier == nil || len(a.Webhooks) == 0 || kind&pusher.ServerToUser != 0 {
		return 0
	}
	return a.Hooks()
}

// notifyJoin reports a join after the fact: added says that the member is new, missed that the cache was empty.
func (n *Node) notifyJoin(a *app.App, t *hub.Topic, s *channel.State, name string, m *channel.Member, added, missed bool) {
	hooks := n.hooks(a, s.Kind())
	if hooks&hookChannel != 0 && t.Count() == 1 && n.member == nil {
		n.notifyChannel(a, name, true)
	}
	if hooks&hookMember != 0 && added && n.member == nil {
		n.notifyMember(a, name, m.ID, true)
	}
	if hooks&pusher.HookCacheMiss != 0 && missed {
		n.notifier.Notify(a, wire.HookEvent{Hook: pusher.HookCacheMiss, Channel: name})
	}
}

// notifyLeave reports a leave after the fact: removed says that it was the member's last connection.
func (n *Node) notifyLeave(a *app.App, t *hub.Topic, s *channel.State, name, userID string, removed bool) {
	if n.member != nil {
		return
	}
	hooks := n.hooks(a, s.Kind())
	if hooks&hookMember != 0 && removed {
		n.notifyMember(a, name, userID, false)
	}
	if hooks&hookChannel != 0 && t.Count() == 0 {
		n.notifyChannel(a, name, false)
	}
}

func (n *Node) notifyChannel(a *app.App, name string, occupied bool) {
	hook := pusher.HookVacated
	if occupied {
		hook = pusher.HookOccupied
	}
	n.notifier.Notify(a, wire.HookEvent{Hook: hook, Channel: name})
}

func (n *Node) notifyMember(a *app.App, name, userID string, added bool) {
	hook := pusher.HookMemberRemoved
	if added {
		hook = pusher.HookMemberAdded
	}
	n.notifier.Notify(a, wire.HookEvent{Hook: hook, Channel: name, UserID: userID})
}

// notifyClientEvent reports an event that was accepted, whether anybody heard it or not.
func (n *Node) notifyClientEvent(a *app.App, ev *ClientEvent) {
	if n.hooks(a, pusher.Public)&pusher.HookClientEvent != 0 {
		n.notifier.Notify(a, wire.HookEvent{
			Hook: pusher.HookClientEvent, Channel: ev.Channel, UserID: ev.UserID,
			Event: ev.Name, Data: ev.Data, SocketID: ev.SocketID,
		})
	}
}

// countHook reports whether the subscribers of a channel are to be counted for webhooks. Encrypted channels are counted
// here whatever the compat switch says: nobody decrypts this count.
func (n *Node) countHook(a *app.App, kind pusher.Kind) bool {
	return a.SubscriptionCount && kind&pusher.Presence == 0 && n.hooks(a, kind)&pusher.HookCount != 0
}

func (n *Node) notifyCount(a *app.App, name string, count int) {
	n.notifier.Notify(a, wire.HookEvent{Hook: pusher.HookCount, Channel: name, Count: count})
}
