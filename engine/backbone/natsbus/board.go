package natsbus

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/gannet-io/gannet/engine/backbone"
)

// A board reads the board and tells of it. All that is told comes from run's goroutine, in the order of the stream's sequences; the pen writes.
//
// What is new comes live, republished by the stream's leader. Sequences have no holes but where records were removed, so what did
// not come is seen by the next record, at the latest by the node's own, since that one's sequence is known; then it is fetched.
type board struct {
	bus     *Bus
	pen     *pen
	live    chan *nats.Msg
	wake    chan struct{} // has room for one
	done    chan struct{}
	stopped chan struct{}
	running bool
	sub     atomic.Pointer[nats.Subscription]
	reading string // epoch of the board that is being read; set by start, then owned by run

	// Owned by run.
	seq     uint64             // of the last record told
	members map[string]*member // by incarnation, and those of which something is missing
	dead    map[string]death
	lost    map[string]*member   // told before the board lost its memory, and not yet replaced
	waits   time.Time            // until when lost are waited for
	claims  map[string]time.Time // when they were last tried to be taken off

	mu     sync.Mutex
	epoch  string          // of the board; set by start before there are others
	shown  []backbone.Node // for Status, by ID
	self   backbone.Node
	target uint64 // there is a record of this sequence, at least
	look   bool   // whether the board has lost its memory is to be looked at
	posted []func()
	told   uint64    // seq, for any goroutine
	short  time.Time // since when the board has been seen to end before told
}

// A member is an incarnation as run knows it.
type member struct {
	node    backbone.Node
	id      string
	before  string
	number  uint64 // of its last record
	seq     uint64 // the same, in the stream
	join    uint64 // sequence of its first one
	heard   time.Time
	told    bool // Up was
	loading bool // records are missing, until the next whole
	entries map[string][]byte
	keys    []string // of entries, in their order; while loading
}

// A death is a gone that has been read.
type death struct {
	seq    uint64
	at     time.Time
	purged bool
}

const (
	boardQueue = 16 << 10
	epochName  = "~"       // in place of an incarnation
	deathKept  = time.Hour // so that who was away can read of it
)

func newBoard(b *Bus) *board {
	d := &board{
		bus: b, live: make(chan *nats.Msg, boardQueue), wake: make(chan struct{}, 1), done: make(chan struct{}), stopped: make(chan struct{}),
		members: make(map[string]*member), dead: make(map[string]death), lost: make(map[string]*member), claims: make(map[string]time.Time),
	}
	d.pen = newPen(b, d)
	return d
}

func (b *Bus) boardSubject(id string) string { return b.config.Prefix + ".b." + id }
func (b *Bus) boardNews(id string) string    { return b.config.Prefix + ".n." + id }

// start puts this node on the board and tells all that is on it.
func (d *board) start(until func() error) error {
	b := d.bus
	sub, err := b.conn.ChanSubscribe(b.boardNews(">"), d.live)
	if err != nil {
		return fmt.Errorf("natsbus: board: %w", err)
	}
	d.sub.Store(sub)
	for {
		if d.epoch, err = d.readEpoch(true); err == nil {
			d.reading = d.epoch
			break
		}
		if stop := until(); stop != nil {
			return fmt.Errorf("natsbus: board: %w; and then: %w", err, stop)
		}
		time.Sleep(50 * time.Millisecond)
	}
	d.pen.begin()
	for {
		var seq uint64
		if seq, err = d.pen.joinBoard(); err == nil {
			if err = d.load(seq); err == nil {
				break
			}
		}
		if stop := until(); stop != nil {
			return fmt.Errorf("natsbus: board: %w; and then: %w", err, stop)
		}
		time.Sleep(50 * time.Millisecond)
	}
	d.running, d.pen.running = true, true
	go d.run()
	go d.pen.run()
	return nil
}

// readEpoch reads the epoch of the board from its leader. With begin it makes one when there is none.
func (d *board) readEpoch(begin bool) (string, error) {
	b := d.bus
	k, err := b.lastOf(b.boardStream(), b.boardSubject(epochName))
	if err == nil {
		return string(k.data), nil
	}
	if !errors.Is(err, errNone) || !begin {
		return "", err
	}
	epoch := backbone.BoardEpoch(time.Now())
	if _, err := acked(b.requests.do(write(b.boardSubject(epochName), 0, []byte(epoch)), attempt)); err != nil {
		return "", err
	}
	return epoch, nil
}

