//go:build linux

package swarm

import "math"

// churnRoom returns how many churning conns a worker may have at once: those that the plan makes
// stay, as many again that are coming or going, and some.
func (w *worker) churnRoom() int {
	if w.plan.ChurnRate == 0 {
		return 0
	}
	share := w.plan.ChurnRate / float64(w.plan.Crew())
	return min(64+int(math.Ceil(2*share*(w.plan.ChurnHold.Seconds()+1))), 15_000)
}

// beginChurn sets the first arrival.
func (w *worker) beginChurn() {
	if w.plan.ChurnRate > 0 {
		w.churned = uint64(w.index)
		w.nextArrival()
	}
}

func (w *worker) nextArrival() {
	at := w.begin.At + int64(w.plan.ChurnDue(w.churned))
	if at < w.until {
		w.tasks.push(task{at: at, do: dutyArrive})
	}
}

// arrive opens the churning conn that was due at a time.
func (w *worker) arrive(due int64) {
	number := w.churned
	w.churned += uint64(w.plan.Crew())
	w.nextArrival()
	last := len(w.free) - 1
	if last < 0 {
		w.counts.Abandoned++
		return
	}
	slot := w.free[last]
	w.free = w.free[:last]
	w.conns[slot].who = int32(number & math.MaxInt32)
	w.open(slot, due)
}

// settleChurn counts, at the end, the churning conns that fell due in the window and were never
// begun, because the worker had no processor. It is with them as with messages: one that is left
// out would be left out of what the reader blames on the server.
func (w *worker) settleChurn() {
	if w.begin == nil || w.plan.ChurnRate == 0 {
		return
	}
	end := min(w.until, w.clock.now()) - w.begin.At
	for n := w.churned; int64(w.plan.ChurnDue(n)) < end; n += uint64(w.plan.Crew()) {
		w.counts.Abandoned++
	}
}

// arrived notes that a churning conn is subscribed, and when it is to leave.
func (w *worker) arrived(slot int32, now int64) {
	c := &w.conns[slot]
	w.counts.Arrivals++
	if c.due >= w.from && c.due < w.until {
		w.joined.Record(now - c.due)
	}
	w.tasks.push(task{at: now + int64(w.plan.ChurnHold), do: dutyLeave, slot: slot, mark: c.mark})
}

// leave closes a churning conn as a browser does: with a close frame, leaving the last word on TCP
// to the server. So the ports in TIME_WAIT are not ours.
func (w *worker) leave(slot int32, mark uint32, now int64) {
	c := &w.conns[slot]
	if c.mark != mark || c.state != stateLive {
		return
	}
	c.state = stateLeaving
	c.heard = w.seconds(now)
	w.text = appendFrame(w.text[:0], opClose, []byte{1000 >> 8, 1000 & 0xff})
	w.transmit(slot, w.text)
}
