package redisbus

import (
	"sync/atomic"

	"github.com/gannet-io/gannet/engine/backbone"
)

type phase uint8

const (
	waiting phase = iota // for the subscription
	reading              // the log; what comes meanwhile waits
	live
)

// maxEarly is how many messages of a log wait while it is read. Those beyond are in it anyway.
const maxEarly = 1024

// An attachment is a topic from Attach to Detach.
type attachment struct {
	topic        string
	keep         *backbone.Retention // nil: without its log
	subscription *subscription
	detached     atomic.Bool

	// Owned by the lane.
	phase   phase
	asked   *fetch // that is under way; an older one does not count
	told    bool   // Attached was called
	epoch   string
	offset  uint64 // of the newest message told
	early   []early
	ahead   uint64 // the log was said to be there, which is ahead of offset
	doubted bool   // for a while already
}

type early struct {
	epoch  string
	stored backbone.Stored
}

// subscribed goes on with a topic of which all will come that is published from now on.
func (l *lane) subscribed(a *attachment) {
	if a.phase != waiting {
		return // of the same connection: nothing was missed
	}
	if a.keep == nil {
		a.phase = live
		l.bus.sink.Attached(a.topic, backbone.Tail{})
		return
	}
	l.read(a)
}

// read asks for what is missing.
func (l *lane) read(a *attachment) {
	a.phase, a.ahead = reading, 0
	delete(l.suspects, a)
	a.asked = &fetch{attachment: a, epoch: a.epoch, from: a.offset + 1}
	if !a.told {
		a.asked.from = 0
	}
	l.bus.fetcher.add(a.asked)
}

// record takes a message of the log that came.
func (l *lane) record(a *attachment, epoch string, e backbone.Stored) {
	switch {
	case a.phase == waiting: // it will be read
	case a.phase == reading:
		if len(a.early) < maxEarly {
			a.early = append(a.early, early{epoch, e})
		}
	case epoch == a.epoch && e.Offset <= a.offset: // it was read already
	case epoch == a.epoch && e.Offset == a.offset+1:
		l.tell(a, e)
	default:
		a.early = append(a.early, early{epoch, e})
		l.read(a)
	}
}

func (l *lane) tell(a *attachment, e backbone.Stored) {
	a.offset = e.Offset
	l.bus.in.Add(1)
	l.bus.bytesIn.Add(uint64(len(e.Message)))
	l.bus.sink.Stored(a.topic, e)
}

// fetched goes on with what was read, and then with what came meanwhile.
func (l *lane) fetched(a *attachment, f *fetch) {
	if a.asked != f || a.phase != reading {
		return
	}
	a.asked = nil
	if f.joins {
		for _, e := range f.tail.Stored {
			l.bus.refetched.Add(1)
			l.tell(a, e)
		}
	} else {
		a.told, a.epoch, a.offset = true, f.tail.Epoch, f.tail.Head
		l.bus.sink.Attached(a.topic, f.tail)
	}
	a.phase = live
	was := a.early
	a.early = nil
	for _, e := range was {
		// The first one that leaves a hole has the rest wait again.
		l.record(a, e.epoch, e.stored)
	}
}

// headed takes word of where the log was a moment ago.
func (l *lane) headed(a *attachment, epoch string, head uint64) {
	if a.phase != live {
		return
	}
	if epoch != a.epoch {
		l.read(a)
	} else if head > a.offset {
		// It may be on its way.
		a.ahead = head
		l.suspects[a] = struct{}{}
	}
}

// doubt reads the logs of which a message has not come for a second.
func (l *lane) doubt() {
	for a := range l.suspects {
		if a.phase == live && a.offset < a.ahead {
			if !a.doubted {
				a.doubted = true
				continue
			}
			l.read(a)
		}
		a.ahead, a.doubted = 0, false
		delete(l.suspects, a)
	}
}

// check asks where all logs are.
func (l *lane) check() {
	bySubscription := make(map[*subscription][]*attachment)
	for _, a := range l.topics {
		if a.keep == nil || a.phase != live {
			continue
		}
		all := append(bySubscription[a.subscription], a)
		if len(all) == checkAtOnce {
			l.bus.fetcher.check(all)
			all = nil
		}
		bySubscription[a.subscription] = all
	}
	for _, all := range bySubscription {
		if len(all) > 0 {
			l.bus.fetcher.check(all)
		}
	}
}

// spill goes on after messages were dropped because they were told too slowly: everything is attached anew.
func (l *lane) spill() {
	l.bus.spills.Add(1)
	l.bus.config.Log.Warn("messages of other nodes were dropped, since they come faster than they can be delivered")
	for _, a := range l.topics {
		if a.phase == live && a.keep == nil {
			l.bus.sink.Attached(a.topic, backbone.Tail{})
		} else if a.phase == live {
			l.read(a)
		}
	}
}
