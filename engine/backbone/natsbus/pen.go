package natsbus

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/gannet-io/gannet/engine/backbone"
)

// A pen writes what this node has to the board, and that it lives. One record is under way at a time; what is put meanwhile goes together into
// the next. Every record is on condition that the one before is still the incarnation's last, which is the fence: an
// incarnation that was taken off the board can write no more.
type pen struct {
	bus   *Bus
	board *board

	wake    chan struct{} // has room for one
	done    chan struct{}
	stopped chan struct{}
	running bool
	kept    time.Duration // wholeKept, but in tests

	mu     sync.Mutex
	self   backbone.Node
	before string // the last incarnation that was told
	active bool   // Rejoin is being told, or was
	closed bool

	join   uint64 // sequence of its joined
	number uint64 // of the last record written
	seq    uint64 // the same, in the stream

	queue  []*putting
	settle bool // is to be written

	// What a whole is made of.
	have      map[string][]byte
	haveBytes int
	written   int // bytes since the last whole, and something for each record

	ack    time.Time // when a record was last seen to be written
	steady time.Time // since when that has been so without a longer pause
}

type putting struct {
	entries []backbone.Entry
	bytes   int
	done    chan struct{}
	err     error
}

// Bounds of entries, by the contract.
const (
	maxKey   = 1 << 10
	maxValue = 64 << 10
)

const (
	recordBytes = 256 << 10 // of entries that go into one record
	recordCost  = 64        // what a record costs whoever reads it, in bytes of entries
	wholeBytes  = 64 << 10  // that have to be written before a whole is worth it
)

// leavePatience is for how long a node tries to say that it leaves. Otherwise the others find out by its lease.
const leavePatience = 2 * time.Second

// wholeKept is for how long records remain that a whole has made superfluous, so that nobody who is merely slow misses what he was to be told.
const wholeKept = 2 * time.Minute

func newPen(b *Bus, d *board) *pen {
	return &pen{bus: b, board: d, wake: make(chan struct{}, 1), done: make(chan struct{}), stopped: make(chan struct{}), kept: wholeKept}
}

// begin takes a new incarnation, which is not on the board yet. What was put before is void.
func (p *pen) begin() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.active {
		p.before = p.self.ID
	}
	p.active, p.settle = false, false
	p.self = backbone.Node{ID: newID(16), Name: p.bus.config.Name, Since: time.Unix(0, time.Now().UnixNano())}
	p.join, p.number, p.seq = 0, 0, 0
	p.have, p.haveBytes, p.written = make(map[string][]byte), 0, 0
	p.void(backbone.ErrUnavailable)
}

// void ends what waits. Under mu.
func (p *pen) void(err error) {
	for _, q := range p.queue {
		q.end(p.bus, err)
	}
	p.queue = nil
}

func (q *putting) end(b *Bus, err error) {
	q.err = err
	close(q.done)
	b.out.bytes.Add(-int64(q.bytes))
}

func (p *pen) node() backbone.Node {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.self
}

// joining reports whether id is the incarnation that is to be activated.
func (p *pen) joining(id string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.active && p.self.ID == id
}

// activate has entries taken from now on.
func (p *pen) activate() {
	p.mu.Lock()
	p.active = true
	p.mu.Unlock()
	p.poke()
}

func (p *pen) poke() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// Put writes entries to the board.
func (b *Bus) Put(entries []backbone.Entry) (wait func() error) {
	if len(entries) == 0 {
		return nil
	}
	if err := b.refusal(); err != nil {
		return failure(err)
	}
	q := &putting{entries: entries, done: make(chan struct{})}
	for _, e := range entries {
		if len(e.Key) > maxKey || len(e.Value) > maxValue {
			return failure(backbone.ErrTooLarge)
		}
		q.bytes += entryBytes(e)
	}
	if b.out.full() {
		return failure(backbone.ErrFull)
	}
	p := b.board.pen
	p.mu.Lock()
	if !p.active || p.closed {
		p.mu.Unlock()
		return failure(backbone.ErrUnavailable)
	}
	b.out.bytes.Add(int64(q.bytes))
	p.queue = append(p.queue, q)
	p.mu.Unlock()
	p.poke()
	return func() error {
		timer := time.NewTimer(backbone.PatienceMax)
		defer timer.Stop()
		select {
		case <-q.done:
			return q.err
		case <-timer.C:
			return backbone.ErrUnknown
		}
	}
}

// Settled says that everything is on the board again.
func (b *Bus) Settled() {
	p := b.board.pen
	p.mu.Lock()
	p.settle = p.before != ""
	p.mu.Unlock()
	p.poke()
}

