package engine

import (
	"time"

	"github.com/gannet-io/gannet/engine/backlog"
	"github.com/gannet-io/gannet/frame"
)

// SliceSends is how many sends a loop does before other conns get a turn.
const SliceSends = 256

const (
	scratchBytes = 64 << 10 // frames copied together for one send; larger ones go alone
	sliceTime    = time.Millisecond
	// Beyond these, of frames waiting in a loop's arena and of its blocks (64 B each), the
	// Handler's Work is left for later until sending has caught up.
	maxLinked = 1 << 20
	maxBlocks = 1 << 18
	maxRetry  = 8 // fast ticks between two tries of a full socket
)

// noLink ends a list in the arena.
const noLink = int32(-1)

// An arena links the frames that wait behind the first one of each conn. They lie in blocks of a cache line, so that a
// conn's are not a line each. Blocks are used again through a free list, so that a busy loop settles at the size of its
// peak.
type arena struct {
	blocks []block
	free   int32
	used   int // frames
	taken  int // blocks
}

// A block holds up to seven frames of one conn. It is as large as a cache line.
type block struct {
	frames   [7]*frame.Prepared
	next     int32
	from, to uint8 // frames[from:to] wait
}

// push adds f to the list from *head to *tail.
func (a *arena) push(head, tail *int32, f *frame.Prepared) {
	a.used++
	if *head != noLink {
		if b := &a.blocks[*tail]; int(b.to) < len(b.frames) {
			b.frames[b.to] = f
			b.to++
			return
		}
	}
	i := a.take()
	b := &a.blocks[i]
	b.frames[0], b.next, b.from, b.to = f, noLink, 0, 1
	if *head == noLink {
		*head = i
	} else {
		a.blocks[*tail].next = i
	}
	*tail = i
}

// take returns the number of a block that nobody uses.
func (a *arena) take() int32 {
	a.taken++
	if i := a.free; i != noLink {
		a.free = a.blocks[i].next
		return i
	}
	a.blocks = append(a.blocks, block{})
	return int32(len(a.blocks) - 1)
}

// shift takes the first frame off the list that begins at *head.
func (a *arena) shift(head *int32) *frame.Prepared {
	b := &a.blocks[*head]
	f := b.frames[b.from]
	b.frames[b.from] = nil // it may go
	b.from++
	a.used--
	if b.from == b.to {
		*head, b.next, a.free = b.next, a.free, *head
		a.taken--
	}
	return f
}

// full reports whether so much waits that no more should come.
func (a *arena) full() bool { return a.used >= maxLinked || a.taken >= maxBlocks }

// A fifo is a queue of slots that reuses its memory once it has run empty.
type fifo struct {
	slots []uint32
	head  int
}

func (q *fifo) push(slot uint32) { q.slots = append(q.slots, slot) }
func (q *fifo) empty() bool      { return q.head == len(q.slots) }

func (q *fifo) pop() uint32 {
	slot := q.slots[q.head]
	q.head++
	if q.head == len(q.slots) {
		q.slots, q.head = q.slots[:0], 0
	} else if q.head >= 1<<16 && q.head*2 > len(q.slots) {
		// A queue that never runs empty must not grow for ever.
		n := copy(q.slots, q.slots[q.head:])
		q.slots, q.head = q.slots[:n], 0
	}
	return slot
}

// enqueue links f behind what is pending for c and puts c into a queue for the next flush.
func (l *Loop) enqueue(c *Conn, f *frame.Prepared, bulk bool) {
	if c.first == nil {
		c.first = f
	} else {
		l.arena.push(&c.restHead, &c.restTail, f)
	}
	if c == l.current {
		return
	}
	l.queued = true
	switch {
	case !bulk && !c.has(flagExpress):
		c.flags |= flagExpress
		l.express.push(c.id.Slot())
	case bulk && !c.has(flagExpress|flagBulk):
		c.flags |= flagBulk
		l.bulk.push(c.id.Slot())
	}
}

