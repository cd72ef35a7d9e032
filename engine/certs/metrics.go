package certs

import (
	"fmt"

	"github.com/VictoriaMetrics/metrics"
)

type storeMetrics struct{ reloaded, failed *metrics.Counter }

func newMetrics(s *Store, set *metrics.Set) *storeMetrics {
	for i, p := range s.cfg.Pairs {
		ExpiryGauge(set, p.Cert, func() float64 {
			s.mu.Lock()
			defer s.mu.Unlock()
			return s.loaded[i].Expires().Sub(s.cfg.Now()).Seconds()
		})
	}
	return &storeMetrics{
		reloaded: set.GetOrCreateCounter(`gannet_certs_reloads_total{outcome="ok"}`),
		failed:   set.GetOrCreateCounter(`gannet_certs_reloads_total{outcome="failed"}`),
	}
}

// ExpiryGauge shows how many seconds the certificate called name, a file or a host, is still
// valid. The same name twice is one gauge.
func ExpiryGauge(set *metrics.Set, name string, left func() float64) {
	set.GetOrCreateGauge(fmt.Sprintf(`gannet_certs_expiry_seconds{certificate=%q}`, name), left)
}
