package report

var (
	Quantity   = quantity
	Duration   = duration
	Count      = count
	Percentile = percentile
	Clock      = clock
)
