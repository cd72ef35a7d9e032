package report_test

import (
	"testing"

	"github.com/gannet-io/gannet/loadtest/report"
)

func TestNumbersAreWrittenForPeople(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 0.123: "0.12", 7: "7", 9.876: "9.88", 12.34: "12.3", 312: "312", 999.7: "1.00k", 4560: "4.56k", 20000: "20k", 1.2e6: "1.20M", 3e9: "3G"} {
		if got := report.Quantity(v); got != want {
			t.Errorf("quantity of %v is %q, want %q", v, got, want)
		}
	}
	for v, want := range map[float64]string{0: "0", 0.012: "12 µs", 0.5: "500 µs", 1.5: "1.50 ms", 250: "250 ms", 4321: "4321 ms", 12345: "12.3 s"} {
		if got := report.Duration(v); got != want {
			t.Errorf("duration of %v ms is %q, want %q", v, got, want)
		}
	}
	for v, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", -1234567: "-1,234,567"} {
		if got := report.Count(v); got != want {
			t.Errorf("count of %d is %q, want %q", v, got, want)
		}
	}
	for v, want := range map[float64]string{0: "0 %", 0.5: "50 %", 0.9: "90 %", 0.99: "99 %", 0.999: "99.9 %", 0.99999: "99.999 %"} {
		if got := report.Percentile(v); got != want {
			t.Errorf("percentile of %v is %q, want %q", v, got, want)
		}
	}
	for v, want := range map[float64]string{0.5: "0.5 s", 20: "20 s", 90: "1:30 min", 3720: "1:02 h"} {
		if got := report.Clock(v); got != want {
			t.Errorf("clock of %v is %q, want %q", v, got, want)
		}
	}
}
