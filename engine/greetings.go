package engine

import (
	"container/list"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// patienceWithHello is how long a handshake may wait for its client when others need its place.
const patienceWithHello = time.Second

// queueFactor times TLS.Handshakes is how many handshakes may wait for a place.
const queueFactor = 16

// greetings are the TLS handshakes that have begun and not ended. Each under way has a
// goroutine, those that queue have none.
type greetings struct {
	// Set once by New.
	eng   *Engine
	cfg   *TLS
	turns chan token // one for each that may compute

	running sync.WaitGroup

	mu      sync.Mutex
	stopped bool
	under   *list.List  // way, *greeting, in the order in which they began
	queue   []*greeting // for a place under way
}

// A token is a turn at computing.
type token struct{}

// A greeting is one handshake. Its socket is counted once.
type greeting struct {
	handed   *handedConn // at first with the socket as its Conn
	socket   net.Conn    // of handed
	secure   *secure
	turns    chan token
	deadline time.Time
	evicted  bool          // guarded by greetings.mu
	place    *list.Element // in under; guarded by greetings.mu
	waits    atomic.Int64  // for its client, since this Unix time in nanoseconds; 0: it does not
}

func newGreetings(e *Engine) *greetings {
	if e.cfg.TLS == nil {
		return nil
	}
	g := &greetings{eng: e, cfg: e.cfg.TLS, under: list.New()}
	g.turns = make(chan token, g.cfg.Computing)
	return g
}

// count returns how many handshakes there are, those that queue included. Any goroutine.
func (g *greetings) count() int {
	if g == nil {
		return 0
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.under.Len() + len(g.queue)
}

// start begins or queues the handshake of handed, from which hello was read. Both are taken.
// Any goroutine.
func (g *greetings) start(handed *handedConn, hello []byte, deadline time.Time) {
	it := &greeting{handed: handed, socket: handed.Conn, secure: new(secure), deadline: deadline}
	it.secure.wire.toSocket(it.socket, hello)
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.stopped:
		g.giveUp(it, "")
	case g.under.Len() < g.cfg.Handshakes:
		g.run(it)
	case len(g.queue) >= queueFactor*g.cfg.Handshakes:
		g.giveUp(it, "overloaded")
	default:
		g.queue = append(g.queue, it)
		g.evict()
	}
}

// run starts the goroutine of it. mu is held.
func (g *greetings) run(it *greeting) {
	it.place = g.under.PushBack(it)
	_ = it.socket.SetDeadline(it.deadline) // if it fails, reading does, too
	g.running.Add(1)
	go g.greet(it)
}

// evict ends the oldest handshake that its client holds up, for somebody in the queue. mu is
// held.
func (g *greetings) evict() {
	since := time.Now().Add(-patienceWithHello).UnixNano()
	for e := g.under.Front(); e != nil; e = e.Next() {
		it := e.Value.(*greeting)
		if waits := it.waits.Load(); waits != 0 && waits < since && !it.evicted {
			it.evicted = true
			_ = it.socket.Close() // wakes its goroutine
			return
		}
	}
}

// giveUp ends a handshake that has no goroutine.
func (g *greetings) giveUp(it *greeting, outcome string) {
	if outcome != "" {
		g.eng.metrics.tlsFailed(outcome, 0)
	}
	_ = it.handed.Close() // nothing was promised to it
}

// leave frees the place of it and starts who waits for one.
func (g *greetings) leave(it *greeting) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.under.Remove(it.place)
	for len(g.queue) > 0 && g.under.Len() < g.cfg.Handshakes {
		next := g.queue[0]
		g.queue[0] = nil
		g.queue = g.queue[1:]
		if !next.deadline.After(time.Now()) {
			g.giveUp(next, "timeout")
			continue
		}
		g.run(next)
	}
	if len(g.queue) == 0 {
		g.queue = nil
	}
}

// greet does the handshake and gives the conn to a loop.
func (g *greetings) greet(it *greeting) {
	defer g.running.Done()
	s := it.secure
	err := g.handshake(it)
	g.leave(it)
	s.wire.greeting = nil
	if err == nil {
		err = it.socket.SetDeadline(time.Time{})
	}
	if err != nil {
		_ = it.handed.Close() // crypto/tls has said what there is to say
		return
	}
	// An error was answered; that the engine drains, or has no descriptors, is told elsewhere.
	it.handed.Conn, it.handed.secure = s.tls, s
	it.handed.flags |= flagSecure
	_ = g.eng.adopt(&handedTLS{it.handed}, nil)
}

// handshake computes with a turn, which the wire gives back while it waits.
func (g *greetings) handshake(it *greeting) (err error) {
	s := it.secure
	s.tls = tls.Server(&s.wire, g.cfg.Config)
	defer func() {
		if p := recover(); p != nil {
			g.eng.metrics.panics.Inc()
			g.eng.logPanic("panic in a TLS handshake", p)
			err = errors.New("engine: panic in a TLS handshake")
		}
		g.tell(it, err)
	}()
	it.turns = g.turns
	s.wire.greeting = it
	it.resume()
	defer it.pause()
	return s.tls.Handshake()
}

// tell counts how the handshake went.
func (g *greetings) tell(it *greeting, err error) {
	state := it.secure.tls.ConnectionState()
	m := g.eng.metrics
	switch {
	case err == nil && state.DidResume:
		m.tlsDone(state.Version, true)
	case err == nil:
		m.tlsDone(state.Version, false)
	case g.wasEvicted(it):
		m.tlsFailed("overloaded", state.Version)
	case errors.Is(err, os.ErrDeadlineExceeded):
		m.tlsFailed("timeout", state.Version)
	case hungUp(err):
		m.tlsFailed("closed", state.Version)
	default:
		g.eng.cfg.Log.Debug("tls handshake", "err", err)
		m.tlsFailed("failed", state.Version)
	}
}

func (g *greetings) wasEvicted(it *greeting) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return it.evicted
}

// hurry leaves all handshakes until deadline at most: the engine drains.
func (g *greetings) hurry(deadline time.Time) {
	if g == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for e := g.under.Front(); e != nil; e = e.Next() {
		if it := e.Value.(*greeting); deadline.Before(it.deadline) {
			it.deadline = deadline
			_ = it.socket.SetDeadline(deadline)
		}
	}
	for _, it := range g.queue {
		if deadline.Before(it.deadline) {
			it.deadline = deadline
		}
	}
}

// stop ends all handshakes and waits for their goroutines. Later ones are refused.
func (g *greetings) stop() {
	if g == nil {
		return
	}
	g.mu.Lock()
	g.stopped = true
	for e := g.under.Front(); e != nil; e = e.Next() {
		_ = e.Value.(*greeting).socket.Close() // wakes its goroutine
	}
	for _, it := range g.queue {
		g.giveUp(it, "")
	}
	g.queue = nil
	g.mu.Unlock()
	g.running.Wait()
}

// hungUp reports whether the client has left.
func hungUp(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// pause gives the turn at computing back, because it has to wait for its client.
func (it *greeting) pause() {
	if it != nil {
		<-it.turns
		it.waits.Store(time.Now().UnixNano())
	}
}

// resume waits for a turn again.
func (it *greeting) resume() {
	if it != nil {
		it.waits.Store(0)
		it.turns <- token{}
	}
}
