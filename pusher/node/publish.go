package node

import (
	"errors"
	"time"

	"github.com/gannet-io/gannet/engine"
	"github.com/gannet-io/gannet/engine/hub"
	"github.com/gannet-io/gannet/frame"
	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/channel"
	"github.com/gannet-io/gannet/pusher/wire"
)

// An Event is one event for one channel, as a server published it. Everything in it is
// borrowed.
type Event struct {
	Channel, Name string
	Data          []byte // JSON string token, as the publisher wrote it
	Except        string // socket id that must not get the event; "": none
}

// ErrBusy says that the loops have been too far behind for too long to take more.
var ErrBusy = errors.New("node: too many messages wait to be sent")

// How long Publish waits for the loops to catch up, and how often it looks.
const (
	busyPatience = 2 * time.Second
	busyInterval = time.Millisecond
)

// Publish sends an event to every subscriber of its channel but Except, and keeps it on a
// cache channel. The door has checked names and sizes. While the loops are behind it waits
// for up to 2 s, which slows publishers down to what can be sent, and returns ErrBusy after
// that, having done nothing. May block.
func (n *Node) Publish(a *app.App, ev *Event) error {
	defer shared()
	if n.hub.Full() && !n.awaitRoom() {
		n.metrics.busy.Inc()
		return ErrBusy
	}
	n.metrics.publishesREST.Inc()
	var room [keyBytes]byte
	key := appendKey(room[:0], a, ev.Channel)
	kind := pusher.KindOf(ev.Channel)
	if kind&pusher.Cache != 0 {
		t := n.hub.Acquire(key)
		n.store(t, a, ev, kind)
		n.deliver(t, ev)
		n.hub.Release(t)
		return nil
	}
	if t := n.hub.Find(key); t != nil {
		n.deliver(t, ev)
		n.hub.Release(t)
	}
	return nil
}

// awaitRoom waits until the loops have caught up, and returns false when that takes too long.
func (n *Node) awaitRoom() bool {
	ticker := time.NewTicker(busyInterval)
	defer ticker.Stop()
	for range int(busyPatience / busyInterval) {
		<-ticker.C
		if !n.hub.Full() {
			return true
		}
	}
	return false
}

func (n *Node) deliver(t *hub.Topic, ev *Event) {
	if t.Count() == 0 {
		return
	}
	buf := frame.NewBuffer(len(ev.Name) + len(ev.Channel) + len(ev.Data) + 48)
	f := text(wire.AppendEvent(buf, ev.Name, ev.Channel, ev.Data))
	t.Publish(f, n.sockets.parse(ev.Except))
}

// store keeps ev as the channel's last event, and the topic with it until it expires.
func (n *Node) store(t *hub.Topic, a *app.App, ev *Event, kind pusher.Kind) {
	now := n.now()
	stateOf(t, kind).Store(ev.Name, ev.Data, now, a.Limits.CacheTTL)
	if !t.Keep {
		t.Keep = true
		n.expireLater(t.Key(), a.Limits.CacheTTL, now)
	}
}

// expireLater looks at a cache channel again when its event has expired. A newer event only
// postpones that, so that publishing sets no timer.
func (n *Node) expireLater(key string, ttl time.Duration, now time.Time) {
	if ttl > 0 {
		n.chores.later(choreCache+key, now.Add(ttl), func() { n.expire(key) })
	}
}

func (n *Node) expire(key string) {
	defer shared()
	t := n.hub.Find([]byte(key))
	if t == nil {
		return
	}
	defer n.hub.Release(t)
	now := n.now()
	if s, ok := t.State.(*channel.State); ok {
		if _, _, ttl, ok := s.Cached(now); ok {
			n.expireLater(key, ttl, now)
			return
		}
	}
	t.Keep = false
}

// ClientEvent sends an event of a client's to everybody else in the channel; the session has
// checked that it may. data is the raw JSON value, nil when there was none; userID is the
// sender's on a presence channel, else "". Name and data are borrowed. It returns a refusal,
// having done nothing, while the loops are behind. Loop-only.
func (n *Node) ClientEvent(a *app.App, from engine.ID, channelName, name string, data []byte, userID string) *pusher.Error {
	defer shared()
	if n.hub.Full() {
		n.metrics.busy.Inc()
		return pusher.ErrBusy
	}
	n.metrics.publishesClient.Inc()
	var room [keyBytes]byte
	t := n.hub.Find(appendKey(room[:0], a, channelName))
	if t == nil {
		return nil
	}
	if t.Count() > 1 {
		buf := frame.NewBuffer(len(name) + len(channelName) + len(data)*9/8 + len(userID) + 80)
		buf = wire.AppendClientEvent(buf, name, channelName, data, a.Compat.PassClientEventData, userID)
		t.Publish(text(buf), from)
	}
	n.hub.Release(t)
	return nil
}
