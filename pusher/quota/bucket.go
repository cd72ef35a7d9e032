package quota

import "time"

// A Bucket is a token bucket that holds one second's worth of tokens.
//
// A limit of 10 per second lets 10 pass at once from rest, and from then on one more every 100 ms. Whatever keeps to
// the documented rate in any window is thus always let through (Pusher protocol, "Client events": at most 10 a second).
//
// It is kept as one number, the time at which the bucket will be full again (the "theoretical arrival time" of the
// generic cell rate algorithm), rather than a level and a time stamp: 8 bytes a connection. The zero value is a full
// bucket. Guarded by its owner.
type Bucket struct {
	full int64 // Unix nanoseconds
}

// Wait returns how long it will be until Allow lets one through, 0 when it would now. perSecond and now are as for Allow.
func (b *Bucket) Wait(now time.Time, perSecond int) time.Duration {
	if perSecond <= 0 {
		return 0
	}
	const capacity = int64(time.Second)
	ahead := b.full - now.UnixNano()
	if ahead > capacity {
		return 0 // the clock was set back
	}
	return time.Duration(max(ahead-(capacity-capacity/int64(perSecond)), 0))
}

// Allow takes one token and reports whether there was one. A refused call takes nothing.
//
// perSecond is rate and capacity at once; 0 or less allows everything and leaves the bucket alone. Above 10⁸ a second
// the rate is only approximate. A wall clock that is set back by more than a second refills the bucket, so that nobody
// is shut out until the clock has caught up. now must lie in the years 1678 to 2262.
func (b *Bucket) Allow(now time.Time, perSecond int) bool {
	if perSecond <= 0 {
		return true
	}
	const capacity = int64(time.Second)
	token := capacity / int64(perSecond)
	t := now.UnixNano()
	full := b.full
	if full < t || full-t > capacity {
		full = t
	}
	if full-t > capacity-token {
		return false
	}
	b.full = full + token
	return true
}
