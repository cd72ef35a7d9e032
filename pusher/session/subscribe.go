package session

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/auth"
	"github.com/gannet-io/gannet/pusher/channel"
	"github.com/gannet-io/gannet/pusher/wire"
)

// subscribe handles pusher:subscribe ("Subscribing").
func (s *Session) subscribe(data []byte, now time.Time, out []Action) []Action {
	req, err := wire.ParseSubscribe(data)
	if err != nil {
		return refuse(malformed(err), out)
	}
	limits := &s.app.Limits
	if !pusher.ValidChannel(req.Channel, limits.ChannelNameLength) {
		return s.refuseSubscription(req.Channel, pusher.BadChannel(req.Channel), out)
	}
	// Before anything that costs much, such as a signature, also when it is going to be refused.
	if rate := limits.SubscribesPerSecond; !s.subscribes.Allow(now, rate) {
		return s.refuseSubscription(req.Channel, pusher.SubscribeRate(rate), out)
	}
	// Before the limit, so that a client that is at it and lost track still learns what is the matter.
	sub := s.subs.find(req.Channel)
	if sub != nil && sub.state != abandoned {
		return s.existing(sub, req.Recall, out)
	}
	if limit := limits.SubscriptionsPerConnection; limit > 0 && sub == nil && s.subs.len() >= limit {
		return s.refuseSubscription(req.Channel, pusher.TooManySubscriptions(limit), out)
	}

	kind := pusher.KindOf(req.Channel)
	var member *channel.Member
	switch {
	case kind&pusher.ServerToUser != 0:
		// Open to nobody but the user: what is sent here is private, and there is no signature ("Server-to-user").
		if user := s.user(); user == nil || req.Channel[len(pusher.ServerToUserPrefix):] != user.ID {
			return s.refuseSubscription(req.Channel, pusher.NotSignedIn(req.Channel), out)
		}
	case kind.NeedsAuth():
		if refusal := s.checkAuth(&req, kind); refusal != nil {
			return s.refuseSubscription(req.Channel, refusal, out)
		}
		if kind&pusher.Presence != 0 {
			var refusal *pusher.Error
			if member, refusal = s.member(&req); refusal != nil {
				return s.refuseSubscription(req.Channel, refusal, out)
			}
		}
	}

	if sub != nil {
		// Left and come back while the answer to the first Subscribe is still to come: that answer serves, unless it
		// makes the connection another member than it is asking to be now.
		if member != nil && member.ID != sub.userID {
			return s.existing(sub, req.Recall, out)
		}
		sub.state = pending
		return out
	}
	if kind.NeedsAuth() {
		// The signature is proof enough; it does not matter whether a presence channel then turns out to be full.
		out = s.authorize(out)
	}
	added := &Seat{channel: req.Channel, kind: kind, state: pending, clientEvents: s.app.MayHaveClientEvents(s.app.Rule(req.Channel))}
	if member != nil {
		added.userID = member.ID
	}
	s.subs.add(added)
	return append(out, Action{Op: Subscribe, Channel: req.Channel, Kind: kind, Member: member, Recall: req.Recall})
}

// existing answers a second subscribe. Pusher keeps the first and refuses the second; other servers acknowledge again.
// A pending one is going to be acknowledged anyway. Never is the connection counted twice ("Twice the same channel").
func (s *Session) existing(sub *Seat, recall *wire.Recall, out []Action) []Action {
	switch {
	case !s.app.Compat.ReacknowledgeSubscribe || sub.state == abandoned:
		return refuse(pusher.ExistingSubscription(sub.channel), out)
	case sub.state == pending || sub.state == postponed:
		return out
	default:
		return append(out, Action{Op: Acknowledge, Channel: sub.channel, Kind: sub.kind, UserID: sub.userID, Recall: recall})
	}
}

// checkAuth checks the signature of a subscription, in the order of the reference ("Channel authorization"): auth is
// there, has a colon, names a key of this app, and fits. It says nothing about what channel_data contains.
func (s *Session) checkAuth(req *wire.Subscribe, kind pusher.Kind) *pusher.Error {
	if req.Auth == "" {
		return pusher.AuthRequired(req.Channel)
	}
	key, sig, ok := auth.SplitToken(req.Auth)
	if !ok {
		return pusher.BadAuthFormat(req.Channel)
	}
	secret, ok := s.app.Secret(key)
	if !ok {
		return pusher.BadAuthKey(key)
	}
	id := s.id.String()
	// channel_data is signed wherever there is any, also on private channels: that is what the official libraries do.
	var data *string
	if req.HasChannelData {
		data = &req.ChannelData
	}
	if auth.CheckChannel(secret, sig, id, req.Channel, data) {
		return nil
	}
	// Departs: some servers leave it out of the signature on private channels, where nothing in it is ever used. On a
	// presence channel it names the member, and must be signed.
	if data != nil && kind&pusher.Presence == 0 && auth.CheckChannel(secret, sig, id, req.Channel, nil) {
		return nil
	}
	return pusher.BadSignature(auth.ChannelText(id, req.Channel, data), sig)
}

