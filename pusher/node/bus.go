package node

import (
	"errors"
	"strings"
	"time"

	"github.com/gannet-io/gannet/engine/backbone"
	"github.com/gannet-io/gannet/engine/history"
	"github.com/gannet-io/gannet/engine/history/busstream"
	"github.com/gannet-io/gannet/engine/hub"
	"github.com/gannet-io/gannet/frame"
	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/cluster"
	"github.com/gannet-io/gannet/pusher/trace"
	"github.com/gannet-io/gannet/pusher/wire"
)

// Why an event was not published, or may not have been.
var (
	ErrAway     = backbone.ErrUnavailable // the backbone cannot be reached; nobody got the event
	ErrUnknown  = backbone.ErrUnknown     // it may have been published, or not
	ErrFull     = backbone.ErrFull        // as ErrBusy: too much waits to be sent to the other nodes
	ErrTooLarge = backbone.ErrTooLarge
	ErrPartly   = errors.New("node: only subscribers of this node have got the event")
)

func away() error   { return ErrAway }
func behind() error { return ErrBusy }

// submit is Submit on a node that is not alone.
func (n *Node) submit(a *app.App, ev *Event) (wait func() error) {
	switch {
	case !n.up.Load():
		return away
	case n.bus.Full():
		n.metrics.busy.Inc()
		return behind
	}
	var room [keyBytes]byte
	key := appendKey(room[:0], a, ev.Channel)
	hop := n.hop(ev.Span)
	msg := pack(ev, hop)
	t := n.hub.Find(key)
	if t == nil {
		// Nobody is here, and the topic is not attached for this.
		n.published(a, ev, 0)
		kind := pusher.KindOf(ev.Channel)
		var rule *app.Rule
		if len(a.Rules) > 0 {
			rule = a.Rule(ev.Channel)
		}
		if keep := retention(a, rule, kind); keep != nil {
			return n.arrived(hop, n.bus.Append(string(key), keep, msg))
		}
		return n.arrived(hop, n.bus.Publish(string(key), msg))
	}
	// Under the topic's lock, so that events of one publisher have one order here and elsewhere.
	defer n.hub.Release(t)
	p := n.placeOf(t, a, ev.Channel, pusher.KindOf(ev.Channel))
	n.published(a, ev, t.Count())
	if p.link.keep != nil {
		return n.arrived(hop, n.bus.Append(t.Key(), p.link.keep, msg)) // and it is delivered when it comes back with its place
	}
	n.deliver(t, p, ev)
	return partly(n.arrived(hop, n.bus.Publish(t.Key(), msg)))
}

// partly returns wait for an event that subscribers of this node have got whatever becomes of it.
func partly(wait func() error) func() error {
	if wait == nil {
		return nil
	}
	return func() error {
		err := wait()
		if errors.Is(err, backbone.ErrUnavailable) || errors.Is(err, backbone.ErrFull) {
			return ErrPartly
		}
		return err
	}
}

// pack makes the message that carries a published event, and the name of the span of its way, if that is not nil.
func pack(ev *Event, hop *trace.Span) []byte {
	e := cluster.Envelope{Kind: cluster.KindEvent, Except: []byte(ev.Except), Event: []byte(ev.Name), ID: []byte(ev.ID), Body: ev.Data, Trace: contextOf(hop)}
	return e.Append(make([]byte, 0, cluster.EnvelopeRoom+len(ev.Except)+len(ev.Name)+len(ev.ID)+len(ev.Data)+len(e.Trace)))
}

// shareClientEvent hands what the other subscribers of this node got to the other nodes. Nobody waits for the outcome.
func (n *Node) shareClientEvent(t *hub.Topic, payload []byte, span *trace.Span) {
	hop := n.hop(span)
	e := cluster.Envelope{Kind: cluster.KindClient, Body: payload, Trace: contextOf(hop)}
	n.bus.Publish(t.Key(), e.Append(make([]byte, 0, cluster.EnvelopeRoom+len(payload)+len(e.Trace))))
	if hop != nil {
		hop.End(n.now())
	}
}

// channelOf returns the name of the channel whose topic has a key.
func channelOf(key string) string { return key[strings.LastIndexByte(key, '/')+1:] }

