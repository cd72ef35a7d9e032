package fleet

import (
	"net/netip"
	"time"

	"github.com/gannet-io/gannet/engine/backbone"
	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/cluster"
	"github.com/gannet-io/gannet/pusher/live"
)

// inboxPrefix and an incarnation are the topic of what it is shown.
const inboxPrefix = "!live/"

// Bounds of what other nodes are shown.
const (
	maxTaps    = 16        // wishes that are fulfilled at once
	shownBytes = 256 << 10 // of data in one message, about
)

// A wish says what a node wants to see, until it is said no more, or with rate 0.
type wish struct {
	To      string    `json:"to"` // the incarnation
	Watch   uint64    `json:"watch"`
	Node    string    `json:"node,omitempty"` // of this one alone, by its name
	App     string    `json:"app,omitempty"`
	Channel string    `json:"channel,omitempty"`
	Prefix  string    `json:"prefix,omitempty"`
	Event   string    `json:"event,omitempty"`
	Kinds   live.Kind `json:"kinds"`
	Rate    int       `json:"rate"`
}

// shown is what has happened on a node, for one wish.
type shown struct {
	Watch   uint64  `json:"watch"`
	From    string  `json:"from"`     // the incarnation
	Node    string  `json:"node"`     // its name
	LeftOut int     `json:"left_out"` // since it began to watch
	Events  []event `json:"events"`
}

// An event is a live.Event on its way.
type event struct {
	Kind      live.Kind  `json:"kind"`
	At        int64      `json:"at"` // Unix microseconds
	App       string     `json:"app,omitempty"`
	Channel   string     `json:"channel,omitempty"`
	Event     string     `json:"event,omitempty"`
	Data      []byte     `json:"data,omitempty"`
	Size      int        `json:"size,omitempty"`
	Receivers int        `json:"receivers,omitempty"`
	SocketID  [2]uint64  `json:"socket_id,omitzero"`
	User      string     `json:"user,omitempty"`
	Address   netip.Addr `json:"address,omitzero"`
	Code      int        `json:"code,omitempty"`
	Reason    string     `json:"reason,omitempty"`
	Message   string     `json:"message,omitempty"`
}

// A follow is a stream of this node's operator that others add to.
type follow struct {
	wish
	watcher *live.Watcher
	said    time.Time
	left    map[string]int // what each node has left out so far
}

// Follow has other nodes add to w what matches the filter, of all of them or of one by its name, until stop. Any goroutine.
func (f *Fleet) Follow(w *live.Watcher, filter *live.Filter, rate int, name string) (stop func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.last++
	one := &follow{
		watcher: w, left: make(map[string]int),
		wish: wish{Watch: f.last, Node: name, App: filter.App, Channel: filter.Channel, Prefix: filter.Prefix, Event: filter.Event, Kinds: filter.Kinds, Rate: rate},
	}
	if one.Kinds == 0 {
		one.Kinds = live.All
	}
	f.follows[one.Watch] = one
	f.listen(f.cfg.Bus.Status().Self.ID)
	one.To = f.inbox
	f.rouse()
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.follows, one.Watch)
		one.Rate = 0
		f.say(cluster.ControlTopic, cluster.KindWatch, &one.wish)
		f.listen(f.inbox)
	}
}

// listen attaches the topic of this node's incarnation while somebody follows. Under mu.
func (f *Fleet) listen(self string) {
	if len(f.follows) == 0 {
		self = ""
	}
	if f.inbox == self || f.stopped {
		return
	}
	if f.inbox != "" {
		f.cfg.Bus.Detach(inboxPrefix + f.inbox)
	}
	if f.inbox = self; self != "" {
		f.cfg.Bus.Attach(inboxPrefix+self, nil)
	}
	for _, w := range f.follows {
		w.To, w.said = self, time.Time{}
	}
}

