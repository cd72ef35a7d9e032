package node

import (
	"strconv"

	"github.com/VictoriaMetrics/metrics"

	"github.com/gannet-io/gannet/engine/hub"
)

type nodeMetrics struct {
	set             *metrics.Set
	publishesREST   *metrics.Counter
	publishesClient *metrics.Counter
	busy            *metrics.Counter
	evictions       *metrics.Counter
	cacheHits       *metrics.Counter
	cacheMisses     *metrics.Counter
	pastEvictions   *metrics.Counter
	recovered       *metrics.Counter
	unrecovered     map[string]*metrics.Counter // by reason
	replayed        *metrics.Counter
	overtaken       *metrics.Counter
	publishesBus    *metrics.Counter
	unreadable      *metrics.Counter
	overrun         *metrics.Counter
	broken          *metrics.Counter
	attached        *metrics.Counter // up and down
	later           *metrics.Counter
}

func newMetrics(set *metrics.Set) *nodeMetrics {
	m := &nodeMetrics{
		set:             set,
		publishesREST:   set.NewCounter(`gannet_node_publishes_total{source="rest"}`),
		publishesClient: set.NewCounter(`gannet_node_publishes_total{source="client"}`),
		busy:            set.NewCounter("gannet_node_busy_total"),
		evictions:       set.NewCounter("gannet_node_cache_evictions_total"),
		cacheHits:       set.NewCounter(`gannet_node_cache_lookups_total{outcome="hit"}`),
		cacheMisses:     set.NewCounter(`gannet_node_cache_lookups_total{outcome="miss"}`),
		pastEvictions:   set.NewCounter("gannet_node_history_evictions_total"),
		recovered:       set.NewCounter(`gannet_node_resumes_total{outcome="recovered"}`),
		unrecovered:     make(map[string]*metrics.Counter),
		replayed:        set.NewCounter("gannet_node_replayed_events_total"),
		overtaken:       set.NewCounter("gannet_node_replays_overtaken_total"),
		publishesBus:    set.NewCounter(`gannet_node_publishes_total{source="bus"}`),
		unreadable:      set.NewCounter("gannet_node_unreadable_envelopes_total"),
		overrun:         set.NewCounter("gannet_node_overrun_envelopes_total"),
		broken:          set.NewCounter("gannet_node_broken_logs_total"),
		attached:        set.NewCounter("gannet_node_attached_channels"),
		later:           set.NewCounter("gannet_node_postponed_subscriptions_total"),
	}
	for _, reason := range []string{reasonEpoch, reasonExpired, reasonAhead, reasonInvalid} {
		m.unrecovered[reason] = set.NewCounter(`gannet_node_resumes_total{outcome="` + reason + `"}`)
	}
	return m
}

// resumed counts an answer to who wanted to resume; reason is why he could not, or "".
func (m *nodeMetrics) resumed(reason string) {
	if c := m.unrecovered[reason]; c != nil {
		c.Inc()
		return
	}
	m.recovered.Inc()
}

// addApp exports what the node counts for one app.
func (m *nodeMetrics) addApp(h *hub.Hub, t *tenant) {
	m.set.NewGauge(`gannet_node_app_message_bytes_in_total{app=`+strconv.Quote(t.id)+`}`, func() float64 { return float64(h.Flow(t.account).In) })
	m.set.NewGauge(`gannet_node_app_message_bytes_out_total{app=`+strconv.Quote(t.id)+`}`, func() float64 { return float64(h.Flow(t.account).Out) })
	m.set.NewGauge(`gannet_node_connections{app=`+strconv.Quote(t.id)+`}`, func() float64 {
		t.mu.Lock()
		defer t.mu.Unlock()
		return float64(t.conns.Count())
	})
	for name, value := range map[string]*int{
		"gannet_node_history_bytes":    &t.past.bytes,
		"gannet_node_history_events":   &t.past.events,
		"gannet_node_history_channels": &t.past.streams,
	} {
		m.set.NewGauge(name+`{app=`+strconv.Quote(t.id)+`}`, func() float64 {
			t.past.mu.Lock()
			defer t.past.mu.Unlock()
			return float64(*value)
		})
	}
}
