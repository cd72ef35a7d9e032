package ledger_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gannet-io/gannet/pusher/ledger"
)

func key(class ledger.Class, topic, user string) ledger.Key {
	return ledger.Key{Class: class, Topic: topic, User: user}
}

func TestKeysAreReadAsTheyWereWritten(t *testing.T) {
	for _, k := range []ledger.Key{
		key(ledger.Count, "shop/news", ""), key(ledger.Member, "shop/presence-a", "u1"), key(ledger.Member, "shop/presence-a", "with\x00nul"),
		key(ledger.User, "shop", "u1"), key(ledger.Process, "", ""),
	} {
		if got, ok := ledger.ParseKey(k.String()); !ok || got != k {
			t.Errorf("%q: %+v, %v", k.String(), got, ok)
		}
	}
	if got := key(ledger.Member, "shop/presence-a", "u1").String(); got != "mshop/presence-a\x00u1" {
		t.Errorf("%q", got)
	}
	for _, bad := range []string{"", "x", "zshop", "mshop/a", "sshop", "cshop\x00", "px"} {
		if k, ok := ledger.ParseKey(bad); ok {
			t.Errorf("%q: %+v", bad, k)
		}
	}
}

func number(n int) []byte { return ledger.AppendCount(nil, n) }

// A telling is one change, in words.
func telling(c ledger.Change) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%c %s", c.Key.Class, c.Key.Topic)
	if c.Key.User != "" {
		fmt.Fprintf(&b, " %s", c.Key.User)
	}
	if c.Before != c.After {
		fmt.Fprintf(&b, ", elsewhere %d to %d", c.Before, c.After)
	}
	if c.Counted {
		fmt.Fprintf(&b, ", %d in all", c.Total)
	}
	for _, word := range []struct {
		is   bool
		word string
	}{{c.Gained, "gained"}, {c.Lost, "lost"}, {c.First, "first"}, {c.Last, "last"}} {
		if word.is {
			b.WriteString(", " + word.word)
		}
	}
	return b.String()
}

func TestWhatChangesMean(t *testing.T) {
	l := ledger.New()
	l.Up("a", 0)
	l.Up("b", 0)
	l.Own("a")
	l.Up("c", 0)
	put := func(id string, k ledger.Key, value []byte, want string) {
		t.Helper()
		c, ok := l.Put(id, k, value)
		got := ""
		if ok {
			got = telling(c)
		}
		if got != want {
			t.Errorf("%s puts %q=%q\n got %q\nwant %q", id, k.String(), value, got, want)
		}
	}
	room, u1 := key(ledger.Count, "s/presence-r", ""), key(ledger.Member, "s/presence-r", "u1")
	put("b", room, number(1), "c s/presence-r, elsewhere 0 to 1, 1 in all, first")
	put("b", u1, []byte(`{"n":1}`), "m s/presence-r u1, gained, first")
	put("a", room, number(2), "c s/presence-r, 3 in all")
	put("a", u1, []byte{}, "m s/presence-r u1")
	put("c", room, number(4), "c s/presence-r, elsewhere 1 to 5, 7 in all")
	put("c", room, number(4), "")
	put("c", u1, []byte{}, "m s/presence-r u1")
	put("b", u1, nil, "m s/presence-r u1")
	put("b", u1, nil, "")
	put("c", u1, nil, "m s/presence-r u1, lost")
	put("a", u1, nil, "m s/presence-r u1, last")
	put("b", room, nil, "c s/presence-r, elsewhere 5 to 4, 6 in all")
	put("a", room, nil, "c s/presence-r, 4 in all")
	put("c", room, number(0), "c s/presence-r, elsewhere 4 to 0, 0 in all, last")
	if n := l.Entries(); n != 0 {
		t.Errorf("%d entries are left", n)
	}

	// Void.
	put("z", room, number(1), "")
	put("b", room, []byte("\x80"), "")
	put("b", room, []byte{}, "")
	put("b", room, []byte("\x01\x01"), "")
	put("b", room, []byte("\xff\xff\xff\xff\x7f"), "")
	put("b", key('z', "s", ""), number(1), "")

	// Users of an app.
	v := key(ledger.User, "s", "v")
	put("a", v, []byte{}, "s s v, first")
	put("b", v, []byte{}, "s s v, gained")
	put("a", v, nil, "s s v")
	put("b", v, nil, "s s v, lost, last")
}

