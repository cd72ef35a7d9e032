package cluster

import (
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/gannet-io/gannet/engine/backbone"
	"github.com/gannet-io/gannet/pusher/ledger"
)

// Marks are the topics and apps of which the board does not know all yet.
type marks struct {
	mu     sync.Mutex
	topics pile   // guarded by mu
	apps   pile   // guarded by mu
	puts   []put  // those whose outcome is not known; guarded by mu
	rounds uint64 // counts the incarnations; guarded by mu
	since  string // what this node says on the board of dues: from where on it knows them; guarded by mu
	said   string // and up to which they are done; guarded by mu
	late   bool   // that is to be said now; guarded by mu
	timing bool   // it will be; guarded by mu

	fresh  bool // a new incarnation has nothing on the board; guarded by mu
	unsaid bool // nor which process it is; guarded by mu
	owed   int  // marks that it has to write before it is settled; guarded by mu
	due    bool // Settled is to be called; guarded by mu
}

// A pile holds marks in the order in which they were made.
type pile struct {
	marked map[string]mark
	order  []string
}

// A mark says what of a topic is to be written.
type mark struct {
	users []string // with repetitions
	owed  bool
}

// A put is one write and what it was about.
type put struct {
	wait   func() error
	round  uint64
	unsaid bool
	dues   bool
	topics []written
	apps   []written
}

type written struct {
	key string
	mark
}

const (
	// putEntries and putBytes are about how much is written at once.
	putEntries = 512
	putBytes   = 256 << 10
	// flushPuts is how many writes are made before their outcome is asked for.
	flushPuts = 64

	// manyUsers are so many of one mark that it is worth looking for repetitions.
	manyUsers = 128

	maxKey   = 1 << 10
	maxValue = 64 << 10
)

func (p *pile) add(key string, users iter.Seq[string], owed bool) (more int) {
	m, ok := p.marked[key]
	if !ok {
		if p.marked == nil {
			p.marked = make(map[string]mark)
		}
		p.order = append(p.order, key)
	}
	if users != nil {
		for user := range users {
			m.users = append(m.users, user)
			if n := len(m.users); n >= manyUsers && n&(n-1) == 0 {
				// The bus may be away for long.
				slices.Sort(m.users)
				m.users = slices.Compact(m.users)
			}
		}
	}
	if owed && !m.owed {
		m.owed = true
		more = 1
	}
	p.marked[key] = m
	return more
}

func (p *pile) take() (w written, ok bool) {
	if len(p.order) == 0 {
		p.order = nil
		return written{}, false
	}
	key := p.order[0]
	p.order = p.order[1:]
	w = written{key, p.marked[key]}
	delete(p.marked, key)
	slices.Sort(w.users)
	w.users = slices.Compact(w.users)
	return w, true
}

// any reports whether there is something to do.
func (k *marks) any() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.fresh || k.unsaid || k.due || k.late || len(k.topics.order)+len(k.apps.order)+len(k.puts) > 0
}

// restart begins a new incarnation: what is marked is found again. since is from where on it knows all dues, "": from where it did before.
func (k *marks) restart(since string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if since != "" {
		k.since = since
	}
	k.topics, k.apps = pile{}, pile{}
	k.fresh, k.unsaid, k.owed, k.due = true, true, 0, false
	k.rounds++
}

// Mark says that connections of this node under a topic are not what they were, nor is member, if it is not "". It is to be called under
// the topic's lock, and never blocks. Any goroutine.
func (m *Member) Mark(topic, member string) {
	var users iter.Seq[string]
	if member != "" {
		users = func(yield func(string) bool) { yield(member) }
	}
	m.marks.mu.Lock()
	m.marks.topics.add(topic, users, false)
	m.marks.mu.Unlock()
	m.rouse()
}

// MarkUser says that a user has signed in to an app here, or out. It is to be called under the lock that guards that. Any goroutine.
func (m *Member) MarkUser(app, user string) {
	m.marks.mu.Lock()
	m.marks.apps.add(app, func(yield func(string) bool) { yield(user) }, false)
	m.marks.mu.Unlock()
	m.rouse()
}

// Flush writes what is marked, or much of it, without waiting for the outcome. Only for who has made the Member Stepped.
func (m *Member) Flush() {
	k := &m.marks
	k.mu.Lock()
	fresh, round := k.fresh, k.rounds
	k.fresh = false
	k.mu.Unlock()
	if fresh {
		m.restate(round)
	}
	for range flushPuts {
		if !m.flush() {
			return
		}
	}
}

// restate marks everything that this node has.
func (m *Member) restate(round uint64) {
	k := &m.marks
	add := func(p *pile, key string, users iter.Seq[string]) {
		k.mu.Lock()
		if k.rounds == round {
			k.owed += p.add(key, users, true)
		}
		k.mu.Unlock()
	}
	m.cfg.Room.Everything(
		func(topic string, users iter.Seq[string]) { add(&k.topics, topic, users) },
		func(app string, users iter.Seq[string]) { add(&k.apps, app, users) },
	)
	k.mu.Lock()
	if k.rounds == round {
		k.due = true
	}
	k.mu.Unlock()
}

