package admin_test

import (
	"strings"
	"testing"

	"github.com/VictoriaMetrics/metrics"

	"github.com/gannet-io/gannet/pusher/admin"
)

func TestSoketiNamesAreThoseOfSoketi(t *testing.T) {
	set := metrics.NewSet()
	set.NewGauge(`gannet_node_connections{app="shop"}`, func() float64 { return 3 })
	set.NewGauge(`gannet_node_connections{app="a \"b\" {c},="}`, func() float64 { return 4 })
	set.NewCounter(`gannet_engine_closes_total{reason="peer"}`).Set(5)
	set.NewCounter(`gannet_engine_closes_total{reason="server"}`).Set(6)
	set.NewCounter("gannet_engine_bytes_out_total").Set(12345678901)
	set.NewCounter("gannet_engine_bytes_out_total_of_another").Set(1)
	set.NewPrometheusHistogram("gannet_rest_request_duration_seconds").Update(1)
	var own, got strings.Builder
	set.WritePrometheus(&own)
	admin.WriteSoketi(&got, "soketi_", "6001", []byte("# TYPE x counter\n\n"+own.String()))
	for _, want := range []string{
		"# TYPE soketi_connected gauge\n",
		"\nsoketi_connected{app_id=\"shop\",port=\"6001\"} 3\n",
		"\nsoketi_connected{app_id=\"a \\\"b\\\" {c},=\",port=\"6001\"} 4\n",
		"\nsoketi_new_disconnections_total{port=\"6001\"} 11\n",
		"\n# TYPE soketi_socket_transmitted_bytes counter\nsoketi_socket_transmitted_bytes{port=\"6001\"} 12345678901\n",
	} {
		if !strings.Contains("\n"+got.String(), want) {
			t.Errorf("no %q in\n%s", want, got.String())
		}
	}
	if strings.Contains(got.String(), "gannet_") {
		t.Errorf("our names are in\n%s", got.String())
	}
}
