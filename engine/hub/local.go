package hub

import (
	"iter"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/gannet-io/gannet/engine"
	"github.com/gannet-io/gannet/frame"
	"github.com/gannet-io/gannet/frame/deflate"
)

// bulkSize is the number of local subscribers from which a fan-out counts as bulk: it waits
// behind frames for fewer conns.
const bulkSize = 64

// From this much in a mailbox on its loop counts as behind.
const (
	maxLetters = 1 << 15
	maxBytes   = 16 << 20
)

// togetherBytes is the most that is put together for many conns.
const togetherBytes = 32 << 10

// A local is the hub's part on one loop: the mailbox that everyone fills and the table that
// only the loop touches.
type local struct {
	// Set once by Bind.
	hub  *Hub
	loop *engine.Loop

	mu       sync.Mutex
	box      []entry     // guarded by mu
	boxBytes int         // guarded by mu: of the frames in box
	shares   shares      // guarded by mu
	watchers []Watcher   // guarded by mu: of the entries in box that have one, in their order
	behind   atomic.Bool // box or boxBytes has reached its bound since the loop last caught up

	// Owned by the loop.
	taken  []entry // the mailbox being emptied; swapped with box
	done   int     // how many of taken have been handled
	table  shard
	topics []*Topic          // by list number
	held   map[*Topic]uint32 // 1 + the number of the list of conns that are held
	flows  flows             // read by others
	sent   []int64           // when each publish of this turn was admitted
	began  int64             // when the first of them was taken out of the mailbox

	watching []Watcher // of the entries in taken that were not handled
	boarding []ride    // of the run that is being published
	rides    []ride    // of what is to be told once it has been sent

	walk walk
	page [engine.SliceSends]uint32 // scratch of eachFrom and the walk

	// Scratch of publish.
	except   []uint32
	pieces   []*frame.Prepared
	deflated []*frame.Prepared
	group    []*frame.Prepared
}

// An entry is a letter in a mailbox.
type entry struct {
	kind  entryKind
	flags entryFlags
	pays  uint32 // of a send: the account it is counted for
	topic *Topic
	id    engine.ID // who joins or leaves, or is left out
	frame *frame.Prepared
	more  []*frame.Prepared // of a join: behind frame
	at    int64             // of a publish: when it was admitted
}

type entryKind uint8

const (
	entryPublish entryKind = iota
	entryJoin
	entryLeave
	entrySend
	entryFeed
	entryInstead
	entryNotice
)

type entryFlags uint8

const (
	flagStream  entryFlags = 1 << iota // of a publish: conns that are held do not get it
	flagHeld                           // of a join
	flagLast                           // of a feed: the conn is held no longer
	flagNotify                         // of a join: the conn's handler is to hear when all has been sent
	flagWatched                        // of a publish: there is a watcher for it
)

func (l *local) push(e entry) {
	l.mu.Lock()
	full := l.put(&e)
	l.mu.Unlock()
	if full {
		l.behind.Store(true)
	}
}

// put adds e to the mailbox, and reports whether that is fuller than it should be. It is called with mu.
func (l *local) put(e *entry) (full bool) {
	l.box = append(l.box, *e)
	if e.frame != nil {
		l.boxBytes += e.frame.Len()
	}
	full = len(l.box) >= maxLetters || l.boxBytes >= maxBytes
	l.shares.add(e, full)
	return full
}

// Full reports whether a loop with subscribers of t is so far behind, because of what t's account has posted, that
// publishers should wait or be turned away. Nothing enforces it: mailboxes take what comes.
//
// While a loop is behind, an account is at fault that has posted its fair share of what a mailbox should hold, that is, as
// much as all would have if they had the same. So one that floods does not shut the others out, and all together fill no
// more than twice the bound.
func (t *Topic) Full() bool {
	for i, n := range t.counts {
		if n > 0 && t.hub.loops[i].behind.Load() && t.hub.loops[i].blames(t.Account) {
			return true
		}
	}
	return false
}

func (l *local) blames(account uint32) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.shares.blames(account)
}

// Work empties the mailbox of l: it queues frames and keeps the table. It is to be called
// from engine.Handler.Work. Loop-only.
func (h *Hub) Work(l *engine.Loop) { h.loops[l.Index()].work() }

// Flushed notes that everything queued before has been sent. It is to be called from
// engine.Handler.Flushed. Loop-only.
func (h *Hub) Flushed(l *engine.Loop) {
	local := h.loops[l.Index()]
	if len(local.sent) == 0 {
		return
	}
	now := h.now()
	for _, at := range local.sent {
		h.metrics.latency.Update(float64(now-at) / 1e9)
	}
	// One of each turn says where the time goes, and costs hardly anything.
	h.metrics.queued.Update(float64(max(local.began-local.sent[0], 0)) / 1e9)
	h.metrics.written.Update(float64(max(now-local.began, 0)) / 1e9)
	local.sent = local.sent[:0]
	if len(local.rides) > 0 {
		local.tell(now)
	}
}

