package backbone

import (
	"io"

	"github.com/VictoriaMetrics/metrics"
)

// Export adds to set how a bus is, asked for by status whenever the metrics are read.
func Export(set *metrics.Set, status func() Status) {
	set.RegisterMetricsWriter(func(w io.Writer) {
		s := status()
		up := 0.0
		if s.Up {
			up = 1
		}
		metrics.WriteGaugeFloat64(w, "gannet_cluster_up", up)
		metrics.WriteGaugeUint64(w, "gannet_cluster_nodes", uint64(len(s.Nodes)))
		metrics.WriteGaugeUint64(w, "gannet_cluster_waiting", uint64(max(s.Waiting, 0)))
		metrics.WriteCounterUint64(w, "gannet_cluster_in_total", s.In)
		metrics.WriteCounterUint64(w, "gannet_cluster_out_total", s.Out)
		metrics.WriteCounterUint64(w, "gannet_cluster_in_bytes_total", s.BytesIn)
		metrics.WriteCounterUint64(w, "gannet_cluster_out_bytes_total", s.BytesOut)
		metrics.WriteCounterUint64(w, "gannet_cluster_changes_total", s.Entries)
		metrics.WriteCounterUint64(w, "gannet_cluster_reconnects_total", s.Reconnects)
		metrics.WriteCounterUint64(w, "gannet_cluster_rejoins_total", s.Rejoins)
		metrics.WriteCounterUint64(w, "gannet_cluster_refetched_total", s.Refetched)
	})
}