// Message takes in what another node has published, as backbone.Sink.
func (n *Node) Message(topic string, msg []byte) {
	defer shared()
	e, err := cluster.ParseEnvelope(msg)
	if err != nil {
		n.metrics.unreadable.Inc()
		return
	}
	n.findKey(topic, func(t *hub.Topic, p *place) {
		switch {
		case t.Count() == 0:
			return
		case t.Full():
			// Nobody promised it, and the loops could not send it before memory is full.
			n.metrics.overrun.Inc()
			return
		}
		if e.Kind != cluster.KindEvent && e.Kind != cluster.KindClient {
			return
		}
		span := n.deliverSpan(topic, &e, t.Count())
		if e.Kind == cluster.KindEvent {
			n.deliver(t, p, &Event{Channel: channelOf(topic), Name: string(e.Event), Data: e.Body, Except: string(e.Except), Span: span})
		} else {
			t.PublishWatched(text(append(frame.NewBuffer(len(e.Body)), e.Body...)), 0, n.watcherOf(span))
		}
		if span != nil {
			span.End(n.now())
		}
		n.metrics.publishesBus.Inc()
	})
}

// Attached takes in that nothing published on a topic is missed from now on, as backbone.Sink.
func (n *Node) Attached(topic string, tail backbone.Tail) {
	n.told(topic, func(p *place) {
		l := p.link
		if l.log != nil {
			l.log.Attached(&tail, n.now().UnixNano())
		}
		l.attached = true
		if l.ready != nil {
			close(l.ready)
			l.ready = nil
		}
	})
}

// Stored takes in the next event of a topic's log, as backbone.Sink.
func (n *Node) Stored(topic string, e backbone.Stored) {
	n.told(topic, func(p *place) {
		if p.link.log != nil {
			n.metrics.publishesBus.Inc()
			p.link.log.Stored(&e, n.now().UnixNano())
		}
	})
}

// told does what is to be done when the bus has told something of a topic: take takes it in.
func (n *Node) told(topic string, take func(p *place)) {
	defer shared()
	tell, over := func() {}, false
	var owner *tenant
	var a *app.App
	cached := 0
	n.findKey(topic, func(t *hub.Topic, p *place) {
		l := p.link
		if l == nil || !l.asked {
			return
		}
		take(p)
		if !l.attached {
			return
		}
		if l.log == nil {
			n.plain.remove(topic)
		}
		if r := p.streamed(); r != nil {
			r.used = n.now().UnixNano()
			owner, over = r.owner, n.account(t, p)
		}
		if p.Kind()&pusher.Cache != 0 && l.app.Limits.CacheBytes > 0 {
			a, cached = l.app, n.cacheBytes(l.app)
		}
		l.current = cluster.Envelope{} // its bytes may go
		tell = n.again(t, l, false)
		if t.Count() == 0 && l.log != nil && !l.due {
			l.used = n.now().UnixNano()
			n.unlinkLater(topic, l)
		}
	})
	tell()
	if over {
		n.trimPast(owner)
	}
	if a != nil && cached > a.Limits.CacheBytes {
		n.trimCache(n.tenant(a), a.Limits.CacheBytes)
	}
}

// State takes in whether the backbone can be reached, as backbone.Sink.
func (n *Node) State(up bool, _ string) {
	defer shared()
	n.up.Store(up)
	if up {
		return
	}
	// Who waited for a channel without a log is served with what there is here.
	for _, key := range n.plain.take() {
		tell := func() {}
		n.findKey(key, func(t *hub.Topic, p *place) {
			if p.link != nil {
				tell = n.again(t, p.link, true)
			}
		})
		tell()
	}
}

// Reach sees to it that what was published on a channel, on any node, is known here, if the channel keeps anything; it is to be called before
// History or Cached. The error is ErrAway when that cannot be. May block, for some seconds.
func (n *Node) Reach(a *app.App, name string) error {
	if n.bus == nil {
		return nil
	}
	kind := pusher.KindOf(name)
	if retention(a, a.Rule(name), kind) == nil {
		return nil
	}
	if !n.up.Load() {
		return ErrAway
	}
	var room [keyBytes]byte
	t := n.hub.Acquire(appendKey(room[:0], a, name))
	p := n.placeOf(t, a, name, kind)
	l := p.link
	n.attach(t, p)
	if l.attached {
		n.unlink(t, p) // for some time yet
		n.hub.Release(t)
		return nil
	}
	if l.ready == nil {
		l.ready = make(chan struct{})
	}
	ready := l.ready
	l.readers++
	n.hub.Release(t)
	timer := time.NewTimer(reachPatience)
	defer timer.Stop()
	err := error(nil)
	select {
	case <-ready:
	case <-timer.C:
		err = ErrAway
	}
	n.findKey(t.Key(), func(t *hub.Topic, p *place) {
		p.link.readers--
		n.unlink(t, p)
	})
	return err
}

