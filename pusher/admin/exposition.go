package admin

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/VictoriaMetrics/metrics"
)

// figures are the metrics of all sets at one moment, as far as the console shows them. They are read where Prometheus reads them, so that no
// package has to know of the console.
type figures struct {
	values  map[string]float64            // by name; those with labels added up
	reasons map[string]map[string]float64 // by name, then by the value of the first label
	latency []bucket                      // of publish to sent, cumulative, by bound
}

type bucket struct {
	le, count float64
}

// Metrics that are read by reason.
const (
	metricDrops    = "gannet_engine_dropped_frames_total"
	metricRefusals = "gannet_gateway_refusals_total"
	metricCloses   = "gannet_engine_closes_total"
	metricREST     = "gannet_rest_refusals_total"
)

const metricLatency = "gannet_hub_publish_to_sent_seconds"

// scrape reads sets. buffer is used again.
func scrape(sets []*metrics.Set, buffer *bytes.Buffer) *figures {
	buffer.Reset()
	for _, set := range sets {
		set.WritePrometheus(buffer)
	}
	f := &figures{values: make(map[string]float64, 64), reasons: make(map[string]map[string]float64, 4)}
	for line := range bytes.Lines(buffer.Bytes()) {
		if !bytes.HasPrefix(line, []byte("gannet_")) {
			continue
		}
		f.add(line)
	}
	return f
}

func (f *figures) add(line []byte) {
	space := bytes.LastIndexByte(line, ' ')
	if space < 0 {
		return
	}
	full := line[:space]
	brace := bytes.IndexByte(full, '{')
	name := full
	if brace >= 0 {
		name = full[:brace]
	}
	if bytes.HasSuffix(name, []byte("_bucket")) && string(name) != metricLatency+"_bucket" {
		return
	}
	value, err := strconv.ParseFloat(strings.TrimSpace(string(line[space+1:])), 64)
	if err != nil {
		return
	}
	switch string(name) {
	case metricLatency + "_bucket":
		if le, err := strconv.ParseFloat(firstLabel(full[max(brace, 0):]), 64); err == nil {
			f.latency = append(f.latency, bucket{le, value})
		}
	case metricDrops, metricRefusals, metricCloses, metricREST:
		of := f.reasons[string(name)]
		if of == nil {
			of = make(map[string]float64)
			f.reasons[string(name)] = of
		}
		of[firstLabel(full[max(brace, 0):])] += value
		fallthrough
	default:
		f.values[string(name)] += value
		if string(name) == "gannet_node_publishes_total" {
			f.values[string(full)] += value
		}
	}
}

// firstLabel returns the value of the first label in {name="value",…}.
func firstLabel(labels []byte) string {
	_, rest, _ := bytes.Cut(labels, []byte(`="`))
	value, _, _ := bytes.Cut(rest, []byte(`"`))
	return string(value)
}

// quantile returns the time that a part q of what happened between two moments took at most, in seconds, taken as evenly
// spread within its bucket; ok is false when nothing happened.
func quantile(before, after []bucket, q float64) (seconds float64, ok bool) {
	if len(before) != len(after) || len(after) == 0 {
		return 0, false
	}
	last := len(after) - 1
	total := after[last].count - before[last].count
	if total <= 0 {
		return 0, false
	}
	want, low, below := q*total, 0.0, 0.0
	for i := range after {
		count := after[i].count - before[i].count
		if count < want {
			low, below = after[i].le, count
			continue
		}
		if i == last {
			return low, true // beyond the largest bound
		}
		return low + (after[i].le-low)*(want-below)/(count-below), true
	}
	return low, true
}
