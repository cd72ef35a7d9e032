package node

import (
	"maps"
	"strconv"
	"sync/atomic"

	"github.com/VictoriaMetrics/metrics"

	"github.com/gannet-io/gannet/pusher/app"
)

// Traffic is what an app has published through this node since it started.
type Traffic struct {
	Published    int // by servers
	ClientEvents int
	Deliveries   int // subscribers of this node that these were for
	BytesIn      int // of WebSocket messages from its clients
	BytesOut     int // of WebSocket messages that were queued for its clients, see hub.Flow
}

// traffic are the counters behind it.
type traffic struct {
	published, clientEvents, deliveries *metrics.Counter
}

// traffics are those of all apps, found without a lock: every publish asks.
type traffics struct {
	by atomic.Pointer[map[string]*traffic] // by app id; copied to be changed
}

// Traffic returns what an app has published. Any goroutine.
func (n *Node) Traffic(a *app.App) Traffic {
	t, flow := n.trafficOf(a), n.hub.Flow(n.Account(a))
	return Traffic{
		Published: int(t.published.Get()), ClientEvents: int(t.clientEvents.Get()), Deliveries: int(t.deliveries.Get()),
		BytesIn: int(flow.In), BytesOut: int(flow.Out),
	}
}

// Account returns the number that an app has in the hub. Any goroutine.
func (n *Node) Account(a *app.App) uint32 { return n.tenant(a).account }

// Accounts returns the ids of apps by their numbers in the hub. Any goroutine.
func (n *Node) Accounts() map[uint32]string {
	n.mu.RLock()
	defer n.mu.RUnlock()
	ids := make(map[uint32]string, len(n.tenants))
	for id, t := range n.tenants {
		ids[t.account] = id
	}
	return ids
}

func (n *Node) trafficOf(a *app.App) *traffic {
	known := n.traffics.by.Load()
	if known != nil {
		if t := (*known)[a.ID]; t != nil {
			return t
		}
	}
	set, label := n.metrics.set, `{app=`+strconv.Quote(a.ID)
	t := &traffic{
		published:    set.GetOrCreateCounter("gannet_node_app_publishes_total" + label + `,source="rest"}`),
		clientEvents: set.GetOrCreateCounter("gannet_node_app_publishes_total" + label + `,source="client"}`),
		deliveries:   set.GetOrCreateCounter("gannet_node_app_deliveries_total" + label + `}`),
	}
	for {
		more := make(map[string]*traffic)
		if known != nil {
			maps.Copy(more, *known)
		}
		more[a.ID] = t
		if n.traffics.by.CompareAndSwap(known, &more) {
			return t
		}
		known = n.traffics.by.Load()
	}
}
