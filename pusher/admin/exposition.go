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
	apps    map[string]*appFigures        // by id
}

// appFigures are what the doors count of one app.
type appFigures struct {
	httpIn, httpOut float64
	refusals        map[appRefusal]float64
}

type appRefusal struct{ door, class, reason string }

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

// Metrics that are read by app.
const (
	metricAppHTTPIn   = "gannet_rest_app_body_bytes_in_total"
	metricAppHTTPOut  = "gannet_rest_app_body_bytes_out_total"
	metricAppRefusals = "gannet_gateway_app_refusals_total"
	metricAppREST     = "gannet_rest_app_refusals_total"
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
	case metricAppHTTPIn, metricAppHTTPOut, metricAppRefusals, metricAppREST:
		f.addApp(string(name), full[max(brace, 0):], value)
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

// addApp adds what is counted by app.
func (f *figures) addApp(name string, text []byte, value float64) {
	labels := labelsOf(string(text))
	if f.apps == nil {
		f.apps = make(map[string]*appFigures)
	}
	of := f.apps[labels["app"]]
	if of == nil {
		of = &appFigures{refusals: make(map[appRefusal]float64)}
		f.apps[labels["app"]] = of
	}
	switch name {
	case metricAppHTTPIn:
		of.httpIn += value
	case metricAppHTTPOut:
		of.httpOut += value
	case metricAppRefusals:
		of.refusals[appRefusal{"websocket", labels["class"], labels["reason"]}] += value
	case metricAppREST:
		of.refusals[appRefusal{"http", labels["class"], labels["reason"]}] += value
	}
}

// of returns the figures of an app, which are not to be changed.
func (f *figures) of(app string) *appFigures {
	if of := f.apps[app]; of != nil {
		return of
	}
	return &appFigures{}
}

// labelsOf reads {name="value",…}, whose values are quoted as Go quotes them.
func labelsOf(text string) map[string]string {
	labels := make(map[string]string, 4)
	text = strings.TrimPrefix(text, "{")
	for {
		name, rest, ok := strings.Cut(text, "=")
		quoted, err := strconv.QuotedPrefix(rest)
		if !ok || err != nil {
			return labels
		}
		if value, err := strconv.Unquote(quoted); err == nil {
			labels[name] = value
		}
		text = strings.TrimPrefix(rest[len(quoted):], ",")
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