// member finds out who joins a presence channel: the user of channel_data, which wins, or the signed-in user ("Presence
// membership").
//
// The id of either may be at most Limits.UserIDLength characters, and is otherwise any text that is not empty: the
// alphabet is documented for signed-in users only. Limits.MemberBytes is held against user_info as the JSON text that
// came, because that is what every subscriber is sent, whichever of the two it came from.
func (s *Session) member(req *wire.Subscribe) (*channel.Member, *pusher.Error) {
	m := s.user() // immutable, so it can be shared
	if req.HasChannelData {
		parsed, err := wire.ParseMember(req.ChannelData, s.app.Limits.JSONDepth)
		if err != nil {
			return nil, pusher.BadMember(req.Channel, detail(err))
		}
		if parsed.ID == "" {
			return nil, pusher.BadMember(req.Channel, "user_id is empty")
		}
		m = &channel.Member{ID: parsed.ID, Info: parsed.Info}
	}
	if m == nil {
		return nil, pusher.BadMember(req.Channel, "there is none, and the connection is not signed in")
	}
	limits := &s.app.Limits
	if max := limits.UserIDLength; max > 0 && len(m.ID) > max && utf8.RuneCountInString(m.ID) > max {
		return nil, pusher.UserIDTooLong(max)
	}
	if max := limits.MemberBytes; max > 0 && len(m.Info) > max {
		return nil, pusher.MemberTooLarge(req.Channel, max)
	}
	return m, nil
}

// Joined answers a Subscribe action: the connection is on the channel now. It reports whether the client still wants
// it; then the caller sends subscription_succeeded before any other frame of the channel. Otherwise, because the client
// unsubscribed meanwhile or is gone, the caller takes the connection out again and sends nothing.
//
// For a channel without a pending Subscribe it reports false.
func (s *Session) Joined(channel string) (wanted bool) {
	sub := s.subs.find(channel)
	if sub == nil || sub.state == joined {
		return false
	}
	if sub.state == abandoned || s.ended {
		s.subs.remove(channel)
		return false
	}
	sub.state = joined
	return true
}

// Postponed notes that a Subscribe action has no answer yet, and nothing was done for it so far: Joined or Refused follow, unless Withdraw
// comes before. A pending one that is not postponed has to be answered before anything else reaches the session.
func (s *Session) Postponed(channel string) {
	if sub := s.subs.find(channel); sub != nil && sub.state == pending {
		sub.state = postponed
	}
}

// Share lets the session sit on a seat that others have, too, instead of one of its own: 8 bytes instead of 56 and the
// channel's name. It is to be called after Joined with what NewSeat made for the same channel. For a channel that is
// not joined, or joined as a member, it does nothing. seat is shared.
func (s *Session) Share(seat *Seat) {
	at := s.subs.at(seat.channel)
	if at == nil || (*at).state != joined || (*at).userID != "" || (*at).kind != seat.kind {
		return
	}
	*at = seat
	if m := s.subs.more; m != nil && m.index != nil && at != &s.subs.first {
		i := m.index[seat.channel]
		delete(m.index, seat.channel) // else it would keep the old string of the same name
		m.index[seat.channel] = i
	}
}

// Refused answers a Subscribe action: the connection is not on the channel, because of err, such as
// pusher.PresenceFull. The client is told, unless it unsubscribed meanwhile or is gone. For a channel without a pending
// Subscribe it does nothing.
func (s *Session) Refused(channel string, err *pusher.Error, out []Action) []Action {
	sub := s.subs.find(channel)
	if sub == nil || sub.state == joined {
		return out
	}
	wanted := sub.state != abandoned && !s.ended
	s.subs.remove(channel)
	if !wanted {
		return out
	}
	return s.refuseSubscription(channel, err, out)
}

// unsubscribe handles pusher:unsubscribe, which has no answer when it succeeds ("Unsubscribe").
func (s *Session) unsubscribe(data []byte, out []Action) []Action {
	name, err := wire.ParseUnsubscribe(data)
	if err != nil {
		return refuse(malformed(err), out)
	}
	sub := s.subs.find(name)
	if sub == nil || sub.state == abandoned {
		return refuse(pusher.NoSubscription(name), out)
	}
	if sub.state == pending {
		sub.state = abandoned
		return out
	}
	action := Action{Op: Unsubscribe, Channel: sub.channel, Kind: sub.kind, UserID: sub.userID}
	if sub.state == postponed {
		action.Op, action.UserID = Withdraw, ""
	}
	s.subs.remove(name)
	return append(out, action)
}

// refuseSubscription appends a pusher:error, and for apps that come from soketi its pusher:subscription_error as well.
// Never a close: a client that reconnected while it asked for a signature signs for its old socket id, is refused, and
// recovers by itself.
func (s *Session) refuseSubscription(channel string, err *pusher.Error, out []Action) []Action {
	out = refuse(err, out)
	if !s.app.Compat.SubscriptionErrorFrame {
		return out
	}
	typ, status := soketiError(err)
	// The name may be one that was refused for its length or letters, so it is cut.
	name := strings.ToValidUTF8(channel[:min(len(channel), 200)], "")
	return append(out, Action{Op: Send, Err: err, Payload: wire.AppendSubscriptionError(nil, name, typ, err.Message, status)})
}

// soketiError returns type and status as soketi sets them in pusher:subscription_error.
func soketiError(err *pusher.Error) (typ string, status int) {
	switch err.Reason {
	case "bad_channel":
		return "LimitReached", 4009
	case "presence_full", "too_many_subscriptions", "subscribe_rate", "app_subscribe_rate":
		return "LimitReached", 4100
	case "member_too_large", "user_id_too_long":
		return "LimitReached", 4301
	default:
		return "AuthError", 401
	}
}