// flush sends what is queued, for one slice at most; what is left goes on in another turn
// of the loop, after the sockets that became readable meanwhile.
func (l *Loop) flush() {
	if !l.queued {
		if l.direct {
			l.direct = false
			l.eng.cfg.Handler.Flushed(l)
		}
		return
	}
	start := time.Now()
	hold := l.holdBulk()
	for sends := 0; ; {
		for i := 0; i < 32 && !l.express.empty(); i++ {
			sends += l.flushConn(l.conns.at(l.express.pop()))
		}
		for i := 0; i < 32 && !hold && !l.bulk.empty(); i++ {
			sends += l.flushConn(l.conns.at(l.bulk.pop()))
		}
		if l.express.empty() && (hold || l.bulk.empty()) {
			break
		}
		if sends >= SliceSends || time.Since(start) > sliceTime {
			return // work runs again
		}
	}
	l.queued, l.direct = false, false
	if hold {
		return // Flushed is to follow the last of it
	}
	l.batch.state = batchNone
	l.eng.cfg.Handler.Flushed(l)
}

// flushConn sends everything pending for c and returns the number of sends.
func (l *Loop) flushConn(c *Conn) int {
	if c.first == nil {
		return 0
	}
	c.flags &^= flagExpress | flagBulk
	if c.state < stateOpen || c.state > stateClosing {
		l.dropPending(c, dropClosed)
		return 0
	}
	if c.backlog != nil {
		l.pushBacklog(c, 0)
		return 0
	}
	if c.has(flagSecure) {
		return l.flushSecure(c)
	}
	sends := 0
	for c.first != nil {
		b, whole := l.gather(c)
		n, err := send(c.fd, b)
		sends++
		l.metrics.sent(n)
		if err != nil {
			l.dropPending(c, dropClosed)
			l.lose(c, closeBySocket)
			return sends
		}
		if n < len(b) {
			l.pushBacklog(c, n)
			return sends
		}
		for range whole {
			l.metrics.framesOut += l.shift(c).Count()
		}
	}
	l.sentAll(c)
	return sends
}

// gather returns the next bytes to send for c and how many whole frames they are: one
// frame's own bytes, or several copied together.
func (l *Loop) gather(c *Conn) (b []byte, frames int) {
	if c.restHead == noLink || c.first.Len() >= scratchBytes {
		return c.first.Bytes(), 1
	}
	b = append(l.scratch[:0], c.first.Bytes()...)
	frames = 1
	for i := c.restHead; i != noLink; {
		waiting := &l.arena.blocks[i]
		for _, f := range waiting.frames[waiting.from:waiting.to] {
			if len(b)+f.Len() > scratchBytes {
				return b, frames
			}
			b = append(b, f.Bytes()...)
			frames++
		}
		i = waiting.next
	}
	return b, frames
}

// shift takes the first pending frame off c.
func (l *Loop) shift(c *Conn) *frame.Prepared {
	f := c.first
	c.first = nil
	if c.restHead != noLink {
		c.first = l.arena.shift(&c.restHead)
	}
	return f
}

// dropPending drops what is pending for c and not yet in its backlog.
func (l *Loop) dropPending(c *Conn, reason dropReason) {
	frames, bytes := 0, 0
	for c.first != nil {
		f := l.shift(c)
		frames += f.Count()
		bytes += f.Len()
	}
	l.metrics.dropped(reason, frames, bytes)
}

// sentAll is to be called when nothing may be waiting for c any more. It lets a conn that has said and heard everything
// go on to linger, and has the Handler told that waits for it.
func (l *Loop) sentAll(c *Conn) {
	if c.first != nil || c.backlog != nil {
		return
	}
	switch {
	case c.state == stateClosing && c.has(flagPeerClosed):
		l.linger(c)
	case c.has(flagAwait) && c.state == stateOpen:
		c.flags = c.flags&^flagAwait | flagSent
		l.lookAfter(c)
	}
}

// pushBacklog moves what is pending for c to its backlog, of which sent bytes have left.
func (l *Loop) pushBacklog(c *Conn, sent int) {
	l.block(c)
	for c.first != nil {
		c.backlog.Push(l.shift(c), l.tick)
	}
	l.advanceBacklog(c, sent)
	if conflated, oldest := c.backlog.Relieve(); conflated.Frames+oldest.Frames > 0 {
		l.metrics.dropped(dropConflated, conflated.Frames, conflated.Bytes)
		l.metrics.dropped(dropOldest, oldest.Frames, oldest.Bytes)
	}
	l.checkBacklog(c)
}

