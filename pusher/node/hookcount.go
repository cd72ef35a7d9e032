package node

import (
	"sync"

	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/wire"
)

// hookCounts are the channels of the cluster whose number of subscribers this node tells webhooks, and is to tell not more often than every few seconds:
// those of more than a hundred. Its lock is taken under that of a topic, and only those of the
// ledger and the chores under it.
type hookCounts struct {
	mu    sync.Mutex
	large map[string]*hookCount // by topic; guarded by mu
}

type hookCount struct {
	told   int
	owed   wire.HookEvent // the latest that was not told; zero: none
	ticket pusher.Ticket  // of owed
}

const choreHookCount = "hookcount/"

// tellCount tells webhooks how many subscribers a channel has, or sees to it later.
func (n *Node) tellCount(a *app.App, topic string, e wire.HookEvent, ticket pusher.Ticket) {
	n.counts.mu.Lock()
	defer n.counts.mu.Unlock()
	h := n.counts.large[topic]
	if h != nil {
		n.drop(h)
	}
	if e.Count > pusher.SubscriptionCountEager {
		if h != nil {
			h.owed, h.ticket = e, ticket
			return
		}
		if n.counts.large == nil {
			n.counts.large = make(map[string]*hookCount)
		}
		h = new(hookCount)
		n.counts.large[topic] = h
		n.recountLater(a, topic)
	}
	if h != nil {
		h.told = e.Count
	}
	n.notifier.Tell(a, e, ticket)
}

// drop forgets what is owed. Under the counts' lock.
func (n *Node) drop(h *hookCount) {
	if h.owed.Hook != 0 {
		n.member.Done([]uint64{h.ticket.Number})
		h.owed, h.ticket = wire.HookEvent{}, pusher.Ticket{}
	}
}

func (n *Node) recountLater(a *app.App, topic string) {
	at := n.now().Add(pusher.SubscriptionCountEvery)
	n.chores.later(choreHookCount+topic, at, func() { n.retellCount(a, topic) })
}

func (n *Node) retellCount(a *app.App, topic string) {
	defer shared()
	n.counts.mu.Lock()
	defer n.counts.mu.Unlock()
	h := n.counts.large[topic]
	if h == nil {
		return
	}
	if h.owed.Hook == 0 || h.owed.Count == h.told {
		n.drop(h)
		delete(n.counts.large, topic)
		return
	}
	e, ticket := h.owed, h.ticket
	h.told, h.owed, h.ticket = e.Count, wire.HookEvent{}, pusher.Ticket{}
	n.notifier.Tell(a, e, ticket)
	n.recountLater(a, topic)
}

// hushCounts forgets what is owed, which another node tells.
func (n *Node) hushCounts() {
	n.counts.mu.Lock()
	defer n.counts.mu.Unlock()
	n.counts.large = nil
}