// load reads all of the board up to this node's own joined, at upTo, and tells it.
func (d *board) load(upTo uint64) error {
	d.seq, d.members, d.dead = 0, make(map[string]*member), make(map[string]death)
	err := d.bus.readUpTo(d.bus.boardStream(), d.bus.boardSubject(">"), 1, upTo, func(k kept) { d.apply(k, false) })
	if err != nil {
		return err
	}
	if d.seq < upTo {
		return errors.New("the end of the board is missing")
	}
	// What is missing of an incarnation has been removed while it was read, and stands behind upTo once more.
	for patience := 0; slices.ContainsFunc(d.ordered(), func(m *member) bool { return m.loading }); patience++ {
		if patience == 100 {
			return errors.New("entries of an incarnation are missing")
		}
		last, err := d.bus.nextOf(d.bus.boardStream(), d.bus.boardSubject(">"), d.seq+1)
		if errors.Is(err, errNone) {
			time.Sleep(20 * time.Millisecond)
			continue
		}
		if err != nil {
			return err
		}
		d.apply(last, false)
	}
	d.pen.activate()
	d.at()
	for _, m := range d.ordered() {
		m.heard = time.Now()
		d.giveUp(m.id) // the board has lost some of its memory: this one is known, but not what it has
		d.up(m)
	}
	d.rejoin()
	return nil
}

// ordered returns the members in the order in which they came.
func (d *board) ordered() []*member {
	all := make([]*member, 0, len(d.members))
	for _, m := range d.members {
		all = append(all, m)
	}
	slices.SortFunc(all, func(x, y *member) int { return cmp.Compare(x.join, y.join) })
	return all
}

// up tells of a member with all its entries, which it need not remember any longer.
func (d *board) up(m *member) {
	sink := d.bus.sink
	m.told = true
	d.show()
	sink.Up(m.node)
	for _, key := range m.keys {
		if value := m.entries[key]; value != nil {
			sink.Changed(m.id, backbone.Entry{Key: key, Value: value})
			d.bus.counts.entries.Add(1)
			m.entries[key] = nil
		}
	}
	m.entries, m.keys = nil, nil
}

// at tells the Sink where the record is that is read.
func (d *board) at() { d.bus.sink.At(backbone.Place{Epoch: d.reading, Number: d.seq}) }

func (d *board) rejoin() {
	self := d.pen.node()
	d.mu.Lock()
	d.self = self
	d.mu.Unlock()
	d.bus.health.acked()
	d.bus.sink.Rejoin(self)
}

// show makes what Status says of the board.
func (d *board) show() {
	var all []backbone.Node
	for _, m := range d.members {
		if m.told {
			all = append(all, m.node)
		}
	}
	for _, m := range d.lost {
		all = append(all, m.node)
	}
	slices.SortFunc(all, func(x, y backbone.Node) int { return cmp.Compare(x.ID, y.ID) })
	d.mu.Lock()
	d.shown = all
	d.mu.Unlock()
}

// run reads until close.
func (d *board) run() {
	defer close(d.stopped)
	tick := time.NewTicker(max(d.bus.config.Lease/30, 10*time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-d.done:
			return
		case m := <-d.live:
			seq, at := place(m)
			d.take(kept{m.Header.Get("Nats-Subject"), seq, at, m.Data})
			d.bus.counts.in.Add(1)
			d.bus.counts.bytesIn.Add(uint64(len(m.Data)))
		case <-d.wake:
			d.mu.Lock()
			posted := d.posted
			d.posted = nil
			d.mu.Unlock()
			for _, f := range posted {
				f()
			}
			d.catchUp()
		case <-tick.C:
			d.catchUp()
			d.lapses()
		}
	}
}

