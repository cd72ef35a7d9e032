package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// per returns n a second, 0 when no time has passed.
func per(n float64, d time.Duration) float64 { return ratio(n, d.Seconds()) }

func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

// nines returns the part that lies beyond n nines: 0.1 for one, 0.01 for two.
func nines(n float64) float64 { return math.Pow(10, -n) }

// count writes a whole number in groups of three.
func count(n int64) string {
	s := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, s = "-", s[1:]
	}
	var b strings.Builder
	for i, c := range s {
		if i > 0 && (len(s)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(c)
	}
	return sign + b.String()
}

// quantity writes a number with about three digits and a unit prefix: 312, 4.56k, 1.20M.
func quantity(v float64) string {
	for _, u := range []struct {
		at     float64
		suffix string
	}{{1e9, "G"}, {1e6, "M"}, {1e3, "k"}} {
		if math.Abs(v) >= 0.9995*u.at {
			return threeDigits(v/u.at) + u.suffix
		}
	}
	return threeDigits(v)
}

// threeDigits writes a number below 1000 with as many decimals as make three digits.
func threeDigits(v float64) string {
	switch a := math.Abs(v); {
	case a == 0:
		return "0"
	case a >= 99.95 || a == math.Trunc(a) && a < 1000:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case a >= 9.995:
		return strconv.FormatFloat(v, 'f', 1, 64)
	case a >= 0.9995:
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
	return strconv.FormatFloat(v, 'g', 2, 64)
}

// duration writes milliseconds in the unit that suits them.
func duration(v float64) string {
	switch {
	case v == 0:
		return "0"
	case v < 0.9995:
		return threeDigits(v*1000) + " µs"
	case v < 9999.5:
		if v >= 999.5 {
			return strconv.FormatFloat(v, 'f', 0, 64) + " ms"
		}
		return threeDigits(v) + " ms"
	}
	return threeDigits(v/1000) + " s"
}

// size writes bytes.
func size(v float64) string {
	for _, u := range []struct {
		at   float64
		unit string
	}{{1 << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}} {
		if math.Abs(v) >= u.at {
			return fmt.Sprintf("%.2f %s", v/u.at, u.unit)
		}
	}
	return fmt.Sprintf("%.0f B", v)
}

// percentile writes a part of all as people say it: 50 %, 99.9 %.
func percentile(part float64) string {
	digits := 0
	if rest := 1 - part; rest > 0 {
		digits = max(int(math.Ceil(-math.Log10(rest)-1e-9))-2, 0)
	}
	return fmt.Sprintf("%.*f %%", digits, 100*part)
}

// clock writes seconds of a run.
func clock(seconds float64) string {
	s := int(math.Round(seconds))
	switch {
	case seconds < 60 && seconds != math.Trunc(seconds):
		return fmt.Sprintf("%.1f s", seconds)
	case s < 60:
		return fmt.Sprintf("%d s", s)
	case s < 3600:
		return fmt.Sprintf("%d:%02d min", s/60, s%60)
	}
	return fmt.Sprintf("%d:%02d h", s/3600, s/60%60)
}
