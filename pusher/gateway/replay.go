package gateway

import (
	"slices"

	"github.com/gannet-io/gannet/engine"
	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/node"
	"github.com/gannet-io/gannet/pusher/session"
)

// replays are what one conn is still to be sent of the past of its channels: one after the other, a piece at a time, each
// when the one before has left. Only conns that have just subscribed have any.
type replays struct {
	sent    int            // bytes that are on their way
	waiting []*node.Replay // the first one has begun
}

// arrival says what the node is to know of a subscriber.
func (g *Gateway) arrival(c *engine.Conn, s *session.Session, a *session.Action) node.Arrival {
	if a.Recall != nil {
		c.WantNotices() // whoever asks understands the answers
	}
	in := node.Arrival{Recall: a.Recall, Told: c.WantsNotices(), SocketID: s.ID(), Room: g.cfg.ReplayBytes}
	if r := g.loops[c.Loop().Index()].replays[c.ID()]; r != nil {
		if in.Room -= r.sent; len(r.waiting) > 0 {
			in.Room = 0
		}
	}
	return in
}

// welcomed notes what is still to be sent.
func (g *Gateway) welcomed(c *engine.Conn, w *node.Welcome) {
	if w.Sent == 0 && w.Rest == nil {
		return
	}
	l := g.loops[c.Loop().Index()]
	r := l.replays[c.ID()]
	if r == nil {
		r = new(replays)
		if l.replays == nil {
			l.replays = make(map[engine.ID]*replays)
		}
		l.replays[c.ID()] = r
	}
	r.sent += w.Sent
	if w.Rest != nil {
		r.waiting = append(r.waiting, w.Rest)
	}
}

// replayOf returns what the conn is still to be sent of a channel, or nil.
func (g *Gateway) replayOf(c *engine.Conn, channel string) *node.Replay {
	r := g.loops[c.Loop().Index()].replays[c.ID()]
	if r == nil {
		return nil
	}
	if i := slices.IndexFunc(r.waiting, func(w *node.Replay) bool { return w.Channel == channel }); i >= 0 {
		return r.waiting[i]
	}
	return nil
}

// left forgets what the conn was still to be sent of a channel.
func (g *Gateway) left(c *engine.Conn, channel string) {
	if r := g.loops[c.Loop().Index()].replays[c.ID()]; r != nil {
		r.waiting = slices.DeleteFunc(r.waiting, func(w *node.Replay) bool { return w.Channel == channel })
	}
}

// sent goes on when the pieces before have left. A conn that read them too slowly for the channel's history is sent away: when
// it comes back and asks again, the answer tells what it has missed.
func (g *Gateway) sent(c *engine.Conn, s *session.Session) {
	l := g.loops[c.Loop().Index()]
	r := l.replays[c.ID()]
	if r == nil {
		return
	}
	r.sent = 0
	for len(r.waiting) > 0 && r.sent < g.cfg.ReplayBytes {
		sent, done, ok := g.cfg.Node.Replay(s.App(), c.ID(), r.waiting[0], g.cfg.ReplayBytes-r.sent)
		if !ok {
			g.run(c, s, s.Fail(pusher.ErrReplayOvertaken, nil))
			return
		}
		r.sent += sent
		if done {
			r.waiting = slices.Delete(r.waiting, 0, 1)
		}
	}
	if r.sent == 0 {
		delete(l.replays, c.ID())
	}
}
