package hub

import (
	"time"

	"github.com/gannet-io/gannet/engine"
	"github.com/gannet-io/gannet/frame"
)

// A Watcher is told what became of one message that was published, for instance because it is one of few that are looked at closely.
type Watcher interface {
	// Sent is called once by each loop that has sent the message to somebody, and not by one where nobody was left. It must
	// return at once. Loop-only.
	Sent(s *Sent)
}

// A Sent says what a loop has done with a message.
type Sent struct {
	Loop    int
	Queued  time.Duration // from being published until the loop took it out of its mailbox
	Written time.Duration // from there until now, when the kernel has the last of what was sent in that turn

	// Subscribers is how many conns it was for. Where messages were put together it is about them on average.
	Subscribers int
}

// Watchers of messages in a mailbox are kept beside it, in the order of their entries, so that entries are no larger for the few that
// have one.

// A ride is a watched message on its way.
type ride struct {
	watcher     Watcher
	at, taken   int64 // when it was published, and taken out of the mailbox
	subscribers int
}

func (t *Topic) publishWatched(f *frame.Prepared, except engine.ID, flags entryFlags, w Watcher) {
	if t.total == 0 {
		return
	}
	e := entry{kind: entryPublish, flags: flags | flagWatched, topic: t, id: except, frame: f, at: t.hub.now()}
	for i, n := range t.counts {
		if n > 0 {
			t.hub.loops[i].pushWatched(&e, w)
			t.wake[i/64] |= 1 << (i % 64)
		}
	}
}

func (l *local) pushWatched(e *entry, w Watcher) {
	l.mu.Lock()
	l.watchers = append(l.watchers, w)
	full := l.put(e)
	l.mu.Unlock()
	if full {
		l.behind.Store(true)
	}
}

// publishWatched is publish while there are watchers, of this run or a later one.
func (l *local) publishWatched(run []entry) {
	now, n := l.hub.now(), 0
	for i := range run {
		if run[i].flags&flagWatched != 0 {
			l.boarding = append(l.boarding, ride{watcher: l.watching[n], at: run[i].at, taken: now})
			l.watching[n] = nil
			n++
		}
	}
	if l.watching = l.watching[n:]; len(l.watching) == 0 {
		l.watching = nil // it has moved on in its array, which is not worth keeping
	}
	l.publish(run)
	clear(l.boarding) // nobody was left to send it to
	l.boarding = l.boarding[:0]
}

// depart notes that the messages in rides are sent with this turn, to so many.
func (l *local) depart(rides *[]ride, subscribers int) {
	if subscribers > 0 {
		for _, r := range *rides {
			r.subscribers = subscribers
			l.rides = append(l.rides, r)
		}
	}
	clear(*rides)
	*rides = (*rides)[:0]
}

// tell tells watchers that what they watch has been sent.
func (l *local) tell(now int64) {
	for _, r := range l.rides {
		r.watcher.Sent(&Sent{
			Loop:        l.loop.Index(),
			Queued:      time.Duration(max(r.taken-r.at, 0)),
			Written:     time.Duration(max(now-r.taken, 0)),
			Subscribers: r.subscribers,
		})
	}
	clear(l.rides)
	l.rides = l.rides[:0]
}
