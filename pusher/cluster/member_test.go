package cluster_test

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gannet-io/gannet/engine/backbone"
	"github.com/gannet-io/gannet/pusher/cluster"
	"github.com/gannet-io/gannet/pusher/ledger"
)

// A desk is a bus that writes down what is put, and a room that has what the test says. Nothing in it is concurrent.
type desk struct {
	t      *testing.T
	member *cluster.Member
	puts   [][]string
	fail   error // of every outcome, while it is not nil
	settle int

	counts  map[string]int
	members map[string]map[string]string
	users   map[string][]string
	told    []string
	wants   cluster.Wanted
	said    []string // to Speak and Hush
	tickets []uint64 // of that
	now     time.Time
	during  func(topic string) // called once when the member reads a topic
}

func newDesk(t *testing.T) *desk {
	d := &desk{t: t, counts: map[string]int{}, members: map[string]map[string]string{}, users: map[string][]string{}}
	d.member = cluster.New(cluster.Config{Bus: d, Room: d, Stepped: true, Now: func() time.Time { return d.now }})
	return d
}

func (d *desk) Start(_ context.Context, s backbone.Sink) error { return nil }
func (d *desk) Close(context.Context) error                    { return nil }
func (d *desk) Attach(string, *backbone.Retention)             {}
func (d *desk) Detach(string)                                  {}
func (d *desk) Publish(string, []byte) func() error            { return nil }
func (d *desk) Append(string, *backbone.Retention, []byte) func() error {
	return nil
}
func (d *desk) Full() bool              { return false }
func (d *desk) Settled()                { d.settle++ }
func (d *desk) Status() backbone.Status { return backbone.Status{Up: true} }

func (d *desk) Put(entries []backbone.Entry) func() error {
	var texts []string
	for _, e := range entries {
		text := fmt.Sprintf("%q=%q", e.Key, e.Value)
		switch {
		case e.Value == nil:
			text = fmt.Sprintf("%q gone", e.Key)
		case e.Key == "p":
			text = "process"
		case e.Key == "d":
			text = "dues"
		}
		texts = append(texts, text)
	}
	d.puts = append(d.puts, texts)
	err := d.fail
	return func() error { return err }
}

func (d *desk) Have(topic string, users []string) (int, [][]byte) {
	if f := d.during; f != nil {
		d.during = nil
		f(topic)
	}
	infos := make([][]byte, len(users))
	for i, user := range users {
		if info, ok := d.members[topic][user]; ok {
			infos[i] = []byte(info)
		}
	}
	return d.counts[topic], infos
}

func (d *desk) HaveUsers(app string, users []string) []bool {
	online := make([]bool, len(users))
	for i, user := range users {
		online[i] = slices.Contains(d.users[app], user)
	}
	return online
}

func (d *desk) Everything(topic func(string, iter.Seq[string]), app func(string, iter.Seq[string])) {
	for _, name := range []string{"s/a", "s/b"} {
		if d.counts[name] > 0 {
			topic(name, func(yield func(string) bool) {
				for user := range d.members[name] {
					if !yield(user) {
						return
					}
				}
			})
		}
	}
	for name, users := range d.users {
		app(name, slices.Values(users))
	}
}

func (d *desk) Update(_ string, apply func() []ledger.Change)      { d.tell(apply()) }
func (d *desk) UpdateUsers(_ string, apply func() []ledger.Change) { d.tell(apply()) }
func (d *desk) tell(changes []ledger.Change) {
	for _, c := range changes {
		d.told = append(d.told, c.Key.String())
	}
}
func (d *desk) Told(*ledger.Change) {}

func (d *desk) Cleared() { d.said = append(d.said, "cleared") }

