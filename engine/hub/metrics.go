package hub

import "github.com/VictoriaMetrics/metrics"

// latencyBounds are the buckets of the latency, in seconds: a delivery to one idle subscriber
// takes tens of microseconds, a fan-out to thousands as many sends in a row.
var latencyBounds = []float64{0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005,
	0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10}

type hubMetrics struct {
	set           *metrics.Set
	topics        *metrics.Counter // as a gauge
	subscriptions *metrics.Counter // as a gauge
	deliveries    *metrics.Counter
	latency       *metrics.PrometheusHistogram
	queued        *metrics.PrometheusHistogram
	written       *metrics.PrometheusHistogram
}

func newMetrics(set *metrics.Set) *hubMetrics {
	return &hubMetrics{
		set:           set,
		topics:        set.NewCounter("gannet_hub_topics"),
		subscriptions: set.NewCounter("gannet_hub_subscriptions"),
		deliveries:    set.NewCounter("gannet_hub_deliveries_total"),
		queued:        set.NewPrometheusHistogramExt("gannet_hub_queued_seconds", latencyBounds),
		written:       set.NewPrometheusHistogramExt("gannet_hub_written_seconds", latencyBounds),
		latency:       set.NewPrometheusHistogramExt("gannet_hub_publish_to_sent_seconds", latencyBounds),
	}
}
