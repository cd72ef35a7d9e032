// Package history is the contract for the past of topics: a [Stream] gives each event of one topic its place, keeps it
// for a while, and proves to whoever comes back that nothing is missing between where he was and now.
//
// # Places
//
// A [Position] is an epoch and an offset. Offsets count the events of one topic from 1, without holes, because readers
// see by them that something is missing. An epoch is one incarnation of a stream: whenever it cannot be proved that offsets
// go on where they were, as after a restart, there is a new one, which has never been before. Offset 0 is the place
// before the first event.
//
// # Who calls, and when
//
// A stream is guarded by its owner, who holds the topic's lock during every call but that of the function Append returns.
// Under that lock an event gets its place, is kept, and is delivered, in this order and before anything else happens to the
// topic; so whoever subscribes under the same lock knows that all events up to the head are to be read and all
// others will come by themselves.
//
// A stream whose places are given elsewhere, by a log that nodes share, cannot deliver at once. Its Append returns
// without having done so, its driver takes the topic's lock when the place is known and delivers then, and what
// Append returned tells the publisher, who waits without the lock, what became of it. Package memstream delivers before
// Append returns.
//
// Times are Unix nanoseconds and come from the caller. Frames are shared, never copied.
package history
