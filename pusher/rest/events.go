package rest

import (
	"slices"
	"strings"
	"time"

	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/trace"
	"github.com/gannet-io/gannet/pusher/wire"
)

// events publishes one event to one or more channels.
//
//	POST /apps/{id}/events
//	{"name":"ev","data":"{\"a\":1}","channels":["ch-1","ch-2"],"socket_id":"1.2","info":"user_count"}
//
// It answers {} or, with info, {"channels":{"ch-1":{"user_count":1},"ch-2":{}}}, counted after
// publishing. All of it is checked before any channel gets the event. When the node fails half
// way, the answer is 503 and some channels have got it. With an idempotency key it may be sent again without harm.
func (s *Server) events(q *request) error {
	t, err := wire.ParseTrigger(q.ctx.PostBody(), q.app.Limits.JSONDepth)
	if err != nil {
		return err
	}
	want, err := q.checkTrigger(&t)
	if err != nil {
		return err
	}
	if t.ID == "" {
		t.ID = headerKey(&q.ctx.Request.Header)
	}
	if t.ID != "" {
		c, before, fresh, err := s.claim(q.app, "events", t.ID, s.repeats.sum(q.ctx.PostBody()))
		if err != nil {
			return err
		}
		if !fresh {
			q.out = append(q.out, before.body...)
			return nil
		}
		defer c.end()
		if err := s.publishAndTell(q, &t, want); err != nil {
			return err
		}
		c.done(answered{body: string(q.out)})
		return nil
	}
	return s.publishAndTell(q, &t, want)
}

// publishAndTell publishes an event that was found good, and writes the answer.
func (s *Server) publishAndTell(q *request, t *wire.Trigger, want attributes) error {
	if err := s.cfg.Node.Admit(q.app, slices.Values(t.Channels)); err != nil {
		return publishFailed(err)
	}
	s.admitted(q)
	s.submit(q, t)
	if err := q.published(); err != nil {
		return err
	}
	if want == 0 {
		q.out = append(q.out, "{}"...)
		return nil
	}
	for _, name := range t.Channels {
		q.channels = append(q.channels, wire.ChannelInfo{Name: name, Info: s.info(q, name, want)})
	}
	q.out = wire.AppendTriggerResult(q.out, q.channels)
	return nil
}

// admitted notes how long it took until a request's events could be published.
func (s *Server) admitted(q *request) {
	s.metrics.admitted.Update(time.Since(q.ctx.Time()).Seconds())
	if q.span != nil {
		q.span.Child(trace.NameAdmitted, trace.Internal, q.ctx.Time()).End(time.Now())
	}
}

// checkTrigger finds what is wrong with one event, in the order of the documentation's table and its
// size last. It returns the attributes of t.Info.
func (q *request) checkTrigger(t *wire.Trigger) (attributes, error) {
	limits := &q.app.Limits
	switch {
	case t.Name == "":
		return 0, errNoName
	case !pusher.ValidEvent(t.Name, limits.EventNameLength):
		return 0, eventNameTooLong(limits.EventNameLength)
	case pusher.ReservedEvent(t.Name):
		return 0, errReservedName
	case limits.ChannelsPerEvent > 0 && len(t.Channels) > limits.ChannelsPerEvent:
		return 0, tooManyChannels(limits.ChannelsPerEvent)
	}
	for _, name := range t.Channels {
		if !pusher.ValidChannel(name, limits.ChannelNameLength) {
			return 0, badChannel(name)
		}
	}
	if t.SocketID != "" && !pusher.ValidSocketID(t.SocketID) {
		return 0, badSocketID(t.SocketID)
	}
	want, err := parseAttributes(t.Info, userCount|subscriptionCount)
	if err != nil {
		return 0, err
	}
	if limits.EventBytes > 0 && t.DataLen > limits.EventBytes {
		return 0, dataTooLarge(limits.EventBytes)
	}
	return want, nil
}

// submit hands an event to the node, for each of its channels.
func (s *Server) submit(q *request, t *wire.Trigger) {
	q.event = Event{Name: t.Name, Data: t.Data, Except: t.SocketID, ID: t.ID, Span: q.span}
	for _, name := range t.Channels {
		q.event.Channel = name
		if wait := s.cfg.Node.Submit(q.app, &q.event); wait != nil {
			q.waits = append(q.waits, wait)
		}
	}
}

// published waits until it is known what became of all that was submitted. The error is of the first that failed.
func (q *request) published() (err error) {
	for _, wait := range q.waits {
		if failed := wait(); err == nil && failed != nil {
			err = publishFailed(failed)
		}
	}
	clear(q.waits)
	q.waits = q.waits[:0]
	return err
}

// info counts a channel for the answer to an event. What the channel or the app does not have
// is left out, unlike in a GET, where it is an error.
func (s *Server) info(q *request, channel string, want attributes) (i wire.Info) {
	if want == 0 {
		return i
	}
	kind := pusher.KindOf(channel)
	if kind == pusher.ServerToUser {
		// Whether a user is connected is not a property of a channel one can ask about.
		return i
	}
	return fill(q.app, s.cfg.Node.Channel(q.app, channel), kind, want)
}

// fill takes from c what want asks for and kind and app have.
func fill(a *app.App, c Counts, kind pusher.Kind, want attributes) (i wire.Info) {
	if want&userCount != 0 && kind&pusher.Presence != 0 {
		i.UserCount, i.HasUserCount = c.Users, true
	}
	if want&subscriptionCount != 0 && a.SubscriptionCount {
		i.SubscriptionCount, i.HasSubscriptionCount = c.Subscriptions, true
	}
	return i
}

// attributes is the set an info parameter names.
type attributes uint8

const (
	userCount attributes = 1 << iota
	subscriptionCount
	cache
)

// parseAttributes reads a comma separated list; "" is the empty one. An attribute outside of
// allowed is an error.
func parseAttributes(list string, allowed attributes) (set attributes, err error) {
	if list == "" {
		return 0, nil
	}
	for name := range strings.SplitSeq(list, ",") {
		var a attributes
		switch strings.TrimSpace(name) {
		case "user_count":
			a = userCount
		case "subscription_count":
			a = subscriptionCount
		case "cache":
			a = cache
		}
		if a&allowed == 0 {
			return 0, errBadInfo
		}
		set |= a
	}
	return set, nil
}
