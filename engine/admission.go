package engine

import (
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/gannet-io/gannet/engine/peers"
)

// Admission is in three steps, so that what is refused costs little. Whether there is room is asked before a conn is
// taken out of the kernel's queue: sockets, heads awaited and the rate of accepting make it wait there, which a client
// feels as a slow server and nobody as an error. What the conn's address has too many of is refused as soon as the
// address is known, for most right behind accept. Last come the limits of the Handler, which knows more.

// pauseReason is why accepting waits, as a metric label.
type pauseReason uint8

const (
	pauseSockets    pauseReason = iota // Config.MaxConns
	pauseHandshakes                    // Config.Handshakes
	pauseRate                          // Config.AcceptRate
	pauseReasons                       // how many there are
)

var pauseLabels = [pauseReasons]string{"sockets", "handshakes", "rate"}

// A pace spreads what is started over time, with a tenth of a second's worth at once from rest.
type pace struct {
	mu   sync.Mutex
	next time.Duration // when the next may start; guarded by mu
}

// take returns how long to wait at time now before starting one more, of which perSecond may be started each second.
func (p *pace) take(now time.Duration, perSecond int) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.next = max(p.next, now-time.Second/10)
	wait := p.next - now
	p.next += time.Second / time.Duration(perSecond)
	return wait
}

// A census counts sockets by their client's address, as long as that is not a trusted proxy's: proxies have as many as
// they have clients. What it counts is a function of the address, so that whoever counts a socket in knows
// how to count it out.
type census struct {
	trusts func(netip.Addr) bool // set once by New

	on    bool // set once by New
	mu    sync.Mutex
	table *peers.Table // guarded by mu
	quiet time.Time    // until when refusals are not logged; guarded by mu
}

// admit counts one more socket of addr, or says why it must not come in.
func (s *census) admit(addr netip.Addr, now time.Duration) peers.Verdict {
	if !s.counts(addr) {
		return peers.Admitted
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.table.Admit(addr, int64(now))
}

func (s *census) hold(addr netip.Addr, now time.Duration) {
	if s.counts(addr) {
		s.mu.Lock()
		s.table.Hold(addr, int64(now))
		s.mu.Unlock()
	}
}

func (s *census) leave(addr netip.Addr, now time.Duration) {
	if s.counts(addr) {
		s.mu.Lock()
		s.table.Leave(addr, int64(now))
		s.mu.Unlock()
	}
}

func (s *census) counts(addr netip.Addr) bool { return s.on && addr.IsValid() && !s.trusts(addr) }

// known returns how many addresses are remembered.
func (s *census) known() int {
	if !s.on {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.table.Len()
}

// loud reports whether a refusal is to be logged: once a minute, as their number is the peer's choice.
func (s *census) loud() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if now.Before(s.quiet) {
		return false
	}
	s.quiet = now.Add(time.Minute)
	return true
}

// sinceStart is the clock of admission.
func (e *Engine) sinceStart() time.Duration { return time.Since(e.start) }

// admitPeer asks whether a socket of the client at addr may come in, and counts it then.
func (e *Engine) admitPeer(addr netip.Addr) bool {
	if !e.census.on {
		return true
	}
	verdict := e.census.admit(addr, e.sinceStart())
	if verdict == peers.Admitted {
		return true
	}
	e.metrics.crowded.Of(verdict.String()).Inc()
	if e.census.loud() {
		e.cfg.Log.Warn("an address has or opens too many connections", "address", addr, "refused", verdict)
	}
	return false
}

// holdPeer counts one more socket of addr, which is in already.
func (e *Engine) holdPeer(addr netip.Addr) {
	if e.census.on {
		e.census.hold(addr, e.sinceStart())
	}
}

// leavePeer counts a socket of addr out, which admitPeer or holdPeer has counted.
func (e *Engine) leavePeer(addr netip.Addr) {
	if e.census.on {
		e.census.leave(addr, e.sinceStart())
	}
}

// turnBack closes a conn that was just accepted, by a reset: it leaves nothing behind, neither with us nor in the kernel.
func turnBack(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // if it fails the socket is just as gone
	}
	_ = conn.Close()
}

