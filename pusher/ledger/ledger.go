package ledger

import (
	"cmp"
	"hash/fnv"
	"iter"
	"slices"
	"strings"
)

// Shards is how many parts the topics are in, so that they can be gone through a part at a time.
const Shards = 256

// A Ledger is the board as it was told. The zero value is not usable: call New. Guarded by its owner.
type Ledger struct {
	byID  map[string]*incarnation
	slots []*incarnation // by number; nil: free
	order []*incarnation // those that are up and not leaving, by since and id: the longest first

	shards [Shards]map[string]room // by topic
	apps   map[string]room         // who is signed in, by app

	ranks   uint64 // how many have come up
	entries int
}

// An incarnation is one node on the board.
type incarnation struct {
	id      string
	since   int64
	process string
	slot    uint32
	rank    uint64 // of its process: which has been there without a break the longest has the lowest
	own     bool
	leaving bool
	entries int
}

// A room is what is known of a topic. Most topics are on one node and have no members.
type room struct {
	count uint32 // connections of slot; 0: slot means nothing
	slot  uint32
	more  *more
}

type more struct {
	shares []share // counts of further incarnations
	roster roster
}

type share struct{ slot, count uint32 }

// New returns an empty Ledger.
func New() *Ledger {
	l := &Ledger{byID: make(map[string]*incarnation), apps: make(map[string]room)}
	for i := range l.shards {
		l.shards[i] = make(map[string]room)
	}
	return l
}

// A Change is what an entry that has changed meant.
type Change struct {
	Key Key

	// Elsewhere, for the view of this node.
	Before, After int    // connections on other nodes
	Gained, Lost  bool   // the member or user is on another node now, is on none any more
	Info          []byte // of a member that was gained; shared

	// In the cluster.
	First, Last bool // of the channel's connections, or of the user's entries
	Total       int  // connections on all nodes
	Counted     bool // Total has changed
}

// Up notes that an incarnation is on the board, and since when. Who comes late may be told of those that are there in another order than they
// came in, so that it is by this, and not by the order of calls, that one has been up longer than another.
func (l *Ledger) Up(id string, since int64) {
	if l.byID[id] != nil {
		return
	}
	l.ranks++
	n := &incarnation{id: id, since: since, rank: l.ranks}
	free := slices.Index(l.slots, nil)
	if free < 0 {
		free = len(l.slots)
		l.slots = append(l.slots, nil)
	}
	n.slot = uint32(free)
	l.slots[free] = n
	l.byID[id] = n
	i, _ := slices.BinarySearchFunc(l.order, n, (*incarnation).compare)
	l.order = slices.Insert(l.order, i, n)
}

// compare says which of two has been up longer.
func (n *incarnation) compare(o *incarnation) int {
	if n.since != o.since {
		return cmp.Compare(n.since, o.since)
	}
	return strings.Compare(n.id, o.id)
}

// Own says that an incarnation that is up is this node; those that were before stay so until they are gone.
func (l *Ledger) Own(id string) {
	if n := l.byID[id]; n != nil {
		n.own = true
	}
}

// Put takes in what a node has put on the board; value nil: taken away. key and value are borrowed. ok is false when it
// means nothing.
func (l *Ledger) Put(id string, key Key, value []byte) (c Change, ok bool) {
	n := l.byID[id]
	if n == nil || n.leaving {
		return Change{}, false
	}
	switch key.Class {
	case Process:
		if value != nil {
			l.process(n, string(value))
		}
		return Change{}, false
	case Count:
		count, ok := uint32(0), value == nil
		if !ok {
			count, ok = parseCount(value)
		}
		if !ok {
			return Change{}, false
		}
		return l.count(n, key, count)
	case Member, User:
		return l.stay(n, key, value)
	}
	return Change{}, false
}

func (l *Ledger) process(n *incarnation, process string) {
	if n.process != "" {
		return
	}
	n.process = process
	// Who is another incarnation already keeps his place among those who are there.
	for _, o := range l.order {
		if o.process == process {
			n.rank = min(n.rank, o.rank)
		}
	}
}

// Leave says that an incarnation is about to be gone: it speaks no more. It returns false when it is not there.
func (l *Ledger) Leave(id string) bool {
	n := l.byID[id]
	if n == nil {
		return false
	}
	n.leaving = true
	l.order = slices.DeleteFunc(l.order, func(o *incarnation) bool { return o == n })
	return true
}

