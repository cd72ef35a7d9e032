// Package backlog holds the outgoing frames of one connection whose socket is full.
//
// A healthy connection has no backlog: its frames go straight to the kernel. When a send
// comes up short, the loop gives the connection a Backlog, which keeps references to the
// shared frames (never copies), knows how much of the first one has left already, and says
// when the connection has fallen too far behind, by bytes or by age. What to do about it is
// the loop's business, and in the end a rule of the channel.
//
// A Backlog has no lock and reads no clock: it belongs to one loop, which passes the time in
// ticks of its own.
package backlog

import "github.com/gannet-io/gannet/frame"

// A Backlog is a queue of frames in the order in which they must leave. The zero value is
// an empty queue.
type Backlog struct {
	// Notices says that the conn is to be told of frames that are left out. Set by the owner.
	Notices bool

	frames []entry // frames[head:] are waiting
	head   int
	sent   int             // bytes of the first frame that have left
	count  int             // frames that wait, those of frame.Concat each
	bytes  int             // bytes that have not
	pong   *frame.Prepared // of PushPong; it may have left

	judged int     // frames[:judged] have been through Relieve
	base   uint32  // how many frames were taken off the slice before frames[0], modulo 2^32
	relief *relief // what is left out; nil while nothing was

	held   []byte // leave before all frames, as they are
	heldAt uint32 // when held was empty last
}

// An entry is a frame, or a gap: see relief.
type entry struct {
	frame   *frame.Prepared
	at      uint32
	skipped uint32 // frames that a gap stands for; 0: none, or they have been told of
	mark    uint64 // of the last of those
}

// entryBytes is what a waiting frame costs beside its own bytes: the entry, its share of the
// slice's growth, and a frame that nobody shares.
const entryBytes = 64

// gapBytes is what is left of that when the frame is gone.
const gapBytes = 24

// Limits bound a backlog. A zero field sets no bound.
type Limits struct {
	Bytes int    // unsent bytes, frame headers and 64 more for each frame included
	Age   uint32 // ticks that the oldest frame may wait
}

// Push adds a frame that arrived at tick now; of several in one piece each by itself, if any of them may have to be left
// out. Loop-only.
func (b *Backlog) Push(f *frame.Prepared, now uint32) {
	if parts := f.Parts(); parts != nil {
		for _, part := range parts {
			b.Push(part, now)
		}
		return
	}
	if b.head > 0 && len(b.frames) == cap(b.frames) {
		n := copy(b.frames, b.frames[b.head:])
		clear(b.frames[n:])
		b.base += uint32(b.head)
		b.judged = max(b.judged-b.head, 0)
		b.frames, b.head = b.frames[:n], 0
	}
	b.frames = append(b.frames, entry{frame: f, at: now})
	b.bytes += f.Len()
	b.count += f.Count()
}

// PushPong adds the answer to a ping at tick now, in the place of the one before if that waits still: only the latest
// ping needs an answer (RFC 6455 §5.5.3). Control frames may go between others as they like. Loop-only.
func (b *Backlog) PushPong(f *frame.Prepared, now uint32) {
	before := b.pong
	b.pong = f
	for i := len(b.frames) - 1; before != nil && i >= b.head; i-- {
		if b.frames[i].frame != before {
			continue
		}
		if i == b.head && b.sent > 0 {
			break // it has left in part
		}
		b.frames[i].frame = f
		b.bytes += f.Len() - before.Len()
		return
	}
	b.Push(f, now)
}

// Hold keeps raw, bytes of frames that count as sent although the socket did not take them: a
// layer between has wrapped them and cannot take that back. They leave before everything else
// and behind what is held already. raw is borrowed. Loop-only.
func (b *Backlog) Hold(raw []byte, now uint32) {
	if len(b.held) == 0 {
		b.heldAt = now
	}
	b.held = append(b.held, raw...)
}

// Held returns the bytes that must leave first. Nobody may take frames out before they have.
// Borrowed until the next call of any method. Loop-only.
func (b *Backlog) Held() []byte { return b.held }