// Who has been there longest speaks, by the order in which they came to the board and not by their clocks; who only takes another
// incarnation has not been away.
func TestWhoHasBeenThereLongestSpeaks(t *testing.T) {
	process := func(l *ledger.Ledger, id, name string) {
		l.Put(id, key(ledger.Process, "", ""), []byte(name))
	}
	l := ledger.New()
	want := func(step, leader string, leads bool) {
		t.Helper()
		if got := l.Leader(); got != leader || l.Leads() != leads {
			t.Errorf("%s: %q leads, this node %v; want %q, %v", step, got, l.Leads(), leader, leads)
		}
	}
	l.Up("a1", 90)
	process(l, "a1", "A")
	l.Up("b1", 50)
	l.Own("b1")
	process(l, "b1", "B")
	l.Up("c1", 10)
	process(l, "c1", "C")
	want("a is the first", "a1", false)
	l.Up("a2", 100)
	process(l, "a2", "A")
	l.Leave("a1")
	l.Gone("a1")
	want("a is another, and was not away", "a2", false)
	l.Leave("a2")
	want("a goes", "b1", true)
	l.Gone("a2")
	l.Leave("b1")
	l.Gone("b1")
	want("this one was taken for dead", "c1", false)
	l.Up("b2", 1)
	l.Own("b2")
	process(l, "b2", "B")
	want("and is back", "c1", false)
	l.Leave("c1")
	l.Gone("c1")
	want("c goes", "b2", true)
	l.Leave("b2")
	want("nobody is there", "", true)
}

// What one says that was taken for dead, of the time before, counts for nobody: neither for those that have been there longer than it has now, nor for itself.
func TestWhoIsBehind(t *testing.T) {
	process := func(l *ledger.Ledger, id, name string) {
		l.Put(id, key(ledger.Process, "", ""), []byte(name))
	}
	for _, own := range []string{"a", "b", "c"} {
		l := ledger.New()
		up := func(id string) {
			l.Up(id, 1)
			if id[:1] == own {
				l.Own(id)
			}
		}
		up("a1")
		up("b1")
		process(l, "a1", "A")
		up("a2")
		process(l, "a2", "A")
		if l.Behind("a2") {
			t.Errorf("%s: a2 is behind while a1 is there", own)
		}
		for _, id := range []string{"a1", "a2"} {
			l.Leave(id)
			l.Gone(id)
		}
		up("a3")
		process(l, "a3", "A")
		up("c1")
		// c1 came after both, and b1 may have, for all it knows.
		if got, want := l.Behind("a3"), own != "c"; got != want {
			t.Errorf("%s: a3 is behind: %v, want %v", own, got, want)
		}
		if l.Behind("b1") {
			t.Errorf("%s: b1 is behind, and the first", own)
		}
	}
}

// A node that writes everything again under a new incarnation is not counted twice, wherever it is seen from.
func TestProcessCountsOnceWhileItIsThereTwice(t *testing.T) {
	room, member := key(ledger.Count, "s/presence-r", ""), key(ledger.Member, "s/presence-r", "u")
	for _, own := range []string{"a1", "b"} {
		l := ledger.New()
		tell := func(id, name string) {
			l.Up(id, 0)
			if strings.HasPrefix(own, "a") == strings.HasPrefix(id, "a") {
				l.Own(id)
			}
			l.Put(id, key(ledger.Process, "", ""), []byte(name))
		}
		tell("b", "B")
		tell("a1", "A")
		l.Put("b", room, number(1))
		l.Put("a1", room, number(5))
		l.Put("a1", member, []byte{})
		tell("a2", "A")
		elsewhere := map[string]int{"a1": 1, "b": 5}[own]
		check := func(step string, c ledger.Change) {
			t.Helper()
			if c.First || c.Last || c.Gained || c.Lost || c.Counted || c.Before != c.After {
				t.Errorf("%s: %s", step, telling(c))
			}
			if total, e := l.Total("s/presence-r"), l.Elsewhere("s/presence-r"); total != 6 || e != elsewhere {
				t.Errorf("%s, seen by %s: %d in all, %d elsewhere", step, own, total, e)
			}
		}
		c, _ := l.Put("a2", room, number(5))
		check("written again", c)
		c, _ = l.Put("a2", member, []byte{})
		check("the member too", c)
		l.Leave("a1")
		for _, c := range l.Drop("a1", ledger.Count, "s/presence-r", nil) {
			check("the old one is dropped", c)
		}
		l.Gone("a1")
		if n := l.Entries(); n != 3 {
			t.Errorf("%d entries, want 3", n)
		}
	}
}

// A model is the board as plainly as can be.
type model struct {
	up      []string                         // in order
	process map[string]string                // by incarnation
	entries map[string]map[ledger.Key]string // by incarnation
}

func (m *model) holders(k ledger.Key) (ids []string) {
	for _, id := range m.up {
		if _, ok := m.entries[id][k]; ok {
			ids = append(ids, id)
		}
	}
	return ids
}

