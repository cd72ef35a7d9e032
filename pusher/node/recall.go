package node

import (
	"errors"
	"time"

	"github.com/gannet-io/gannet/engine"
	"github.com/gannet-io/gannet/engine/history"
	"github.com/gannet-io/gannet/frame"
	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/session"
	"github.com/gannet-io/gannet/pusher/wire"
)

// An Arrival is what a subscriber wants to know of the channel's past.
type Arrival struct {
	Recall   *wire.Recall    // what it has asked; nil: nothing
	Told     bool            // it understands what is told of positions
	SocketID pusher.SocketID // its own
	Room     int             // bytes of the past that it can be sent now
	Again    bool            // it was told to come later, and Conns.Again has come
}

// A Welcome is what came of it.
type Welcome struct {
	Seat *session.Seat // that subscribers can share; nil on presence channels
	Sent int           // bytes of the past that are on their way; engine.Sent follows when they have left
	Rest *Replay       // what is still to be sent; nil: nothing

	Later bool // nothing came of it yet
}

// A Replay is the rest of what a subscriber is to be sent of a channel's past. It gets nothing of the stream otherwise until
// all of that has been sent. It belongs to the conn's loop.
type Replay struct {
	Channel string // shared

	after  history.Position
	newest bool // of each key
	told   bool
	hidden [2]uint64 // hashes of the socket ids, now and before, that are not to get their own events
}

// An opening is how a channel receives a new subscriber: success, with what is said there, then cached or what replay
// tells.
type opening struct {
	place    *history.Position
	recovery wire.Recovery
	reason   string
	cached   *frame.Prepared // the last event of a cache channel, or that there is none
	missed   bool
	replay   *Replay
}

// open decides what a new subscriber of p is told and sent.
func (n *Node) open(p *place, name string, in *Arrival, now time.Time) (o opening) {
	if in.Recall != nil && in.Recall.HasResume && !p.hasHistory() {
		o.recovery, o.reason = wire.NotRecovered, reasonEpoch
		n.metrics.resumed(o.reason)
	}
	r := p.streamed()
	if r == nil {
		n.openCache(&o, p, name, now)
		return o
	}
	replay := &Replay{Channel: name, told: in.Told, hidden: [2]uint64{history.Hash(in.SocketID.String())}}
	if in.Recall != nil {
		replay.told = true
		replay.hidden[1] = history.Hash(in.Recall.Socket)
	}
	if p.hasHistory() {
		if n.openHistory(&o, r, replay, in.Recall, now) {
			return o
		}
		head := r.stream.Head()
		o.place = &head
	}
	if r.rule.KeyedCache {
		if first, _ := r.stream.Newest(nil, 0, 0, now.UnixNano()); len(first) > 0 {
			replay.newest = true
			replay.after = history.Position{Epoch: r.stream.Head().Epoch, Offset: first[0].Offset - 1}
			o.replay = replay
			if o.place != nil {
				o.place = &history.Position{Epoch: replay.after.Epoch, Offset: replay.after.Offset}
			}
			if p.Kind()&pusher.Cache != 0 {
				n.metrics.cacheHits.Inc()
			}
			return o
		}
	}
	n.openCache(&o, p, name, now)
	return o
}

// Reasons why a position could not be resumed from.
const (
	reasonEpoch   = "epoch"
	reasonExpired = "expired"
	reasonAhead   = "ahead"
	reasonInvalid = "invalid"
)

// openHistory answers what was asked about the past, and returns true when that is what the subscriber begins with.
func (n *Node) openHistory(o *opening, r *ruled, replay *Replay, asked *wire.Recall, now time.Time) bool {
	if asked == nil {
		return false
	}
	s, at := r.stream, now.UnixNano()
	if asked.HasResume {
		from, ok := history.Parse(asked.Resume)
		if o.reason = reasonInvalid; ok {
			var room [1]history.Event
			_, _, err := s.Read(room[:0], from, 1, 0, at)
			o.reason = reasonOf(err)
		}
		n.metrics.resumed(o.reason)
		if o.reason != "" {
			o.recovery = wire.NotRecovered
			return false
		}
		o.recovery = wire.Recovered
		replay.after = from
	} else {
		head := s.Head()
		replay.after = head
		oldest := s.Oldest(at)
		switch {
		case asked.Window > 0:
			replay.after.Offset = s.Since(now.Add(-asked.Window).UnixNano(), at)
		case uint64(asked.Rewind) < head.Offset+1-oldest:
			replay.after.Offset -= uint64(asked.Rewind)
		default:
			replay.after.Offset = oldest - 1
		}
		if replay.after == head {
			return false
		}
	}
	o.place = &history.Position{Epoch: replay.after.Epoch, Offset: replay.after.Offset}
	o.replay = replay
	return true
}