// Drop takes off what an incarnation that leaves has under a topic, members first. For a key of a user the topic is the app.
func (l *Ledger) Drop(id string, class Class, topic string, changes []Change) []Change {
	n := l.byID[id]
	if n == nil {
		return changes
	}
	rooms := l.rooms(class, topic)
	r, ok := rooms[topic]
	if !ok {
		return changes
	}
	if class == User {
		topic = strings.Clone(topic)
	}
	var users []string
	if r.more != nil {
		for i := range r.more.roster.rows {
			w := &r.more.roster.rows[i]
			for s := range w.each {
				if s.slot == n.slot {
					users = append(users, w.user)
				}
			}
		}
	}
	slices.Sort(users) // all nodes in one order
	if class == Count {
		class = Member
	}
	for _, user := range users {
		if c, ok := l.stay(n, Key{class, topic, user}, nil); ok {
			changes = append(changes, c)
		}
	}
	if class == Member {
		if c, ok := l.count(n, Key{Class: Count, Topic: topic}, 0); ok {
			changes = append(changes, c)
		}
	}
	return changes
}

// Gone ends an incarnation, of which everything has been dropped.
func (l *Ledger) Gone(id string) {
	n := l.byID[id]
	if n == nil {
		return
	}
	if n.entries > 0 {
		panic("ledger: an incarnation is gone that has entries")
	}
	l.Leave(id)
	delete(l.byID, id)
	l.slots[n.slot] = nil
}

// Topics returns the topics of one shard under which an incarnation has something.
func (l *Ledger) Topics(id string, shard int) (topics []string) {
	n := l.byID[id]
	if n == nil || n.entries == 0 {
		return nil
	}
	for topic, r := range l.shards[shard] {
		if r.has(n.slot) {
			topics = append(topics, topic)
		}
	}
	slices.Sort(topics) // all nodes go through them in one order
	return topics
}

// Apps returns the apps to which users are signed in on an incarnation.
func (l *Ledger) Apps(id string) (apps []string) {
	n := l.byID[id]
	if n == nil {
		return nil
	}
	for app, r := range l.apps {
		if r.has(n.slot) {
			apps = append(apps, app)
		}
	}
	slices.Sort(apps)
	return apps
}

func (l *Ledger) rooms(class Class, topic string) map[string]room {
	if class == User {
		return l.apps
	}
	return l.shards[shardOf(topic)]
}

// shardOf is the same on all nodes.
func shardOf(topic string) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(topic)) // never fails
	return int(h.Sum32() % Shards)
}

// set keeps r as what is known of a topic, or forgets the topic when that is nothing.
func set(rooms map[string]room, topic string, known bool, r room) {
	if r.more != nil && len(r.more.shares) == 0 && len(r.more.roster.rows) == 0 {
		r.more = nil
	}
	switch {
	case r.count == 0 && r.more == nil:
		delete(rooms, topic)
	case known:
		rooms[topic] = r
	default:
		rooms[strings.Clone(topic)] = r
	}
}

// count notes that n has count connections under a topic.
func (l *Ledger) count(n *incarnation, key Key, count uint32) (c Change, ok bool) {
	rooms := l.shards[shardOf(key.Topic)]
	r, known := rooms[key.Topic]
	before := l.total(&r)
	c = Change{Key: key, Before: l.elsewhere(&r)}
	change := r.setShare(n.slot, count)
	if change == same {
		return Change{}, false
	}
	n.entries += int(change)
	l.entries += int(change)
	c.After, c.Total = l.elsewhere(&r), l.total(&r)
	c.First, c.Last = before == 0 && c.Total > 0, before > 0 && c.Total == 0
	c.Counted = before != c.Total
	set(rooms, key.Topic, known, r)
	return c, true
}

// What setting a share did to the number of entries.
type shift int

const (
	gone shift = -1
	kept shift = 0
	came shift = 1
	same shift = 2 // nothing has changed
)

func (r *room) setShare(slot, count uint32) shift {
	if r.count > 0 && r.slot == slot {
		switch {
		case r.count == count:
			return same
		case count > 0:
			r.count = count
			return kept
		}
		r.count, r.slot = 0, 0
		if r.more != nil && len(r.more.shares) > 0 {
			r.slot, r.count = r.more.shares[0].slot, r.more.shares[0].count
			r.more.shares = slices.Delete(r.more.shares, 0, 1)
		}
		return gone
	}
	if r.more != nil {
		for i := range r.more.shares {
			s := &r.more.shares[i]
			switch {
			case s.slot != slot:
				continue
			case s.count == count:
				return same
			case count > 0:
				s.count = count
				return kept
			}
			r.more.shares = slices.Delete(r.more.shares, i, i+1)
			return gone
		}
	}
	switch {
	case count == 0:
		return same
	case r.count == 0:
		r.slot, r.count = slot, count
	default:
		if r.more == nil {
			r.more = new(more)
		}
		r.more.shares = append(r.more.shares, share{slot, count})
	}
	return came
}