func (m *model) count(topic string, except string) (sum int) {
	k := key(ledger.Count, topic, "")
	latest := make(map[string]string)
	for _, id := range m.up {
		if _, ok := m.entries[id][k]; ok {
			latest[m.process[id]] = id
		}
	}
	for process, id := range latest {
		if process != except {
			sum += int(m.entries[id][k][0])
		}
	}
	return sum
}

func (m *model) elsewhere(k ledger.Key, own string) bool {
	return slices.ContainsFunc(m.holders(k), func(id string) bool { return m.process[id] != own })
}

// A player is a process with its ledger.
type player struct {
	name   string
	self   string // its incarnation
	ledger *ledger.Ledger
}

// TestLedgersAgreeWithAModelAndEachOther has processes come, write, fall silent and come back in random ways. Of each change every ledger
// must say what can be read off the plain model, and exactly one process leads.
func TestLedgersAgreeWithAModelAndEachOther(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { playLedgers(t, seed) })
	}
}

// since returns when an incarnation of playLedgers came, of which two may have come at once.
func since(id string) int64 {
	n, _ := strconv.ParseInt(id[1:], 10, 64)
	return (n + 1000) / 2
}

func playLedgers(t *testing.T, seed uint64) {
	r := rand.New(rand.NewPCG(8, seed))
	m := &model{process: make(map[string]string), entries: make(map[string]map[ledger.Key]string)}
	players, made := map[string]*player{}, 0
	topics := []string{"s/presence-a", "s/presence-b", "s/news"}
	sorted := func() (all []*player) {
		for _, name := range slices.Sorted(maps.Keys(players)) {
			all = append(all, players[name])
		}
		return all
	}
	var keys []ledger.Key
	for _, topic := range topics {
		keys = append(keys, key(ledger.Count, topic, ""))
		for u := range 25 {
			keys = append(keys, key(ledger.Member, topic, fmt.Sprint("u", u)))
		}
	}
	for u := range 5 {
		keys = append(keys, key(ledger.User, "s", fmt.Sprint("u", u)))
	}
	up := func(p *player) {
		made++
		p.self = fmt.Sprintf("i%05d", made)
		m.up = append(m.up, p.self)
		m.process[p.self] = p.name
		m.entries[p.self] = make(map[ledger.Key]string)
		for _, q := range sorted() {
			q.ledger.Up(p.self, since(p.self))
			if q == p {
				q.ledger.Own(p.self)
			}
			q.ledger.Put(p.self, key(ledger.Process, "", ""), []byte(p.name))
		}
	}
	// change has the model change one key of id, and checks what apply, which does it to a ledger, says of it.
	change := func(id string, k ledger.Key, to func(), apply func(p *player) (ledger.Change, bool)) {
		type view struct {
			count int
			there bool
		}
		before := make(map[string]view)
		for _, p := range sorted() {
			before[p.name] = view{m.count(k.Topic, p.name), m.elsewhere(k, p.name)}
		}
		total, holders := m.count(k.Topic, ""), len(m.holders(k))
		to()
		after := len(m.holders(k))
		for _, p := range sorted() {
			c, _ := apply(p)
			want := ledger.Change{Key: k, First: holders == 0 && after > 0, Last: holders > 0 && after == 0}
			if k.Class == ledger.Count {
				want.Before, want.After = before[p.name].count, m.count(k.Topic, p.name)
				want.Total = m.count(k.Topic, "")
				want.Counted = want.Total != total
			} else {
				there := m.elsewhere(k, p.name)
				want.Gained, want.Lost = !before[p.name].there && there, before[p.name].there && !there
			}
			c.Info = nil
			if want.Key = c.Key; fmt.Sprint(c) != fmt.Sprint(want) {
				t.Fatalf("%s of %s, seen by %s\n got %s\nwant %s", k.String(), id, p.name, telling(c), telling(want))
			}
		}
	}
	gone := func(id string) {
		for _, p := range sorted() {
			p.ledger.Leave(id)
		}
		drop := func(class ledger.Class, topic string) {
			var ks []ledger.Key
			per := make(map[string][]ledger.Change)
			for _, p := range sorted() {
				per[p.name] = p.ledger.Drop(id, class, topic, nil)
			}
			for _, c := range per[slices.Sorted(maps.Keys(players))[0]] {
				ks = append(ks, c.Key)
			}
			for _, k := range ks {
				change(id, k, func() { delete(m.entries[id], k) }, func(p *player) (ledger.Change, bool) {
					i := slices.IndexFunc(per[p.name], func(c ledger.Change) bool { return c.Key == k })
					if i < 0 {
						t.Fatalf("%s drops %v and not %s", p.name, per[p.name], k.String())
					}
					return per[p.name][i], true
				})
			}
		}
		if len(players) > 0 {
			first := sorted()[0].ledger
			for shard := range ledger.Shards {
				for _, topic := range first.Topics(id, shard) {
					drop(ledger.Count, topic)
				}
			}
			for _, app := range first.Apps(id) {
				drop(ledger.User, app)
			}
		}
		if n := len(m.entries[id]); n > 0 && len(players) > 0 {
			t.Fatalf("%d entries of %s were not dropped", n, id)
		}
		delete(m.entries, id)
		m.up = slices.DeleteFunc(m.up, func(o string) bool { return o == id })
		for _, p := range sorted() {
			p.ledger.Gone(id)
		}
	}
	for range 600 {
		all := sorted()
		switch n := r.IntN(100); {
		case len(all) == 0 || n < 3 && len(all) < 4:
			// A new process is told what is on the board.
			made++
			p := &player{name: fmt.Sprint("p", made), ledger: ledger.New()}
			for _, i := range r.Perm(len(m.up)) { // in whatever order
				id := m.up[i]
				p.ledger.Up(id, since(id))
				p.ledger.Put(id, key(ledger.Process, "", ""), []byte(m.process[id]))
			}
			for _, id := range m.up {
				for k, v := range m.entries[id] {
					p.ledger.Put(id, k, []byte(v))
				}
			}
			players[p.name] = p
			up(p)
		case n < 5:
			// One dies.
			p := all[r.IntN(len(all))]
			delete(players, p.name)
			gone(p.self)
			if len(players) == 0 {
				m.up = nil
			}
		case n < 7:
			// One is taken for dead, and comes back.
			p := all[r.IntN(len(all))]
			gone(p.self)
			up(p)
		case n < 9:
			// The board has lost its memory: one writes everything again before the old incarnation goes.
			p := all[r.IntN(len(all))]
			old := p.self
			up(p)
			for _, k := range slices.SortedFunc(maps.Keys(m.entries[old]), func(a, b ledger.Key) int { return strings.Compare(a.String(), b.String()) }) {
				v := m.entries[old][k]
				change(p.self, k, func() { m.entries[p.self][k] = v }, func(q *player) (ledger.Change, bool) { return q.ledger.Put(p.self, k, []byte(v)) })
			}
			gone(old)
		default:
			p, k := all[r.IntN(len(all))], keys[r.IntN(len(keys))]
			if r.IntN(3) == 0 {
				k = key(ledger.Count, topics[r.IntN(3)], "")
			}
			value := []byte("i")
			if k.Class == ledger.Count {
				value = number(1 + r.IntN(3))
			}
			old, there := m.entries[p.self][k]
			if r.IntN(5) < 2 {
				value = nil
			}
			if !there && value == nil || there && string(value) == old && value != nil {
				for _, q := range all {
					if c, ok := q.ledger.Put(p.self, k, value); ok {
						t.Fatalf("nothing has changed: %s", telling(c))
					}
				}
				break
			}
			change(p.self, k, func() {
				if value == nil {
					delete(m.entries[p.self], k)
				} else {
					m.entries[p.self][k] = string(value)
				}
			}, func(q *player) (ledger.Change, bool) { return q.ledger.Put(p.self, k, value) })
		}
		if n := len(slices.DeleteFunc(sorted(), func(p *player) bool { return !p.ledger.Leads() })); n != 1 && len(players) > 0 {
			t.Fatalf("%d lead", n)
		}
		for _, p := range sorted() {
			entries := 0
			for _, id := range m.up {
				entries += len(m.entries[id])
			}
			if got := p.ledger.Entries(); got != entries {
				t.Fatalf("%s has %d entries, want %d", p.name, got, entries)
			}
			if got := p.ledger.Nodes(); !slices.Equal(got, m.up) {
				t.Fatalf("%s: nodes %q, want %q", p.name, got, m.up)
			}
			for _, topic := range topics {
				if got, want := p.ledger.Elsewhere(topic), m.count(topic, p.name); got != want {
					t.Fatalf("%s: %d on %s elsewhere, want %d", p.name, got, topic, want)
				}
				var want, got []string
				for u := range 25 {
					user := fmt.Sprint("u", u)
					if there := m.elsewhere(key(ledger.Member, topic, user), p.name); there {
						want = append(want, user)
					}
					if p.ledger.MemberElsewhere(topic, user) {
						got = append(got, user)
					}
				}
				var listed []string
				for user := range p.ledger.MembersElsewhere(topic) {
					listed = append(listed, user)
				}
				slices.Sort(listed)
				slices.Sort(want)
				slices.Sort(got)
				if !slices.Equal(got, want) || !slices.Equal(listed, want) {
					t.Fatalf("%s: members of %s elsewhere %q and %q, want %q", p.name, topic, got, listed, want)
				}
			}
		}
	}
}
