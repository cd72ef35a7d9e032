//go:build linux

package swarm

import "golang.org/x/sys/unix"

// addDeaf makes places for this worker's share of the conns that never read.
func (w *worker) addDeaf() {
	low, high := w.plan.Share(w.plan.Deaf, w.index)
	w.firstDeaf, w.deaf = len(w.conns), high-low
	for i := low; i < high; i++ {
		w.conns = append(w.conns, conn{fd: -1, who: int32(i), role: roleDeaf, place: w.plan.Place(i)})
	}
}

// deafen stops reading for good. The kernel goes on taking what it has room for, and then tells
// the server that there is none; that the server hangs up is not noticed.
func (w *worker) deafen(slot int32) {
	if err := w.poll.watch(unix.EPOLL_CTL_DEL, w.conns[slot].fd, slot, 0, 0); err != nil {
		w.problem("epoll: " + err.Error())
	}
}
