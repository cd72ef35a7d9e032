package gateway

import "github.com/VictoriaMetrics/metrics"

type gatewayMetrics struct {
	set         *metrics.Set
	established *metrics.Counter
}

func newMetrics(set *metrics.Set) *gatewayMetrics {
	return &gatewayMetrics{
		set:         set,
		established: set.NewCounter("gannet_gateway_established_total"),
	}
}

// refused counts a pusher:error; reason is one of package pusher's.
func (m *gatewayMetrics) refused(reason string) {
	m.set.GetOrCreateCounter(`gannet_gateway_refusals_total{reason="` + reason + `"}`).Inc()
}
