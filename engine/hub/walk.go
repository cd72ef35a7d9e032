package hub

import (
	"time"

	"github.com/gannet-io/gannet/engine"
	"github.com/gannet-io/gannet/frame"
)

// A walk sends one piece to the subscribers of a topic straight from the list, while nothing
// else waits on the loop. Queueing it for all of them first and sending it to each afterwards
// would touch every conn twice, and by the second time the sends before have pushed it out of
// the processor's cache.
//
// A walk lasts for several turns of the loop when the list is long, and goes by the order of
// slots, so that conns may close meanwhile. What comes later may not overtake, nor who joins
// later get it: so any letter and any other frame has what is left of the walk queued first,
// which is where it would have been without.
type walk struct {
	piece  *frame.Prepared // nil: there is none
	topic  *Topic          // whose piece it is
	list   uint32
	from   uint32    // the first slot that it has not come to
	except engine.ID // left out
	each   int       // messages in piece
	sent   int       // conns that have it, or it is queued for
	ats    []int64   // when each message was admitted; the array is used again
	rides  []ride    // of those that are watched
}

// sliceTime is how long a walk may keep the loop from its sockets.
const sliceTime = time.Millisecond

// startWalk takes the run when a walk can do it, and returns false when it cannot. The run is
// the last that there is.
func (l *local) startWalk(run []entry, list uint32) bool {
	// What is put together is for all alike, so nobody may be left out, or take it compressed.
	if !l.loop.Idle() || len(run) > 1 && (len(l.except) > 0 || l.loop.Deflating() > 0) {
		return false
	}
	l.pieces = l.together(l.pieces[:0], run, false)
	if len(l.pieces) > 1 {
		return false
	}
	w := &l.walk
	w.piece, w.topic, w.list, w.from, w.each, w.sent = l.pieces[0], run[0].topic, list, 0, len(run), 0
	w.except, w.ats = run[0].id, w.ats[:0]
	for i := range run {
		w.ats = append(w.ats, run[i].at)
	}
	clear(l.pieces)
	w.rides, l.boarding = l.boarding, w.rides[:0]
	l.stepWalk()
	return true
}

// stepWalk goes on for one slice.
func (l *local) stepWalk() {
	w := &l.walk
	slice := l.page[:l.table.list(w.list).page(w.from, l.page[:])]
	last := len(slice) < len(l.page)
	except, excepted := l.excepted()
	start := time.Now()
	for i, slot := range slice {
		if (!excepted || slot != except) && l.loop.Deliver(slot, w.piece) {
			w.sent++
		}
		w.from = slot + 1
		if i%32 == 31 && time.Since(start) > sliceTime && i+1 < len(slice) {
			return
		}
	}
	if last {
		l.endWalk()
	}
}

// finishWalk queues the piece for those who have not got it yet, if there is a walk.
func (l *local) finishWalk() {
	w := &l.walk
	if w.piece == nil {
		return
	}
	bulk := l.table.list(w.list).len() >= bulkSize
	except, excepted := l.excepted()
	for slot := range l.eachFrom(w.list, w.from) {
		if (!excepted || slot != except) && l.loop.Queue(slot, w.piece, bulk) {
			w.sent++
		}
	}
	l.endWalk()
}

// excepted returns the slot that the walk leaves out. It may hold another conn by now.
func (l *local) excepted() (slot uint32, ok bool) {
	id := l.walk.except
	return id.Slot(), id != 0 && l.loop.Find(id) != nil
}

func (l *local) endWalk() {
	w := &l.walk
	if w.sent > 0 {
		l.sent = append(l.sent, w.ats...)
		l.delivered(w.topic, w.sent*w.each, w.sent*w.piece.Len())
	}
	if len(w.rides) > 0 {
		l.depart(&w.rides, w.sent)
	}
	w.piece, w.topic = nil, nil
}

// mail reports whether there are letters that have not been taken.
func (l *local) mail() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.box) > 0
}