// countClient counts c for its client when that has become known only now. For before, a trusted proxy, accept has counted
// nobody. A conn of one who has too many is counted all the same, and must be refused.
func (c *Conn) countClient(before netip.Addr) {
	e := c.loop.eng
	if !e.census.on {
		return
	}
	addr := c.ClientAddr()
	if addr == before || e.census.counts(before) || !e.census.counts(addr) {
		return
	}
	if !e.admitPeer(addr) {
		c.flags |= flagCrowded
		e.holdPeer(addr)
	}
}

// Crowded reports whether the client's address has or opens more conns than Config.Peers allows, in a conn of which the
// address became known too late to turn it back: the Handler should refuse it. It is final when Handler.Upgrade is called.
// Loop-only.
func (c *Conn) Crowded() bool { return c.has(flagCrowded) }

// roomForConn waits until the engine holds fewer conns than it may and awaits fewer heads, and it is time for one more. It
// returns false when the engine drains or stops first.
func (e *Engine) roomForConn() bool {
	if !e.waitFor(pauseSockets, func() bool { return e.conns.Load() < int64(e.cfg.MaxConns) }) {
		return false
	}
	if n := e.cfg.Handshakes; n > 0 && !e.waitFor(pauseHandshakes, func() bool {
		return e.heads.Load() < int64(n) || e.shedHeads()
	}) {
		return false
	}
	if rate := e.cfg.AcceptRate; rate > 0 {
		if wait := e.pace.take(e.sinceStart(), rate); wait > 0 {
			e.metrics.acceptPauses[pauseRate].Inc()
			return e.pause(wait)
		}
	}
	return !e.draining.Load()
}

// waitFor waits until ok, asking again and again, and returns false when the engine drains or stops first.
func (e *Engine) waitFor(reason pauseReason, ok func() bool) bool {
	if ok() {
		return !e.draining.Load()
	}
	e.metrics.acceptPauses[reason].Inc()
	for !ok() {
		if !e.pause(20 * time.Millisecond) {
			return false
		}
	}
	return true
}

// headGrace is how long a head is awaited however many others are.
const headGrace = time.Second

// shedHeads has the loops give up those who take longest with their heads, a few each, so that others get in. It
// returns false.
func (e *Engine) shedHeads() bool {
	for _, l := range e.loops {
		if l.el.Load() != nil && l.shedding.CompareAndSwap(false, true) {
			l.Post(func() {
				l.shedding.Store(false)
				l.shedHeads()
			})
		}
	}
	return false
}

// A waiting head is that of a conn, if the conn still waits for it.
type waitingHead struct {
	id    ID
	since uint32 // tick
}

// A headQueue holds the conns that wait for their heads, in the order they came, and some that do not any more.
type headQueue struct {
	all  []waitingHead
	head int // all[:head] is done with
}

// awaitHead notes that c, which is new, waits for its head.
func (l *Loop) awaitHead(c *Conn) {
	l.eng.heads.Add(1)
	if l.eng.cfg.Handshakes <= 0 {
		return
	}
	q := &l.heads
	if len(q.all) == cap(q.all) && len(q.all) > 0 {
		// Mostly of conns that have long been let in.
		kept := q.all[:0]
		for _, w := range q.all[q.head:] {
			if c := l.conns.find(w.id); c != nil && c.state == stateHead {
				kept = append(kept, w)
			}
		}
		q.all, q.head = kept, 0
	}
	q.all = append(q.all, waitingHead{c.id, l.tick})
}

// shedHeads gives up the heads awaited for longest, a sixteenth at most, but none that are awaited for less than headGrace.
func (l *Loop) shedHeads() {
	q := &l.heads
	for n := 1 + (len(q.all)-q.head)/16; n > 0 && q.head < len(q.all); q.head++ {
		w := q.all[q.head]
		c := l.conns.find(w.id)
		if c == nil || c.state != stateHead {
			continue
		}
		if l.tick-w.since <= ticks(headGrace) {
			return
		}
		l.metrics.rejected("shed")
		l.lose(c, closeQuiet)
		n--
	}
}
