package node

import (
	"errors"

	"github.com/gannet-io/gannet/engine/hub"
	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/cluster"
	"github.com/gannet-io/gannet/pusher/trace"
	"github.com/gannet-io/gannet/pusher/wire"
)

// What is traced has a span, what is not has none, and goes the same way. docs/tracing.md draws which spans there are.

// submitTraced is Submit of an event whose request is traced.
func (n *Node) submitTraced(a *app.App, ev *Event) (wait func() error) {
	s := ev.Span.Child(trace.NamePublish, trace.Producer, n.now())
	n.describe(s, a.ID, ev.Channel, ev.Name, "rest", wire.DecodedLen(ev.Data))
	own := *ev
	own.Span = s
	known := n.take(a, &own)
	if known == nil {
		s.End(n.now())
		return nil
	}
	return func() error {
		err := known()
		if err != nil {
			s.Fail(failureOf(err))
		}
		s.End(n.now())
		return err
	}
}

// clientSpan begins the span of a client's event if it is to be traced, else it returns nil.
func (n *Node) clientSpan(a *app.App, ev *ClientEvent, receivers int) *trace.Span {
	if !n.tracer.Sample() {
		return nil
	}
	s := n.tracer.Start(trace.Context{}, trace.NamePublish, trace.Producer, n.now())
	n.describe(s, a.ID, ev.Channel, ev.Name, "client", len(ev.Data))
	s.Set(trace.Number(trace.Subscribers, receivers))
	return s
}

// describe says what is published.
func (n *Node) describe(s *trace.Span, appID, channel, event, source string, size int) {
	s.Set(
		trace.Text(trace.MessagingSystem, trace.System),
		trace.Text(trace.MessagingOperation, s.Name),
		trace.Text(trace.MessagingType, "send"),
		destination(channel),
		trace.Number(trace.MessagingBodySize, size),
		trace.Text(trace.App, appID),
		trace.Text(trace.Event, event),
		trace.Text(trace.Source, source),
	)
}

// destination names a channel. That of a user has his id in its name, which is left out.
func destination(channel string) trace.Attribute {
	if pusher.KindOf(channel)&pusher.ServerToUser != 0 {
		return trace.Text(trace.MessagingTemplate, pusher.ServerToUserPrefix+"{user}")
	}
	return trace.Text(trace.MessagingDestination, channel)
}

// hop begins the span of an event's way to the backbone. It returns nil for nil.
func (n *Node) hop(s *trace.Span) *trace.Span {
	if s == nil {
		return nil
	}
	return s.Child(trace.NameBackbone, trace.Client, n.now())
}

// contextOf returns what the other nodes are told of a span; nothing for nil.
func contextOf(hop *trace.Span) []byte {
	if hop == nil {
		return nil
	}
	return hop.Append(nil)
}

// arrived returns wait, which ends hop if that is not nil.
func (n *Node) arrived(hop *trace.Span, wait func() error) func() error {
	switch {
	case hop == nil:
		return wait
	case wait == nil:
		hop.End(n.now())
		return nil
	}
	return func() error {
		err := wait()
		if err != nil {
			hop.Fail(failureOf(err))
		}
		hop.End(n.now())
		return err
	}
}

// deliverSpan begins the span of an event from the backbone; nil when it is not traced.
func (n *Node) deliverSpan(topic string, e *cluster.Envelope, receivers int) *trace.Span {
	if n.tracer == nil || len(e.Trace) == 0 {
		return nil
	}
	parent, ok := trace.ParseContext(e.Trace)
	if !ok || !parent.Sampled() {
		return nil
	}
	s := n.tracer.Start(parent, trace.NameDeliver, trace.Consumer, n.now())
	channel := channelOf(topic)
	s.Set(
		trace.Text(trace.MessagingSystem, trace.System),
		trace.Text(trace.MessagingOperation, s.Name),
		trace.Text(trace.MessagingType, "process"),
		destination(channel),
		trace.Text(trace.App, topic[:len(topic)-len(channel)-1]),
		trace.Number(trace.Subscribers, receivers),
	)
	return s
}

// streamSpan returns the span below which an event of a stream is delivered, nil when it is not traced: that of its publish, or in a cluster a new one,
// since the event comes from the backbone on every node.
func (n *Node) streamSpan(t *hub.Topic, p *place) *trace.Span {
	if p.link != nil {
		return n.deliverSpan(t.Key(), &p.link.current, t.Count())
	}
	if p.ruled != nil {
		return p.ruled.span
	}
	return nil
}

// A sending is what loops tell of a message that is traced.
type sending struct {
	node *Node
	span *trace.Span // below which it is
}

// watcherOf returns who watches a message that is sent below s; nil for nil.
func (n *Node) watcherOf(s *trace.Span) hub.Watcher {
	if s == nil {
		return nil
	}
	return sending{n, s}
}

// Sent implements hub.Watcher.
func (d sending) Sent(s *hub.Sent) {
	now := d.node.now()
	taken := now.Add(-s.Written)
	loop := trace.Number(trace.Loop, s.Loop)
	queued := d.span.Child(trace.NameQueued, trace.Internal, taken.Add(-s.Queued))
	queued.Set(loop)
	queued.End(taken)
	written := d.span.Child(trace.NameWritten, trace.Internal, taken)
	written.Set(loop, trace.Number(trace.Subscribers, s.Subscribers))
	written.End(now)
}

// failureOf names an error of a publish.
func failureOf(err error) string {
	switch {
	case errors.Is(err, ErrPartly):
		return "partly"
	case errors.Is(err, ErrAway):
		return "unavailable"
	case errors.Is(err, ErrUnknown):
		return "unknown_outcome"
	case errors.Is(err, ErrBusy), errors.Is(err, ErrFull):
		return "busy"
	case errors.Is(err, ErrTooLarge):
		return "too_large"
	}
	return "other"
}
