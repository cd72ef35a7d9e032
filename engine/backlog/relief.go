package backlog

import "github.com/gannet-io/gannet/frame"

// A relief is what a backlog has when it can do without some of its frames and has left some out (see frame.Flow).
//
// Where a frame is taken out its entry becomes a gap, so that nothing has to move: a frame without bytes. For a conn that
// wants notices the gap remembers how many frames are missing there and the mark of the last one, and turns into the
// flow's notice when its turn to leave comes; for others it just passes. Gaps of one flow with none of its frames in
// between are put together when they become many.
//
// While it conflates, an index finds the entry of a key: positions in an open hash table, 8 bytes a key at most, made when
// it begins and thrown away when it ends. A map would be ten times that, for each slow conn.
type relief struct {
	low        int // bytes at which conflating ends
	conflating bool
	index      []uint32 // 1 + position in all that was ever pushed; 0: unused
	used       int      // of index, entries that have left included
	gaps       int      // entries without frames
}

// Dropped counts frames that were left out.
type Dropped struct{ Frames, Bytes int }

func (d *Dropped) add(f *frame.Prepared) {
	d.Frames += f.Count()
	d.Bytes += f.Len()
}

// Relieve applies the policies of those frames that were pushed since it was called last, and returns what has been left
// out: conflated frames, for which a newer one of the same key waits, and the oldest of their flow. What has begun to leave
// stays. To be called after Advance has noted what of them has left already. Loop-only.
func (b *Backlog) Relieve() (conflated, oldest Dropped) {
	if b.judged < b.head {
		b.judged = b.head
	}
	for ; b.judged < len(b.frames); b.judged++ {
		flow, _, _ := b.frames[b.judged].frame.Flow()
		switch {
		case flow == nil:
		case flow.Policy == frame.DropOldest:
			if b.Cost() > flow.High {
				b.dropOldest(flow.Low, &oldest)
			}
		case b.relief != nil && b.relief.conflating:
			b.conflate(b.judged, &conflated)
		case b.Cost() > flow.High:
			b.beginConflating(flow.Low, &conflated)
		}
	}
	if r := b.relief; r != nil {
		b.endConflating()
		if r.gaps > 32 && r.gaps > (len(b.frames)-b.head)/2 {
			b.closeGaps()
		}
	}
	return conflated, oldest
}

// droppable returns the first entry of which nothing has left.
func (b *Backlog) droppable() int {
	if b.sent > 0 {
		return b.head + 1
	}
	return b.head
}

// relieve returns the relief, made when there was none.
func (b *Backlog) relieve() *relief {
	if b.relief == nil {
		b.relief = new(relief)
	}
	return b.relief
}

// drop takes the frame out of entry i, of which nothing has left.
func (b *Backlog) drop(i int, d *Dropped) {
	e := &b.frames[i]
	flow, _, mark := e.frame.Flow()
	d.add(e.frame)
	b.bytes -= e.frame.Len()
	b.count -= e.frame.Count()
	e.frame, e.mark, e.skipped = flow.Gap(), mark, 1
	b.relieve().gaps++
}

// dropOldest takes out the oldest frames that may go for being old, until what waits is low or only the newest is left.
func (b *Backlog) dropOldest(low int, d *Dropped) {
	for i := b.droppable(); i < b.judged && b.Cost() > low; i++ {
		if flow, _, _ := b.frames[i].frame.Flow(); flow != nil && flow.Policy == frame.DropOldest && !b.frames[i].gap() {
			b.drop(i, d)
		}
	}
}

// beginConflating makes the index of what has been judged so far and is being judged.
func (b *Backlog) beginConflating(low int, d *Dropped) {
	r := b.relieve()
	r.conflating, r.low = true, low
	b.reindex(d)
}

// endConflating ends it when what waits is low.
func (b *Backlog) endConflating() {
	if r := b.relief; r.conflating && b.Cost() <= r.low {
		r.conflating, r.index, r.used = false, nil, 0
	}
}

// reindex makes the index anew for all entries up to that which is being judged.
func (b *Backlog) reindex(d *Dropped) {
	r := b.relief
	size := 16
	for n := b.judged + 1 - b.head - r.gaps; size < 2*n; size *= 2 {
	}
	r.index, r.used = make([]uint32, size), 0
	for i := b.droppable(); i <= b.judged; i++ {
		b.conflate(i, d)
	}
}

// conflate enters entry i in the index, and takes out the one whose place it takes.
func (b *Backlog) conflate(i int, d *Dropped) {
	flow, key, _ := b.frames[i].frame.Flow()
	if flow == nil || flow.Policy != frame.Conflate || b.frames[i].gap() {
		return
	}
	r := b.relief
	if r.used >= len(r.index)/4*3 {
		b.reindex(d) // comes by here again
		return
	}
	mask := uint64(len(r.index) - 1)
	for at := spread(key) & mask; ; at = (at + 1) & mask {
		switch position := r.index[at]; {
		case position == 0:
			r.index[at] = b.position(i)
			r.used++
			return
		case b.is(position, flow, key):
			b.drop(int(position-1-b.base), d)
			r.index[at] = b.position(i)
			return
		}
	}
}