func (d *desk) Wants(string) cluster.Wanted { return d.wants }
func (d *desk) Speak(x cluster.Due) {
	d.said = append(d.said, fmt.Sprintf("%s %s %v %v", x.ID[:strings.LastIndexByte(x.ID, '-')], x.Key.String(), x.First, x.Sure))
	d.tickets = append(d.tickets, x.Ticket)
}
func (d *desk) Hush()                            { d.said = append(d.said, "hush") }
func (d *desk) Terminated(app, user string)      { d.told = append(d.told, "terminate "+app+" "+user) }
func (d *desk) Message(topic string, msg []byte) { d.told = append(d.told, "message "+topic) }
func (d *desk) Attached(topic string, _ backbone.Tail) {
	d.told = append(d.told, "attached "+topic)
}
func (d *desk) Stored(topic string, _ backbone.Stored) { d.told = append(d.told, "stored "+topic) }
func (d *desk) State(bool, string)                     {}

// expect has the member write, and compares what it wrote.
func (d *desk) expect(step string, ok bool, want ...string) {
	d.t.Helper()
	d.puts = nil
	d.member.Flush()
	if got := d.member.Reap(); got != ok {
		d.t.Errorf("%s: reaped %v", step, got)
	}
	if got := slices.Concat(d.puts...); !slices.Equal(got, want) {
		d.t.Errorf("%s:\n got %s\nwant %s", step, got, want)
	}
}

// Of a topic it is written who went, then how many there are, then who came: so a channel is never vacated with members in it, nor has members before it is occupied.
func TestMemberWritesWhatIsTrueInOrder(t *testing.T) {
	d := newDesk(t)
	d.expect("nothing", true)
	d.counts["s/a"], d.members["s/a"] = 2, map[string]string{"u": "i", "v": ""}
	d.member.Mark("s/a", "u")
	d.member.Mark("s/a", "v")
	d.member.Mark("s/a", "w") // came and went
	d.expect("two came", true, `"ms/a\x00w" gone`, `"cs/a"="\x02"`, `"ms/a\x00u"="i"`, `"ms/a\x00v"=""`)
	delete(d.counts, "s/a")
	delete(d.members, "s/a")
	d.users["s"] = []string{"x"}
	d.member.MarkUser("s", "x")
	d.member.MarkUser("s", "y")
	d.member.Mark("s/a", "v")
	d.member.Mark("s/a", "u")
	d.member.Mark("s/a", "u")
	d.expect("they went", true, `"ms/a\x00u" gone`, `"ms/a\x00v" gone`, `"cs/a" gone`, `"ss\x00x"=""`, `"ss\x00y" gone`)
	d.expect("nothing more", true)
}

func TestMemberWritesAgainWhatFailed(t *testing.T) {
	d := newDesk(t)
	d.fail = backbone.ErrUnknown
	d.counts["s/a"], d.members["s/a"] = 1, map[string]string{"u": "i"}
	d.member.Mark("s/a", "u")
	d.expect("first", false, `"cs/a"="\x01"`, `"ms/a\x00u"="i"`)
	d.counts["s/b"] = 1
	d.member.Mark("s/b", "")
	d.expect("with what is new", false, `"cs/a"="\x01"`, `"ms/a\x00u"="i"`, `"cs/b"="\x01"`)
	d.counts["s/a"], d.members["s/a"] = 3, nil // what is true then
	d.fail = nil
	d.expect("last", true, `"ms/a\x00u" gone`, `"cs/a"="\x03"`, `"cs/b"="\x01"`)
	d.expect("nothing more", true)
}

func TestMemberWritesEverythingAfterRejoinAndThenIsSettled(t *testing.T) {
	d := newDesk(t)
	d.counts["s/a"], d.members["s/a"] = 1, map[string]string{"u": "i"}
	d.counts["s/b"] = 7
	d.users["s"] = []string{"x"}
	d.member.Mark("s/gone", "") // under the incarnation before
	all := []string{"process", `"cs/a"="\x01"`, `"ms/a\x00u"="i"`, `"cs/b"="\a"`, `"ss\x00x"=""`, "dues"}
	d.member.Rejoin(backbone.Node{ID: "1"})
	d.fail = backbone.ErrUnavailable
	d.expect("in vain", false, all...)
	if d.settle != 0 {
		t.Error("settled, and nothing was written")
	}
	d.fail = nil
	d.expect("again", true, all...)
	if d.settle != 1 {
		t.Errorf("settled %d times", d.settle)
	}
	d.counts["s/b"] = 8
	d.member.Mark("s/b", "")
	d.expect("a change", true, `"cs/b"="\b"`)
	if d.settle != 1 {
		t.Errorf("settled %d times", d.settle)
	}

	// Another incarnation while one is written: what was put before it does not count.
	d.member.Rejoin(backbone.Node{ID: "2"})
	d.during = func(string) {
		d.member.Rejoin(backbone.Node{ID: "3"})
		d.puts = nil
	}
	d.member.Flush()
	d.member.Reap()
	if d.settle != 1 {
		t.Error("settled by what was written under another incarnation")
	}
	d.member.Flush()
	d.member.Reap()
	if got := slices.Concat(d.puts...); d.settle != 2 || !slices.Contains(got, "process") || !slices.Contains(got, `"cs/a"="\x01"`) || !slices.Contains(got, `"ss\x00x"=""`) {
		t.Errorf("settled %d times after %s", d.settle, got)
	}
}

