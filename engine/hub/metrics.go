package hub

import "github.com/VictoriaMetrics/metrics"

type hubMetrics struct {
	topics        *metrics.Counter // as a gauge
	subscriptions *metrics.Counter // as a gauge
	deliveries    *metrics.Counter
	latency       *metrics.Histogram
}

func newMetrics(set *metrics.Set) *hubMetrics {
	return &hubMetrics{
		topics:        set.NewCounter("gannet_hub_topics"),
		subscriptions: set.NewCounter("gannet_hub_subscriptions"),
		deliveries:    set.NewCounter("gannet_hub_deliveries_total"),
		latency:       set.NewHistogram("gannet_hub_publish_to_sent_seconds"),
	}
}