// renewal is how often an incarnation shows that it lives, at least.
func (p *pen) renewal() time.Duration { return p.bus.config.Lease / 5 }

// run writes until close.
func (p *pen) run() {
	defer close(p.stopped)
	timer := time.NewTimer(p.renewal())
	for {
		select {
		case <-p.done:
			return
		case <-p.wake:
		case <-timer.C:
		}
		for p.turn() {
		}
		p.mu.Lock()
		next := p.renewal() - time.Since(p.ack)
		p.mu.Unlock()
		timer.Reset(max(next, p.renewal()/10))
	}
}

// turn writes one record, or a whole, and reports whether there is more to do at once.
func (p *pen) turn() bool {
	p.mu.Lock()
	if !p.active || p.isDone() {
		p.mu.Unlock()
		return false
	}
	id := p.self.ID
	if p.written > max(wholeBytes, 2*(p.haveBytes+recordCost)) {
		parts := p.whole()
		p.mu.Unlock()
		p.writeWhole(id, parts)
		return true
	}
	var taken []*putting
	r := &record{kind: changed}
	for size := 0; len(p.queue) > 0; {
		q := p.queue[0]
		if size += q.bytes; size > recordBytes && len(taken) > 0 {
			break
		}
		taken = append(taken, q)
		r.entries = append(r.entries, q.entries...)
		p.queue = p.queue[1:]
	}
	switch {
	case len(taken) > 0:
	case p.settle:
		p.settle = false
		r.kind = settled
	case time.Since(p.ack) < p.renewal()*9/10:
		p.mu.Unlock()
		return false
	}
	p.mu.Unlock()

	ok := true
	for rest := r.entries; ok; {
		// A put that is larger than a record may be takes several. They are in order, and nobody is told that the first is all.
		n, size := 0, 0
		for n < len(rest) && (n == 0 || size+entryBytes(rest[n]) <= 2*recordBytes) {
			size += entryBytes(rest[n])
			n++
		}
		r.entries, rest = rest[:n], rest[n:]
		if ok = p.write(id, r) == nil; len(rest) == 0 {
			break
		}
	}
	outcome := error(nil)
	if !ok {
		outcome = backbone.ErrUnknown
	}
	for _, q := range taken {
		q.end(p.bus, outcome)
	}
	return ok
}

func (p *pen) isDone() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// errFenced says that an incarnation is not this node's any more.
var errFenced = errors.New("fenced")

// write writes the next record of an incarnation, however long it takes, unless that is fenced or the node closes.
func (p *pen) write(id string, r *record) error {
	b := p.bus
	p.mu.Lock()
	if p.self.ID != id {
		p.mu.Unlock()
		return errFenced
	}
	last := p.seq
	if r.kind != gone {
		r.number = p.number + 1
	}
	p.mu.Unlock()
	data := r.append(nil)
	subject := b.boardSubject(id)
	patience := min(attempt, p.renewal())
	begin := time.Now()
	for try := 0; ; try++ {
		seq, err := acked(b.requests.do(write(subject, last, data), patience))
		if conflict(err) {
			if seq, err = p.found(subject, last, data); err == errFenced {
				return p.fenced(id)
			}
		}
		if err == nil {
			p.wrote(id, r, seq, len(data))
			return nil
		}
		if try%8 == 4 {
			b.log.Debug("the board cannot be written", "error", err)
			if b.health.isConnected() {
				b.remake()
			}
		}
		select {
		case <-p.done:
			if r.kind != gone || time.Since(begin) > leavePatience {
				return err
			}
		default:
		}
		p.mu.Lock()
		same := p.self.ID == id
		p.mu.Unlock()
		if !same {
			return errFenced
		}
		p.pause(r.kind == gone)
	}
}

// pause waits a moment before the next try, unless the node closes and it is not that which is written.
func (p *pen) pause(leaving bool) {
	done := p.done
	if leaving {
		done = nil
	}
	select {
	case <-done:
	case <-time.After(20*time.Millisecond + rand.N(40*time.Millisecond)):
	}
}

// found looks whether a record that was refused had been written by an earlier try. errFenced: something else stands in its place, or nothing is left of
// the incarnation. Any other error is no answer, above all that an earlier try is still under way, or never will be.
func (p *pen) found(subject string, last uint64, data []byte) (uint64, error) {
	stream := p.bus.boardStream()
	k, err := p.bus.nextOf(stream, subject, last+1)
	if err == nil && bytes.Equal(k.data, data) {
		return k.seq, nil
	}
	if err == nil {
		return 0, errFenced
	}
	if !errors.Is(err, errNone) {
		return 0, err
	}
	k, err = p.bus.lastOf(stream, subject)
	switch {
	case errors.Is(err, errNone) && last == 0, err == nil && k.seq == last:
		return 0, errors.New("an earlier try is under way")
	case err == nil && k.seq < last:
		p.board.suspect()
		return 0, errShort
	case err == nil, errors.Is(err, errNone):
		return 0, errFenced
	}
	return 0, err
}

