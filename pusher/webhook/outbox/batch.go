package outbox

import (
	"slices"
	"time"
)

// A Batch is events of one webhook that are sent in one request. Its exported fields may be read by whoever got it from
// Start or Changes until it is given back; only the Outbox changes them.
type Batch struct {
	Seq          uint64 // names it, over restarts too
	App, Webhook string // whose it is
	Created      time.Time
	Events       []byte // objects of JSON with a comma between two
	Count        int
	Channels     []string // that have an event in it; sorted, each once, when it is closed
	Attempts     int      // requests made, since the process started
	Reason       string   // why the last one failed; "": none has

	parts  []part // its events with a ticket, in order
	hushed bool   // they are not this node's to tell any more

	queue      *queue
	prev, next *Batch // in the queue, oldest first

	state    state
	dirty    bool // to be stored
	stored   int  // bytes of Events that are on disk
	closeAt  time.Time
	deadline time.Time // of the last try; zero: none
	started  time.Time // of the request under way
	due      time.Time // of the next try
	pos      int       // in the heap that holds it

	// Order of channels.
	earlier int      // batches that must be over before this one may start
	later   []*Batch // that wait for this one
}

// A part is an event with a ticket: where it is in Events.
type part struct {
	ticket     uint64
	begin, end int
}

// A state says where a batch is in its life.
type state uint8

const (
	collecting state = iota // takes events
	closed                  // complete; not stored yet, or an earlier one has to go first
	runnable                // in the heap of those to be started
	resting                 // in the heap of those to be tried again later
	sending                 // under way
	over                    // done, or dead
)

// A Dead is a batch that was given up.
type Dead struct {
	*Batch
	Reason string
	At     time.Time
}

// Why a batch is dead without its receiver having said no.
const (
	ReasonExpired  = "expired"  // its turn did not come in time
	ReasonOverflow = "overflow" // its queue was full
	ReasonRemoved  = "removed"  // its webhook is not configured any more
)

// Overheads of what is held in memory, about.
const (
	batchBytes = 512
	eventBytes = 64
)

// bytes returns about how much memory b takes.
func (b *Batch) bytes() int { return batchBytes + eventBytes*b.Count + len(b.Events) }

func (b *Batch) add(channel string, event []byte) {
	if b.Count > 0 {
		b.Events = append(b.Events, ',')
	}
	b.Events = append(b.Events, event...)
	b.Count++
	// Mostly one channel says several things in a row.
	if n := len(b.Channels); n == 0 || b.Channels[n-1] != channel {
		b.Channels = append(b.Channels, channel)
	}
}

func (b *Batch) sortChannels() {
	slices.Sort(b.Channels)
	b.Channels = slices.Compact(b.Channels)
}

// A pile is a heap of batches. Which is first is said by less.
type pile struct {
	less    func(a, b *Batch) bool
	batches []*Batch
}

func (p *pile) Len() int           { return len(p.batches) }
func (p *pile) Less(i, j int) bool { return p.less(p.batches[i], p.batches[j]) }
func (p *pile) Swap(i, j int) {
	p.batches[i], p.batches[j] = p.batches[j], p.batches[i]
	p.batches[i].pos, p.batches[j].pos = i, j
}

func (p *pile) Push(x any) {
	b := x.(*Batch)
	b.pos = len(p.batches)
	p.batches = append(p.batches, b)
}

func (p *pile) Pop() any {
	last := len(p.batches) - 1
	b := p.batches[last]
	p.batches[last] = nil
	p.batches = p.batches[:last]
	return b
}

func bySeq(a, b *Batch) bool { return a.Seq < b.Seq }
func byDue(a, b *Batch) bool { return a.due.Before(b.due) }