// shares yields what each incarnation has under a topic.
func (r *room) shares(yield func(s share) bool) {
	if r.count == 0 || !yield(share{r.slot, r.count}) || r.more == nil {
		return
	}
	for _, s := range r.more.shares {
		if !yield(s) {
			return
		}
	}
}

func (r *room) has(slot uint32) bool {
	for s := range r.shares {
		if s.slot == slot {
			return true
		}
	}
	if r.more != nil {
		for i := range r.more.roster.rows {
			for s := range r.more.roster.rows[i].each {
				if s.slot == slot {
					return true
				}
			}
		}
	}
	return false
}

// total returns how many connections there are. A process that is on the board twice, while it writes
// everything again, counts once.
func (l *Ledger) total(r *room) (count int) {
	if r.more == nil || len(r.more.shares) == 0 {
		return int(r.count)
	}
	for s := range r.shares {
		if !l.replaced(r, s.slot) {
			count += int(s.count)
		}
	}
	return count
}

// elsewhere is total for other nodes than this one.
func (l *Ledger) elsewhere(r *room) (count int) {
	for s := range r.shares {
		if !l.slots[s.slot].own && !l.replaced(r, s.slot) {
			count += int(s.count)
		}
	}
	return count
}

// replaced reports whether a later incarnation of the same process has a share too.
func (l *Ledger) replaced(r *room, slot uint32) bool {
	n := l.slots[slot]
	if n.process == "" || r.more == nil {
		return false
	}
	for s := range r.shares {
		if o := l.slots[s.slot]; o != n && o.process == n.process && o.compare(n) > 0 {
			return true
		}
	}
	return false
}

// stay notes that a user is under a topic on n, or no more when value is nil.
func (l *Ledger) stay(n *incarnation, key Key, value []byte) (c Change, ok bool) {
	rooms := l.rooms(key.Class, key.Topic)
	r, known := rooms[key.Topic]
	if value == nil && r.more == nil {
		return Change{}, false
	}
	if r.more == nil {
		r.more = new(more)
	}
	there, others, here, all := &r.more.roster, false, false, 0
	if i := there.find(key.User); i >= 0 {
		for s := range there.rows[i].each {
			all++
			if s.slot == n.slot {
				here = true
			} else if !l.slots[s.slot].own {
				others = true
			}
		}
	}
	if value == nil && !here {
		return Change{}, false
	}
	c = Change{Key: key}
	if value != nil {
		there.put(key.User, n.slot, string(value))
		if here {
			return Change{}, false // another info: who is there keeps the first
		}
		n.entries++
		l.entries++
		c.First = all == 0
		c.Gained = !n.own && !others
		if c.Gained {
			c.Info = value
		}
	} else {
		there.take(key.User, n.slot)
		n.entries--
		l.entries--
		c.Last = all == 1
		c.Lost = !n.own && !others
	}
	set(rooms, key.Topic, known, r)
	return c, true
}

// Leads reports whether this node speaks: whether nobody is up who has been there longer. One that is not up itself speaks while nobody is.
func (l *Ledger) Leads() bool {
	leader := l.leader()
	return leader == nil || leader.own
}

// Leader returns the incarnation that speaks, "" when none is up.
func (l *Ledger) Leader() string {
	if n := l.leader(); n != nil {
		return n.id
	}
	return ""
}

// Behind reports whether an incarnation that is up cannot speak, by what all nodes know that were there before this one came or it did: whether this node has been there
// for longer or, when it is this node, another one has. What the board does not say, that two incarnations are one process, does not count.
func (l *Ledger) Behind(id string) bool {
	n := l.byID[id]
	return n != nil && slices.ContainsFunc(l.order, func(o *incarnation) bool { return o.own != n.own && o.rank < n.rank })
}

func (l *Ledger) leader() (first *incarnation) {
	for _, n := range l.order {
		if first == nil || n.rank < first.rank || n.rank == first.rank && n.own {
			first = n
		}
	}
	return first
}

// Elsewhere returns how many connections are subscribed to a topic on other nodes.
func (l *Ledger) Elsewhere(topic string) int {
	r, ok := l.shards[shardOf(topic)][topic]
	if !ok {
		return 0
	}
	return l.elsewhere(&r)
}

// Total returns how many connections are subscribed to a topic on all nodes, as the board has it.
func (l *Ledger) Total(topic string) int {
	r, ok := l.shards[shardOf(topic)][topic]
	if !ok {
		return 0
	}
	return l.total(&r)
}

