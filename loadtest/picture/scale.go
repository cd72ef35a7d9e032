package picture

import "math"

// A Scale maps values to pixels: from Low at Start to High at End, evenly or by powers of ten.
type Scale struct {
	Low, High  float64
	Start, End float64
	Log        bool
	Step       float64 // between ticks; 0 chooses
}

// At returns where a value is. What lies outside is at the nearer end.
func (s *Scale) At(v float64) float64 {
	low, high := s.Low, s.High
	if s.Log {
		low, high, v = math.Log10(low), math.Log10(high), math.Log10(max(v, s.Low))
	}
	if high == low {
		return s.Start
	}
	return s.Start + (s.End-s.Start)*min(max((v-low)/(high-low), 0), 1)
}

// Ticks returns the round values to label: some of 1, 2 and 5 times powers of ten.
func (s *Scale) Ticks() []float64 {
	if s.Log {
		return s.logTicks()
	}
	step := s.Step
	if step == 0 {
		step = roundStep((s.High - s.Low) / 6)
	}
	var all []float64
	for i := math.Ceil(s.Low / step); i*step <= s.High*1.0001; i++ {
		all = append(all, i*step)
	}
	return all
}

func (s *Scale) logTicks() []float64 {
	factors := []float64{1}
	if math.Log10(s.High/s.Low) < 2.5 {
		factors = []float64{1, 2, 5}
	}
	var all []float64
	for power := math.Floor(math.Log10(s.Low)); power <= math.Ceil(math.Log10(s.High)); power++ {
		for _, f := range factors {
			if v := f * math.Pow(10, power); v >= s.Low*0.999 && v <= s.High*1.001 {
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

// FromZero returns a scale from 0 to a round value above the highest.
func FromZero(highest, start, end float64) Scale {
	highest = max(highest, 1e-9)
	step := roundStep(highest / 4)
	return Scale{Low: 0, High: step * math.Ceil(highest*1.02/step), Start: start, End: end, Step: step}
}

// Decades returns a logarithmic scale that holds all of the values that are above 0.
func Decades(values []float64, start, end float64) Scale {
	low, high := math.Inf(1), 0.0
	for _, v := range values {
		if v > 0 {
			low, high = min(low, v), max(high, v)
		}
	}
	if high == 0 {
		low, high = 0.1, 1
	}
	s := Scale{Start: start, End: end, Log: true, Low: roundDown(low * 0.9), High: roundStep(high * 1.1)}
	if s.High/s.Low < 5 {
		s.High = roundStep(s.Low * 5)
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
