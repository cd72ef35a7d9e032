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
// gets subscription_succeeded before any other frame of the channel, then what it has missed or what the channel begins
// with: its past, the newest of each key, the cached event or cache_miss. The others hear member_added when the user is
// new, and all the new count where the app wants it. The conn must not be in the channel. It returns a refusal, such as
// pusher.PresenceFull, when nothing was changed. So it is when Welcome says later, because what other nodes publish could be missed yet:
// then Conns.Again follows, or it is taken back with Withdraw.
func (n *Node) Subscribe(a *app.App, id engine.ID, name string, kind pusher.Kind, m *channel.Member, in *Arrival) (w Welcome, refusal *pusher.Error) {
	defer shared()
	if rate := a.Limits.TotalSubscribesPerSecond; !in.Again && !n.allows(a, rate, func(t *tenant) *quota.Bucket { return &t.subscribes }) {
		return Welcome{}, pusher.AppSubscribeRate(rate)
	}
	var room [keyBytes]byte
	t := n.hub.Acquire(appendKey(room[:0], a, name))
	p, now := n.placeOf(t, a, name, kind), n.now()
	if p.link != nil && !n.linked(t, p, id, in) {
		n.hub.Release(t)
		n.metrics.later.Inc()
		return Welcome{Later: true}, nil
	}
	w, over, refusal := n.enter(t, p, a, id, name, m, in, now)
	if refusal != nil {
		n.unlink(t, p)
	}
	n.hub.Release(t)
	if over {
		n.trimPast(p.ruled.owner)
	}
	return w, refusal
}

func (n *Node) enter(t *hub.Topic, p *place, a *app.App, id engine.ID, name string, m *channel.Member, in *Arrival, now time.Time) (w Welcome, over bool, refusal *pusher.Error) {
	added, known, refusal := n.join(t, p, a, name, m)
	if refusal != nil {
		return Welcome{}, false, refusal
	}
	o := n.open(p, name, in, now)
	succeeded := n.succeeded(t, &p.State, name, in, &o)
	switch {
	case o.replay != nil:
		w.Sent, w.Rest = n.beginReplay(t, p, id, succeeded, o.replay, in.Room, now)
	case o.cached != nil:
		t.Join(id, succeeded, o.cached)
	default:
		t.Join(id, succeeded)
	}
	if added && !known {
		t.Publish(memberAdded(name, m.ID, m.Info), id)
	}
	n.tellJoin(a, t, name, m, added)
	n.mark(t, added, m)
	n.notifyJoin(a, t, &p.State, name, m, added, o.missed)
	n.announceCount(t, &p.State, a, name, now)
	w.Seat = seatOf(&p.State, a, name)
	if r := p.streamed(); r != nil {
		r.used = now.UnixNano()
		over = n.account(t, p)
	}
	return w, over, nil
}

// beginReplay lets the conn join with the first piece of a replay behind succeeded, and returns its bytes and the rest.
func (n *Node) beginReplay(t *hub.Topic, p *place, id engine.ID, succeeded *frame.Prepared, r *Replay, room int, now time.Time) (sent int, rest *Replay) {
	first, more := []*frame.Prepared{succeeded}, true
	if room > 0 {
		var frames []*frame.Prepared
		var err error
		if frames, sent, more, err = n.piece(p, r, room, now); err != nil {
			more = true // who reads the rest will find out
		}
		first = append(first, frames...)
	}
	t.JoinFed(id, more, first...)
	if more {
		return sent, r
	}
	return sent, nil
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

// Acknowledge sends the conn, which is in the channel, subscription_succeeded once more, with the roster of now. rest is
// what it is still to be sent of the channel's past, if anything.
func (n *Node) Acknowledge(a *app.App, id engine.ID, name string, in *Arrival, rest *Replay) {
	defer shared()
	var room [keyBytes]byte
	t := n.hub.Find(appendKey(room[:0], a, name))
	if t == nil {
		return
	}
	defer n.hub.Release(t)
	p := foundPlace(t)
	var o opening
	if p.hasHistory() {
		// It has been sent everything up to here, or what it has not follows.
		at := p.ruled.stream.Head()
		if rest != nil {
			at = rest.after
		}
		o.place, o.recovery = &at, wire.Recovered
	} else {
		o.recovery, o.reason = wire.NotRecovered, reasonEpoch
	}
	if in.Recall == nil || !in.Recall.HasResume {
		o.recovery = wire.NotAsked
	}
	t.Send(id, n.succeeded(t, &p.State, name, in, &o))
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
	p, now := foundPlace(t), n.now()
	removed := p.Leave(userID)
	t.Leave(id)
	if removed && t.Count() > 0 && !n.memberElsewhere(t, userID) {
		t.Publish(memberRemoved(name, userID), 0)
	}
	n.tellLeave(a, t, name, userID, removed)
	n.mark(t, removed, &channel.Member{ID: userID})
	n.notifyLeave(a, t, &p.State, name, userID, removed)
	n.announceCount(t, &p.State, a, name, now)
	over := false
	if r := p.streamed(); r != nil {
		r.used = now.UnixNano()
		over = n.account(t, p)
	}
	n.unlink(t, p)
	n.hub.Release(t)
	if over {
		n.trimPast(p.ruled.owner)
	}
}

// succeeded makes the frame that tells a conn it is in.
func (n *Node) succeeded(t *hub.Topic, s *channel.State, name string, in *Arrival, o *opening) *frame.Prepared {
	var buf []byte
	if s.Kind()&pusher.Presence == 0 {
		buf = wire.AppendSubscriptionSucceeded(frame.NewBuffer(len(name)+80), name)
	} else {
		users := n.users(t.Key(), s)
		buf = frame.NewBuffer(len(name) + 128 + 48*users)
		buf = wire.AppendPresenceSucceeded(buf, name, users, n.members(t.Key(), s))
	}
	if in.Told || in.Recall != nil {
		buf = wire.AddPlace(buf, o.place, o.recovery, o.reason)
	}
	return text(buf)
}

// announceCount tells subscribers and webhooks the number of subscribers when it is due, or sees to it later. That
// there are none any more is for webhooks alone.
func (n *Node) announceCount(t *hub.Topic, s *channel.State, a *app.App, name string, now time.Time) {
	frames, hook := channel.AnnouncesCount(s.Kind(), a) && t.Count() > 0, n.member == nil && n.countHook(a, s.Kind())
	if !frames && !hook {
		return
	}
	count := n.subscriptions(t)
	if s.CountDue(count, now) {
		if frames {
			t.Publish(text(wire.AppendSubscriptionCount(frame.NewBuffer(len(name)+112), name, count)), 0)
		}
		if hook {
			n.notifyCount(a, name, t.Count())
		}
		return
	}
	if wait, owed := s.CountOwed(count, now); owed {
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
	n.announceCount(t, &foundPlace(t).State, a, name, n.now())
}
