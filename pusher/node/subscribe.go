package node

import (
	"time"

	"github.com/gannet-io/gannet/engine"
	"github.com/gannet-io/gannet/engine/hub"
	"github.com/gannet-io/gannet/frame"
	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/channel"
	"github.com/gannet-io/gannet/pusher/quota"
	"github.com/gannet-io/gannet/pusher/session"
	"github.com/gannet-io/gannet/pusher/wire"
)

// Subscribe lets the conn id into a channel, as member m on a presence channel. The conn
// gets subscription_succeeded before any other frame of the channel, then the cached event
// or cache_miss of a cache channel; the others hear member_added when the user is new, and
// all the new count where the app wants it. The conn must not be in the channel. It returns
// a refusal, such as pusher.PresenceFull, when nothing was changed; else, where subscribers are
// no members, the seat they can share.
func (n *Node) Subscribe(a *app.App, id engine.ID, name string, kind pusher.Kind, m *channel.Member) (*session.Seat, *pusher.Error) {
	defer shared()
	if rate := a.Limits.TotalSubscribesPerSecond; !n.allows(a, rate, func(t *tenant) *quota.Bucket { return &t.subscribes }) {
		return nil, pusher.AppSubscribeRate(rate)
	}
	var room [keyBytes]byte
	t := n.hub.Acquire(appendKey(room[:0], a, name))
	defer n.hub.Release(t)
	s, now := stateOf(t, kind), n.now()
	added, err := s.Join(name, m, a.Limits.PresenceMembers)
	if err != nil {
		return nil, err
	}
	missed := false
	if kind&pusher.Cache != 0 {
		var cached *frame.Prepared
		cached, missed = n.cachedFrame(s, name, now)
		t.Join(id, n.succeeded(s, name), cached)
	} else {
		t.Join(id, n.succeeded(s, name))
	}
	if added {
		buf := frame.NewBuffer(len(name) + len(m.ID) + len(m.Info) + 128)
		t.Publish(text(wire.AppendMemberAdded(buf, name, m.ID, m.Info)), id)
	}
	n.notifyJoin(a, t, s, name, m, added, missed)
	n.announceCount(t, s, a, name, now)
	return seatOf(s, a, name), nil
}

// seatOf returns the seat that subscribers of a channel share, nil on a presence channel.
func seatOf(s *channel.State, a *app.App, name string) *session.Seat {
	if s.Kind()&pusher.Presence != 0 {
		return nil
	}
	seat, ok := s.Seat.(*session.Seat)
	if !ok {
		seat = session.NewSeat(name, s.Kind(), a.MayHaveClientEvents(a.Rule(name)))
		s.Seat = seat
	}
	return seat
}

// Acknowledge sends the conn subscription_succeeded once more, with the roster of now.
func (n *Node) Acknowledge(a *app.App, id engine.ID, name string) {
	defer shared()
	var room [keyBytes]byte
	t := n.hub.Find(appendKey(room[:0], a, name))
	if t == nil {
		return
	}
	defer n.hub.Release(t)
	t.Send(id, n.succeeded(stateOf(t, pusher.KindOf(name)), name))
}

// Unsubscribe takes the conn out of a channel that it is in, as userID on a presence
// channel. The rest hears member_removed when that was the user's last connection.
func (n *Node) Unsubscribe(a *app.App, id engine.ID, name string, userID string) {
	defer shared()
	var room [keyBytes]byte
	t := n.hub.Find(appendKey(room[:0], a, name))
	if t == nil {
		panic("node: a conn left a channel that nobody is in")
	}
	defer n.hub.Release(t)
	s, now := stateOf(t, pusher.KindOf(name)), n.now()
	removed := s.Leave(userID)
	t.Leave(id)
	if removed && t.Count() > 0 {
		buf := frame.NewBuffer(len(name) + len(userID) + 112)
		t.Publish(text(wire.AppendMemberRemoved(buf, name, userID)), 0)
	}
	n.notifyLeave(a, t, s, name, userID, removed)
	n.announceCount(t, s, a, name, now)
}

// succeeded makes the frame that tells a conn it is in.
func (n *Node) succeeded(s *channel.State, name string) *frame.Prepared {
	if s.Kind()&pusher.Presence == 0 {
		return text(wire.AppendSubscriptionSucceeded(frame.NewBuffer(len(name)+80), name))
	}
	buf := frame.NewBuffer(len(name) + 128 + 48*s.Users())
	return text(wire.AppendPresenceSucceeded(buf, name, s.Users(), s.Members()))
}

// cachedFrame makes the frame of the channel's last event, or cache_miss when there is none.
func (n *Node) cachedFrame(s *channel.State, name string, now time.Time) (f *frame.Prepared, missed bool) {
	event, token, _, ok := s.Cached(now)
	if !ok {
		n.metrics.cacheMisses.Inc()
		return text(wire.AppendCacheMiss(frame.NewBuffer(len(name)+64), name)), true
	}
	n.metrics.cacheHits.Inc()
	return text(wire.AppendEvent(frame.NewBuffer(len(event)+len(name)+len(token)+48), event, name, token)), false
}

// announceCount tells subscribers and webhooks the number of subscribers when it is due, or sees to it later. That
// there are none any more is for webhooks alone.
func (n *Node) announceCount(t *hub.Topic, s *channel.State, a *app.App, name string, now time.Time) {
	frames, hook := channel.AnnouncesCount(s.Kind(), a) && t.Count() > 0, n.countHook(a, s.Kind())
	if !frames && !hook {
		return
	}
	if s.CountDue(now) {
		if frames {
			t.Publish(text(wire.AppendSubscriptionCount(frame.NewBuffer(len(name)+112), name, t.Count())), 0)
		}
		if hook {
			n.notifyCount(a, name, t.Count())
		}
		return
	}
	if wait, owed := s.CountOwed(now); owed {
		n.chores.later(choreCount+t.Key(), now.Add(wait), func() { n.recount(a, name) })
	}
}

// recount announces a count that was held back.
func (n *Node) recount(a *app.App, name string) {
	defer shared()
	var room [keyBytes]byte
	t := n.hub.Find(appendKey(room[:0], a, name))
	if t == nil {
		return
	}
	defer n.hub.Release(t)
	n.announceCount(t, stateOf(t, pusher.KindOf(name)), a, name, n.now())
}
