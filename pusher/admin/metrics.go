package admin

import (
	"github.com/VictoriaMetrics/metrics"

	"github.com/gannet-io/gannet/engine/reasons"
)

type adminMetrics struct {
	panics   *metrics.Counter
	streams  *metrics.Counter          // as a gauge
	logins   map[bool]*metrics.Counter // by whether they succeeded
	refusals *reasons.Counters
}

func newMetrics(set *metrics.Set) *adminMetrics {
	return &adminMetrics{
		panics:  set.NewCounter("gannet_admin_panics_total"),
		streams: set.NewCounter("gannet_admin_streams"),
		logins: map[bool]*metrics.Counter{
			true:  set.NewCounter(`gannet_admin_logins_total{outcome="ok"}`),
			false: set.NewCounter(`gannet_admin_logins_total{outcome="wrong"}`),
		},
		refusals: reasons.New(set, "gannet_admin_refusals_total", "reason"),
	}
}

// refused counts a request that the guard turned away, by the code in its answer.
func (m *adminMetrics) refused(code string) { m.refusals.Of(code).Inc() }
