//go:build linux

package swarm

import (
	"time"

	"golang.org/x/sys/unix"
)

// addDeaf makes places for this worker's share of the conns that never read.
func (w *worker) addDeaf() {
	low, high := w.plan.Share(w.plan.Deaf, w.index)
	w.firstDeaf, w.deaf = len(w.conns), high-low
	for i := low; i < high; i++ {
		w.conns = append(w.conns, conn{fd: -1, who: int32(i), role: roleDeaf, place: w.plan.Place(i)})
	}
}

// deafen stops reading, for good or but for a little now and then. The kernel goes on taking what it
// has room for, and then tells the server that there is none; that the server hangs up is not noticed.
func (w *worker) deafen(slot int32) {
	c := &w.conns[slot]
	if err := w.poll.watch(unix.EPOLL_CTL_DEL, c.fd, slot, 0, 0); err != nil {
		w.problem("epoll: " + err.Error())
	}
	if w.plan.DeafRate > 0 {
		// With the usual room the kernel would take for it what it is too slow for.
		_ = unix.SetsockoptInt(int(c.fd), unix.SOL_SOCKET, unix.SO_RCVBUF, sipRoom)
		w.tasks.push(task{at: w.clock.now() + int64(sipEvery), do: dutySip, slot: slot, mark: c.mark})
	}
}

const (
	sipEvery = 250 * time.Millisecond
	sipRoom  = 4 << 10
)

// sip reads what a deaf conn is to read in a while, and throws it away.
func (w *worker) sip(slot int32, mark uint32, now int64) {
	c := &w.conns[slot]
	if c.mark != mark {
		return
	}
	left := int(int64(w.plan.DeafRate) * int64(sipEvery) / int64(time.Second))
	for left > 0 {
		n, errno := receive(c.fd, w.buf[:min(left, len(w.buf))])
		if n <= 0 || errno != 0 {
			break
		}
		left -= n
	}
	w.tasks.push(task{at: now + int64(sipEvery), do: dutySip, slot: slot, mark: mark})
}