func TestMemberWritesInPieces(t *testing.T) {
	d := newDesk(t)
	for i := range 3000 {
		topic := fmt.Sprint("s/", i)
		d.counts[topic] = 1
		d.member.Mark(topic, "")
	}
	d.member.Flush()
	d.member.Reap()
	total := 0
	for _, p := range d.puts {
		if len(p) > 600 {
			t.Errorf("%d entries at once", len(p))
		}
		total += len(p)
	}
	if total != 3000 {
		t.Errorf("%d entries, want 3000", total)
	}
}

func TestMemberPassesOnWhatIsNotItsOwn(t *testing.T) {
	d := newDesk(t)
	m := d.member
	m.Message("s/a", nil)
	m.Attached("s/a", backbone.Tail{})
	m.Stored("s/a", backbone.Stored{})
	m.Attached(cluster.ControlTopic, backbone.Tail{})
	terminate := cluster.Envelope{Kind: cluster.KindTerminate, App: []byte("s"), User: []byte("u")}
	m.Message(cluster.ControlTopic, terminate.Append(nil))
	m.Message(cluster.ControlTopic, []byte("\x07 of a later version"))
	later := cluster.Envelope{Kind: 99}
	m.Message(cluster.ControlTopic, later.Append(nil))
	m.Up(backbone.Node{ID: "1"})
	m.Changed("1", backbone.Entry{Key: "cs/a", Value: []byte{1}})
	m.Changed("1", backbone.Entry{Key: "ms/a\x00u", Value: []byte{}})
	m.Changed("1", backbone.Entry{Key: "ss\x00u", Value: []byte{}})
	m.Changed("1", backbone.Entry{Key: "zs/a", Value: []byte{1}})
	m.Changed("2", backbone.Entry{Key: "cs/b", Value: []byte{1}})
	if n := m.Elsewhere("s/a"); n != 1 || !m.MemberElsewhere("s/a", "u") || !m.OnlineElsewhere("s", "u") || m.Entries() != 3 {
		t.Errorf("%d there, %d entries", n, m.Entries())
	}
	m.Gone("1")
	m.Gone("1")
	if n := m.Entries(); n != 0 {
		t.Errorf("%d entries are left", n)
	}
	want := []string{"message s/a", "attached s/a", "stored s/a", "terminate s u", "cs/a", "ms/a\x00u", "ss\x00u", "ms/a\x00u", "cs/a", "ss\x00u"}
	if !slices.Equal(d.told, want) {
		t.Errorf("got  %q\nwant %q", d.told, want)
	}
}

