package quota

import "time"

// A ShortBucket is a Bucket of 4 bytes instead of 8, for what every connection has and few use up.
//
// It counts time in hundred-thousandths of a second and loses its way after half a day: who comes back then may, once in
// forty thousand times, find it partly used. Above 10⁵ a second it allows everything. The zero value is a full bucket.
// Guarded by its owner.
type ShortBucket struct {
	full uint32 // when it will be full, in ticks, modulo 2^32
}

// Allow takes one token and reports whether there was one. A refused call takes nothing. perSecond and now are as for
// Bucket.Allow.
func (b *ShortBucket) Allow(now time.Time, perSecond int) bool {
	const capacity = 100_000 // ticks in a second
	if perSecond <= 0 {
		return true
	}
	token := uint32(capacity / perSecond)
	t := uint32(now.UnixNano() / (int64(time.Second) / capacity))
	ahead := b.full - t
	if b.full == 0 || ahead > capacity {
		ahead = 0
	}
	if ahead > capacity-token {
		return false
	}
	if b.full = t + ahead + token; b.full == 0 {
		b.full-- // 0 is a full bucket; a tick too early is nobody's loss
	}
	return true
}
