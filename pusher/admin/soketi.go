package admin

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// soketiNames are the metrics of soketi that we can tell, each by ours of which it is the sum. Sockudo has the same under another
// prefix. What soketi counts for each app we count for each app only where it says app; the others have no app_id. It has
// http_transmitted_bytes and horizontal_adapter_* as well, of which we know nothing alike.
var soketiNames = []struct{ theirs, kind, ours string }{
	{"connected", "gauge", "gannet_node_connections"}, // by app
	{"new_connections_total", "counter", "gannet_gateway_established_total"},
	{"new_disconnections_total", "counter", "gannet_engine_closes_total"},
	{"socket_received_bytes", "counter", "gannet_engine_message_bytes_in_total"},
	{"socket_transmitted_bytes", "counter", "gannet_engine_bytes_out_total"},
	{"ws_messages_received_total", "counter", "gannet_engine_messages_in_total"},
	{"ws_messages_sent_total", "counter", "gannet_engine_frames_out_total"},
	{"http_received_bytes", "counter", "gannet_rest_request_body_bytes_total"},
	{"http_calls_received_total", "counter", "gannet_rest_requests_total"},
}

// writeSoketi writes what own, the text of our metrics, has under soketi's names behind prefix, as if from a soketi that listens on port.
func writeSoketi(w io.Writer, prefix, port string, own []byte) {
	sums := make([]map[string]float64, len(soketiNames)) // by app, "" for all
	for line := range bytes.Lines(own) {
		name, labels, value, ok := series(string(line))
		i := slices.IndexFunc(soketiNames, func(n struct{ theirs, kind, ours string }) bool { return n.ours == name })
		if !ok || i < 0 {
			continue
		}
		if sums[i] == nil {
			sums[i] = make(map[string]float64)
		}
		sums[i][appLabel(labels)] += value
	}
	for i, n := range soketiNames {
		fmt.Fprintf(w, "# TYPE %s%s %s\n", prefix, n.theirs, n.kind)
		for _, app := range slices.Sorted(maps.Keys(sums[i])) {
			label := ""
			if app != "" {
				label = "app_id=" + app + ","
			}
			fmt.Fprintf(w, "%s%s{%sport=%q} %s\n", prefix, n.theirs, label, port, strconv.FormatFloat(sums[i][app], 'f', -1, 64))
		}
	}
}

// series splits a line of the text format, name{labels} value.
func series(line string) (name, labels string, value float64, ok bool) {
	line = strings.TrimSpace(line)
	end := strings.LastIndexByte(line, ' ')
	if end < 0 || line[0] == '#' {
		return "", "", 0, false
	}
	value, err := strconv.ParseFloat(line[end+1:], 64)
	name, labels, _ = strings.Cut(line[:end], "{")
	return name, strings.TrimSuffix(labels, "}"), value, err == nil
}

// appLabel returns the value of the label app with its quotes, "" when there is none.
func appLabel(labels string) string {
	for labels != "" {
		name, rest, ok := strings.Cut(labels, "=")
		value, err := strconv.QuotedPrefix(rest)
		if !ok || err != nil {
			return ""
		}
		if name == "app" {
			return value
		}
		labels = strings.TrimPrefix(rest[len(value):], ",")
	}
	return ""
}