// take adds what was shown to the stream that it is for, if that goes on.
func (f *Fleet) take(s *shown) {
	f.mu.Lock()
	one := f.follows[s.Watch]
	missed := 0
	if one != nil {
		if missed = s.LeftOut - one.left[s.From]; missed < 0 {
			missed = s.LeftOut // it has begun anew
		}
		one.left[s.From] = s.LeftOut
	}
	f.mu.Unlock()
	if one == nil {
		return
	}
	one.watcher.Miss(missed)
	for i := range s.Events {
		e := &s.Events[i]
		one.watcher.Add(&live.Event{
			Kind: e.Kind, At: time.UnixMicro(e.At), Node: s.Node, App: e.App, Channel: e.Channel, Event: e.Event, Data: e.Data, Size: e.Size, Receivers: e.Receivers,
			SocketID: pusher.SocketID{First: e.SocketID[0], Second: e.SocketID[1]}, User: e.User, Address: e.Address, Code: e.Code, Reason: e.Reason, Message: e.Message,
		})
	}
}

type tapKey struct {
	to    string
	watch uint64
}

// A tap is what another node is shown.
type tap struct {
	watcher *live.Watcher
	until   time.Time
	lost    int // events that could not be sent
	told    int // how many were left out, as it was told last
}

// tap begins to fulfil a wish, or goes on, or ends it.
func (f *Fleet) tap(w *wish) {
	self := f.cfg.Bus.Status().Self
	f.mu.Lock()
	defer f.mu.Unlock()
	key := tapKey{w.To, w.Watch}
	t := f.taps[key]
	switch {
	case f.stopped || w.To == "" || w.To == self.ID || w.Node != "" && w.Node != self.Name:
	case w.Rate <= 0:
		f.untap(key)
	case t != nil:
		t.until = f.cfg.Now().Add(wishLasts)
	case len(f.taps) < maxTaps:
		watcher, err := f.cfg.Feed.Watch(live.Filter{App: w.App, Channel: w.Channel, Prefix: w.Prefix, Event: w.Event, Kinds: w.Kinds}, w.Rate)
		if err == nil {
			f.taps[key] = &tap{watcher: watcher, until: f.cfg.Now().Add(wishLasts)}
			f.rouse()
		}
	}
}

// untap ends what another node is shown. Under mu.
func (f *Fleet) untap(key tapKey) {
	if t := f.taps[key]; t != nil {
		t.watcher.Close()
		delete(f.taps, key)
	}
}

// show sends what has come for a tap, or ends it when it is not wished for any more. Under mu.
func (f *Fleet) show(key tapKey, t *tap, self *backbone.Node, now time.Time) {
	if now.After(t.until) {
		f.untap(key)
		return
	}
	t.watcher.Refill()
	s := shown{Watch: key.watch, From: self.ID, Node: self.Name}
	size := 0
	send := func() {
		if s.LeftOut = t.watcher.LeftOut() + t.lost; len(s.Events) == 0 && s.LeftOut == t.told {
			return
		}
		if f.say(inboxPrefix+key.to, cluster.KindShown, &s) {
			t.told = s.LeftOut
		} else {
			t.lost += len(s.Events)
		}
		s.Events, size = s.Events[:0], 0
	}
	for more := len(t.watcher.Events()); more > 0; more-- {
		e := <-t.watcher.Events()
		s.Events = append(s.Events, event{
			Kind: e.Kind, At: e.At.UnixMicro(), App: e.App, Channel: e.Channel, Event: e.Event, Data: e.Data, Size: e.Size, Receivers: e.Receivers,
			SocketID: [2]uint64{e.SocketID.First, e.SocketID.Second}, User: e.User, Address: e.Address, Code: e.Code, Reason: e.Reason, Message: e.Message,
		})
		if size += len(e.Data) + len(e.Channel) + len(e.Message); size >= shownBytes {
			send()
		}
	}
	send()
}

// Taps returns how many wishes of other nodes are fulfilled. Any goroutine.
func (f *Fleet) Taps() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.taps)
}
