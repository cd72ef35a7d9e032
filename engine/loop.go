package engine

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/panjf2000/gnet/v2"

	"github.com/gannet-io/gannet/engine/wheel"
	"github.com/gannet-io/gannet/frame"
	"github.com/gannet-io/gannet/frame/handshake"
)

// tickLength is the resolution of deadlines; fastLength that of trying full sockets again.
const (
	tickLength = 100 * time.Millisecond
	fastLength = 10 * time.Millisecond
)

// ticks converts d, rounding up; what is negative is none, and three years are for ever.
func ticks(d time.Duration) uint32 {
	if d <= 0 {
		return 0
	}
	return uint32(min((d-1)/tickLength+1, 1<<30))
}

// A turn is where a loop is with its work.
type turn = uint32

const (
	idle      turn = iota
	scheduled      // gnet is going to call work
	working        // work runs
	again          // work runs, and is to run once more
)

// A Loop owns a share of the conns. See the package comment for what may be called where.
type Loop struct {
	// Set once by New.
	eng     *Engine
	index   int
	metrics *loopMetrics

	// Any goroutine.
	el       atomic.Pointer[gnet.EventLoop] // nil until the first conn arrives
	turn     atomic.Uint32
	tickDue  atomic.Bool
	shedding atomic.Bool  // shedHeads is posted
	worstLag atomic.Int64 // of a tick since TakeLag, in nanoseconds
	lastLag  atomic.Int64 // of the last tick, in nanoseconds; set by the loop
	tickAt   atomic.Int64 // when the next tick is due, in nanoseconds since the engine's start; 0: none is; set by the loop
	oldest   atomic.Int32 // age of the oldest frame of a backlog at the last look, in ticks; set by the loop
	worst    atomic.Int64 // cost of the largest backlog at the last look; set by the loop
	// population is how many conns there were at the last tick; set by the loop.
	population atomic.Int64
	mu         sync.Mutex
	posted     []func() // guarded by mu

	// Owned by the loop.
	conns     slab
	early     map[ID][]byte // see Conn.early
	heads     headQueue
	farewells farewells
	secures   []*secure // by slot, of TLS conns; see Conn.secured
	plain     []byte    // what a TLS conn decrypts to
	sealed    []byte    // what a tls.Conn has written and was not sent
	wheel     *wheel.Wheel
	tick      uint32 // now
	timer     *time.Timer
	ticking   time.Time // when timer is to fire
	running   []func()  // the posted functions of this turn
	arena     arena
	express   fifo
	bulk      fifo
	queued    bool // something was queued since the last Flushed
	direct    bool // something was sent by Deliver since then
	batch     batch
	blocked   []ID // conns with a backlog, and some that are gone
	held      int  // what they cost, of Engine.backlogs
	reaps     []*Conn
	reaping   bool
	deflate   deflation
	current   *Conn // whose input is being handled: it is flushed when that is done
	scratch   []byte
	request   handshake.Request // of readHead; borrows from its input
	owner     goroutine         // with the tag invariants: who runs the loop
}

// Index returns the number of the loop, from 0. Any goroutine.
func (l *Loop) Index() int { return l.index }

// Len returns the number of conns on the loop, handshakes included. Loop-only.
func (l *Loop) Len() int { return l.conns.open }

// Find returns the conn that id names, or nil when it is gone or another loop's. Loop-only.
func (l *Loop) Find(id ID) *Conn {
	l.assertOnLoop()
	if id.Loop() != l.index {
		return nil
	}
	return l.conns.find(id)
}

// Each calls f for every conn of the loop that is open. f may close conns, and acts for the one it is given: its panic
// costs that one. Loop-only.
func (l *Loop) Each(f func(c *Conn)) {
	l.assertOnLoop()
	l.conns.each(func(c *Conn) {
		if c.state == stateOpen {
			l.guardConn(c, f)
		}
	})
}

// PostConn has f run on the loop for the conn that id names, if it is still open then. A panic in f costs that conn, as one
// in a callback of the Handler would; it is otherwise as Post, where a panic ends the process. Any goroutine.
func (l *Loop) PostConn(id ID, f func(c *Conn)) bool {
	return l.Post(func() {
		if c := l.Find(id); c != nil && c.state == stateOpen {
			l.guardConn(c, f)
		}
	})
}

