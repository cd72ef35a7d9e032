package engine

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/panjf2000/gnet/v2"

	"github.com/gannet-io/gannet/engine/backlog"
	"github.com/gannet-io/gannet/engine/peers"
	"github.com/gannet-io/gannet/engine/seldom"
	"github.com/gannet-io/gannet/frame"
)

// ErrStopped says that the engine drains or has stopped.
var ErrStopped = errors.New("engine: stopped")

// An Engine is a set of loops and the listeners that feed them. It is made by New, accepts
// after Serve, and ends with Drain, Stop, or one after the other.
type Engine struct {
	// Set once by New.
	cfg      Config
	backlog  backlog.Limits
	deflated frame.Limits // of messages from conns that agreed on permessage-deflate
	client   *gnet.Client
	loops    []*Loop
	start    time.Time
	metrics  *engineMetrics
	quit     chan struct{} // closed when draining begins

	// What holds for each listener's conns: set before its first is accepted, and not changed.
	// The first is for conns that come from none of ours.
	listening [maxListeners + 1]*ListenerConfig

	greetings *greetings // nil without TLS
	panics    seldom.Teller

	twins twins

	conns      atomic.Int64 // sockets, HTTP ones included
	onLoops    atomic.Int64 // those on the loops
	heads      atomic.Int64 // those whose heads are awaited
	backlogs   atomic.Int64 // what all backlogs cost, as of the loops' last looks
	pace       pace
	census     census
	draining   atomic.Bool
	drainUntil atomic.Uint32 // tick

	mu        sync.Mutex
	listeners []net.Listener // guarded by mu
	accepting sync.WaitGroup

	stopMu  sync.RWMutex
	stopped atomic.Bool // set under stopMu
	stop    sync.Once
	hinted  sync.Once
}

// New starts the loops. They run until Stop.
func New(cfg Config) (*Engine, error) {
	cfg = cfg.withDefaults()
	if cfg.Handler == nil {
		return nil, errors.New("engine: no handler")
	}
	if err := checkCPUs(cfg.CPUs, cfg.Loops); err != nil {
		return nil, err
	}
	e := &Engine{
		cfg:     cfg,
		backlog: backlog.Limits{Bytes: cfg.BacklogBytes, Age: ticks(cfg.BacklogAge)},
		start:   time.Now(),
		quit:    make(chan struct{}),
	}
	e.listening[0] = new(ListenerConfig)
	e.greetings = newGreetings(e)
	if cfg.Peers != (peers.Limits{}) {
		e.census.on, e.census.table, e.census.trusts = true, peers.New(cfg.Peers), cfg.Trust.Proxy
	}
	e.deflated = cfg.Message
	e.deflated.Deflate = true
	e.metrics = newMetrics(e, cfg.Metrics)
	for i := range cfg.Loops {
		l := &Loop{eng: e, index: i, metrics: newLoopMetrics(e.metrics)}
		l.arena.free = noLink
		l.scratch = make([]byte, scratchBytes)
		e.loops = append(e.loops, l)
		e.metrics.addLoop(cfg.Metrics, l)
	}
	client, err := gnet.NewClient(&reactor{eng: e, loops: make(map[gnet.EventLoop]*Loop)},
		gnet.WithNumEventLoop(cfg.Loops),
		gnet.WithTCPNoDelay(gnet.TCPDelay), // net has set TCP_NODELAY already; this saves the call
		gnet.WithLogger(gnetLog{cfg.Log}))
	if err != nil {
		return nil, err
	}
	e.client = client
	if err := client.Start(); err != nil {
		return nil, err
	}
	return e, nil
}

// Loops returns the loops, which are fixed for the life of the engine. Shared. Any goroutine.
func (e *Engine) Loops() []*Loop { return e.loops }

// Conns returns the number of sockets held: WebSockets, unfinished handshakes and those in
// the hands of the HTTP server. Any goroutine.
func (e *Engine) Conns() int { return int(e.conns.Load()) }

// Draining reports whether Drain or Stop has begun. Any goroutine.
func (e *Engine) Draining() bool { return e.draining.Load() }

// now returns the current tick, never 0, which means no deadline.
func (e *Engine) now() uint32 { return uint32(time.Since(e.start)/tickLength) + 1 }

// hold counts one more socket of the peer at addr, and release one less.
func (e *Engine) hold(addr netip.Addr) {
	e.conns.Add(1)
	e.holdPeer(addr)
}

func (e *Engine) release(addr netip.Addr) {
	e.conns.Add(-1)
	e.leavePeer(addr)
}

// beginDrain closes the listeners; with sweep it accepts before what waits in their queues. It returns false when that was
// done before.
func (e *Engine) beginDrain(window time.Duration, sweep bool) bool {
	e.mu.Lock()
	if e.draining.Load() {
		e.mu.Unlock()
		return false
	}
	e.drainUntil.Store(e.now() + ticks(window)) // first: a loop that sees draining reads it
	e.draining.Store(true)
	close(e.quit)
	e.accepting.Add(1) // a Stop that comes now waits for what follows
	e.mu.Unlock()
	defer e.accepting.Done()
	for i, ln := range e.listeners { // nobody adds to them any more
		if sweep {
			e.sweep(i+1, ln)
		}
		if err := ln.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			e.cfg.Log.Warn("close listener", "err", err)
		}
	}
	return true
}

// drainPace is how far apart conns are told to go when there are too few to fill the window.
const drainPace = 10 * time.Millisecond

// Drain stops listening, once it has accepted who was already connected to a listener, has the Handler hear Drain for every open conn, spread at random
// over window so that clients do not all come back at once, and returns when the loops are
// empty or ctx is done, with its error then. The window shrinks to 10 ms a conn when there
// are few. Sockets in the hands of the HTTP server are not
// waited for. Call Stop afterwards. Any goroutine; may block.
func (e *Engine) Drain(ctx context.Context, window time.Duration) error {
	window = min(window, time.Duration(e.onLoops.Load())*drainPace)
	if !e.beginDrain(window, true) {
		return ErrStopped
	}
	// What was accepted before counts: it is on its way to a loop, which does not block.
	e.accepting.Wait()
	e.greetings.hurry(time.Now().Add(drainHead))
	for _, l := range e.loops {
		l.Post(func() {
			l.conns.each(func(c *Conn) {
				switch c.state {
				case stateOpen:
					l.drainOne(c)
				case stateHead:
					l.hurry(c)
				}
			})
		})
	}
	t := time.NewTicker(10 * time.Millisecond)
	defer t.Stop()
	for e.onLoops.Load() > 0 || e.greetings.count() > 0 {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-t.C:
		}
	}
	return nil
}

// drainDelay returns how many ticks of the drain window to wait for one conn.
func (e *Engine) drainDelay() uint32 {
	left := int32(e.drainUntil.Load() - e.now())
	if left <= 0 {
		return 1
	}
	return 1 + rand.Uint32N(uint32(left))
}

// Stop closes the listeners and every conn, and ends the loops. Posts and wakes from then on
// are dropped. It may be called twice. Any goroutine but a loop's; blocks.
func (e *Engine) Stop() error {
	e.beginDrain(0, false)
	e.greetings.stop()
	// An acceptor that gives a socket to a loop waits for the loop.
	e.accepting.Wait()
	var err error
	e.stop.Do(func() {
		e.stopMu.Lock()
		e.stopped.Store(true)
		e.stopMu.Unlock()
		err = e.client.Stop()
		for _, l := range e.loops {
			if l.el.Load() != nil {
				l.timer.Stop()
				l.batch.timer.Stop()
			}
		}
	})
	return err
}
