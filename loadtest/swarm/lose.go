//go:build linux

package swarm

// lose ends a conn, whoever wanted it, and accounts for it. An empty reason has been counted.
func (w *worker) lose(slot int32, reason string) {
	c := &w.conns[slot]
	was := c.state
	if was == stateFree {
		return
	}
	if was == stateLeaving {
		reason = "" // as planned, however it went
	}
	if reason != "" && c.role != roleREST {
		w.problem(reason)
	}
	who := c.role
	w.release(slot)
	switch who {
	case roleSubscriber:
		if was == stateLive {
			w.counts.Dropped++
			return
		}
		w.counts.Failed++
		w.opening--
	case roleDeaf:
		if was != stateLive { // nobody looks after one that is
			w.counts.Failed++
			w.opening--
		}
	case roleChurner:
		switch was {
		case stateLive:
			w.counts.Cut++
		case stateLeaving:
			w.counts.Departed++
		default:
			w.counts.Rejected++
		}
	case roleSpeaker, roleREST:
		w.publisherLost(slot, was, reason)
	}
}

// tidy looks after what has no event of its own: conns that do not get anywhere, silence that
// wants a ping, windows that got stuck.
func (w *worker) tidy(now int64) {
	seconds := w.seconds(now)
	for slot := range w.conns {
		c := &w.conns[slot]
		switch c.state {
		case stateFree:
		case stateConnecting, stateShaking, stateOpening, stateUpgraded, stateGreeted:
			if now-c.due > int64(openTimeout) {
				w.lose(int32(slot), "no subscription within "+openTimeout.String())
			}
		case stateLeaving:
			if seconds-c.heard > 5 {
				w.lose(int32(slot), "")
			}
		case stateLive:
			if c.role != roleREST && c.role != roleDeaf && seconds-c.heard >= w.activity {
				c.heard = seconds // one ping an activity timeout
				if w.text = w.dialect.appendPing(w.text[:0]); len(w.text) > 0 {
					w.transmit(int32(slot), w.text)
				}
			}
		}
	}
	if w.plan.Saturate {
		w.unstall(now)
	}
}
