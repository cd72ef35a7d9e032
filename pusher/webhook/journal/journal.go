package journal

import (
	"time"

	"github.com/gannet-io/gannet/pusher/webhook/outbox"
)

// A Journal stores the changes of one outbox. Any goroutine. May block.
type Journal interface {
	// Durable reports whether batches and the ledger are kept, too.
	Durable() bool

	// Load returns what is left from a time before. It is called first, and once.
	Load() (*Contents, error)

	// Commit stores c. When it returns without an error c is safe, all of it; with one, none of it is. dropped is the number
	// of dead letters that had to go for want of room or of age. It is called by one goroutine at a time, also with no
	// changes at all, for the sake of age.
	Commit(c *outbox.Changes, now time.Time) (dropped int, err error)

	// Dead returns the dead letters that q asks for, the latest batch first. They are the caller's.
	Dead(q Query) ([]*outbox.Dead, error)

	// Discard forgets dead letters, and returns how many of them there were.
	Discard(seqs []uint64) (int, error)

	// Kept returns how many dead letters there are, and about how many bytes they take.
	Kept() (letters, bytes int)

	// Close ends it. What was committed is safe.
	Close() error
}

// Contents are what a journal holds when it is opened.
type Contents struct {
	Instance string // tells the Seqs of this journal from those of any other
	Seq      uint64 // the highest one that was ever used
	Batches  []*outbox.Batch
	Present  []outbox.Present // members before channels
}

// A Query asks for dead letters.
type Query struct {
	Seq          uint64 // of one; 0: any
	App, Webhook string // whose; "": anybody's
	Before       uint64 // with a Seq below it; 0: any
	Limit        int    // at most so many; 0: all
}

func (q *Query) wants(d *outbox.Dead) bool {
	return (q.Seq == 0 || q.Seq == d.Seq) && (q.Before == 0 || d.Seq < q.Before) &&
		(q.App == "" || q.App == d.App) && (q.Webhook == "" || q.Webhook == d.Webhook)
}

// Bounds say what dead letters may take. Zero means no bound.
type Bounds struct {
	Bytes int           // of all
	Age   time.Duration // since they died
}

// exceeded reports whether the oldest letter has to go.
func (b Bounds) exceeded(bytes int, died, now time.Time) bool {
	return b.Bytes > 0 && bytes > b.Bytes || b.Age > 0 && now.Sub(died) > b.Age
}
