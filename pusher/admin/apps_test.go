package admin

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"github.com/gannet-io/gannet/pusher/node"
)

func TestAnAppsTrafficAndRefusalsHaveRates(t *testing.T) {
	set := metrics.NewSet()
	in := set.NewCounter(`gannet_rest_app_body_bytes_in_total{app="sh\"op"}`)
	rate := set.NewCounter(`gannet_gateway_app_refusals_total{app="sh\"op",class="rate",reason="client_event_rate"}`)
	size := set.NewCounter(`gannet_rest_app_refusals_total{app="sh\"op",class="size",reason="data_too_large"}`)
	set.NewCounter(`gannet_rest_app_refusals_total{app="other",class="size",reason="data_too_large"}`).Set(99)
	in.Set(100)
	rate.Set(4)
	start := time.Unix(1_700_000_000, 0)
	var buffer bytes.Buffer
	sets := []*metrics.Set{set}
	p := &sampler{recent: []moments{{
		at: start, f: scrape(sets, &buffer), apps: map[string]node.Traffic{`sh"op`: {BytesIn: 1000, BytesOut: 50}},
	}}}
	in.Set(300)
	rate.Set(10)
	size.Set(3)
	f, at := scrape(sets, &buffer), start.Add(20*time.Second)
	v := p.trafficView(`sh"op`, node.Traffic{BytesIn: 1400, BytesOut: 50}, f.of(`sh"op`), at)
	want := trafficView{BytesIn: 1400, BytesOut: 50, HTTPBytesIn: 300, BytesInPerS: 20, HTTPBytesInPerS: 10} // 400 and 200 in 20 s
	if v != want {
		t.Errorf("got  %+v\nwant %+v", v, want)
	}
	list := p.appReasons(`sh"op`, f.of(`sh"op`), at)
	if want := []appReason{
		{"websocket", "rate", "client_event_rate", 10, 0.3},
		{"http", "size", "data_too_large", 3, 0.15},
	}; !slices.Equal(list, want) {
		t.Errorf("got  %+v\nwant %+v", list, want)
	}
	if list := p.appReasons("nobody", f.of("nobody"), at); list == nil || len(list) != 0 {
		t.Errorf("of an app that nothing was refused in: %+v", list)
	}
}
