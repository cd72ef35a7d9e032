package tally

// A Sample is what one worker saw in one interval.
type Sample struct {
	// Index counts the intervals of the run from 0; before the start it is -1.
	Index int
	Counts

	Latency Sparse // of messages due in the measured window, from due to read
	Join    Sparse // of conns: from due to subscribed
	Late    Sparse // of publishes that nothing but the generator held up: from due to sent

	// Problems counts by their descriptions what went wrong; nil when nothing did.
	Problems map[string]int64
}

// MaxProblems bounds the distinct descriptions that are kept.
const MaxProblems = 50

// Note counts a problem in m, which it makes when nil, and returns m.
func Note(m map[string]int64, problem string, n int64) map[string]int64 {
	if m == nil {
		m = make(map[string]int64)
	}
	if _, known := m[problem]; !known && len(m) >= MaxProblems {
		problem = "other problems"
	}
	m[problem] += n
	return m
}
