package report

import (
	"fmt"
	"math"
)

// A scale maps values to pixels: from low at start to high at end, evenly or by powers of ten.
type scale struct {
	low, high  float64
	start, end float64
	log        bool
	step       float64 // between ticks; 0 chooses
}

func (s *scale) at(v float64) float64 {
	low, high := s.low, s.high
	if s.log {
		low, high, v = math.Log10(low), math.Log10(high), math.Log10(max(v, s.low))
	}
	if high == low {
		return s.start
	}
	return s.start + (s.end-s.start)*min(max((v-low)/(high-low), 0), 1)
}

// ticks returns the round values to label: some of 1, 2 and 5 times powers of ten.
func (s *scale) ticks() []float64 {
	if s.log {
		return s.logTicks()
	}
	step := s.step
	if step == 0 {
		step = roundStep((s.high - s.low) / 6)
	}
	var all []float64
	for i := math.Ceil(s.low / step); i*step <= s.high*1.0001; i++ {
		all = append(all, i*step)
	}
	return all
}

func (s *scale) logTicks() []float64 {
	factors := []float64{1}
	if math.Log10(s.high/s.low) < 2.5 {
		factors = []float64{1, 2, 5}
	}
	var all []float64
	for power := math.Floor(math.Log10(s.low)); power <= math.Ceil(math.Log10(s.high)); power++ {
		for _, f := range factors {
			if v := f * math.Pow(10, power); v >= s.low*0.999 && v <= s.high*1.001 {
				all = append(all, v)
			}
		}
	}
	return all
}

// roundStep returns the least of 1, 2 and 5 times powers of ten that is not below v.
func roundStep(v float64) float64 {
	if v <= 0 {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, f := range []float64{1, 2, 5} {
		if f*power >= v*0.9999 {
			return f * power
		}
	}
	return 10 * power
}

// fromZero returns a scale from 0 to a round value above the highest.
func fromZero(highest, start, end float64) scale {
	highest = max(highest, 1e-9)
	step := roundStep(highest / 4)
	return scale{low: 0, high: step * math.Ceil(highest*1.02/step), start: start, end: end, step: step}
}

// decades returns a logarithmic scale that holds all of the values that are above 0.
func decades(values []float64, start, end float64) scale {
	low, high := math.Inf(1), 0.0
	for _, v := range values {
		if v > 0 {
			low, high = min(low, v), max(high, v)
		}
	}
	if high == 0 {
		low, high = 0.1, 1
	}
	s := scale{start: start, end: end, log: true, low: roundDown(low * 0.9), high: roundStep(high * 1.1)}
	if s.high/s.low < 5 {
		s.high = roundStep(s.low * 5)
	}
	return s
}

// roundDown returns the greatest of 1, 2 and 5 times powers of ten that is not above v.
func roundDown(v float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, f := range []float64{5, 2} {
		if f*power <= v*1.0001 {
			return f * power
		}
	}
	return power
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