// spread distributes keys that differ in few bits.
func spread(key uint64) uint64 {
	key *= 0x9e3779b97f4a7c15
	return key >> 20
}

// position returns 1 + the number of entry i among all that were ever pushed, modulo 2^32.
func (b *Backlog) position(i int) uint32 { return b.base + uint32(i) + 1 }

// is reports whether a position is that of a waiting frame of a key, of which nothing has left.
func (b *Backlog) is(position uint32, flow *frame.Flow, key uint64) bool {
	i := int(int32(position - 1 - b.base))
	if i < b.droppable() || i >= len(b.frames) || b.frames[i].gap() {
		return false
	}
	f, k, _ := b.frames[i].frame.Flow()
	return f == flow && k == key
}

// gap reports whether nothing but the memory of a frame is there, or not even that.
func (e *entry) gap() bool { return e.frame.Len() == 0 }

// announce readies what is next to leave, size bytes of it: gaps become notices where those are wanted, and vanish
// from the front where they are not.
func (b *Backlog) announce(size int) {
	if b.relief == nil || b.relief.gaps == 0 {
		return
	}
	size += b.sent
	for i := b.head; i < len(b.frames) && size > 0; i++ {
		e := &b.frames[i]
		if e.gap() {
			b.tell(i)
		}
		size -= e.frame.Len()
	}
	b.skip()
}

// tell turns a gap into the notice of it, if there is one and it is wanted.
func (b *Backlog) tell(i int) {
	e := &b.frames[i]
	flow, _, _ := e.frame.Flow()
	if !b.Notices || flow.Notice == nil || e.skipped == 0 {
		return
	}
	b.absorb(i, flow)
	if f := flow.Notice(int(e.skipped), e.mark); f != nil {
		e.frame, e.skipped = f, 0
		b.bytes += f.Len()
		b.count += f.Count()
		b.relief.gaps--
	}
}

// absorbFrom is how far a gap looks for others to be told of with it.
const absorbFrom = 64

// absorb makes gap i stand for those that follow it, too, with no frame of the flow in between, and none that belongs to
// no flow: that may be a notice, or something else that must not change its place.
func (b *Backlog) absorb(i int, flow *frame.Flow) {
	e := &b.frames[i]
	for j := i + 1; j < min(i+absorbFrom, len(b.frames)); j++ {
		next := &b.frames[j]
		switch f, _, _ := next.frame.Flow(); {
		case f == nil, f == flow && !next.gap():
			return
		case f == flow && next.skipped > 0:
			e.skipped += next.skipped
			e.mark, next.skipped = next.mark, 0
		}
	}
}

// skip takes gaps that nobody is told of off the front. What waits behind one has waited since the frame that it stands for: a
// conn that reads nothing at all must not look young because all it has is replaced all the time.
func (b *Backlog) skip() {
	for b.head < len(b.frames) && b.frames[b.head].gap() {
		at := b.frames[b.head].at
		b.pop()
		if b.head < len(b.frames) {
			b.frames[b.head].inherit(at)
		}
	}
}

// pop takes the first entry out, which has left or is a gap.
func (b *Backlog) pop() {
	e := &b.frames[b.head]
	if e.gap() {
		b.relief.gaps--
	} else {
		b.count -= e.frame.Count()
	}
	*e = entry{}
	b.head++
}

// inherit makes e have waited since at, if that is longer ago.
func (e *entry) inherit(at uint32) {
	if int32(at-e.at) < 0 {
		e.at = at
	}
}

// closeGaps takes out the gaps that nobody is told of, and puts those together that absorb would. All entries are judged.
func (b *Backlog) closeGaps() {
	r := b.relief
	var open map[*frame.Flow]int // where the last gap of each flow is kept, while others may be put to it
	if b.Notices {
		open = make(map[*frame.Flow]int)
	}
	kept := b.frames[:b.head]
	waiting, inherits := uint32(0), false
	for _, e := range b.frames[b.head:] {
		flow, _, _ := e.frame.Flow()
		if e.gap() {
			before, ok := open[flow]
			told := b.Notices && flow.Notice != nil && e.skipped > 0
			if told && !ok {
				open[flow] = len(kept)
				kept = append(kept, e)
				continue
			}
			if told {
				kept[before].skipped += e.skipped
				kept[before].mark = e.mark
			}
			r.gaps--
			if !inherits || int32(e.at-waiting) < 0 {
				waiting, inherits = e.at, true
			}
			continue
		}
		if flow == nil {
			clear(open)
		} else {
			delete(open, flow)
		}
		if inherits {
			e.inherit(waiting)
			inherits = false
		}
		kept = append(kept, e)
	}
	clear(b.frames[len(kept):])
	b.frames = kept
	// Positions have changed.
	b.base, b.judged = 0, len(kept)-1
	if r.conflating {
		var none Dropped
		b.reindex(&none)
	}
	b.judged++
}
