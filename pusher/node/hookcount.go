package node

import (
	"sync"

	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/app"
)

// hookCounts are the channels of the cluster whose number of subscribers this node tells webhooks, and is to tell not more often than every few seconds:
// those of more than a hundred. Its lock is taken under that of a topic, and only those of the
// ledger and the chores under it.
type hookCounts struct {
	mu    sync.Mutex
	large map[string]*hookCount // by topic; guarded by mu
}

type hookCount struct {
	told int
	owed bool
}

const choreHookCount = "hookcount/"

// tellCount tells webhooks how many subscribers a channel has, or sees to it later.
func (n *Node) tellCount(a *app.App, topic, name string, count int) {
	n.counts.mu.Lock()
	defer n.counts.mu.Unlock()
	h := n.counts.large[topic]
	if count > pusher.SubscriptionCountEager {
		if h != nil {
			h.owed = true
			return
		}
		if n.counts.large == nil {
			n.counts.large = make(map[string]*hookCount)
		}
		h = new(hookCount)
		n.counts.large[topic] = h
		n.recountLater(a, topic, name)
	}
	if h != nil {
		h.told, h.owed = count, false
	}
	n.notifyCount(a, name, count)
}

func (n *Node) recountLater(a *app.App, topic, name string) {
	at := n.now().Add(pusher.SubscriptionCountEvery)
	n.chores.later(choreHookCount+topic, at, func() { n.retellCount(a, topic, name) })
}

func (n *Node) retellCount(a *app.App, topic, name string) {
	defer shared()
	n.counts.mu.Lock()
	defer n.counts.mu.Unlock()
	h := n.counts.large[topic]
	if h == nil {
		return
	}
	count, tells := n.member.Total(topic)
	if !h.owed || !tells || count == h.told {
		delete(n.counts.large, topic)
		return
	}
	h.told, h.owed = count, false
	n.notifyCount(a, name, count)
	n.recountLater(a, topic, name)
}
