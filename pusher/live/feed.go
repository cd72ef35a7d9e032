package live

import (
	"bytes"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/wire"
)

// A Kind is what an event is about. They are bits.
type Kind uint16

// What is told.
const (
	Publish       Kind = 1 << iota // a server has published
	ClientEvent                    // a client has
	Subscribe                      // a connection has come to a channel
	Unsubscribe                    // it has left
	MemberAdded                    // of a presence channel
	MemberRemoved                  //
	Occupied                       // the first subscriber has come
	Vacated                        // the last has gone
	Connect                        // a connection was greeted
	Disconnect                     // it has ended
	Error                          // a client got a pusher:error

	All = Error<<1 - 1

	// Nothing is of a Filter that no event passes: the Watcher then has what Add gives it.
	Nothing Kind = 1 << 15
)

var kindNames = []string{"publish", "client_event", "subscribe", "unsubscribe", "member_added", "member_removed", "occupied", "vacated", "connect", "disconnect", "error"}

// String returns the word for one kind.
func (k Kind) String() string {
	for i, name := range kindNames {
		if k == 1<<i {
			return name
		}
	}
	return "?"
}

// ParseKind returns the kind that a word is for.
func ParseKind(name string) (Kind, bool) {
	i := slices.Index(kindNames, name)
	return 1 << max(i, 0), i >= 0
}

// An Event is one thing that has happened. What does not apply to its kind is zero.
type Event struct {
	Kind Kind
	At   time.Time // set by Tell
	Node string    // the name of the node on which it did; "": this one

	App       string
	Channel   string
	Event     string          // its name
	Data      []byte          // JSON: a string token, or of a client event any value
	Size      int             // of the data, decoded; set by Tell
	Receivers int             // subscribers; of a publish on all nodes
	SocketID  pusher.SocketID // zero: none
	User      string
	Address   netip.Addr

	Code            int // of a pusher:error; 0: it has none
	Reason, Message string
}

// Bounds of a Feed.
const (
	// MaxWatchers may watch at once.
	MaxWatchers = 32
	// MaxRate is the most events a second that one may want.
	MaxRate = 500
	// MaxData is how much of an event's data is shown, in bytes of JSON.
	MaxData = 6 << 10
)

// ErrTooMany says that MaxWatchers watch already.
var ErrTooMany = errors.New("live: too many watch already")

// A Feed is told what happens and tells those who watch. The zero value is ready, nil is one that nobody can watch. Any goroutine.
type Feed struct {
	watchers atomic.Pointer[[]*Watcher] // copied to be changed; nil: nobody
	mu       sync.Mutex                 // of who changes it
}

// Watched reports whether anybody watches: who would have to make an Event asks first. Any goroutine.
func (f *Feed) Watched() bool { return f != nil && f.watchers.Load() != nil }

// Tell gives e to those who watch for such events. All of it is borrowed: what is wanted is copied. It does not block. Any goroutine.
func (f *Feed) Tell(e *Event) {
	if f == nil {
		return
	}
	all := f.watchers.Load()
	if all == nil {
		return
	}
	for _, w := range *all {
		if w.filter.matches(e) {
			w.offer(e)
		}
	}
}

// A Filter says which events are wanted; what is empty does not matter.
type Filter struct {
	App     string
	Channel string
	Prefix  string // of channels
	Event   string
	Kinds   Kind // 0: All
}

func (f *Filter) matches(e *Event) bool {
	return f.Kinds&e.Kind != 0 &&
		(f.App == "" || f.App == e.App) &&
		(f.Channel == "" || f.Channel == e.Channel) &&
		(f.Event == "" || f.Event == e.Event) &&
		strings.HasPrefix(e.Channel, f.Prefix)
}

// refills are how often in a second a watcher's allowance grows.
const refills = 10

// A Watcher gets events until Close.
type Watcher struct {
	// Set once by Watch.
	feed   *Feed
	filter Filter
	rate   int
	events chan *Event

	allowance atomic.Int64 // events that may still come
	leftOut   atomic.Int64

	owed int // of Refill, its caller's: events of the rate that were less than a whole one
}

// Watch begins to watch, for rate events a second, 1 to MaxRate. The caller calls Refill RefillEvery, and Close at the end. Any goroutine.
func (f *Feed) Watch(filter Filter, rate int) (*Watcher, error) {
	if filter.Kinds == 0 {
		filter.Kinds = All
	}
	rate = min(max(rate, 1), MaxRate)
	w := &Watcher{feed: f, filter: filter, rate: rate, events: make(chan *Event, rate)}
	w.allowance.Store(int64(rate))
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []*Watcher
	if now := f.watchers.Load(); now != nil {
		all = *now
	}
	if len(all) >= MaxWatchers {
		return nil, ErrTooMany
	}
	all = append(slices.Clone(all), w)
	f.watchers.Store(&all)
	return w, nil
}

// RefillEvery is how often Refill is to be called.
const RefillEvery = time.Second / refills

// Events is where the events come. It is never closed.
func (w *Watcher) Events() <-chan *Event { return w.events }

// LeftOut returns how many events were wanted and have not come. Any goroutine.
func (w *Watcher) LeftOut() int { return int(w.leftOut.Load()) }

// Add gives w an event of another node, which is taken, or counts it as left out. The other node has looked at the filter. It does not block. Any goroutine.
func (w *Watcher) Add(e *Event) {
	if w.admits() {
		w.give(e)
	}
}

// Miss counts events that another node has left out. Any goroutine.
func (w *Watcher) Miss(n int) { w.leftOut.Add(int64(n)) }

// Refill lets as many events come as the rate has in RefillEvery, and no more than in a second. It is for who has called Watch.
func (w *Watcher) Refill() {
	w.owed += w.rate
	more := w.owed / refills
	w.owed -= more * refills
	// What others have taken meanwhile may get lost: then as many more come.
	w.allowance.Store(min(max(w.allowance.Load(), 0)+int64(more), int64(w.rate)))
}

// Close ends watching. Events that came before may be read still. It may be called twice.
func (w *Watcher) Close() {
	f := w.feed
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.watchers.Load() == nil {
		return
	}
	all := slices.DeleteFunc(slices.Clone(*f.watchers.Load()), func(other *Watcher) bool { return other == w })
	if len(all) == 0 {
		f.watchers.Store(nil)
		return
	}
	f.watchers.Store(&all)
}

// offer gives w a copy of e, or counts it.
func (w *Watcher) offer(e *Event) {
	if w.admits() {
		w.give(e.copied())
	}
}

// admits takes one off the allowance, or counts. A flood gets no further than its first line: one counter, and nothing copied.
func (w *Watcher) admits() bool {
	if w.allowance.Load() <= 0 || w.allowance.Add(-1) < 0 {
		w.leftOut.Add(1)
		return false
	}
	return true
}

func (w *Watcher) give(e *Event) {
	select {
	case w.events <- e:
	default:
		w.leftOut.Add(1) // the reader is slower than it said
	}
}

// copied returns an event that borrows nothing.
func (e *Event) copied() *Event {
	c := *e
	c.At = time.Now()
	c.App, c.Channel, c.Event = strings.Clone(e.App), strings.Clone(e.Channel), strings.Clone(e.Event)
	c.User, c.Message = strings.Clone(e.User), strings.Clone(e.Message)
	c.Size = len(e.Data)
	if len(e.Data) > 0 && e.Data[0] == '"' {
		c.Size = wire.DecodedLen(e.Data)
	}
	c.Data = bytes.Clone(e.Data[:min(len(e.Data), MaxData)])
	return &c
}