// There reports whether an entry of that key is on the board, of whichever node.
func (l *Ledger) There(key Key) bool {
	r, ok := l.rooms(key.Class, key.Topic)[key.Topic]
	if key.Class == Count {
		return ok && r.count > 0
	}
	return ok && r.more != nil && r.more.roster.find(key.User) >= 0
}

// MemberElsewhere reports whether a user is a member of a topic on another node.
func (l *Ledger) MemberElsewhere(topic, user string) bool {
	return l.there(l.shards[shardOf(topic)], topic, user)
}

// OnlineElsewhere reports whether a user is signed in to an app on another node.
func (l *Ledger) OnlineElsewhere(app, user string) bool { return l.there(l.apps, app, user) }

// Online reports whether a user is signed in to an app on any node, as the board has it.
func (l *Ledger) Online(app, user string) bool {
	r, ok := l.apps[app]
	return ok && r.more != nil && r.more.roster.find(user) >= 0
}

func (l *Ledger) there(rooms map[string]room, topic, user string) bool {
	r, ok := rooms[topic]
	if !ok || r.more == nil {
		return false
	}
	i := r.more.roster.find(user)
	return i >= 0 && l.first(&r.more.roster.rows[i]) != nil
}

// first returns the first stay of a user on another node, nil when there is none.
func (l *Ledger) first(w *row) *stay {
	for s := range w.each {
		if !l.slots[s.slot].own {
			return s
		}
	}
	return nil
}

// MembersElsewhere yields the members of a topic on other nodes, each once, with the info he came with. The ledger must not change meanwhile.
func (l *Ledger) MembersElsewhere(topic string) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		r := l.shards[shardOf(topic)][topic]
		if r.more == nil {
			return
		}
		for i := range r.more.roster.rows {
			w := &r.more.roster.rows[i]
			if s := l.first(w); s != nil && !yield(w.user, s.info) {
				return
			}
		}
	}
}

// Members yields the members of a topic on all nodes, as the board has it. The ledger must not change meanwhile.
func (l *Ledger) Members(topic string) iter.Seq[string] {
	return func(yield func(string) bool) {
		r := l.shards[shardOf(topic)][topic]
		if r.more == nil {
			return
		}
		for i := range r.more.roster.rows {
			if !yield(r.more.roster.rows[i].user) {
				return
			}
		}
	}
}

// Occupied appends to topics those of a shard that begin with prefix and have connections on other nodes. The strings are shared.
func (l *Ledger) Occupied(topics []string, shard int, prefix string) []string {
	for topic, r := range l.shards[shard] {
		if strings.HasPrefix(topic, prefix) && l.elsewhere(&r) > 0 {
			topics = append(topics, topic)
		}
	}
	return topics
}

// A Holder is another incarnation with what it has.
type Holder struct {
	ID          string
	Connections int
}

// Holders returns the other incarnations that have connections under a topic.
func (l *Ledger) Holders(topic string) (holders []Holder) {
	r := l.shards[shardOf(topic)][topic]
	for s := range r.shares {
		if n := l.slots[s.slot]; !n.own && !l.replaced(&r, s.slot) {
			holders = append(holders, Holder{n.id, int(s.count)})
		}
	}
	return holders
}

// Stays adds to found, by their ids, the other incarnations on which a user is a member of topics of one shard that begin with prefix: of how many.
func (l *Ledger) Stays(found map[string]int, shard int, prefix, user string) {
	for topic, r := range l.shards[shard] {
		if r.more != nil && strings.HasPrefix(topic, prefix) {
			l.stays(found, r.more, user)
		}
	}
}

// Signed adds to found, with 1 each, the other incarnations on which a user is signed in to an app.
func (l *Ledger) Signed(found map[string]int, app, user string) {
	if r := l.apps[app]; r.more != nil {
		l.stays(found, r.more, user)
	}
}

func (l *Ledger) stays(found map[string]int, m *more, user string) {
	i := m.roster.find(user)
	if i < 0 {
		return
	}
	for s := range m.roster.rows[i].each {
		if n := l.slots[s.slot]; !n.own {
			found[n.id]++
		}
	}
}

// Nodes returns the incarnations that are up, the longest first.
func (l *Ledger) Nodes() (ids []string) {
	for _, n := range l.order {
		ids = append(ids, n.id)
	}
	return ids
}

// Entries returns how many entries there are, but for those that say which process a node is.
func (l *Ledger) Entries() int { return l.entries }

// IsUp reports whether an incarnation is up.
func (l *Ledger) IsUp(id string) bool { return l.byID[id] != nil }

// IsOwn reports whether an incarnation is this node, or was.
func (l *Ledger) IsOwn(id string) bool {
	n := l.byID[id]
	return n != nil && n.own
}
