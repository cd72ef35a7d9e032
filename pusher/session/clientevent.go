package session

import (
	"time"

	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/wire"
)

// clientEvent handles an event whose name begins with client- ("Client events"). The rate is asked last, so that only
// events that would have passed use it up.
//
// The action carries values and no bytes of the client's frame but its data: the outgoing frame is built from scratch,
// or a client could forge a user_id.
func (s *Session) clientEvent(f *wire.Frame, now time.Time, out []Action) []Action {
	limits := &s.app.Limits
	switch {
	case !s.app.ClientEvents && len(s.app.Rules) == 0:
		return refuse(pusher.ClientEventsDisabled(), out)
	case !f.HasChannel:
		return refuse(pusher.MalformedMessage("a client event needs a channel"), out)
	case !pusher.ValidEvent(f.Event, limits.EventNameLength):
		return refuse(pusher.EventNameTooLong(limits.EventNameLength), out)
	case len(s.app.Rules) > 0 && !s.ruledClientEvents(f.Channel):
		return refuse(pusher.ClientEventsDisabled(), out)
	case !s.allowsClientEvents(pusher.KindOf(f.Channel)):
		return refuse(pusher.ClientEventRefused(f.Channel), out)
	}
	sub := s.subs.find(f.Channel)
	if sub == nil || sub.state != joined {
		return refuse(pusher.ClientEventNotSubscribed(f.Channel), out)
	}
	if max := limits.EventBytes; max > 0 && dataLen(f.Data) > max {
		return refuse(pusher.ClientEventTooLarge(max), out)
	}
	if !s.events.Allow(now, limits.ClientEventsPerSecond) {
		return refuse(pusher.ErrClientEventRate, out)
	}
	return append(out, Action{
		Op:      ClientEvent,
		Channel: sub.channel, // ours, not borrowed
		Kind:    sub.kind,
		Event:   f.Event,
		Data:    f.Data,
		UserID:  sub.userID,
	})
}

// ruledClientEvents reports whether the app and the channel's rule allow client events. Of a channel that was joined the
// seat knows.
func (s *Session) ruledClientEvents(channel string) bool {
	if sub := s.subs.find(channel); sub != nil {
		return sub.clientEvents
	}
	return s.app.MayHaveClientEvents(s.app.Rule(channel))
}

func (s *Session) allowsClientEvents(kind pusher.Kind) bool {
	if kind.ClientEvents() {
		return true
	}
	// #server-to-user- channels speak in one direction, whatever the app allows.
	return s.app.Compat.ClientEventsOnPublic && kind&pusher.ServerToUser == 0
}

// dataLen returns the size the limit on event data is about: of a string its decoded bytes, as for events published
// over HTTP, of any other value its JSON text, which is what receivers get inside a string.
func dataLen(data []byte) int {
	if len(data) > 0 && data[0] == '"' {
		return wire.DecodedLen(data)
	}
	return len(data)
}
