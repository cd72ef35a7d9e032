package redisbus

import (
	"context"
	"sync"
	"time"

	"github.com/gannet-io/gannet/engine/backbone"
)

// laneBytes is how much may wait to be told in one lane. What comes beyond is dropped, and its topics are looked after as if the connection had been lost.
const laneBytes = 16 << 20

type itemKind uint8

const (
	message    itemKind = iota // topic, text
	record                     // topic, stored, epoch
	attach                     // attachment
	detach                     // attachment
	subscribed                 // attachment
	lost                       // subscription
	fetched                    // attachment, fetch
	headed                     // attachment, epoch, offset: where the log was
)

// An item is something for a lane to do.
type item struct {
	kind         itemKind
	topic        string
	text         []byte
	epoch        string
	stored       backbone.Stored
	attachment   *attachment
	subscription *subscription
	fetch        *fetch
}

// A lane tells all that concerns some of the topics, one thing after the other.
type lane struct {
	bus  *Bus
	wake chan struct{} // has room for one

	mu    sync.Mutex
	inbox []item
	bytes int
	spilt bool // something was dropped

	// Owned by run.
	topics   map[string]*attachment
	suspects map[*attachment]struct{} // that seemed to be behind
}

func newLane(b *Bus) *lane {
	return &lane{bus: b, wake: make(chan struct{}, 1), topics: make(map[string]*attachment), suspects: make(map[*attachment]struct{})}
}

// push adds an item. Any goroutine.
func (l *lane) push(i item) {
	size := len(i.text) + len(i.stored.Message)
	l.mu.Lock()
	if i.kind <= record {
		if l.bytes+size > laneBytes {
			l.spilt = true
			l.mu.Unlock()
			return
		}
		l.bytes += size
	}
	l.inbox = append(l.inbox, i)
	first := len(l.inbox) == 1
	l.mu.Unlock()
	if first {
		poke(l.wake)
	}
}

// take returns what has come, and gives room back for what comes next.
func (l *lane) take(used []item) (items []item, spilt bool) {
	clear(used)
	l.mu.Lock()
	defer l.mu.Unlock()
	items, spilt = l.inbox, l.spilt
	if cap(used) > 4096 {
		used = nil
	}
	l.inbox, l.bytes, l.spilt = used[:0], 0, false
	return items, spilt
}

func (l *lane) run(ctx context.Context) {
	second := time.NewTicker(time.Second)
	defer second.Stop()
	every := l.bus.config.CheckEvery
	next := time.Now().Add(every)
	var items []item
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.wake:
			var spilt bool
			items, spilt = l.take(items)
			for i := range items {
				if ctx.Err() != nil {
					return
				}
				l.do(&items[i])
			}
			if spilt {
				l.spill()
			}
		case now := <-second.C:
			l.doubt()
			if !now.Before(next) {
				next = now.Add(every)
				l.check()
			}
		}
	}
}

func (l *lane) do(i *item) {
	sink := l.bus.sink
	switch i.kind {
	case message:
		if l.topics[i.topic] != nil {
			sink.Message(i.topic, i.text)
		}
	case record:
		if a := l.topics[i.topic]; a != nil && a.keep != nil {
			l.record(a, i.epoch, i.stored)
		}
	case attach:
		l.topics[i.attachment.topic] = i.attachment
	case detach:
		a := l.topics[i.topic]
		if a != nil {
			a.detached.Store(true)
			delete(l.topics, i.topic)
			delete(l.suspects, a)
		}
	case subscribed:
		if l.topics[i.attachment.topic] == i.attachment {
			l.subscribed(i.attachment)
		}
	case lost:
		for _, a := range l.topics {
			if a.subscription == i.subscription {
				a.phase, a.early = waiting, nil
			}
		}
	case fetched:
		if a := i.attachment; l.topics[a.topic] == a {
			l.fetched(a, i.fetch)
		}
	case headed:
		if a := i.attachment; l.topics[a.topic] == a {
			l.headed(a, i.epoch, i.stored.Offset)
		}
	}
}