// Release notes that the first n of the held bytes have left. Loop-only.
func (b *Backlog) Release(n int) {
	if b.held = b.held[n:]; len(b.held) == 0 {
		b.held = nil
	}
}

// Bytes returns how many bytes have not left yet, held ones included. Loop-only.
func (b *Backlog) Bytes() int { return b.bytes + len(b.held) }

// Frames returns how many frames wait, one that has left in part included. Those put together
// by frame.Concat wait and leave together. Loop-only.
func (b *Backlog) Frames() int { return b.count }

// Empty reports whether nothing waits. Loop-only.
func (b *Backlog) Empty() bool { return b.head == len(b.frames) && len(b.held) == 0 }

// none reports whether no frame waits.
func (b *Backlog) none() bool { return b.head == len(b.frames) }

// Cost returns what the backlog counts as: its bytes, and something for each frame, or a flood of
// two-byte pongs would hold many times the limit. Loop-only.
func (b *Backlog) Cost() int {
	cost := b.Bytes() + (len(b.frames)-b.head)*entryBytes
	if b.relief != nil {
		cost -= b.relief.gaps * (entryBytes - gapBytes) // nobody else pays for their frames
	}
	return cost
}

// Over reports whether the backlog exceeds a limit at tick now. Loop-only.
func (b *Backlog) Over(l Limits, now uint32) bool {
	return !b.Empty() && (l.Bytes > 0 && b.Cost() > l.Bytes || l.Age > 0 && b.Age(now) > int32(l.Age))
}

// Age returns for how many ticks the oldest of what waits has done so at tick now; 0 when nothing does. Loop-only.
func (b *Backlog) Age(now uint32) int32 {
	switch {
	case len(b.held) > 0:
		return int32(now - b.heldAt)
	case b.none():
		return 0
	}
	return int32(now - b.frames[b.head].at)
}

// Next returns bytes to send next: the rest of the first frame when it does not fit into scratch
// or the only one, else as many whole frames as fit into scratch, copied there so
// that they leave in one call. The result is borrowed until the next call of any method.
// It is nil when the backlog is empty. Loop-only.
func (b *Backlog) Next(scratch []byte) []byte {
	b.announce(len(scratch))
	if b.none() {
		return nil
	}
	first := b.frames[b.head].frame.Bytes()[b.sent:]
	if b.head == len(b.frames)-1 || len(first) >= len(scratch) {
		return first
	}
	n := copy(scratch, first)
	for _, e := range b.frames[b.head+1:] {
		if n+e.frame.Len() > len(scratch) {
			break
		}
		n += copy(scratch[n:], e.frame.Bytes())
	}
	return scratch[:n]
}

// Advance notes that n more bytes have left. n is at most what Next returned. Loop-only.
func (b *Backlog) Advance(n int) {
	b.bytes -= n
	n += b.sent
	for !b.none() {
		e := &b.frames[b.head]
		size := e.frame.Len()
		if n < size || n == 0 && e.gap() && e.skipped > 0 {
			break
		}
		n -= size
		b.pop()
	}
	b.sent = n
	if b.none() {
		b.base += uint32(len(b.frames))
		b.frames, b.head, b.sent, b.judged = b.frames[:0], 0, 0, 0
	}
	if b.relief != nil {
		b.endConflating()
	}
}

// Truncate drops every frame of which nothing has left, and returns how many frames and
// bytes those were. A frame that has left in part stays: cutting it would corrupt the
// stream, and the close frame that follows could not be read. Loop-only.
func (b *Backlog) Truncate() (frames, bytes int) {
	keep := b.head
	if b.sent > 0 {
		keep++
	}
	for i := keep; i < len(b.frames); i++ {
		e := &b.frames[i]
		if e.gap() {
			b.relief.gaps--
			continue
		}
		frames += e.frame.Count()
		bytes += e.frame.Len()
	}
	clear(b.frames[keep:])
	b.frames = b.frames[:keep]
	b.bytes -= bytes
	b.count -= frames
	b.judged = min(b.judged, keep)
	return frames, bytes
}