// Forget takes a conn that is closing out of every list at once: its slot may be given to
// another. It is to be called from engine.Handler.Closed, and Topic.Leave besides it for
// each subscription. Loop-only.
func (h *Hub) Forget(l *engine.Loop, id engine.ID) {
	local := h.loops[l.Index()]
	local.table.removeAll(id.Slot(), local.drop)
}

// waiting returns how many letters were taken and not handled yet.
func (l *local) waiting() int { return len(l.taken) - l.done }

func (l *local) work() {
	if l.walk.piece != nil {
		if l.loop.Idle() && !l.mail() {
			l.stepWalk()
		} else {
			l.finishWalk()
		}
	}
	if l.walk.piece != nil {
		l.loop.Wake()
		return
	}
	l.handle() // what is left of the turn before
	if l.waiting() == 0 {
		l.mu.Lock()
		l.box, l.taken, l.done = l.taken[:0], l.box, 0
		l.boxBytes = 0
		if len(l.watchers) > 0 {
			l.watchers, l.watching = l.watching[:0], l.watchers
		}
		l.shares.empty()
		l.mu.Unlock()
		l.handle()
	}
	if l.waiting() == 0 && l.behind.Load() {
		l.behind.Store(false)
		l.mu.Lock()
		l.shares.forgive()
		l.mu.Unlock()
	}
	switch {
	case l.waiting() > 0 || l.walk.piece != nil:
		l.loop.Wake()
	case cap(l.taken) > 1<<16:
		l.taken, l.done = nil, 0 // the mark of a storm long gone
	}
}

// handle acts on letters until there are none, or so many frames wait that the loop should
// send first.
func (l *local) handle() {
	for l.done < len(l.taken) && !l.loop.Full() {
		e := &l.taken[l.done]
		n := 1
		switch e.kind {
		case entryPublish:
			n = publishes(l.taken[l.done:])
			if run := l.taken[l.done : l.done+n]; len(l.watching) == 0 {
				l.publish(run)
			} else {
				l.publishWatched(run)
			}
		case entryJoin:
			l.join(e)
		case entryLeave:
			l.leave(e)
		case entrySend:
			if l.loop.Find(e.id) != nil && l.loop.Queue(e.id.Slot(), e.frame, false) {
				l.flows.of(e.pays).out.Add(uint64(e.frame.Len()))
			}
		case entryFeed:
			l.feed(e)
		case entryInstead:
			l.instead(e)
		case entryNotice:
			l.notice(e)
		}
		clear(l.taken[l.done : l.done+n]) // what it points to may go
		l.done += n
	}
}

// publishes returns how many entries from the first on are messages of the same topic.
func publishes(entries []entry) int {
	n := 1
	for n < len(entries) && entries[n].kind == entryPublish && entries[n].topic == entries[0].topic {
		n++
	}
	return n
}

// publish queues a run of messages of one topic for its local subscribers. When the loop is
// behind, so that several have piled up, they are put together once for all instead of once
// for each subscriber.
func (l *local) publish(run []entry) {
	if len(l.sent) == 0 && l.walk.piece == nil {
		l.began = l.hub.now()
	}
	if len(l.held) > 0 {
		l.publishHeld(run)
	}
	n := run[0].topic.locals[l.loop.Index()]
	if n == 0 {
		return // all have closed since, or are held
	}
	bulk := l.table.list(n-1).len() >= bulkSize
	l.except = l.except[:0]
	for i := range run {
		if run[i].id != 0 && l.loop.Find(run[i].id) != nil {
			l.except = append(l.except, run[i].id.Slot())
		}
	}
	if l.done+len(run) == len(l.taken) && l.startWalk(run, n-1) {
		return
	}
	l.pieces, l.deflated = l.together(l.pieces[:0], run, false), l.deflated[:0]
	deflating := l.loop.Deflating() > 0
	whole := 0 // bytes of run
	for i := range run {
		whole += run[i].frame.Len()
	}
	deliveries, bytes := 0, 0
	for slot := range l.each(n - 1) {
		if len(l.except) > 0 && slices.Contains(l.except, slot) {
			n, size := l.publishTo(slot, run)
			deliveries, bytes = deliveries+n, bytes+size
			continue
		}
		pieces := l.pieces
		if deflating {
			switch l.loop.Deflates(slot) {
			case 0:
			case deflate.MaxBits:
				if len(l.deflated) == 0 { // for the first that can take it
					l.deflated = l.together(l.deflated, run, true)
				}
				pieces = l.deflated
			default: // what it gets depends on each message's length
				n, size := l.publishTo(slot, run)
				deliveries, bytes = deliveries+n, bytes+size
				continue
			}
		}
		queued := false
		for _, f := range pieces {
			queued = l.loop.Queue(slot, f, bulk)
		}
		if queued {
			deliveries, bytes = deliveries+len(run), bytes+whole
		}
	}
	clear(l.pieces)
	clear(l.deflated)
	if deliveries == 0 {
		return // no Flushed need follow to measure them
	}
	for i := range run {
		l.sent = append(l.sent, run[i].at)
	}
	l.delivered(run[0].topic, deliveries, bytes)
	if len(l.boarding) > 0 {
		l.depart(&l.boarding, (deliveries+len(run)-1)/len(run))
	}
}