// Post has f run on the loop, in the order of the calls from one goroutine. f must not
// block, and its panic ends the process: see PostConn for what concerns one conn. It is dropped, and Post returns false, when the engine has stopped. A loop that has
// never had a conn runs f when its first one arrives. Any goroutine.
func (l *Loop) Post(f func()) bool {
	if l.eng.stopped.Load() {
		return false
	}
	l.mu.Lock()
	l.posted = append(l.posted, f)
	l.mu.Unlock()
	return l.Wake()
}

// Wake has the loop run what was posted and Handler.Work soon. Calls before that run are
// folded into one. It returns false when the engine has stopped. Any goroutine; not under a
// lock that Work takes, as it enters gnet.
func (l *Loop) Wake() bool {
	for {
		switch l.turn.Load() {
		case idle:
			if l.turn.CompareAndSwap(idle, scheduled) {
				return l.schedule()
			}
		case working:
			// Not a task of gnet's yet: it empties its queue before it looks at the sockets
			// again, and under a stream of wakes it never would.
			if l.turn.CompareAndSwap(working, again) {
				return true
			}
		default:
			return !l.eng.stopped.Load()
		}
	}
}

// schedule gives work to gnet. The turn is scheduled.
func (l *Loop) schedule() bool {
	e, el := l.eng, l.el.Load()
	if el == nil {
		return !e.stopped.Load() // bind schedules it
	}
	// gnet would write to a closed, perhaps reused, descriptor after its end.
	e.stopMu.RLock()
	defer e.stopMu.RUnlock()
	if e.stopped.Load() {
		return false
	}
	return (*el).Execute(context.Background(), (*loopTask)(l)) == nil
}

// loopTask is a Loop as a gnet task, so that scheduling one does not allocate a closure.
type loopTask Loop

func (t *loopTask) Run(context.Context) error {
	(*Loop)(t).work()
	return nil
}

// bind ties l to the gnet loop that runs it, at its first conn.
func (l *Loop) bind(el gnet.EventLoop) {
	l.owner.set()
	l.tick = l.eng.now()
	l.wheel = wheel.New(l.tick)
	l.ticking = time.Now().Add(tickLength)
	l.noteLag(0)
	l.timer = time.AfterFunc(tickLength, func() {
		l.tickDue.Store(true)
		l.Wake()
	})
	l.batch.timer = time.AfterFunc(time.Hour, func() {
		l.batch.due.Store(true)
		l.Wake()
	})
	l.batch.timer.Stop()
	if cpus := l.eng.cfg.CPUs; len(cpus) > 0 {
		if err := pin(cpus[l.index]); err != nil {
			l.eng.cfg.Log.Error("the loop stays unpinned", "err", err) // New found it allowed
		}
	}
	l.el.Store(&el)
	if l.turn.Load() == scheduled {
		l.schedule()
	}
}

// work is one turn: what was posted, time, the Handler's own work, then sending.
func (l *Loop) work() {
	l.assertOnLoop()
	l.turn.Store(working)
	l.advance()
	l.runPosted()
	if l.tickDue.Swap(false) {
		l.onTick()
	}
	if l.batch.due.Swap(false) {
		l.batch.open()
		l.queued = l.queued || !l.bulk.empty()
	}
	if !l.Full() {
		l.eng.cfg.Handler.Work(l)
	} else {
		l.turn.Store(again) // let sending catch up first
	}
	l.flush()
	l.reap()
	l.metrics.publish()
	if l.queued {
		l.turn.Store(again) // what flush left, or the callbacks of reap have queued
	}
	if !l.turn.CompareAndSwap(working, idle) {
		l.turn.Store(scheduled)
		// By another goroutine, which gives the loop the time to leave gnet's task queue and
		// look at its sockets first. It does nothing once the engine has stopped.
		go l.schedule()
	}
}

func (l *Loop) runPosted() {
	l.mu.Lock()
	l.running, l.posted = l.posted, l.running[:0]
	l.mu.Unlock()
	for i, f := range l.running {
		l.running[i] = nil
		f()
	}
}

func (l *Loop) advance() { l.tick = l.eng.now() }

// after returns the tick n ahead, but for 0, which means no deadline.
func (l *Loop) after(n uint32) uint32 { return max(l.tick+n, 1) }

