package report

var (
	Quantity   = quantity
	Duration   = duration
	Count      = count
	Percentile = percentile
	Clock      = clock
)

// Ticks returns the ticks of the axis that is chosen for values up to high.
func Ticks(low, high float64, log bool) []float64 {
	s := fromZero(high, 0, 1)
	if log {
		s = decades([]float64{low, high}, 0, 1)
	}
	return s.ticks()
}
