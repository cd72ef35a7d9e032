package gateway

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"sync"

	"github.com/VictoriaMetrics/metrics"

	"github.com/gannet-io/gannet/engine"
	"github.com/gannet-io/gannet/engine/reasons"
	"github.com/gannet-io/gannet/pusher"
)

type gatewayMetrics struct {
	established *metrics.Counter
	refusals    *reasons.Counters
}

func newMetrics(set *metrics.Set) *gatewayMetrics {
	return &gatewayMetrics{
		established: set.NewCounter("gannet_gateway_established_total"),
		refusals:    reasons.New(set, "gannet_gateway_refusals_total", "reason"),
	}
}

const appRefusals = "gannet_gateway_app_refusals_total"

// appRefused are refusals by app and reason, of one loop. Refusals come at the clients' will: so loops do not share a counter, and what they
// have is added up when somebody asks.
type appRefused struct {
	mu sync.Mutex // shared with who asks, now and then
	by map[appReason]uint64
}

type appReason struct {
	account uint32 // in the hub
	reason  string
}

func (a *appRefused) count(account uint32, reason string) {
	a.mu.Lock()
	if a.by == nil {
		a.by = make(map[appReason]uint64)
	}
	a.by[appReason{account, reason}]++
	a.mu.Unlock()
}

// counted counts a pusher:error, or the close frame that stands for one, by package pusher's reason for it. The conn's Tag says whose it is; 0:
// of no app that is known. Loop-only.
func (g *Gateway) counted(c *engine.Conn, reason string) {
	g.metrics.refusals.Of(reason).Inc()
	if account := uint32(c.Tag); account != 0 {
		g.loops[c.Loop().Index()].appRefused.count(account, reason)
	}
}

// writeAppRefusals writes what all loops have refused by app, as Prometheus reads it. Any goroutine.
func (g *Gateway) writeAppRefusals(w io.Writer) {
	sum := make(map[appReason]uint64)
	for _, l := range g.loops {
		l.appRefused.mu.Lock()
		for key, n := range l.appRefused.by {
			sum[key] += n
		}
		l.appRefused.mu.Unlock()
	}
	if len(sum) == 0 {
		return
	}
	keys := make([]appReason, 0, len(sum))
	for key := range sum {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b appReason) int {
		return cmp.Or(cmp.Compare(a.account, b.account), cmp.Compare(a.reason, b.reason))
	})
	metrics.WriteMetadataIfNeeded(w, appRefusals, "counter")
	ids := g.cfg.Node.Accounts()
	for _, key := range keys {
		fmt.Fprintf(w, "%s{app=%s,class=%q,reason=%q} %d\n", appRefusals, strconv.Quote(ids[key.account]), pusher.Class(key.reason), key.reason, sum[key])
	}
}
