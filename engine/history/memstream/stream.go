package memstream

import "github.com/gannet-io/gannet/engine/history"

// EventBytes is what an event counts for in Bytes beside its frame: the entry in the ring, its share of the ring's unused
// room, the frame's own head, and what the allocator rounds up. KeyBytes is the same for the newest event of a key.
const (
	EventBytes = 112
	KeyBytes   = 144
)

// A Stream implements history.Stream. Make it with New.
type Stream struct {
	w history.Wiring // set once by New

	epoch string
	head  uint64 // offset of the newest event
	ring  ring
	board *board // nil when Limits.Keys is 0
	bytes int
}

var _ history.Stream = (*Stream)(nil)

// New returns a stream without events. The epoch must never have been used before for this topic.
func New(epoch string, w history.Wiring) *Stream {
	s := &Stream{epoch: epoch, w: w}
	if w.Limits.Keys > 0 {
		s.board = newBoard()
	}
	return s
}

// Append implements history.Stream. wait is always nil.
func (s *Stream) Append(d *history.Draft, now int64) (wait func() error) {
	s.Put(d, now, now)
	return nil
}

// Put is Append for an event that was published at another time than now.
func (s *Stream) Put(d *history.Draft, at, now int64) {
	s.head++
	f := s.w.Seal(d, history.Position{Epoch: s.epoch, Offset: s.head})
	e := history.Event{Offset: s.head, At: at, Frame: f, Except: history.Hash(d.Except)}
	s.expire(now)
	if s.w.Limits.Events >= 0 {
		if s.w.Limits.Events > 0 && s.ring.count == s.w.Limits.Events {
			s.shift()
		}
		s.ring.push(entry{frame: f, at: at, except: e.Except})
		s.bytes += EventBytes + f.Len()
	}
	if s.board != nil && !d.Void {
		if old := s.board.set(d.Key, s.head, at, f); old != nil {
			s.bytes -= KeyBytes + old.Len()
		}
		s.bytes += KeyBytes + f.Len()
		if s.board.len() > s.w.Limits.Keys {
			s.bytes -= KeyBytes + s.board.removeOldest().Len()
		}
	}
	for s.w.Limits.Bytes > 0 && s.bytes > s.w.Limits.Bytes && s.drop() {
	}
	s.w.Deliver(d, e)
}

// Reset lets go of all events and goes on behind p, for a log whose places are given elsewhere.
func (s *Stream) Reset(p history.Position) {
	s.Clear()
	s.epoch, s.head = p.Epoch, p.Offset
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
	if s.ring.count > 0 && s.w.Limits.Age > 0 {
		next = s.ring.at(0).at + s.w.Limits.Age
	}
	if s.board != nil && s.w.Limits.KeyAge > 0 {
		if at, ok := s.board.oldest(); ok && (next == 0 || at+s.w.Limits.KeyAge < next) {
			next = at + s.w.Limits.KeyAge
		}
	}
	return next
}

// expire lets go of what is too old. What came when the clock was ahead goes with what came before it.
func (s *Stream) expire(now int64) {
	if s.w.Limits.Age > 0 {
		for s.ring.count > 0 && s.ring.at(0).at <= now-s.w.Limits.Age {
			s.shift()
		}
	}
	if s.board != nil && s.w.Limits.KeyAge > 0 {
		for at, ok := s.board.oldest(); ok && at <= now-s.w.Limits.KeyAge; at, ok = s.board.oldest() {
			s.bytes -= KeyBytes + s.board.removeOldest().Len()
		}
	}
}

// drop lets go of the oldest event, or of the key that has not moved for longest when no other is left. It returns false
// when only the newest event is there.
func (s *Stream) drop() bool {
	switch {
	case s.ring.count > 1:
		s.shift()
	case s.board != nil && s.board.len() > 1:
		s.bytes -= KeyBytes + s.board.removeOldest().Len()
	default:
		return false
	}
	return true
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
