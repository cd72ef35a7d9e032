package report

import (
	"time"

	"github.com/gannet-io/gannet/loadtest/plan"
	"github.com/gannet-io/gannet/loadtest/probe"
	"github.com/gannet-io/gannet/loadtest/tally"
)

// An Outcome is everything that was counted in a run.
type Outcome struct {
	Plan        *plan.Plan
	Command     string
	Began       time.Time
	Interrupted bool

	SetupTime time.Duration // until the last steady client was subscribed
	SetupJoin *tally.Histogram
	Total     tally.Counts // of the whole run, warm-up and drain included

	Elapsed   time.Duration // of the measured window
	Window    tally.Counts  // received and done in it
	Intervals []Interval    // those of the window, in order

	Latency *tally.Histogram // of messages due in the window
	Join    *tally.Histogram // of churning conns due in it
	Late    *tally.Histogram

	Workers   []Worker
	Processes []Process
	Problems  map[string]int64

	// Of the server; nil where nothing could be read.
	Before   *probe.Reading // before the first conn
	Settled  *probe.Reading // with all conns and no traffic
	Begin    *probe.Reading // at the beginning and the end of the window
	End      *probe.Reading
	Readings []probe.Reading // once an interval of the window
}

// An Interval is one step of the time line.
type Interval struct {
	tally.Counts
	Latency []tally.Sparse
	Join    []tally.Sparse
}

// A Worker is what one thread of the generator used in the window.
type Worker struct{ CPU, Wait, Wall time.Duration }

// A Process is what one process of the generator used in the window, and where it was allowed to.
type Process struct {
	User, System time.Duration
	CPUs         []int
}
