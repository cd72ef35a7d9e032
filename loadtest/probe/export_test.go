package probe

var (
	ParseMetrics = parseMetrics
	ParseStat    = parseStat
)
