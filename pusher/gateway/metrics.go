package gateway

import (
	"github.com/VictoriaMetrics/metrics"

	"github.com/gannet-io/gannet/engine/reasons"
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

// refused counts a pusher:error by package pusher's reason for it, and "binary", which is
// answered by a close frame alone.
func (m *gatewayMetrics) refused(reason string) { m.refusals.Of(reason).Inc() }