// delivered counts what was queued for subscribers of t.
func (l *local) delivered(t *Topic, deliveries, bytes int) {
	l.hub.metrics.deliveries.Add(deliveries)
	l.flows.of(t.Account).out.Add(uint64(bytes))
}

// each yields the subscribers of list n. The list must not change meanwhile.
func (l *local) each(n uint32) iter.Seq[uint32] { return l.eachFrom(n, 0) }

// eachFrom yields those from a slot on.
func (l *local) eachFrom(n, from uint32) iter.Seq[uint32] {
	return func(yield func(uint32) bool) {
		list := l.table.list(n)
		for more := true; more; {
			page := l.page[:list.page(from, l.page[:])]
			for _, slot := range page {
				if !yield(slot) {
					return
				}
			}
			if more = len(page) == len(l.page); more {
				from = page[len(page)-1] + 1
			}
		}
	}
}

// publishTo queues the messages of run that do not leave the conn in slot out, and returns
// how many those are, and their bytes.
func (l *local) publishTo(slot uint32, run []entry) (n, bytes int) {
	for i := range run {
		if id := run[i].id; id == 0 || id.Slot() != slot || l.loop.Find(id) == nil {
			if l.loop.Queue(slot, run[i].frame, false) {
				n, bytes = n+1, bytes+run[i].frame.Len()
			}
		}
	}
	return n, bytes
}

// together appends the frames of run, or their compressed forms, to pieces: in as few as fit into
// one send each.
func (l *local) together(pieces []*frame.Prepared, run []entry, compressed bool) []*frame.Prepared {
	l.group = l.group[:0]
	size := 0
	for i := range run {
		f := run[i].frame
		if compressed {
			f = l.loop.Deflated(f)
		}
		if size += f.Len(); size > togetherBytes && len(l.group) > 0 {
			pieces = append(pieces, frame.Concat(l.group))
			l.group, size = l.group[:0], f.Len()
		}
		l.group = append(l.group, f)
	}
	pieces = append(pieces, frame.Concat(l.group))
	clear(l.group)
	return pieces
}

// join adds the conn, unless it closed while the entry was on its way.
func (l *local) join(e *entry) {
	c := l.loop.Find(e.id)
	if c == nil || !c.Open() {
		return
	}
	if e.flags&flagHeld != 0 {
		l.hold(e.topic, e.id.Slot())
	} else {
		l.list(e.topic, e.id.Slot())
	}
	l.queue(e)
	if e.flags&flagNotify != 0 {
		c.NotifySent()
	}
}

// list adds slot to the subscribers of t.
func (l *local) list(t *Topic, slot uint32) {
	i := l.loop.Index()
	if t.locals[i] == 0 {
		t.locals[i] = l.newList(t) + 1
	}
	l.table.add(t.locals[i]-1, slot)
}

func (l *local) newList(t *Topic) uint32 {
	n := l.table.newList()
	for int(n) >= len(l.topics) {
		l.topics = append(l.topics, nil)
	}
	l.topics[n] = t
	return n
}

// queue queues the frames of e for its conn.
func (l *local) queue(e *entry) {
	slot, bytes := e.id.Slot(), 0
	if e.frame != nil && l.loop.Queue(slot, e.frame, false) {
		bytes += e.frame.Len()
	}
	for _, f := range e.more {
		if l.loop.Queue(slot, f, false) {
			bytes += f.Len()
		}
	}
	l.flows.of(e.topic.Account).out.Add(uint64(bytes))
}

// leave removes the conn. One that has closed was removed by Forget, and its slot may hold
// another by now, whose subscription must stay.
func (l *local) leave(e *entry) {
	if l.loop.Find(e.id) == nil {
		return
	}
	if n := e.topic.locals[l.loop.Index()]; n == 0 || !l.unlist(n-1, e.id.Slot()) {
		l.unhold(e.topic, e.id.Slot())
	}
}

// unlist takes slot out of list n, and gives the list up when that was the last. It returns false when slot was not in
// it.
func (l *local) unlist(n, slot uint32) bool {
	if !l.table.remove(n, slot) {
		return false
	}
	if l.table.list(n).empty() {
		l.drop(n)
	}
	return true
}

// drop gives up a list that has run empty.
func (l *local) drop(n uint32) {
	t := l.topics[n]
	if i := l.loop.Index(); t.locals[i] == n+1 {
		t.locals[i] = 0
	} else {
		delete(l.held, t)
	}
	l.topics[n] = nil
	l.table.freeList(n)
}
