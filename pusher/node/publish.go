package node

import (
	"errors"
	"iter"
	"time"

	"github.com/gannet-io/gannet/engine"
	"github.com/gannet-io/gannet/engine/hub"
	"github.com/gannet-io/gannet/frame"
	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/quota"
	"github.com/gannet-io/gannet/pusher/trace"
	"github.com/gannet-io/gannet/pusher/wire"
)

// An Event is one event for one channel, as a server published it. Everything in it is
// borrowed.
type Event struct {
	Channel, Name string
	Data          []byte // JSON string token, as the publisher wrote it
	Except        string // socket id that must not get the event; "": none
	ID            string // what a publisher who tries again says again; "": nothing. The door sees to it that it comes once

	Span *trace.Span // of the request, for its child; nil: the publish is not traced
}

// ErrBusy says that a channel's subscribers have been too far behind for too long.
var ErrBusy = errors.New("node: too many messages wait to be sent")

// How long Admit waits for the loops to catch up, and how often it looks.
const (
	busyPatience = 2 * time.Second
	busyInterval = time.Millisecond
)

// Admit waits while loops that have subscribers of the named channels are so far behind that
// publishing would only fill memory, which slows publishers down to what can be sent. After 2 s in
// all it returns ErrBusy. It is to be asked once for all that one request publishes, before the first event:
// Publish itself takes what comes. May block.
func (n *Node) Admit(a *app.App, channels iter.Seq[string]) error {
	if n.bus != nil && !n.up.Load() {
		return ErrAway
	}
	var ticker *time.Ticker
	left := int(busyPatience / busyInterval)
	for name := range channels {
		for ; n.full(a, name) || n.bus != nil && n.bus.Full(); left-- {
			if left == 0 {
				n.metrics.busy.Inc()
				return ErrBusy
			}
			if ticker == nil {
				ticker = time.NewTicker(busyInterval)
				defer ticker.Stop()
			}
			<-ticker.C
		}
	}
	return nil
}

func (n *Node) full(a *app.App, name string) bool {
	var room [keyBytes]byte
	t := n.hub.Find(appendKey(room[:0], a, name))
	if t == nil {
		return false
	}
	defer n.hub.Release(t)
	return t.Full()
}

// Publish is Submit and what becomes of it. May block.
func (n *Node) Publish(a *app.App, ev *Event) error {
	if wait := n.Submit(a, ev); wait != nil {
		return wait()
	}
	return nil
}

// Submit sends an event to every subscriber of its channel but Except, on all nodes, and keeps it where the
// channel's kind or rule keep events. The door has checked names and sizes, and asked Admit. wait is nil when that is done, as it is
// on a node that is alone; otherwise it waits until it is known what became of it, without a lock, and is to be called once. Its error is one of
// ErrAway, ErrPartly, ErrUnknown, ErrBusy and ErrTooLarge. Any goroutine; wait may block.
func (n *Node) Submit(a *app.App, ev *Event) (wait func() error) {
	defer shared()
	if ev.Span != nil {
		return n.submitTraced(a, ev)
	}
	return n.take(a, ev)
}

// take is Submit of an event whose Span is its own, if it has one.
func (n *Node) take(a *app.App, ev *Event) (wait func() error) {
	n.metrics.publishesREST.Inc()
	if n.bus != nil {
		return n.submit(a, ev)
	}
	var room [keyBytes]byte
	key := appendKey(room[:0], a, ev.Channel)
	kind := pusher.KindOf(ev.Channel)
	t := n.hub.Find(key)
	if t == nil {
		// Nobody is there. Only now does it cost anything to know whether the channel has a rule.
		if kind&pusher.Cache == 0 {
			if rule := a.Rule(ev.Channel); rule == nil || !keeps(rule) {
				n.published(a, ev, 0)
				return nil
			}
		}
		t = n.hub.Acquire(key)
	}
	p := n.placeOf(t, a, ev.Channel, kind)
	cached, pastOver := 0, false
	if kind&pusher.Cache != 0 {
		cached = n.store(t, p, a, ev, n.now())
	}
	if p.streamed() != nil {
		wait, pastOver = n.append(t, p, ev)
	} else {
		n.deliver(t, p, ev)
	}
	n.published(a, ev, t.Count())
	n.hub.Release(t)
	if limit := a.Limits.CacheBytes; limit > 0 && cached > limit {
		n.trimCache(n.tenant(a), limit)
	}
	if pastOver {
		n.trimPast(p.ruled.owner)
	}
	return wait
}

func (n *Node) deliver(t *hub.Topic, p *place, ev *Event) {
	if t.Count() == 0 {
		return
	}
	buf := frame.NewBuffer(len(ev.Name) + len(ev.Channel) + len(ev.Data) + 48)
	buf = wire.AppendEvent(buf, ev.Name, ev.Channel, ev.Data)
	var f *frame.Prepared
	if p.ruled == nil {
		f = text(buf)
	} else {
		f = p.ruled.seal(buf, n.keyOf(p.ruled.rule, ev.Name), 0)
	}
	t.PublishWatched(f, n.sockets.parse(ev.Except), n.watcherOf(ev.Span))
}

// A ClientEvent is one event as a client sent it. Name and data are borrowed.
type ClientEvent struct {
	Channel, Name string
	Data          []byte          // raw JSON value; nil when there was none
	UserID        string          // the sender's on a presence channel, else ""
	SocketID      pusher.SocketID // the sender's
}

// ClientEvent sends an event of the conn from to everybody else in the channel; the session
// has checked that it may. It returns a refusal, having done nothing, while the loops are
// behind or the app has sent as many as it may. Loop-only.
func (n *Node) ClientEvent(a *app.App, from engine.ID, ev *ClientEvent) *pusher.Error {
	defer shared()
	if !n.allows(a, a.Limits.TotalClientEventsPerSecond, func(t *tenant) *quota.Bucket { return &t.clientEvents }) {
		return pusher.ErrAppClientEventRate
	}
	n.metrics.publishesClient.Inc()
	var room [keyBytes]byte
	t := n.hub.Find(appendKey(room[:0], a, ev.Channel))
	if t == nil {
		n.clientPublished(a, ev, 0)
		return nil
	}
	defer n.hub.Release(t)
	others := n.bus != nil && n.up.Load()
	if t.Full() || others && n.bus.Full() {
		n.metrics.busy.Inc()
		return pusher.ErrBusy
	}
	span := n.clientSpan(a, ev, t.Count()-1)
	if t.Count() > 1 || others {
		buf := frame.NewBuffer(len(ev.Name) + len(ev.Channel) + len(ev.Data)*9/8 + len(ev.UserID) + 80)
		buf = wire.AppendClientEvent(buf, ev.Name, ev.Channel, ev.Data, a.Compat.PassClientEventData, ev.UserID)
		f := text(buf)
		if t.Count() > 1 {
			t.PublishWatched(f, from, n.watcherOf(span))
		}
		if others {
			n.shareClientEvent(t, f.Payload(), span)
		}
	}
	if span != nil {
		span.End(n.now())
	}
	n.clientPublished(a, ev, t.Count()-1)
	n.notifyClientEvent(a, ev)
	return nil
}