// flush makes one write. It returns false when there is nothing more.
func (m *Member) flush() bool {
	k := &m.marks
	p := put{}
	var entries []backbone.Entry
	bytes := 0
	add := func(key ledger.Key, value []byte) {
		e := backbone.Entry{Key: key.String(), Value: value}
		if len(e.Key) > maxKey {
			return // longer than any that a client can cause within the limits
		}
		if len(e.Value) > maxValue {
			e.Value = []byte{}
		}
		entries = append(entries, e)
		bytes += len(e.Key) + len(e.Value)
	}
	if p.unsaid = k.sayProcess(); p.unsaid {
		add(ledger.Key{Class: ledger.Process}, slices.Clone(m.process))
	}
	for len(entries) < putEntries && bytes < putBytes {
		w, isTopic, ok := k.take(&p)
		if !ok {
			break
		}
		if isTopic {
			m.readTopic(&w, add)
			p.topics = append(p.topics, w)
		} else {
			m.readApp(&w, add)
			p.apps = append(p.apps, w)
		}
	}
	// How far dues are done goes along with what is written anyway, or is said after a while.
	if value := k.sayDues(&p, m.leads.Load(), m.dues.reached(), len(entries) > 0 || m.cfg.Stepped); value != nil {
		add(ledger.Key{Class: ledger.Dues}, value)
	}
	if len(p.topics)+len(p.apps) == 0 && !p.unsaid && !p.dues {
		return false
	}
	if len(entries) > 0 {
		p.wait = m.cfg.Bus.Put(entries)
	}
	k.mu.Lock()
	k.puts = append(k.puts, p)
	k.mu.Unlock()
	return true
}

// sayProcess says whether the process has to be said.
func (k *marks) sayProcess() (unsaid bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	unsaid, k.unsaid = k.unsaid, false
	return unsaid
}

// sayDues returns what is to be said of dues, nil when that is nothing. along says that something is written anyway. A node that does not lead says since when it
// knows them, and not how far they are done: what it had done when it led counts no more.
func (k *marks) sayDues(p *put, leads bool, upTo string, along bool) (value []byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case leads:
	case p.unsaid:
		upTo = ""
	default:
		upTo = k.said
	}
	late := k.late
	k.late = false
	if k.since == "" || !p.unsaid && (upTo == k.said || !along && !late) {
		return nil
	}
	k.said, p.dues = upTo, true
	return duesValue(k.since, upTo)
}

// announceEvery is how often it is said how far dues are done, when nothing else is written.
const announceEvery = 200 * time.Millisecond

// announce has it said now how far dues are done.
func (k *marks) announce() {
	k.mu.Lock()
	k.late, k.timing = true, false
	k.mu.Unlock()
}

// announceLater has it said in a while.
func (m *Member) announceLater() {
	if m.cfg.Stepped {
		return
	}
	k := &m.marks
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.timing {
		k.timing = true
		time.AfterFunc(announceEvery, func() { k.announce(); m.rouse() })
	}
}

// take takes the next mark for p, topics first.
func (k *marks) take(p *put) (w written, isTopic, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if p.round != k.rounds {
		// What p has is of an incarnation that has ended: nothing depends on it any more.
		for i := range p.topics {
			p.topics[i].owed = false
		}
		for i := range p.apps {
			p.apps[i].owed = false
		}
		p.round = k.rounds
	}
	if w, ok = k.topics.take(); ok {
		return w, true, true
	}
	w, ok = k.apps.take()
	return w, false, ok
}

// readTopic adds what is to be written of a topic: who has gone before the channel empties, and who has come after it is occupied.
func (m *Member) readTopic(w *written, add func(key ledger.Key, value []byte)) {
	count, infos := m.cfg.Room.Have(w.key, w.users)
	for i, user := range w.users {
		if infos[i] == nil {
			add(ledger.Key{Class: ledger.Member, Topic: w.key, User: user}, nil)
		}
	}
	var value []byte
	if count > 0 {
		value = ledger.AppendCount(nil, count)
	}
	add(ledger.Key{Class: ledger.Count, Topic: w.key}, value)
	for i, user := range w.users {
		if infos[i] != nil {
			add(ledger.Key{Class: ledger.Member, Topic: w.key, User: user}, infos[i])
		}
	}
}

func (m *Member) readApp(w *written, add func(key ledger.Key, value []byte)) {
	for i, online := range m.cfg.Room.HaveUsers(w.key, w.users) {
		var value []byte
		if online {
			value = []byte{}
		}
		add(ledger.Key{Class: ledger.User, Topic: w.key, User: w.users[i]}, value)
	}
}

// Reap waits for the outcome of what was written, marks what failed again, and says that this node is settled when it is. It returns false when
// something failed. Only for who has made the Member Stepped.
func (m *Member) Reap() (ok bool) {
	k := &m.marks
	k.mu.Lock()
	puts := k.puts
	k.puts = nil
	k.mu.Unlock()
	ok = true
	for i := range puts {
		p := &puts[i]
		var err error
		if p.wait != nil {
			err = p.wait()
		}
		ok = ok && err == nil
		k.mu.Lock()
		k.reap(p, err)
		k.mu.Unlock()
	}
	k.mu.Lock()
	settled := k.due && k.owed == 0 && !k.unsaid && len(k.puts) == 0
	if settled {
		k.due = false
	}
	k.mu.Unlock()
	if settled {
		m.cfg.Bus.Settled()
	}
	return ok
}

func (k *marks) reap(p *put, err error) {
	current := p.round == k.rounds
	if !current {
		return // of an incarnation that is given up; everything was marked since
	}
	if err == nil {
		for _, w := range slices.Concat(p.topics, p.apps) {
			if w.owed {
				k.owed--
			}
		}
		return
	}
	k.unsaid = k.unsaid || p.unsaid
	if p.dues {
		k.said, k.late = "", true
	}
	again := func(pile *pile, all []written) {
		for _, w := range all {
			if w.owed {
				k.owed--
			}
			k.owed += pile.add(w.key, slices.Values(w.users), w.owed)
		}
	}
	again(&k.topics, p.topics)
	again(&k.apps, p.apps)
}
