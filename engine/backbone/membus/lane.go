package membus

import (
	"hash/maphash"
	"slices"
	"time"

	"github.com/gannet-io/gannet/engine/backbone"
)

// An item is something that is to reach a node: called under mu when it does, it returns what to tell the Sink without mu, or nil.
type item func() func(backbone.Sink)

// A lane is a queue of items or of requests of one bus whose order is kept.
type lane struct {
	bus      *Bus
	topic    string // of a stepped Net's
	requests []*request
	items    []item
	ownState bool // items of it come from no network
}

// A request is on its way to the backbone.
type request struct {
	take    func() error // the backbone takes it; under mu
	topic   string       // "": the board
	until   time.Time    // when patience ends; zero: never
	patient bool         // it outlives the connection
	taken   bool         // what came of it is on the way back
	result  error
	done    chan error // nil: nobody asked
}

func (r *request) answer(err error) {
	if r.done != nil {
		r.done <- err
		r.done = nil
	}
}

// push adds an item. Under mu.
func (l *lane) push(i item) {
	l.items = append(l.items, i)
	l.bus.fresh.Broadcast()
}

// held reports whether nothing of l may move. Under mu.
func (l *lane) held() bool {
	b := l.bus
	return b.ended || b.paused || b.cut && !l.ownState
}

// next takes the first item and returns what to tell the Sink. Under mu.
func (l *lane) next() func(backbone.Sink) {
	i := l.items[0]
	l.items[0] = nil
	l.items = l.items[1:]
	return i()
}

// run tells the Sink what comes, until the bus ends.
func (l *lane) run() {
	b := l.bus
	defer b.workers.Done()
	b.net.mu.Lock()
	defer b.net.mu.Unlock()
	for {
		for !b.ended && (len(l.items) == 0 || l.held()) {
			b.fresh.Wait()
		}
		if b.ended {
			return
		}
		if tell := l.next(); tell != nil {
			b.net.mu.Unlock()
			tell(b.sink)
			b.net.mu.Lock()
		}
	}
}

var seed = maphash.MakeSeed()

// lane returns the lane for what is told of a topic. Under mu.
func (b *Bus) lane(topic string) *lane {
	if !b.net.stepped {
		return b.topics[maphash.String(seed, topic)%uint64(len(b.topics))]
	}
	return laneOf(b, &b.topics, topic)
}

// way returns the lane of requests about a topic. Under mu.
func (b *Bus) way(topic string) *lane {
	if !b.net.stepped {
		topic = ""
	}
	return laneOf(b, &b.ways, topic)
}

func laneOf(b *Bus, lanes *[]*lane, topic string) *lane {
	i := slices.IndexFunc(*lanes, func(l *lane) bool { return l.topic == topic })
	if i < 0 {
		i = len(*lanes)
		*lanes = append(*lanes, &lane{bus: b, topic: topic})
	}
	return (*lanes)[i]
}