// wrote takes note of a record that is on the board.
func (p *pen) wrote(id string, r *record, seq uint64, size int) {
	now := time.Now()
	p.mu.Lock()
	if p.self.ID == id && r.kind != gone {
		p.number, p.seq = r.number, seq
		if now.Sub(p.ack) > p.renewal()*5/2 {
			p.steady = now
		}
		p.ack = now
		if r.kind == changed {
			for _, e := range r.entries {
				p.remember(e)
			}
		}
		p.written += size + recordCost
	}
	p.mu.Unlock()
	b := p.bus
	b.counts.out.Add(1)
	b.counts.bytesOut.Add(uint64(size))
	p.board.reach(seq)
	b.health.acked()
}

// remember keeps an entry as it stands. Under mu.
func (p *pen) remember(e backbone.Entry) {
	if old, ok := p.have[e.Key]; ok {
		p.haveBytes -= len(e.Key) + len(old) + 8
		delete(p.have, e.Key)
	}
	if e.Value != nil {
		p.have[e.Key] = e.Value
		p.haveBytes += entryBytes(e)
	}
}

// whole makes the parts of a whole. Under mu.
func (p *pen) whole() []*record {
	var parts []*record
	size := recordBytes
	for key, value := range p.have {
		e := backbone.Entry{Key: key, Value: value}
		if size += entryBytes(e); size > recordBytes {
			parts = append(parts, &record{kind: whole})
			size = entryBytes(e)
		}
		last := parts[len(parts)-1]
		last.entries = append(last.entries, e)
	}
	if len(parts) == 0 {
		parts = []*record{{kind: whole}}
	}
	for _, r := range parts {
		r.since, r.name, r.before, r.join = p.self.Since, p.self.Name, p.before, p.join
	}
	parts[0].first, parts[len(parts)-1].last = true, true
	return parts
}

// writeWhole writes a whole, and has what came before it removed after a while.
func (p *pen) writeWhole(id string, parts []*record) {
	first := uint64(0)
	for i, r := range parts {
		if p.write(id, r) != nil {
			return
		}
		if i == 0 {
			p.mu.Lock()
			first = p.seq
			p.mu.Unlock()
		}
	}
	p.mu.Lock()
	p.written = 0
	p.mu.Unlock()
	b := p.bus
	b.after(p.kept, func() { b.purge(b.boardStream(), b.boardSubject(id), first) })
}

// joinBoard writes that a new incarnation is there, and returns the sequence of that.
func (p *pen) joinBoard() (uint64, error) {
	p.mu.Lock()
	self, before := p.self, p.before
	p.mu.Unlock()
	r := &record{kind: joined, since: self.Since, name: self.Name, before: before}
	if err := p.write(self.ID, r); err != nil {
		return 0, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.join = p.seq
	return p.seq, nil
}

// fenced finds out why a record was refused, and takes a new incarnation if this one has been taken off the board.
func (p *pen) fenced(id string) error {
	forgot, err := p.board.forgot()
	if err != nil || forgot {
		// The reader of the board begins again, and this pen with it.
		p.board.suspect()
		select {
		case <-p.done:
		case <-time.After(50 * time.Millisecond):
		}
		return errFenced
	}
	p.mu.Lock()
	same := p.self.ID == id
	p.mu.Unlock()
	if !same {
		return errFenced
	}
	p.bus.log.Warn("this node was taken off the board, it was silent for too long; it joins again", "incarnation", id)
	for {
		p.begin()
		if _, err := p.joinBoard(); err == nil || p.isDone() {
			return errFenced
		}
	}
}

// living reports whether this node has been able to write for a while, and so may judge others; and up to which sequence it has to have read.
func (p *pen) living() (seq uint64, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	return p.seq, p.active && now.Sub(p.ack) < 2*p.renewal() && now.Sub(p.steady) > p.renewal()*3/2
}

// leave takes this node off the board.
func (p *pen) leave() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	close(p.done)
	if !p.running {
		return
	}
	<-p.stopped
	p.mu.Lock()
	active := p.active
	p.mu.Unlock()
	if active {
		p.write(p.node().ID, &record{kind: gone})
	}
	p.mu.Lock()
	p.void(backbone.ErrUnavailable)
	p.mu.Unlock()
}

// waiting returns how many entries wait.
func (p *pen) waiting() (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, q := range p.queue {
		n += len(q.entries)
	}
	return n
}