func reasonOf(err error) string {
	switch {
	case err == nil:
		return ""
	case errors.Is(err, history.ErrExpired):
		return reasonExpired
	case errors.Is(err, history.ErrAhead):
		return reasonAhead
	}
	return reasonEpoch
}

// openCache adds what a new subscriber of a cache channel gets. The cached event is the newest of the stream: whatever is
// published goes to both. Success then has the place before it, or who keeps count would take it for one that he has.
func (n *Node) openCache(o *opening, p *place, name string, now time.Time) {
	if p.Kind()&pusher.Cache == 0 {
		return
	}
	event, token, _, ok := p.Cached(now)
	if !ok {
		n.metrics.cacheMisses.Inc()
		o.missed = true
		o.cached = text(wire.AppendCacheMiss(frame.NewBuffer(len(name)+64), name))
		return
	}
	n.metrics.cacheHits.Inc()
	buf := frame.NewBuffer(len(event) + len(name) + len(token) + 80)
	if o.place == nil || o.place.Offset == 0 {
		o.cached = text(wire.AppendEvent(buf, event, name, token))
		return
	}
	o.cached = text(wire.Seal(wire.AppendOpenEvent(buf, event, name, token), *o.place))
	o.place.Offset--
}

// piece reads what comes next in r, at least one event and no more than room has bytes for, and moves r behind it.
func (n *Node) piece(p *place, r *Replay, room int, now time.Time) (frames []*frame.Prepared, sent int, more bool, err error) {
	s, at := p.ruled.stream, now.UnixNano()
	var events []history.Event
	if head := s.Head(); r.newest && r.after.Epoch != head.Epoch {
		return nil, 0, false, history.ErrEpoch
	}
	if r.newest {
		events, more = s.Newest(nil, r.after.Offset, room, at)
	} else if events, more, err = s.Read(nil, r.after, 0, room, at); err != nil {
		return nil, 0, false, err
	}
	tell := r.told && p.hasHistory()
	frames = make([]*frame.Prepared, 0, len(events)+1)
	place := r.after
	add := func(f *frame.Prepared) {
		frames = append(frames, f)
		sent += f.Len()
	}
	for i := range events {
		e := &events[i]
		place.Offset = e.Offset
		switch {
		case e.Except != 0 && (e.Except == r.hidden[0] || e.Except == r.hidden[1]):
			if tell {
				add(position(r.Channel, place))
			}
		default:
			if tell && e.Offset != r.after.Offset+1 {
				add(position(r.Channel, history.Position{Epoch: place.Epoch, Offset: e.Offset - 1}))
			}
			add(e.Frame)
		}
		r.after = place
	}
	// The key that moved last may have been let go of.
	if head := s.Head(); r.newest && !more && tell && head != r.after {
		add(position(r.Channel, head))
		r.after = head
	}
	n.metrics.replayed.Add(len(events))
	return frames, sent, more, nil
}

// Replay sends the conn, which is subscribed, the next piece of r, of at least one event and no more than room has bytes
// for, and says how many bytes that were; engine.Sent follows when they have left. When all has been sent, done, the conn gets
// from then on what is published. ok is false when what comes next is not there any more, because the conn took too
// long: then it must be told so, by closing it. Any goroutine.
func (n *Node) Replay(a *app.App, id engine.ID, r *Replay, room int) (sent int, done, ok bool) {
	defer shared()
	var key [keyBytes]byte
	t := n.hub.Find(appendKey(key[:0], a, r.Channel))
	if t == nil {
		panic("node: a replay of a channel that nobody is in")
	}
	defer n.hub.Release(t)
	frames, sent, more, err := n.piece(foundPlace(t), r, room, n.now())
	if err != nil {
		n.metrics.overtaken.Inc()
		return 0, false, false
	}
	t.Feed(id, !more, frames)
	return sent, !more, true
}
