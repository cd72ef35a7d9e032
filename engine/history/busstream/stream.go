// Package busstream is the [history.Stream] of a topic whose log is the backbone's, so that all nodes of a cluster have the same.
//
// What is kept is a memstream, from which readers are answered. It is filled by the bus: Append only hands an event over, and it has its
// place, is kept and delivered when the log says so, on the node that published it as on the others. Whoever is told by the bus passes
// on what concerns the topic, to Attached and Stored, under the topic's lock.
//
// When the bus was away it tells the end of the log once more. What joins on to the events before is delivered, in order and once; where that
// cannot be, since the log has lost its memory or has let go of something in between, the stream begins anew at what there is, and
// its owner hears of it.
package busstream

import (
	"github.com/gannet-io/gannet/engine/backbone"
	"github.com/gannet-io/gannet/engine/history"
	"github.com/gannet-io/gannet/engine/history/memstream"
)

// Config is what the owner of a topic gives its stream beside the wiring. Bus, Topic, Keep and Pack are for Append.
type Config struct {
	Bus   backbone.Bus
	Topic string
	Keep  *backbone.Retention // of the log; shared

	// Pack makes of a draft what goes over the bus, and Unpack a draft of that again. What cannot be read, because a newer node wrote it, is
	// an event all the same and has its place. A draft's Body is taken by Pack, and made by Unpack.
	Pack   func(d *history.Draft) []byte
	Unpack func(msg []byte) history.Draft

	// Void makes of a draft one that says nothing to anybody. It takes the place of an event with the ID of one that is there: its publisher did not
	// know whether he had published it, and has tried again. nil: IDs are not looked at.
	Void func(d *history.Draft)

	// Broken is told, before what follows is delivered, that something between two places is missing, or may be. The stream
	// stands at the second one, and so many events follow at once.
	Broken func(before, after history.Position, follow int)
}

// A Stream implements history.Stream. Its zero position, until the bus has told the end of the log, is in no stream.
type Stream struct {
	ring
	cfg Config

	told bool // by the bus

	ids    map[uint64]struct{} // hashes of the IDs of events in the ring; nil: none has one
	marked []mark              // the same, in the order of the events
}

// A mark is an event that has an ID.
type mark struct{ id, offset uint64 }

// ring is the part that keeps events and reads them.
type ring = memstream.Stream

var _ history.Stream = (*Stream)(nil)

// New returns a stream of which nothing is known yet. It does not attach the topic: that is its owner's to do.
func New(cfg Config, w history.Wiring) *Stream {
	return &Stream{ring: *memstream.New("", w), cfg: cfg}
}

// Append implements history.Stream: wait is the bus's, and the event comes by Stored, before or after that is known.
func (s *Stream) Append(d *history.Draft, _ int64) (wait func() error) {
	return s.cfg.Bus.Append(s.cfg.Topic, s.cfg.Keep, s.cfg.Pack(d))
}

// Told reports whether the bus has told the end of the log.
func (s *Stream) Told() bool { return s.told }

// Attached takes in the end of the log, as backbone.Sink was told it.
func (s *Stream) Attached(t *backbone.Tail, now int64) {
	first := t.Head + 1 - uint64(len(t.Stored))
	before, again := s.Head(), s.told
	s.told = true
	switch {
	case !again:
		s.Reset(history.Position{Epoch: t.Epoch, Offset: first - 1})
	case t.Epoch != before.Epoch || t.Head < before.Offset || first > before.Offset+1:
		s.begin(before, history.Position{Epoch: t.Epoch, Offset: first - 1}, len(t.Stored))
	}
	for i := range t.Stored {
		s.take(&t.Stored[i], now)
	}
}

// Stored takes in the next event.
func (s *Stream) Stored(e *backbone.Stored, now int64) {
	before := s.Head()
	if !s.told || e.Offset <= before.Offset {
		return
	}
	if e.Offset != before.Offset+1 {
		s.begin(before, history.Position{Epoch: before.Epoch, Offset: e.Offset - 1}, 1)
	}
	s.take(e, now)
}

// begin lets the stream begin anew.
func (s *Stream) begin(before, after history.Position, follow int) {
	s.Clear()
	s.Reset(after)
	s.cfg.Broken(before, after, follow)
}

// take puts an event into the ring unless it is there.
func (s *Stream) take(e *backbone.Stored, now int64) {
	if e.Offset != s.Head().Offset+1 {
		return
	}
	d := s.cfg.Unpack(e.Message)
	if d.ID != "" && s.cfg.Void != nil && s.known(history.Hash(d.ID), e.Offset, now) {
		s.cfg.Void(&d)
	}
	s.Put(&d, e.At, now)
}

// known reports whether an event with an ID is in the ring, and notes it when there is none.
func (s *Stream) known(id, offset uint64, now int64) bool {
	oldest := s.Oldest(now)
	gone := 0
	for gone < len(s.marked) && s.marked[gone].offset < oldest {
		delete(s.ids, s.marked[gone].id)
		gone++
	}
	s.marked = s.marked[gone:]
	if _, ok := s.ids[id]; ok {
		return true
	}
	if s.ids == nil {
		s.ids = make(map[uint64]struct{})
	}
	s.ids[id] = struct{}{}
	s.marked = append(s.marked, mark{id, offset})
	return false
}

// Clear implements history.Stream.
func (s *Stream) Clear() {
	s.ring.Clear()
	s.ids, s.marked = nil, nil
}