// Who has been there longest speaks, and says how far that is done. When he is gone the next one speaks of what is left, and of a departure that he may have called off.
func TestWhatAnotherDidNotTellIsTold(t *testing.T) {
	d := newDesk(t)
	d.wants = cluster.WantChannels
	m := d.member
	n := uint64(0)
	at := func() { n++; m.At(backbone.Place{Epoch: "e", Number: n}) }
	up := func(id string) { at(); m.Up(backbone.Node{ID: id}) }
	put := func(id, key string, value []byte) { at(); m.Changed(id, backbone.Entry{Key: key, Value: value}) }
	said := func(step string, want ...string) {
		t.Helper()
		if !slices.Equal(d.said, want) {
			t.Errorf("%s: said\n%q, want\n%q", step, d.said, want)
		}
		d.said = nil
	}
	up("1")
	up("2")
	m.Rejoin(backbone.Node{ID: "2"})
	put("1", "d", []byte("e-000000000001-~\x00"))
	put("1", "cs/a", []byte{1}) // 4
	put("2", "cs/b", []byte{1})
	put("1", "cs/a", nil) // 6
	put("2", "cs/a", []byte{1})
	put("1", "cs/c", []byte{1})
	put("1", "d", []byte("e-000000000001-~\x00e-000000000006-00000000"))
	said("another leads")
	if m.Due() != 2 {
		t.Errorf("%d are due, want those from 7 on", m.Due())
	}
	at()
	m.Gone("1") // 10: c is vacated
	said("it is gone", "e-000000000006 cs/a false true", "e-000000000007 cs/a true true", "e-000000000008 cs/c true true", "e-00000000000a cs/c false false")
	d.expect("nothing is done", true, "process", "dues")
	m.Done(d.tickets[2:])
	d.expect("something before it is not done", true)
	m.Done(d.tickets[:2])
	d.expect("it is", true, "dues")
	put("2", "d", []byte("e-000000000002-~\x00e-00000000000a-00000000"))
	if m.Due() != 0 {
		t.Errorf("%d are due when all have heard that none is", m.Due())
	}
	up("3")
	at()
	m.Gone("2")
	said("this one was taken for dead", "hush")
	put("3", "cs/z", []byte{1})
	up("4")
	m.Rejoin(backbone.Node{ID: "4"})
	said("the other leads")
	put("3", "d", []byte("e-00000000000c-~\x00"))
	said("it knows all that this one does not know to be done")
	at()
	m.Gone("3")
	said("it is gone too", "e-00000000000d cs/a false true", "e-00000000000d cs/b false true", "e-00000000000e cs/z true true", "e-000000000011 cs/z false false")
}

// What a process before this one was to tell and may not have told is told by this one when nobody else knows of it, and not when another has told it.
func TestWhatAProcessBeforeOwedIsToldOnce(t *testing.T) {
	start := func(others bool) *desk {
		d := newDesk(t)
		d.wants = cluster.WantChannels
		m := d.member
		m.Owe([]cluster.Due{
			{ID: "e-000000000006-00000000", Key: ledger.Key{Class: ledger.Count, Topic: "s/b"}},
			{ID: "e-000000000003-00000000", Key: ledger.Key{Class: ledger.Count, Topic: "s/a"}, First: true},
			{ID: "e-000000000003-00000000", Key: ledger.Key{Class: ledger.Count, Topic: "s/a"}, First: true},
		})
		if others {
			m.At(backbone.Place{Epoch: "e", Number: 5})
			m.Up(backbone.Node{ID: "1"})
			m.Changed("1", backbone.Entry{Key: "d", Value: []byte("e-000000000005-~\x00")})
		}
		m.At(backbone.Place{Epoch: "e", Number: 9})
		m.Up(backbone.Node{ID: "2"})
		m.Rejoin(backbone.Node{ID: "2"})
		return d
	}
	alone := start(false)
	if want := []string{"e-000000000003 cs/a true true", "e-000000000006 cs/b false true"}; !slices.Equal(alone.said, want) {
		t.Errorf("alone: %q, want %q", alone.said, want)
	}
	d := start(true)
	d.member.Changed("1", backbone.Entry{Key: "d", Value: []byte("e-000000000005-~\x00e-000000000005-00000000")})
	if want := []string{"e-000000000003 cs/a true true"}; !slices.Equal(d.said, want) {
		t.Errorf("with one who came between: %q, want %q", d.said, want)
	}
	d.member.Done(d.tickets)
	d.member.Changed("1", backbone.Entry{Key: "d", Value: []byte("e-000000000005-~\x00e-000000000006-00000000")})
	if want := []string{"e-000000000003 cs/a true true", "cleared"}; !slices.Equal(d.said, want) || d.member.Due() != 0 {
		t.Errorf("when that has told the rest: %q, want %q; %d are due", d.said, want, d.member.Due())
	}
}
