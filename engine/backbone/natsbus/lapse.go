package natsbus

import (
	"errors"
	"time"
)

// lapses takes off the board who has been silent for longer than a lease, and clears away after those who are off it.
//
// An incarnation lives while its records come. To take it off is to write gone behind the last of them, on
// condition that it still is the last: so if it has written again meanwhile, it stays, and if it writes later, it is refused. All may try; the
// one that succeeds does it for everybody, at one place in the order. Who has not been able to write himself does not try: it may be
// himself who has heard nothing.
func (d *board) lapses() {
	b := d.bus
	if len(d.lost) > 0 && time.Now().After(d.waits) {
		for id := range d.lost {
			d.giveUp(id)
		}
	}
	seq, living := d.pen.living()
	if !living || seq > d.seq || len(d.live) > 0 {
		return
	}
	now := time.Now()
	self := d.selfID()
	rank := 0
	for _, m := range d.ordered() {
		silent := now.Sub(m.heard)
		if m.id == self {
			rank = 0
			break
		}
		if silent < b.config.Lease {
			rank++ // it is this one's to try first
		}
	}
	first := true
	for _, m := range d.ordered() {
		if m.id == self {
			continue
		}
		silent := now.Sub(m.heard)
		if silent < b.config.Lease && m.join < d.joinOf(self) {
			first = false
			rank++
		}
		if silent < b.config.Lease+time.Duration(min(rank, 10))*b.config.Lease/30 || now.Sub(d.claims[m.id]) < b.config.Lease/5 {
			continue
		}
		d.claims[m.id] = now
		d.claim(m.id, m.seq, silent > b.config.Lease+deposed)
	}
	if first {
		d.clear(now)
	}
}

func (d *board) joinOf(id string) uint64 {
	if m := d.members[id]; m != nil {
		return m.join
	}
	return 0
}

// claim tries to take an incarnation off the board whose last record is the one with the sequence seq. With sure, it is believed when nothing is left of
// it: no deposed leader would say so for that long.
func (d *board) claim(id string, seq uint64, sure bool) {
	b := d.bus
	b.goes(func() {
		subject := b.boardSubject(id)
		at, err := acked(b.requests.do(write(subject, seq, (&record{kind: gone}).append(nil)), attempt))
		if err == nil {
			b.log.Warn("a node was silent for too long and is off the board", "incarnation", id)
			d.reach(at)
			return
		}
		if !conflict(err) {
			return
		}
		// It lives, or another has done it, long ago even: then nothing is left of it.
		if _, err := b.lastOf(b.boardStream(), subject); sure && errors.Is(err, errNone) {
			if forgot, err := d.forgot(); err == nil && !forgot {
				d.post(func() {
					if m := d.members[id]; m != nil && m.seq == seq {
						d.gone(m)
					}
				})
				return
			}
		}
		d.suspect()
	})
}

// clear removes what those have left who are gone; the one that has been on the board longest does. To do it twice is no harm.
func (d *board) clear(now time.Time) {
	b := d.bus
	for id, dead := range d.dead {
		subject := b.boardSubject(id)
		switch {
		case now.Sub(dead.at) > deathKept:
			delete(d.dead, id)
			b.goes(func() { b.purge(b.boardStream(), subject, 0) })
		case !dead.purged:
			dead.purged = true
			d.dead[id] = dead
			seq := dead.seq
			b.goes(func() { b.purge(b.boardStream(), subject, seq) })
		}
	}
}