// block gives c, whose socket is full, a backlog and has it tried again.
func (l *Loop) block(c *Conn) {
	if c.backlog != nil {
		return
	}
	c.backlog = &backlog.Backlog{Notices: c.has(flagNotices)}
	l.conns.track(c)
	c.retryIn, c.retryEvery = 1, 1
	l.blocked = append(l.blocked, c.id)
	if len(l.blocked) == 1 {
		l.ticking = time.Now().Add(fastLength)
		l.timer.Reset(fastLength)
	}
	l.metrics.blocked.Inc()
}

// advanceBacklog notes that n more bytes of the backlog have left.
func (l *Loop) advanceBacklog(c *Conn, n int) {
	before := c.backlog.Frames()
	c.backlog.Advance(n)
	l.metrics.framesOut += before - c.backlog.Frames()
}

// checkBacklog has the Handler told of a conn that is too far behind. One that is closing
// already has its own deadline.
func (l *Loop) checkBacklog(c *Conn) {
	if c.state != stateOpen || !c.backlog.Over(l.eng.backlog, l.tick) {
		return
	}
	why := slowAge
	if bytes := l.eng.backlog.Bytes; bytes > 0 && c.backlog.Cost() > bytes {
		why = slowBytes
	}
	l.tooSlow(c, why)
}

// tooSlow has the Handler told Slow at the next reap.
func (l *Loop) tooSlow(c *Conn, why slowReason) {
	if !c.has(flagSlow) {
		c.flags |= flagSlow
		l.metrics.slow[why].Inc()
		l.lookAfter(c)
	}
}

// retryBlocked tries the full sockets again. gnet tells of writability only for bytes in its
// own unbounded buffer, which is not used; so they are polled, less often while nothing moves.
func (l *Loop) retryBlocked() {
	kept := l.blocked[:0]
	held, worst, oldest := 0, 0, int32(0)
	for _, id := range l.blocked {
		c := l.conns.find(id)
		if c == nil || c.backlog == nil || c.state == stateGone {
			continue // closed since
		}
		if c.retryIn--; c.retryIn == 0 {
			l.sendBacklog(c)
		}
		if c.backlog != nil {
			kept = append(kept, id)
			l.checkBacklog(c)
			cost := c.backlog.Cost()
			held, worst, oldest = held+cost, max(worst, cost), max(oldest, c.backlog.Age(l.tick))
		}
	}
	l.blocked = kept
	l.oldest.Store(oldest)
	l.keepBudget(held, worst)
}

// sendBacklog sends from the backlog of c until the socket is full or nothing is left.
func (l *Loop) sendBacklog(c *Conn) {
	moved := false
	for !c.backlog.Empty() {
		progress, more, err := l.sendNext(c)
		if err != nil {
			l.lose(c, closeBySocket)
			return
		}
		moved = moved || progress
		if !more {
			break
		}
	}
	if c.backlog.Empty() {
		c.backlog = nil
		l.conns.track(c)
		l.sentAll(c)
		return
	}
	c.retryEvery = min(c.retryEvery*2, maxRetry)
	if moved {
		c.retryEvery = 1
	}
	c.retryIn = c.retryEvery
}

// sendNext does one send from the backlog of c. moved says that something left, more that the
// socket took all it was given.
func (l *Loop) sendNext(c *Conn) (moved, more bool, err error) {
	if len(c.backlog.Held()) > 0 {
		return l.sendHeld(c)
	}
	b := c.backlog.Next(l.scratch[:scratchBytes])
	if len(b) == 0 {
		return false, true, nil // what was left was left out
	}
	if c.has(flagSecure) {
		n, _, err := l.sendSecure(c, b)
		if err != nil {
			return false, false, err
		}
		l.advanceBacklog(c, n)
		return true, len(c.backlog.Held()) == 0, nil
	}
	n, err := send(c.fd, b)
	l.metrics.sent(n)
	if err != nil {
		return false, false, err
	}
	l.advanceBacklog(c, n)
	return n > 0, n == len(b), nil
}
