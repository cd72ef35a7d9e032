// Package quota holds the counters Gannet limits things with: a [Bucket] or [ShortBucket] for rates and a [Usage] for how
// many of something exist at once.
//
// All are plain values with no lock, clock or goroutine: the owner guards them and passes the time in. The limit is
// given with each call instead of being stored, so a counter costs 8 bytes and a changed configuration takes effect at
// the next call. A limit of 0 or less means no limit, everywhere.
package quota
