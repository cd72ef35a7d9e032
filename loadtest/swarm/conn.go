//go:build linux

package swarm

import (
	"golang.org/x/sys/unix"

	"github.com/gannet-io/gannet/loadtest/plan"
)

// A role is what a conn is for.
type role uint8

const (
	roleSubscriber role = iota // steady, measured
	roleSpeaker                // publishes client events and does nothing else
	roleREST                   // publishes by HTTP
	roleChurner                // comes and goes
	roleDeaf                   // subscribes and never reads again
)

// A state is how far a conn has come. An HTTP conn goes from connecting to live.
type state uint8

const (
	stateFree state = iota
	stateConnecting
	stateShaking  // TLS is being agreed on, elsewhere
	stateOpening  // the opening request is out
	stateUpgraded // answered; the server has not greeted yet
	stateGreeted  // subscriptions are out
	stateLive
	stateLeaving // a close frame is out
)

// A conn is one socket. It lives in its worker's slab, whose places never move; mark counts the
// conns that a place has had, so that an event or task for an earlier one is known by its mark.
type conn struct {
	fd      int32
	mark    uint32
	who     int32 // client, publisher or number of the churner
	tracks  int32 // of a subscriber: where its tracks begin
	waiting int32 // subscriptions not yet acknowledged
	heard   int32 // when something was last read, in seconds since the worker was made
	role    role
	state   state
	eager   bool // its subscriptions went out with the opening request
	writing bool // watched for room to write

	secure *secure // of TLS; nil otherwise

	place plan.Placement
	due   int64 // when it was to be opened

	in  []byte // bytes of an incomplete frame; nil for most, most of the time
	out []byte // what the socket has not taken yet
}

// transmit sends b, or keeps what the socket will not take. b is borrowed.
func (w *worker) transmit(slot int32, b []byte) {
	c := &w.conns[slot]
	if c.secure != nil {
		sealed, err := c.secure.seal(b)
		if err != nil {
			w.lose(slot, "TLS: "+err.Error())
			return
		}
		b = sealed
	}
	if len(c.out) > 0 {
		c.out = append(c.out, b...)
		return
	}
	n, errno := send(c.fd, b)
	switch {
	case errno == unix.EAGAIN:
		n = 0
	case errno != 0:
		w.lose(slot, "write: "+errno.Error())
		return
	}
	if n < len(b) {
		c.out = append(c.out, b[n:]...)
		w.watchWriting(slot, true)
	}
}

// flush sends what was kept back, and reports whether all of it is out.
func (w *worker) flush(slot int32) bool {
	c := &w.conns[slot]
	if len(c.out) > 0 {
		n, errno := send(c.fd, c.out)
		switch {
		case errno == unix.EAGAIN:
			return false
		case errno != 0:
			w.lose(slot, "write: "+errno.Error())
			return false
		}
		c.out = c.out[:copy(c.out, c.out[n:])]
		if len(c.out) > 0 {
			return false
		}
	}
	w.watchWriting(slot, false)
	return true
}

func (w *worker) watchWriting(slot int32, on bool) {
	c := &w.conns[slot]
	if c.writing == on {
		return
	}
	events := uint32(unix.EPOLLIN)
	if on {
		events |= unix.EPOLLOUT
	}
	if err := w.poll.watch(unix.EPOLL_CTL_MOD, c.fd, slot, c.mark, events); err != nil {
		w.lose(slot, "epoll: "+err.Error())
		return
	}
	c.writing = on
}

// release closes the socket and empties the place.
func (w *worker) release(slot int32) {
	c := &w.conns[slot]
	_ = unix.Close(int(c.fd)) // also leaves the epoll instance
	if c.in != nil {
		w.spare(c.in)
	}
	*c = conn{fd: -1, mark: c.mark + 1, who: c.who, tracks: c.tracks, place: c.place, role: c.role, out: c.out[:0]}
	if c.role == roleChurner {
		w.free = append(w.free, slot)
	}
}
