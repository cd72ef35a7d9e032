package otlp

import "github.com/VictoriaMetrics/metrics"

type instruments struct {
	sent    *metrics.Counter
	failed  *metrics.Counter
	dropped *metrics.Counter
}

func newInstruments(set *metrics.Set, queued func() float64) *instruments {
	set.NewGauge("gannet_otlp_queued_spans", queued)
	return &instruments{
		sent:    set.NewCounter(`gannet_otlp_spans_total{outcome="sent"}`),
		failed:  set.NewCounter(`gannet_otlp_spans_total{outcome="failed"}`),
		dropped: set.NewCounter(`gannet_otlp_spans_total{outcome="dropped"}`),
	}
}
