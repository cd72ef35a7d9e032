package swarm

import (
	"time"

	"github.com/gannet-io/gannet/loadtest/tally"
)

// A Note is what a worker, or the process it is in, has to say. One field is set.
type Note struct {
	Worker int // of the whole crew

	Sample *tally.Sample
	Ready  *Ready
	Done   *Done
	Usage  *Usage
	Failed string // the process cannot go on, and why
}

// Ready says that a worker's conns are as open as they will get.
type Ready struct {
	Population []int32 // subscribed steady clients by channel
}

// Done is a worker's last note.
type Done struct {
	CPU  time.Duration // of its thread in the measured window
	Wait time.Duration // its thread was ready to run and no processor was free; 0 when unknown
	Wall time.Duration // how long the window was by its own clock
}

// A Usage is what a whole process took in the measured window.
type Usage struct {
	User, System time.Duration
	CPUs         []int // those it may run on
}

// A Start is the signal to begin. Times are of the machine's monotonic clock, in nanoseconds.
type Start struct {
	At         int64
	Population []int32 // by channel, of the whole crew
}