// reachPatience is how long a request waits for a channel's log.
const reachPatience = 5 * time.Second

// newLink returns the link of a channel on a node that is not alone.
func (n *Node) newLink(t *hub.Topic, a *app.App, p *place, name string) *link {
	var rule *app.Rule
	if p.ruled != nil {
		rule = p.ruled.rule
	}
	l := &link{app: a, keep: retention(a, rule, p.Kind())}
	if l.keep != nil {
		l.log = n.openLog(t, a, p, name, l)
	}
	return l
}

// openLog makes the stream of a channel's log. Of a cache channel without history that is only its last event.
func (n *Node) openLog(t *hub.Topic, a *app.App, p *place, name string, l *link) *busstream.Stream {
	var w history.Wiring
	if p.ruled != nil && keeps(p.ruled.rule) {
		w = n.wiring(t, a, p, name)
		seal := w.Seal
		w.Seal = func(d *history.Draft, at history.Position) *frame.Prepared {
			if r := p.ruled; at.Epoch != r.epoch {
				// A new flow, since loops may be asking the old one for notices.
				r.epoch = at.Epoch
				r.flow = newFlow(r, name)
			}
			return seal(d, at)
		}
	} else {
		w.Limits.Events = -1
		w.Seal = func(d *history.Draft, _ history.Position) *frame.Prepared {
			if p.ruled == nil {
				return text(append(d.Body, '}'))
			}
			return p.ruled.seal(append(d.Body, '}'), d.Key, 0)
		}
		w.Deliver = n.deliverer(t, p, name)
	}
	if p.Kind()&pusher.Cache != 0 {
		deliver := w.Deliver
		w.Deliver = func(d *history.Draft, e history.Event) {
			deliver(d, e)
			if l.current.Kind == cluster.KindEvent {
				n.store(t, p, a, &Event{Name: string(l.current.Event), Data: l.current.Body}, time.Unix(0, e.At))
			}
		}
	}
	return busstream.New(busstream.Config{
		Bus: n.bus, Topic: t.Key(), Keep: l.keep,
		Void:   func(d *history.Draft) { l.void(d, name) },
		Unpack: func(msg []byte) history.Draft { return n.unpack(p, name, l, msg) },
		Broken: func(before, after history.Position, follow int) { n.broken(t, p, name, before, after, follow) },
	}, w)
}

// unpack reads an event of a channel's log. What cannot be read keeps its place, and nobody sees anything of it.
func (n *Node) unpack(p *place, name string, l *link, msg []byte) history.Draft {
	e, err := cluster.ParseEnvelope(msg)
	if err != nil || e.Kind != cluster.KindEvent {
		n.metrics.unreadable.Inc()
		d := history.Draft{}
		l.void(&d, name)
		return d
	}
	l.current = e
	event := string(e.Event)
	body := frame.NewBuffer(len(event) + len(name) + len(e.Body) + 48 + serialBytes)
	d := history.Draft{Body: wire.AppendOpenEvent(body, event, name, e.Body), Except: string(e.Except), ID: string(e.ID)}
	if p.ruled != nil {
		d.Key = n.keyOf(p.ruled.rule, event)
	}
	return d
}

// void leaves of an event nothing but its place, which nobody sees anything of.
func (l *link) void(d *history.Draft, name string) {
	l.current, d.Void = cluster.Envelope{}, true
	body := wire.AppendPosition[history.Position](frame.NewBuffer(len(name)+112), name, nil, 0)
	d.Body = body[:len(body)-1]
}

// broken tells subscribers that events are missing before those that follow, in words that resume.js understands.
func (n *Node) broken(t *hub.Topic, p *place, name string, before, after history.Position, follow int) {
	n.metrics.broken.Inc()
	if t.Count() == 0 || !p.hasHistory() {
		return
	}
	skipped := 0
	switch {
	case before.Epoch != after.Epoch: // which alone says it
	case after.Offset < before.Offset:
		// The log has gone back and does not say so. Its numbers mean something else now.
		after = history.Position{Epoch: newEpoch()}
	case follow > 0:
		return // the place of the next event says it
	default:
		skipped = int(after.Offset - before.Offset)
	}
	t.PublishNotice(text(wire.AppendPosition(frame.NewBuffer(len(name)+128), name, &after, skipped)))
}
