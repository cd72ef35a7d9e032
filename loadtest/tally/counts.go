package tally

// Counts are what happened in an interval. All grow; Live is the balance of Joined, Failed and
// Dropped, kept by whoever adds them up.
type Counts struct {
	// Steady subscribers.
	Opened  int64 // conns begun
	Joined  int64 // greeted and subscribed to all their channels
	Failed  int64 // never got that far
	Dropped int64 // lost afterwards

	// Messages that arrived at steady subscribers.
	Received    int64 // all with a stamp
	Duplicates  int64 // had been received before
	Disordered  int64 // came after a later message of their stream
	Skipped     int64 // numbers passed over; those that came late are taken off again
	Stray       int64 // on a channel the client is not on, or from nobody
	Unscheduled int64 // stamped messages at conns that are not measured: publishers, churn
	Other       int64 // frames without a stamp: presence, counts, pings, errors
	Bytes       int64 // read from all sockets
	Reads       int64 // system calls that did so, of steady subscribers

	// Publishing.
	Published int64 // accepted by the server, or sent as client events
	Expected  int64 // deliveries those should cause
	Refused   int64 // answered with anything but 200, or cut off
	Unsent    int64 // fell due in time and never got out
	Stalled   int64 // given up as outstanding when saturating

	// Churn.
	Arrivals  int64 // joined
	Rejected  int64 // did not
	Departed  int64 // left as planned
	Cut       int64 // lost in between
	Abandoned int64 // fell due with no free place for them or no processor, so never begun
}

// Add adds o to c.
func (c *Counts) Add(o *Counts) {
	c.Opened += o.Opened
	c.Joined += o.Joined
	c.Failed += o.Failed
	c.Dropped += o.Dropped
	c.Received += o.Received
	c.Duplicates += o.Duplicates
	c.Disordered += o.Disordered
	c.Skipped += o.Skipped
	c.Stray += o.Stray
	c.Unscheduled += o.Unscheduled
	c.Other += o.Other
	c.Bytes += o.Bytes
	c.Reads += o.Reads
	c.Published += o.Published
	c.Expected += o.Expected
	c.Refused += o.Refused
	c.Unsent += o.Unsent
	c.Stalled += o.Stalled
	c.Arrivals += o.Arrivals
	c.Rejected += o.Rejected
	c.Departed += o.Departed
	c.Cut += o.Cut
	c.Abandoned += o.Abandoned
}

// Live returns how many steady subscribers there are.
func (c *Counts) Live() int64 { return c.Joined - c.Dropped }

// Unique returns the deliveries that count: each message once per subscriber it was meant for.
func (c *Counts) Unique() int64 { return c.Received - c.Duplicates - c.Stray }

// Lost returns the deliveries that should have been and were not.
func (c *Counts) Lost() int64 { return max(c.Expected-c.Unique(), 0) }