// onTick moves the clock on and sets the timer for the next time.
func (l *Loop) onTick() {
	start := time.Now()
	l.wheel.Advance(l.tick, l.expire)
	l.sayFarewell()
	l.retryBlocked()
	next := tickLength
	if len(l.blocked) > 0 {
		next = fastLength
	}
	lag := start.Sub(l.ticking)
	l.metrics.lag(lag)
	l.ticking = start.Add(next)
	l.noteLag(lag)
	l.timer.Reset(next)
}

// arm sets the wheel to the earliest of what c waits for.
func (l *Loop) arm(c *Conn) {
	at := c.due
	if c.timer != 0 && (at == 0 || int32(c.timer-at) < 0) {
		at = c.timer
	}
	if c.begun != 0 && c.state == stateOpen {
		if end := l.messageEnd(c); at == 0 || int32(end-at) < 0 {
			at = end
		}
	}
	if at == 0 {
		l.wheel.Clear(c.id.Slot())
		return
	}
	l.wheel.Set(c.id.Slot(), at)
}

// lookAfter has reap visit c once the running callback is done.
func (l *Loop) lookAfter(c *Conn) {
	if !c.has(flagReap) {
		c.flags |= flagReap
		l.reaps = append(l.reaps, c)
	}
}

// reap tells the Handler of conns that have ended or fallen behind, and closes sockets. It
// runs after callbacks and walks, never inside them: closing a socket calls OnClose at once,
// which frees the slot.
func (l *Loop) reap() {
	l.reaping = true
	defer func() { l.reaping = false }()
	for len(l.reaps) > 0 {
		c := l.reaps[len(l.reaps)-1]
		l.reaps = l.reaps[:len(l.reaps)-1]
		c.flags &^= flagReap
		if c.has(flagSlow) {
			c.flags &^= flagSlow
			if c.state == stateOpen {
				l.notice(c, Slow)
			}
		}
		if c.has(flagSent) {
			c.flags &^= flagSent
			if c.state == stateOpen {
				l.notice(c, Sent)
			}
		}
		if c.state > stateOpen {
			l.tell(c)
		}
		l.flushConn(c)
		l.sentAll(c)
		if c.state == stateGone {
			l.closeSocket(c)
		}
	}
}

// tell calls Handler.Closed, once.
func (l *Loop) tell(c *Conn) {
	if !c.has(flagTold) {
		c.flags |= flagTold
		l.guard(c, func() { l.eng.cfg.Handler.Closed(c) })
	}
}

func (l *Loop) notice(c *Conn, n Notice) {
	l.guard(c, func() { l.eng.cfg.Handler.Notice(c, n) })
}

// Full reports that so many frames wait to be sent that Work should return, and go on when
// it is called again. Loop-only.
func (l *Loop) Full() bool { return l.arena.full() }

// Queue adds f to what the conn in slot will send, and returns true when it is open. bulk says that many
// conns get f: they are served behind those that got something of their own, so that a large
// fan-out does not delay a small one. f is shared. Loop-only.
func (l *Loop) Queue(slot uint32, f *frame.Prepared, bulk bool) bool {
	c := l.conns.at(slot)
	if c.state != stateOpen {
		return false
	}
	if c.window != 0 {
		f = l.variant(c, f)
	}
	l.enqueue(c, f, bulk)
	return true
}

// Idle reports whether nothing waits to be sent and nothing is held back: what is sent now
// overtakes nothing. Loop-only.
func (l *Loop) Idle() bool { return !l.queued && l.eng.cfg.BatchWindow <= 0 }

// Deliver sends f at once to the conn in slot, and returns true when it is open. The loop was
// Idle, and has done nothing but Deliver since; Work returns after SliceSends of them, and
// Flushed follows. f is shared. Loop-only.
func (l *Loop) Deliver(slot uint32, f *frame.Prepared) bool {
	fd := l.conns.direct(slot)
	if fd < 0 {
		return l.Queue(slot, f, true)
	}
	l.assertIdle(slot)
	n, err := send(fd, f.Bytes())
	l.metrics.sent(n)
	l.direct = true
	if n == f.Len() {
		l.metrics.framesOut += f.Count()
		return true
	}
	c := l.conns.at(slot)
	if err != nil {
		l.metrics.dropped(dropClosed, f.Count(), f.Len())
		l.lose(c, closeBySocket)
		return true
	}
	c.first = f
	l.pushBacklog(c, n)
	return true
}
