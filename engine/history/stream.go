package history

import (
	"errors"

	"github.com/gannet-io/gannet/frame"
)

// A Draft is an event that has no place yet.
type Draft struct {
	// Body is what frame.NewBuffer began and the owner continued up to where the position belongs; the stream's Seal does
	// the rest. Taken.
	Body []byte
	// Except names whoever must not get the event, in the owner's terms; "": everybody gets it. Borrowed.
	Except string
	// Key says which earlier event this one replaces for whoever wants the newest alone. Opaque.
	Key uint64
	// Void says that it is an event for nobody: it has a place and replaces nothing.
	Void bool
	// ID is what an event appended twice has the same of, within the time that the log remembers it; "": it is new. A stream in
	// memory needs none, since its Append cannot fail half way. Borrowed.
	ID string
}

// An Event is one that has its place.
type Event struct {
	Offset uint64
	At     int64           // when it was appended
	Frame  *frame.Prepared // as subscribers get it, shared
	Except uint64          // Hash of the draft's Except; 0: none
}

// Limits bound what a stream keeps. A zero field sets no bound, but for the note at Events and Keys.
type Limits struct {
	Events int   // newest ones; negative: none
	Age    int64 // nanoseconds
	Bytes  int   // as Stream.Bytes counts them; the newest event is kept whatever it takes
	Keys   int   // of which the newest event is kept beside those; 0: that is not done
	KeyAge int64 // nanoseconds, of the newest events of keys
}

// A Wiring is what the owner of a topic gives its stream.
type Wiring struct {
	Limits Limits

	// Seal makes the frame of a draft whose place is p. It takes the draft's Body.
	Seal func(d *Draft, p Position) *frame.Prepared
	// Deliver gets each event once it is kept. d and what it borrows is only good during the call.
	Deliver func(d *Draft, e Event)
	// Lock runs f under the topic's lock, for a stream that delivers late, unless the topic has been forgotten. Never to be
	// called under a lock of a topic.
	Lock func(f func())
}

// Why a Read could not prove that its answer is whole.
var (
	ErrEpoch   = errors.New("history: the position is of another stream")
	ErrExpired = errors.New("history: an event behind the position is gone")
	ErrAhead   = errors.New("history: the position has not been reached")
)

// A Stream is the past of one topic. See the package comment for who may call it and when.
type Stream interface {
	// Append gives d its place, keeps it and hands it to Deliver. d is borrowed but for its Body. wait is nil when that
	// is done; otherwise the caller unlocks the topic and calls it, to learn whether the event is kept and will be delivered,
	// or surely will not, or might. wait may block.
	Append(d *Draft, now int64) (wait func() error)

	// Head returns the place of the newest event.
	Head() Position
	// Oldest returns the offset of the oldest event that is kept, one beyond the head when there is none.
	Oldest(now int64) uint64
	// Since returns the offset of the newest event that is older than at, so that what follows is not; at least one
	// below Oldest.
	Since(at, now int64) uint64

	// Read appends the events that follow after, in their order: at most max (0: no limit), and no more than there is
	// room bytes of frames for, but at least one. more says that others follow them. The error, ErrEpoch, ErrExpired or
	// ErrAhead, says that something between after and the head is not there any more, or never was; then there are none.
	Read(dst []Event, after Position, max, room int, now int64) (events []Event, more bool, err error)
	// Newest appends the newest event of each key, those behind the offset after, in their order, within room as
	// Read does.
	Newest(dst []Event, after uint64, room int, now int64) (events []Event, more bool)

	// Bytes returns about how much memory the kept events take, of frames and of what they are kept in. It is 0 when there
	// are none.
	Bytes() int
	// Events returns how many events are kept, those of keys apart.
	Events() (events, keys int)
	// Expire lets go of what is too old, and returns when to look again; 0: not before the next Append.
	Expire(now int64) (next int64)
	// Clear lets go of all events. Places go on.
	Clear()
}

// Hash returns what stands for a draft's Except in an Event; 0 for "". It is the same in every process (FNV-1a): an
// accident costs somebody one event once in 2^64. Any goroutine.
func Hash(except string) uint64 {
	if except == "" {
		return 0
	}
	h := uint64(14695981039346656037)
	for _, c := range []byte(except) {
		h = (h ^ uint64(c)) * 1099511628211
	}
	return max(h, 1)
}
