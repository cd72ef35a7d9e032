package engine

import (
	"cmp"
	"errors"
	"net"
	"os"
	"slices"
	"syscall"
)

// A farewell is when a conn is told to go.
type farewell struct {
	at uint32 // tick
	id ID
}

// farewells are those of one loop while the engine drains. They have a list of their own, and not the conn's deadline,
// which goes on watching whether the peer is alive: a drain may take longer than a ping goes unanswered.
type farewells struct {
	all    []farewell // the next is the last
	sorted bool
}

// drainOne gives c a random moment of the drain window that is left.
func (l *Loop) drainOne(c *Conn) {
	l.farewells.all = append(l.farewells.all, farewell{l.after(l.eng.drainDelay()), c.id})
	l.farewells.sorted = false
}

// sayFarewell tells those conns to go whose moment has come.
func (l *Loop) sayFarewell() {
	q := &l.farewells
	if !q.sorted {
		slices.SortFunc(q.all, func(a, b farewell) int { return cmp.Compare(int32(b.at-a.at), 0) })
		q.sorted = true
	}
	for n := len(q.all); n > 0 && int32(l.tick-q.all[n-1].at) >= 0; n = len(q.all) {
		next := q.all[n-1]
		q.all = q.all[:n-1]
		if c := l.conns.find(next.id); c != nil && c.state == stateOpen {
			l.notice(c, Drain)
		}
	}
}

// sweep accepts what the kernel has accepted for ln already, which closing ln would reset.
func (e *Engine) sweep(index int, ln net.Listener) {
	files, ok := ln.(syscall.Conn)
	if !ok {
		return // somebody else's kind of listener
	}
	raw, err := files.SyscallConn()
	if err != nil {
		return // it is closed
	}
	a := acceptor{eng: e, ln: ln, spare: -1, null: -1, entry: entry{listener: uint8(index)}}
	if e.listening[index].ProxyProtocol != ProxyOff {
		a.entry.flags = flagPreamble
	}
	defer a.close()
	for e.conns.Load() < int64(e.cfg.MaxConns) {
		if err := a.holdSpare(); err != nil {
			return
		}
		conn, err := acceptWaiting(raw)
		if err != nil {
			if !errors.Is(err, syscall.EAGAIN) {
				e.cfg.Log.Warn("accept what waits before closing a listener", "err", err, "listener", ln.Addr().String())
			}
			return
		}
		if err := a.takeOver(conn); err != nil {
			e.cfg.Log.Warn("accept", "err", err, "listener", ln.Addr().String())
			return
		}
	}
}

// connOf makes a conn of a descriptor, which it takes.
func connOf(fd int) (net.Conn, error) {
	f := os.NewFile(uintptr(fd), "")
	defer f.Close() // FileConn duplicates it
	return net.FileConn(f)
}