// take tells of a record that came live, after those that should have come before it.
func (d *board) take(k kept) {
	if k.seq <= d.seq {
		// Fetched before it came; or the board has lost its memory and counts anew, which the pen will find out, too.
		d.suspect()
		return
	}
	if k.seq > d.seq+1 && d.fetch(k.seq-1) != nil {
		d.reach(k.seq)
		return
	}
	if k.seq > d.seq {
		d.apply(k, true)
	}
}

// fetch tells of the records up to a sequence.
func (d *board) fetch(upTo uint64) error {
	select {
	case <-d.done:
		return errors.New("closed")
	default:
	}
	return d.bus.readUpTo(d.bus.boardStream(), d.bus.boardSubject(">"), d.seq+1, upTo, func(k kept) {
		if k.seq > d.seq {
			d.apply(k, true)
		}
	})
}

// reach says that there is a record of a sequence. Any goroutine.
func (d *board) reach(seq uint64) {
	d.mu.Lock()
	d.target = max(d.target, seq)
	d.mu.Unlock()
}

// suspect has looked at whether the board has lost its memory. Any goroutine.
func (d *board) suspect() {
	d.mu.Lock()
	d.look = true
	d.mu.Unlock()
	d.poke()
}

// lag says that records may have been dropped. Any goroutine.
func (d *board) lag() { d.suspect() }

func (d *board) poke() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// catchUp fetches what did not come, and looks whether the board is still the same when there is doubt.
func (d *board) catchUp() {
	d.mu.Lock()
	target, look := d.target, d.look
	d.look = false
	d.mu.Unlock()
	if look {
		forgot, err := d.forgot()
		switch {
		case err != nil:
			d.mu.Lock()
			d.look = true // again at the next tick
			d.mu.Unlock()
		case forgot:
			d.forgotten()
			return
		}
	}
	if target > d.seq && len(d.live) == 0 {
		d.fetch(target)
	}
}

