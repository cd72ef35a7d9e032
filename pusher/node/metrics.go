package node

import (
	"strconv"

	"github.com/VictoriaMetrics/metrics"
)

type nodeMetrics struct {
	set             *metrics.Set
	publishesREST   *metrics.Counter
	publishesClient *metrics.Counter
	busy            *metrics.Counter
	evictions       *metrics.Counter
	cacheHits       *metrics.Counter
	cacheMisses     *metrics.Counter
}

func newMetrics(set *metrics.Set) *nodeMetrics {
	return &nodeMetrics{
		set:             set,
		publishesREST:   set.NewCounter(`gannet_node_publishes_total{source="rest"}`),
		publishesClient: set.NewCounter(`gannet_node_publishes_total{source="client"}`),
		busy:            set.NewCounter("gannet_node_busy_total"),
		evictions:       set.NewCounter("gannet_node_cache_evictions_total"),
		cacheHits:       set.NewCounter(`gannet_node_cache_lookups_total{outcome="hit"}`),
		cacheMisses:     set.NewCounter(`gannet_node_cache_lookups_total{outcome="miss"}`),
	}
}

// addApp exports what the node counts for one app.
func (m *nodeMetrics) addApp(t *tenant) {
	m.set.NewGauge(`gannet_node_connections{app=`+strconv.Quote(t.id)+`}`, func() float64 {
		t.mu.Lock()
		defer t.mu.Unlock()
		return float64(t.conns.Count())
	})
}
