package hub

import (
	"github.com/gannet-io/gannet/engine"
	"github.com/gannet-io/gannet/frame"
)

// A subscriber that is to be sent some of a topic's past first, more than one piece of it, is held meanwhile: it has
// joined, and gets what Publish sends, but what PublishStream sends passes it by. Whoever feeds it reads that from where
// the past is kept. The last piece is fed under the topic's lock and ends the hold, and since it travels in the same mailbox
// as the messages, the subscriber gets each message of the stream exactly once.

// PublishStream sends f, a message that is kept where Feed can read it later, to every subscriber but except (0: to all)
// and those that are held. The excepted one gets instead in its place, if that is not nil and the conn wants notices. Both
// are shared.
func (t *Topic) PublishStream(f *frame.Prepared, except engine.ID, instead *frame.Prepared) {
	t.publish(f, except, flagStream)
	t.insteadOf(except, instead)
}

// PublishStreamWatched is PublishStream of a message that w watches, unless that is nil.
func (t *Topic) PublishStreamWatched(f *frame.Prepared, except engine.ID, instead *frame.Prepared, w Watcher) {
	if w == nil {
		t.PublishStream(f, except, instead)
		return
	}
	t.publishWatched(f, except, flagStream, w)
	t.insteadOf(except, instead)
}

func (t *Topic) insteadOf(except engine.ID, instead *frame.Prepared) {
	if i := except.Loop(); except != 0 && instead != nil && i < len(t.counts) && t.counts[i] > 0 {
		t.post(i, entry{kind: entryInstead, topic: t, id: except, frame: instead})
	}
}

// PublishNotice sends f to the subscribers that want notices, but to none that is held. f is shared.
func (t *Topic) PublishNotice(f *frame.Prepared) {
	for i, n := range t.counts {
		if n > 0 {
			t.post(i, entry{kind: entryNotice, topic: t, frame: f})
		}
	}
}

// JoinFed is Join for a conn whose first frames are many: once all has been sent, its handler hears Sent. With held the
// conn is held until Feed ends that. first is shared.
func (t *Topic) JoinFed(id engine.ID, held bool, first ...*frame.Prepared) {
	flags := flagNotify
	if held {
		flags |= flagHeld
	}
	t.join(id, flags, first)
}

// Feed gives a conn that is held the next frames, and lets it go on when they are the last. Its handler hears Sent once they
// have been sent. A conn that has left or closed gets nothing. frames is taken, what is in it shared.
func (t *Topic) Feed(id engine.ID, last bool, frames []*frame.Prepared) {
	e := entry{kind: entryFeed, topic: t, id: id, more: frames}
	if last {
		e.flags = flagLast
	}
	t.post(id.Loop(), e)
}

// hold adds slot to the held subscribers of t.
func (l *local) hold(t *Topic, slot uint32) {
	n := l.held[t]
	if n == 0 {
		n = l.newList(t) + 1
		if l.held == nil {
			l.held = make(map[*Topic]uint32)
		}
		l.held[t] = n
	}
	l.table.add(n-1, slot)
}

// unhold takes slot out of them. It returns false when it was not there.
func (l *local) unhold(t *Topic, slot uint32) bool {
	n := l.held[t]
	return n != 0 && l.unlist(n-1, slot)
}

func (l *local) feed(e *entry) {
	c, slot := l.loop.Find(e.id), e.id.Slot()
	n := l.held[e.topic]
	if c == nil || n == 0 || !l.table.list(n-1).has(slot) {
		return
	}
	if e.flags&flagLast != 0 {
		l.unhold(e.topic, slot)
		l.list(e.topic, slot)
	}
	l.queue(e)
	c.NotifySent()
}

// instead gives the one who does not get a message what it is to get in its place. One that is held gets neither.
func (l *local) instead(e *entry) {
	c, n := l.loop.Find(e.id), e.topic.locals[l.loop.Index()]
	if c != nil && n != 0 && c.WantsNotices() && l.table.list(n-1).has(e.id.Slot()) {
		if l.loop.Queue(e.id.Slot(), e.frame, false) {
			l.flows.of(e.topic.Account).out.Add(uint64(e.frame.Len()))
		}
	}
}

// notice gives a notice to those who want it.
func (l *local) notice(e *entry) {
	n := e.topic.locals[l.loop.Index()]
	if n == 0 {
		return
	}
	bytes := 0
	for slot := range l.each(n - 1) {
		if l.loop.WantsNotices(slot) && l.loop.Queue(slot, e.frame, false) {
			bytes += e.frame.Len()
		}
	}
	l.flows.of(e.topic.Account).out.Add(uint64(bytes))
}

// publishHeld queues those messages of run for held subscribers that are not of the stream.
func (l *local) publishHeld(run []entry) {
	n := l.held[run[0].topic]
	if n == 0 {
		return
	}
	deliveries, bytes := 0, 0
	for slot := range l.each(n - 1) {
		for i := range run {
			e := &run[i]
			if e.flags&flagStream != 0 || e.id != 0 && e.id.Slot() == slot && l.loop.Find(e.id) != nil {
				continue
			}
			if l.loop.Queue(slot, e.frame, false) {
				deliveries, bytes = deliveries+1, bytes+e.frame.Len()
			}
		}
	}
	l.delivered(run[0].topic, deliveries, bytes)
}