// forgot asks the board's leader whether the board has lost its memory, or some of it.
func (d *board) forgot() (bool, error) {
	epoch, err := d.readEpoch(false)
	d.mu.Lock()
	another := epoch != d.epoch
	d.mu.Unlock()
	if errors.Is(err, errNone) || err == nil && another {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	last, err := d.bus.lastOf(d.bus.boardStream(), d.bus.boardSubject(">"))
	if err != nil {
		return false, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	switch now := time.Now(); {
	case last.seq >= d.told:
		d.short = time.Time{}
		return false, nil
	case d.short.IsZero():
		d.short = now
		return false, errShort
	case now.Sub(d.short) < deposed:
		return false, errShort
	}
	return true, nil
}

// errShort says that the board ends before what was told of it. It has lost its end, or a leader answers that has been deposed and does not know yet.
var errShort = errors.New("the board ends too early")

// deposed is for how long a leader can be deposed without noticing, at most.
const deposed = 12 * time.Second

// forgotten begins again on a board that has lost its memory. Those who were on the one before are still there until they are back as others, or
// have had time enough for it.
func (d *board) forgotten() {
	b := d.bus
	b.log.Warn("the board has lost its memory; this node writes all it has again")
	err := d.beginAgain()
	if err != nil {
		b.log.Warn("board", "error", err)
		d.mu.Lock()
		d.look = true
		d.mu.Unlock()
		return
	}
	b.counts.rejoins.Add(1)
}

func (d *board) beginAgain() error {
	epoch, err := d.readEpoch(true)
	if err != nil {
		return err
	}
	d.pen.begin()
	for id, m := range d.members {
		if m.told {
			d.lost[id] = m
		}
	}
	d.members, d.reading = make(map[string]*member), epoch
	d.waits = time.Now().Add(d.bus.config.Lease)
	seq, err := d.pen.joinBoard()
	if err != nil {
		return err
	}
	d.mu.Lock()
	d.target, d.short = 0, time.Time{}
	d.mu.Unlock()
	if err := d.load(seq); err != nil {
		return err
	}
	d.mu.Lock()
	d.epoch = epoch
	d.mu.Unlock()
	return nil
}

// post has f run on run's goroutine. Any goroutine.
func (d *board) post(f func()) {
	d.mu.Lock()
	d.posted = append(d.posted, f)
	d.mu.Unlock()
	d.poke()
}

// apply takes in a record. With tell, the Sink is told.
func (d *board) apply(k kept, tell bool) {
	d.mu.Lock()
	d.seq, d.told = k.seq, k.seq
	d.mu.Unlock()
	d.at()
	id := k.subject[len(d.bus.boardSubject("")):]
	if id == epochName {
		return
	}
	r, err := parseRecord(k.data)
	if err != nil {
		d.bus.log.Error("board", "subject", k.subject, "sequence", k.seq, "error", err)
		return
	}
	m := d.members[id]
	if r.kind == gone {
		d.dead[id] = death{seq: k.seq, at: k.at}
		delete(d.claims, id)
		if m != nil {
			d.gone(m)
		}
		d.giveUp(id)
		return
	}
	if m == nil {
		m = &member{id: id, join: k.seq, loading: r.kind != joined, entries: make(map[string][]byte)}
		d.members[id] = m
	} else if r.number != m.number+1 {
		// Records between were removed, because a whole follows that has all that was in them.
		m.loading, m.entries, m.keys = true, make(map[string][]byte), nil
	}
	m.number, m.seq, m.heard = r.number, k.seq, time.Now()
	d.bus.barrier.heard(id)
	switch r.kind {
	case joined:
		m.node, m.before = backbone.Node{ID: id, Name: r.name, Since: r.since}, r.before
		if !tell {
			return
		}
		self := d.pen.joining(id)
		if old := d.members[d.selfID()]; self && old != nil {
			d.gone(old) // its gone has been removed already
		}
		d.up(m)
		if self {
			d.pen.activate()
			d.bus.counts.rejoins.Add(1)
			d.rejoin()
		}
	case whole:
		if !m.loading {
			return // all of it is known
		}
		if r.first {
			m.node, m.join, m.before = backbone.Node{ID: id, Name: r.name, Since: r.since}, r.join, r.before
			m.entries, m.keys = make(map[string][]byte), nil
		}
		m.keep(r.entries)
		if r.last {
			m.loading = false
			if tell {
				d.replace(m)
			}
		}
	case changed:
		switch {
		case m.loading:
		case !m.told:
			m.keep(r.entries)
		default:
			for _, e := range r.entries {
				d.bus.sink.Changed(id, e)
			}
			d.bus.counts.entries.Add(uint64(len(r.entries)))
		}
	case settled:
		d.giveUp(m.before)
	}
}

// keep remembers entries until they are told.
func (m *member) keep(entries []backbone.Entry) {
	for _, e := range entries {
		if _, ok := m.entries[e.Key]; !ok {
			m.keys = append(m.keys, e.Key)
		}
		m.entries[e.Key] = e.Value
	}
}

// replace tells of a member anew, of which something was missed for good.
func (d *board) replace(m *member) {
	if m.told {
		m.told = false
		d.show()
		d.bus.sink.Gone(m.id)
	}
	d.up(m)
}

// gone forgets a member, and tells so.
func (d *board) gone(m *member) {
	delete(d.members, m.id)
	if m.told {
		d.show()
		d.bus.sink.Gone(m.id)
	}
}

// giveUp tells that an incarnation of before the board's loss of memory is replaced.
func (d *board) giveUp(id string) {
	if _, ok := d.lost[id]; ok {
		delete(d.lost, id)
		d.show()
		d.bus.sink.Gone(id)
	}
}

// selfID returns this node's incarnation. Any goroutine.
func (d *board) selfID() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.self.ID
}

// others returns the other incarnations on the board. Any goroutine.
func (d *board) others() map[string]bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := make(map[string]bool, len(d.shown))
	for _, n := range d.shown {
		if n.ID != d.self.ID && n.Name != "" {
			all[n.ID] = true
		}
	}
	return all
}

func (d *board) close() {
	close(d.done)
	if d.running {
		<-d.stopped
	}
}

const idLetters = "0123456789abcdefghijklmnopqrstuvwxyz"

// newID returns random letters and digits.
func newID(n int) string {
	id := make([]byte, n)
	for i := range id {
		id[i] = idLetters[rand.IntN(len(idLetters))]
	}
	return string(id)
}
