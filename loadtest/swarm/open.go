//go:build linux

package swarm

import (
	"errors"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gannet-io/gannet/loadtest/plan"
)

const (
	// maxOpening is how many conns a worker has under way at once. More would overrun the
	// server's accept queue and measure the kernel's retries.
	maxOpening = 256

	// openTimeout is how long a conn may take until it is subscribed.
	openTimeout = 30 * time.Second
)

// nextOpening returns when the next steady client is due, and whether there is one that may be
// opened at all just now.
func (w *worker) nextOpening() (at int64, more bool) {
	if w.nextClient >= w.clients+w.deaf || w.opening >= maxOpening {
		return 0, false
	}
	if w.plan.ConnectRate == 0 {
		return w.born, true
	}
	share := w.plan.ConnectRate / float64(w.plan.Crew())
	return w.born + int64(float64(w.nextClient)/share*1e9), true
}

// openClients opens the steady clients that are due, and after them the deaf ones.
func (w *worker) openClients(now int64) {
	for {
		at, more := w.nextOpening()
		if !more || at > now {
			return
		}
		if w.plan.ConnectRate == 0 {
			at = now // no schedule to be late on
		}
		slot := int32(w.nextClient)
		if w.nextClient >= w.clients {
			slot = int32(w.firstDeaf + w.nextClient - w.clients)
		} else {
			w.counts.Opened++
		}
		w.nextClient++
		w.opening++
		w.open(slot, at)
	}
}

// target returns which of the plan's servers a conn belongs to.
func (w *worker) target(c *conn) int { return int(c.who) % len(w.targets) }

// source returns the address that a conn comes from; the zero Addr leaves it to the kernel.
func (w *worker) source(c *conn) netip.Addr {
	if w.plan.Sources == 0 {
		return netip.Addr{}
	}
	// Clients in turn over servers, then over sources, so that each server sees them all.
	return netip.AddrFrom4([4]byte{127, 0, 0, byte(1 + int(c.who)/len(w.targets)%w.plan.Sources)})
}

// open begins a conn that was due at a time.
func (w *worker) open(slot int32, due int64) {
	c := &w.conns[slot]
	c.due = due
	fd, err := dial(w.targets[w.target(c)], w.source(c))
	if err != nil {
		c.state = stateConnecting
		w.lose(slot, explain(err))
		return
	}
	c.fd = int32(fd)
	c.state = stateConnecting
	c.heard = w.seconds(due)
	if w.publisherOf(slot) >= 0 {
		if err := hurry(c.fd); err != nil {
			w.lose(slot, "TCP_NODELAY: "+err.Error())
			return
		}
	}
	// On loopback the conn is usually there before connect returns; then one registration serves.
	events := uint32(unix.EPOLLIN)
	if _, errno := send(c.fd, nil); errno != 0 {
		events |= unix.EPOLLOUT
		c.writing = true
	}
	if err := w.poll.watch(unix.EPOLL_CTL_ADD, c.fd, slot, c.mark, events); err != nil {
		w.lose(slot, "epoll: "+err.Error())
		return
	}
	if !c.writing {
		w.begun(slot)
	}
}

// connected is called when a conn that was being opened is open, or has failed.
func (w *worker) connected(slot int32) {
	c := &w.conns[slot]
	if errno := pendingError(c.fd); errno != 0 {
		w.lose(slot, explain(errno))
		return
	}
	mark := c.mark
	w.watchWriting(slot, false)
	if c.mark == mark {
		w.begun(slot)
	}
}

// begun goes on with a conn that TCP has opened.
func (w *worker) begun(slot int32) {
	if w.plan.Targets[w.target(&w.conns[slot])].TLS {
		w.shake(slot)
		return
	}
	w.greet(slot)
}

// greet sends the first bytes of an open conn.
func (w *worker) greet(slot int32) {
	c := &w.conns[slot]
	if c.role == roleREST {
		c.state = stateLive
		w.publisherOpen(slot)
		return
	}
	c.state = stateOpening
	t := &w.plan.Targets[w.target(c)]
	w.text = appendOpening(w.text[:0], t.Host, t.Prefix+w.dialect.endpoint())
	if w.plan.Eager && !plan.Authorized(w.plan.Prefix) {
		c.eager = true
		w.text = w.appendSubscriptions(w.text, c, nil)
	}
	w.transmit(slot, w.text)
}

// explain turns an error of the kernel's into advice where there is some.
func explain(err error) string {
	switch {
	case errors.Is(err, unix.EADDRNOTAVAIL):
		return "connect: no ephemeral port is left; use more --sources, or widen net.ipv4.ip_local_port_range"
	case errors.Is(err, unix.EMFILE):
		return "connect: no file descriptor is left; use more --processes"
	}
	return "connect: " + err.Error()
}
