package backbone_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/VictoriaMetrics/metrics"

	"github.com/gannet-io/gannet/engine/backbone"
)

func TestMetricsSayWhatTheStatusSays(t *testing.T) {
	set := metrics.NewSet()
	backbone.Export(set, func() backbone.Status {
		return backbone.Status{Up: true, Nodes: make([]backbone.Node, 3), In: 4, Out: 5, BytesIn: 6, BytesOut: 7, Entries: 8, Reconnects: 9, Rejoins: 10, Refetched: 11, Waiting: 12}
	})
	var page bytes.Buffer
	set.WritePrometheus(&page)
	for _, want := range []string{
		"gannet_cluster_up 1", "gannet_cluster_nodes 3", "gannet_cluster_in_total 4", "gannet_cluster_out_total 5", "gannet_cluster_in_bytes_total 6",
		"gannet_cluster_out_bytes_total 7", "gannet_cluster_changes_total 8", "gannet_cluster_reconnects_total 9", "gannet_cluster_rejoins_total 10",
		"gannet_cluster_refetched_total 11", "gannet_cluster_waiting 12",
	} {
		if !strings.Contains("\n"+page.String(), "\n"+want+"\n") {
			t.Errorf("want %q in\n%s", want, page.String())
		}
	}
}
