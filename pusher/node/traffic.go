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
	t := n.trafficOf(a)
	return Traffic{Published: int(t.published.Get()), ClientEvents: int(t.clientEvents.Get()), Deliveries: int(t.deliveries.Get())}
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
