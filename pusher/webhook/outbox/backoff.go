package outbox

import "time"

// maxPause is the longest pause between two tries.
const maxPause = time.Minute

// pause returns how long to wait after the nth failure in a row, n counted from 1: 1, 2, 4, 8, 16, 32, 60, 60 … s, a
// quarter more or less, so that receivers that failed together are not tried together. jitter is in [0, 1).
func pause(n int, jitter float64) time.Duration {
	d := maxPause
	if n < 7 {
		d = time.Second << max(n-1, 0)
	}
	return time.Duration(float64(d) * (0.75 + jitter/2))
}
