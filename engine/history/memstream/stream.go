package memstream

import (
	"github.com/gannet-io/gannet/engine/history"
	"github.com/gannet-io/gannet/frame"
)

// EventBytes is what an event counts for in Bytes beside its frame: the entry in the ring, its share of the ring's unused
// room, the frame's own head, and what the allocator rounds up. KeyBytes is the same for the newest event of a key.
const (
	EventBytes = 112
	KeyBytes   = 144
)

// Config says what a Stream is made of. All of it is required.
type Config struct {
	Epoch  string // never used before for this topic
	Limits history.Limits

	// Seal makes the frame of a draft whose place is p. It takes the draft's Body.
	Seal func(d *history.Draft, p history.Position) *frame.Prepared
	// Deliver gets each event once it is kept.
	Deliver func(d *history.Draft, e history.Event)
}

// A Stream implements history.Stream. Make it with New.
type Stream struct {
	// Set once by New.
	epoch   string
	limits  history.Limits
	seal    func(*history.Draft, history.Position) *frame.Prepared
	deliver func(*history.Draft, history.Event)

	head  uint64 // offset of the newest event
	ring  ring
	board *board // nil when Limits.Keys is 0
	bytes int
}

var _ history.Stream = (*Stream)(nil)

// New returns a stream without events.
func New(cfg Config) *Stream {
	s := &Stream{epoch: cfg.Epoch, limits: cfg.Limits, seal: cfg.Seal, deliver: cfg.Deliver}
	if cfg.Limits.Keys > 0 {
		s.board = newBoard()
	}
	return s
}

// Append implements history.Stream. wait is always nil.
func (s *Stream) Append(d *history.Draft, now int64) (wait func() error) {
	s.head++
	f := s.seal(d, history.Position{Epoch: s.epoch, Offset: s.head})
	e := history.Event{Offset: s.head, At: now, Frame: f, Except: history.Hash(d.Except)}
	s.expire(now)
	if s.limits.Events >= 0 {
		if s.limits.Events > 0 && s.ring.count == s.limits.Events {
			s.shift()
		}
		s.ring.push(entry{frame: f, at: now, except: e.Except})
		s.bytes += EventBytes + f.Len()
	}
	if s.board != nil {
		if old := s.board.set(d.Key, s.head, now, f); old != nil {
			s.bytes -= KeyBytes + old.Len()
		}
		s.bytes += KeyBytes + f.Len()
		if s.board.len() > s.limits.Keys {
			s.bytes -= KeyBytes + s.board.removeOldest().Len()
		}
	}
	s.deliver(d, e)
	return nil
}

// Head implements history.Stream.
func (s *Stream) Head() history.Position { return history.Position{Epoch: s.epoch, Offset: s.head} }

// Oldest implements history.Stream.
func (s *Stream) Oldest(now int64) uint64 {
	s.expire(now)
	return s.oldest()
}

func (s *Stream) oldest() uint64 { return s.head + 1 - uint64(s.ring.count) }

// Since implements history.Stream.
func (s *Stream) Since(at, now int64) uint64 {
	s.expire(now)
	// From the newest back: clocks may be set back, and then order of time is not that of offsets.
	i := s.ring.count
	for i > 0 && s.ring.at(i-1).at >= at {
		i--
	}
	return s.oldest() + uint64(i) - 1
}

// Read implements history.Stream.
func (s *Stream) Read(dst []history.Event, after history.Position, most, room int, now int64) (events []history.Event, more bool, err error) {
	s.expire(now)
	oldest := s.oldest()
	switch {
	case after.Epoch != s.epoch:
		return dst, false, history.ErrEpoch
	case after.Offset > s.head:
		return dst, false, history.ErrAhead
	case after.Offset+1 < oldest:
		return dst, false, history.ErrExpired
	}
	begin := len(dst)
	for offset := after.Offset + 1; offset <= s.head; offset++ {
		e := s.ring.at(int(offset - oldest))
		if n := len(dst) - begin; n > 0 && (n == most || e.frame.Len() > room) {
			return dst, true, nil
		}
		room -= e.frame.Len()
		dst = append(dst, history.Event{Offset: offset, At: e.at, Frame: e.frame, Except: e.except})
	}
	return dst, false, nil
}

// Newest implements history.Stream.
func (s *Stream) Newest(dst []history.Event, after uint64, room int, now int64) (events []history.Event, more bool) {
	if s.board == nil {
		return dst, false
	}
	s.expire(now)
	begin := len(dst)
	for i := s.board.first(after); i != none; i = s.board.cells[i].next {
		c := &s.board.cells[i]
		if len(dst) > begin && c.frame.Len() > room {
			return dst, true
		}
		room -= c.frame.Len()
		dst = append(dst, history.Event{Offset: c.offset, At: c.at, Frame: c.frame})
	}
	return dst, false
}

// Bytes implements history.Stream.
func (s *Stream) Bytes() int { return s.bytes }

// Events implements history.Stream.
func (s *Stream) Events() (events, keys int) {
	if s.board != nil {
		keys = s.board.len()
	}
	return s.ring.count, keys
}

// Expire implements history.Stream.
func (s *Stream) Expire(now int64) (next int64) {
	s.expire(now)
	s.ring.trim()
	if s.ring.count > 0 && s.limits.Age > 0 {
		next = s.ring.at(0).at + s.limits.Age
	}
	if s.board != nil && s.limits.KeyAge > 0 {
		if at, ok := s.board.oldest(); ok && (next == 0 || at+s.limits.KeyAge < next) {
			next = at + s.limits.KeyAge
		}
	}
	return next
}

// expire lets go of what is too old. What came when the clock was ahead goes with what came before it.
func (s *Stream) expire(now int64) {
	if s.limits.Age > 0 {
		for s.ring.count > 0 && s.ring.at(0).at <= now-s.limits.Age {
			s.shift()
		}
	}
	if s.board != nil && s.limits.KeyAge > 0 {
		for at, ok := s.board.oldest(); ok && at <= now-s.limits.KeyAge; at, ok = s.board.oldest() {
			s.bytes -= KeyBytes + s.board.removeOldest().Len()
		}
	}
}

func (s *Stream) shift() { s.bytes -= EventBytes + s.ring.shift().Len() }

// Clear implements history.Stream.
func (s *Stream) Clear() {
	s.ring = ring{}
	if s.board != nil {
		s.board = newBoard()
	}
	s.bytes = 0
}
