package probe

import (
	"strconv"
	"strings"
)

// Names of Gannet's metrics, and of every Go program's, that reports make use of.
const (
	Sends      = "gannet_engine_sends_total"
	FramesOut  = "gannet_engine_frames_out_total"
	Deliveries = "gannet_hub_deliveries_total"
	Goroutines = "go_goroutines"
)

// parseMetrics reads the Prometheus text format: each name with the sum of its samples over all
// labels.
func parseMetrics(page []byte) map[string]float64 {
	values := make(map[string]float64)
	for line := range strings.Lines(string(page)) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		end := strings.IndexAny(line, "{ ")
		if end < 0 {
			continue
		}
		rest := line[end:]
		if rest[0] == '{' {
			// A label's value may hold braces and blanks; the sample follows the last brace.
			rest = rest[strings.LastIndexByte(rest, '}')+1:]
		}
		fields := strings.Fields(rest) // the value, and perhaps a time
		if len(fields) == 0 {
			continue
		}
		if v, err := strconv.ParseFloat(fields[0], 64); err == nil {
			values[line[:end]] += v
		}
	}
	return values
}
