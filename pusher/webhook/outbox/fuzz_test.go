package outbox_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/webhook/outbox"
	"github.com/gannet-io/gannet/pusher/wire"
)

// FuzzSequence plays any sequence of transitions, answers, failures, commits and times, and holds the Outbox to what its
// package doc promises.
func FuzzSequence(f *testing.F) {
	for seed := range uint64(8) {
		r := rand.New(rand.NewPCG(seed, 1))
		steps := make([]byte, 400)
		for i := range steps {
			steps[i] = byte(r.Uint32())
		}
		f.Add(seed%2 == 0, steps)
	}
	f.Fuzz(func(t *testing.T, journal bool, steps []byte) { newModel(t, journal).run(steps) })
}

func TestLongSequences(t *testing.T) {
	n := 100
	if testing.Short() {
		n = 20
	}
	for seed := range uint64(n) {
		r := rand.New(rand.NewPCG(seed, 2))
		steps := make([]byte, 2000)
		for i := range steps {
			steps[i] = byte(r.Uint32())
		}
		newModel(t, seed%2 == 0).run(steps)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

const queueLimit = 12

// A model is what the outside sees of an Outbox with two webhooks, and who is really there.
type model struct {
	t       *testing.T
	box     *outbox.Outbox
	journal bool
	now     time.Time
	steps   []byte

	members map[string]map[string]bool // by presence channel
	count   int                        // told apart by it, counts are known again

	sending  []*outbox.Batch
	pending  []outbox.Changes        // to be stored
	stored   map[uint64]int          // bytes of a batch's events that are safe
	there    map[outbox.Present]bool // the ledger
	inFlight map[string]uint64       // by webhook and channel
	order    map[string][]string     // by webhook and channel, events in the order they were first sent or given up
	seen     map[uint64]bool         // sent at least once, or dead
	dead     map[uint64]*outbox.Dead
}

func newModel(t *testing.T, journal bool) *model {
	hook := func(name string, batch, workers int) app.Webhook {
		w := app.DefaultWebhook()
		w.Name, w.BatchEvents, w.Workers = name, batch, workers
		return w
	}
	a := &app.App{ID: "a", Webhooks: []app.Webhook{hook("one", 1, 2), hook("many", 5, 3)}}
	return &model{
		t: t, journal: journal, now: start,
		box: outbox.New(outbox.Config{
			LeaveDelay: 3 * time.Second, MissDelay: 10 * time.Second, QueueEvents: queueLimit, QueueBytes: 1 << 20,
			Journal: journal, Jitter: func() float64 { return 0.5 },
		}, []*app.App{a}),
		members: map[string]map[string]bool{}, stored: map[uint64]int{}, there: map[outbox.Present]bool{},
		inFlight: map[string]uint64{}, order: map[string][]string{}, seen: map[uint64]bool{}, dead: map[uint64]*outbox.Dead{},
	}
}

func (m *model) next() int {
	if len(m.steps) == 0 {
		return 0
	}
	b := m.steps[0]
	m.steps = m.steps[1:]
	return int(b)
}

var channels = []string{"presence-a", "presence-b", "private-encrypted-c"}

func (m *model) run(steps []byte) {
	m.steps = steps
	for len(m.steps) > 0 && !m.t.Failed() {
		m.step(m.next())
		m.settle()
	}
	// All receivers are well again, and everybody is told what there is to tell.
	for i := 0; !m.t.Failed() && (i < 10 || !m.box.Empty()); i++ {
		if i == 1000 {
			m.t.Fatal("something never leaves")
		}
		m.store()
		for len(m.sending) > 0 {
			m.finish(0, outbox.Result{OK: true})
		}
		m.pass(time.Second)
	}
	m.check()
}

func (m *model) step(b int) {
	name := channels[b/16%3]
	user := fmt.Sprint(b / 48 % 3)
	switch b % 16 {
	case 0, 1, 2:
		m.join(name, user)
	case 3, 4, 5:
		m.leave(name, user)
	case 6:
		m.count++
		m.notify(wire.HookEvent{Hook: pusher.HookCount, Channel: name, Count: m.count})
	case 7, 8, 9:
		m.finish(b/16, outbox.Result{OK: true})
	case 10:
		m.finish(b/16, outbox.Result{Reason: "500", Receiver: true})
	case 11:
		m.finish(b/16, outbox.Result{Reason: "400"})
	case 12, 13:
		m.store()
	case 14:
		m.pass(time.Duration(m.next()) * 10 * time.Millisecond)
	case 15:
		if b%32 == 15 {
			m.replay()
			return
		}
		m.pass(time.Duration(m.next()) * time.Second)
	}
}

func (m *model) notify(e wire.HookEvent) { m.box.Notify("a", &e, m.now) }

func (m *model) join(name, user string) {
	if m.members[name] == nil {
		m.members[name] = map[string]bool{}
	}
	if m.members[name][user] {
		return
	}
	if len(m.members[name]) == 0 {
		m.notify(wire.HookEvent{Hook: pusher.HookOccupied, Channel: name})
	}
	m.members[name][user] = true
	m.notify(wire.HookEvent{Hook: pusher.HookMemberAdded, Channel: name, UserID: user})
}

func (m *model) leave(name, user string) {
	if !m.members[name][user] {
		return
	}
	delete(m.members[name], user)
	m.notify(wire.HookEvent{Hook: pusher.HookMemberRemoved, Channel: name, UserID: user})
	if len(m.members[name]) == 0 {
		m.notify(wire.HookEvent{Hook: pusher.HookVacated, Channel: name})
	}
}

func (m *model) pass(d time.Duration) {
	end := m.now.Add(d)
	for i := 0; ; i++ {
		at, ok := m.box.Next()
		if !ok || at.After(end) {
			break
		}
		if i == 100000 {
			m.t.Fatal("time stands still")
		}
		if at.After(m.now) {
			m.now = at
		}
		m.box.Tick(m.now)
		m.settle()
	}
	m.now = end
	m.box.Tick(m.now)
	m.settle()
}

func (m *model) settle() {
	for {
		c := m.box.Changes()
		for _, seq := range c.Revive {
			if m.dead[seq] == nil {
				m.t.Errorf("%d was revived, and not dead", seq)
			}
			delete(m.dead, seq)
		}
		for _, d := range c.Bury {
			m.dead[d.Seq] = d
			m.first(d.Batch)
		}
		if m.journal {
			m.pending = append(m.pending, c)
		}
		for b := m.box.Start(m.now); b != nil; b = m.box.Start(m.now) {
			m.start(b)
		}
		if !m.box.Changed() {
			break
		}
	}
	m.box.Queues(func(q outbox.QueueState) {
		if q.Events > queueLimit {
			m.t.Errorf("%s has %d events waiting", q.Hook.Name, q.Events)
		}
	})
}

func (m *model) start(b *outbox.Batch) {
	for _, channel := range b.Channels {
		key := b.Webhook + " " + channel
		if other, ok := m.inFlight[key]; ok {
			m.t.Errorf("%d and %d with %s are under way at once", other, b.Seq, channel)
		}
		m.inFlight[key] = b.Seq
	}
	if m.journal && m.stored[b.Seq] != len(b.Events) {
		m.t.Errorf("%d is sent with %d of %d bytes stored", b.Seq, m.stored[b.Seq], len(b.Events))
	}
	m.first(b)
	m.sending = append(m.sending, b)
}

// first writes down what b says, at the first time that anybody hears of it.
func (m *model) first(b *outbox.Batch) {
	if m.seen[b.Seq] {
		return
	}
	m.seen[b.Seq] = true
	var events []struct {
		Name, Channel string
		UserID        string `json:"user_id"`
	}
	if err := json.Unmarshal(append(append([]byte{'['}, b.Events...), ']'), &events); err != nil || len(events) != b.Count {
		m.t.Fatalf("%s: %v, %d events, want %d", b.Events, err, len(events), b.Count)
	}
	for _, e := range events {
		if !slices.Contains(b.Channels, e.Channel) {
			m.t.Errorf("%v lacks %s", b.Channels, e.Channel)
		}
		key := b.Webhook + " " + e.Channel
		m.order[key] = append(m.order[key], e.Name+" "+e.UserID)
	}
}

func (m *model) finish(i int, r outbox.Result) {
	if len(m.sending) == 0 {
		return
	}
	i %= len(m.sending)
	b := m.sending[i]
	m.sending = slices.Delete(m.sending, i, i+1)
	for _, channel := range b.Channels {
		delete(m.inFlight, b.Webhook+" "+channel)
	}
	m.box.Finish(b, r, m.now)
	m.settle()
}

func (m *model) store() {
	for _, c := range m.pending {
		for _, r := range c.Put {
			b, err := outbox.ParseRecord(r.Seq, r.Data)
			if err != nil {
				m.t.Fatal(err)
			}
			m.stored[r.Seq] = len(b.Events)
		}
		for _, l := range c.Ledger {
			if m.there[l.Present] == l.There {
				m.t.Errorf("%v is %v twice", l.Present, l.There)
			}
			if l.There {
				m.there[l.Present] = true
			} else {
				delete(m.there, l.Present)
			}
		}
		m.box.Stored(c, m.now)
	}
	m.pending = nil
	m.settle()
}

func (m *model) replay() {
	for _, d := range m.dead {
		// What is told twice would be out of turn in the order below, as it is for receivers.
		if err := m.box.Replay(d.Batch, m.now); err != nil && err != outbox.ErrNoRoom {
			m.t.Error(err)
		}
		m.settle()
		return
	}
}

// check looks at what both webhooks have been told in the end.
func (m *model) check() {
	for _, name := range channels {
		one, many := m.order["one "+name], m.order["many "+name]
		if !slices.Equal(one, many) {
			m.t.Errorf("%s: one webhook was told\n%q, the other\n%q", name, one, many)
		}
		occupied, in := false, map[string]bool{}
		for i, e := range one {
			var kind, user string
			fmt.Sscan(e, &kind, &user)
			ok := true
			switch kind {
			case "channel_occupied":
				ok, occupied = !occupied, true
			case "channel_vacated":
				ok, occupied = occupied && len(in) == 0, false
			case "member_added":
				ok = occupied && !in[user]
				in[user] = true
			case "member_removed":
				ok = occupied && in[user]
				delete(in, user)
			}
			if !ok {
				m.t.Errorf("%s: %s is out of turn: %q", name, e, one[:i+1])
			}
		}
		if occupied != (len(m.members[name]) > 0) || len(in) != len(m.members[name]) {
			m.t.Errorf("%s: told to be occupied %v by %v, but there are %v", name, occupied, in, m.members[name])
		}
		if m.journal && m.there[outbox.Present{App: "a", Channel: name}] != occupied {
			m.t.Errorf("%s: the ledger does not say that occupied is %v", name, occupied)
		}
	}
}

func FuzzRecords(f *testing.F) {
	b := &outbox.Batch{Seq: 7, App: "a", Webhook: "main", Created: start, Events: []byte(`{"x":1},{}`), Count: 2, Channels: []string{"c", "d"}}
	f.Add(outbox.AppendRecord(nil, b))
	f.Add(outbox.AppendDead(nil, &outbox.Dead{Batch: b, Reason: "400", At: start}))
	f.Fuzz(func(t *testing.T, data []byte) {
		if b, err := outbox.ParseRecord(7, data); err == nil {
			if again, err := outbox.ParseRecord(7, outbox.AppendRecord(nil, b)); err != nil || again.App != b.App || string(again.Events) != string(b.Events) ||
				!again.Created.Equal(b.Created) || again.Count != b.Count || !slices.Equal(again.Channels, b.Channels) || again.Webhook != b.Webhook {
				t.Errorf("%q becomes %+v and then %+v, %v", data, b, again, err)
			}
		}
		if d, err := outbox.ParseDead(7, data); err == nil {
			if again, err := outbox.ParseDead(7, outbox.AppendDead(nil, d)); err != nil || again.Reason != d.Reason || !again.At.Equal(d.At) || again.Attempts != d.Attempts {
				t.Errorf("%q becomes %+v and then %+v, %v", data, d, again, err)
			}
		}
	})
}

func TestRecordsAreOfTheLayout(t *testing.T) {
	b := &outbox.Batch{Seq: 7, App: "ab", Webhook: "m", Created: time.UnixMilli(100), Events: []byte("{}"), Count: 1, Channels: []string{"c"}, Attempts: 3}
	const batch = "\x01\x02ab\x01m\xc8\x01\x01\x01\x01c{}"
	if got := string(outbox.AppendRecord(nil, b)); got != batch {
		t.Errorf("batch: got %q, want %q", got, batch)
	}
	const dead = "\x02\x03400\xca\x01\x03" + batch
	if got := string(outbox.AppendDead(nil, &outbox.Dead{Batch: b, Reason: "400", At: time.UnixMilli(101)})); got != dead {
		t.Errorf("dead letter: got %q, want %q", got, dead)
	}
	for i := range len(dead) - 2 { // but for the events, which are all that is left
		if d, err := outbox.ParseDead(7, []byte(dead[:i])); err == nil {
			t.Errorf("the first %d bytes are taken for %+v", i, d)
		}
	}
	if _, err := outbox.ParseRecord(7, []byte(dead)); err == nil {
		t.Error("a dead letter is taken for a batch")
	}
}
