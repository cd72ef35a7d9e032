package membus_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gannet-io/gannet/engine/backbone"
	"github.com/gannet-io/gannet/engine/backbone/membus"
)

// A reader writes down what a bus tells, and complains of what may not be.
type reader struct {
	t       *testing.T
	bus     backbone.Bus
	name    string
	self    string
	said    []string
	entries map[string]map[string][]byte
	gone    map[string]bool
	logs    map[string]*backbone.Tail
}

func (r *reader) bad(format string, args ...any) {
	r.t.Helper()
	r.t.Errorf("%s: %s", r.name, fmt.Sprintf(format, args...))
}

func (r *reader) say(format string, args ...any) {
	r.said = append(r.said, fmt.Sprintf(format, args...))
}

func (r *reader) Message(topic string, msg []byte) {
	if strings.HasPrefix(string(msg), r.name+"/") {
		r.bad("was told its own message %q", msg)
	}
	r.say("message %s %s", topic, msg)
}

func (r *reader) Attached(topic string, t backbone.Tail) {
	r.logs[topic] = &backbone.Tail{Epoch: t.Epoch, Head: t.Head, Stored: slices.Clone(t.Stored)}
	r.say("attached %s %s %d", topic, t.Epoch, t.Head)
}

func (r *reader) Stored(topic string, e backbone.Stored) {
	l := r.logs[topic]
	if l == nil || l.Head+1 != e.Offset {
		r.bad("%s: stored at %d behind %+v", topic, e.Offset, l)
		return
	}
	l.Head = e.Offset
	l.Stored = append(l.Stored, e)
	r.say("stored %s %d %s", topic, e.Offset, e.Message)
}

func (r *reader) Up(n backbone.Node) {
	if r.entries[n.ID] != nil || r.gone[n.ID] {
		r.bad("up twice: %v", n)
	}
	r.entries[n.ID] = make(map[string][]byte)
	r.say("up %s", n.ID)
}

func (r *reader) Changed(id string, e backbone.Entry) {
	if r.entries[id] == nil {
		r.bad("changed of %s, which is not there", id)
		return
	}
	if e.Value == nil {
		delete(r.entries[id], e.Key)
	} else {
		r.entries[id][e.Key] = e.Value
	}
	r.say("changed %s %s %q", id, e.Key, e.Value)
}

func (r *reader) Gone(id string) {
	if r.entries[id] == nil {
		r.bad("gone, which was not there: %s", id)
	}
	delete(r.entries, id)
	r.gone[id] = true
	r.say("gone %s", id)
}

func (*reader) At(backbone.Place) {}

func (r *reader) Rejoin(self backbone.Node) {
	r.self = self.ID
	r.say("rejoin %s", self.ID)
	r.bus.Put([]backbone.Entry{{Key: "said again", Value: []byte{1}}})
	r.bus.Settled()
}

func (r *reader) State(up bool, reason string) { r.say("state %v %s", up, reason) }

// schedule runs a random schedule and returns all that was told.
func schedule(t *testing.T, seed uint64) []string {
	source := rand.New(rand.NewPCG(seed, 1))
	n := membus.NewStepped(source)
	defer n.Close()
	keep := &backbone.Retention{Events: 8}
	var all, running []*reader
	start := func(name string) {
		r := &reader{t: t, name: name, entries: make(map[string]map[string][]byte), gone: make(map[string]bool), logs: make(map[string]*backbone.Tail)}
		r.bus = n.Node(name)
		if err := r.bus.Start(context.Background(), r); err != nil {
			t.Fatal(err)
		}
		all, running = append(all, r), append(running, r)
	}
	for _, name := range []string{"a", "b", "c"} {
		start(name)
	}
	for i := range 400 {
		r := running[source.IntN(len(running))]
		topic := string(rune('s' + source.IntN(3)))
		switch source.IntN(40) {
		case 0:
			n.Cut(r.name)
		case 1, 2:
			n.Restore(r.name)
		case 3:
			n.Pause(r.name)
		case 4, 5:
			n.Resume(r.name)
		case 6:
			if len(running) > 2 {
				n.Crash(r.name)
				running = slices.DeleteFunc(running, func(other *reader) bool { return other == r })
				start(r.name)
			}
		case 7:
			if source.IntN(5) == 0 {
				n.LoseBoard()
			}
		case 8:
			if source.IntN(5) == 0 {
				n.LoseLog(topic)
			}
		case 9:
			n.Advance(time.Duration(source.IntN(8)) * time.Second)
		case 10, 11, 12:
			r.bus.Attach(topic, keep)
		case 13:
			r.bus.Detach(topic)
		case 14, 15, 16:
			r.bus.Append(topic, keep, fmt.Append(nil, r.name, "/", i))
		case 17, 18:
			r.bus.Publish(topic, fmt.Append(nil, r.name, "/", i))
		case 19, 20, 21:
			r.bus.Put([]backbone.Entry{{Key: topic, Value: fmt.Append(nil, i)}})
		case 22:
			r.bus.Put([]backbone.Entry{{Key: topic}})
		default:
			n.Step()
		}
	}
	for _, r := range running {
		n.Restore(r.name)
		n.Resume(r.name)
	}
	for range 3 {
		for n.Step() {
		}
		n.Advance(n.TTL)
	}
	truth := n.Board()
	for _, r := range running {
		if !maps.EqualFunc(r.entries, truth, func(a, b map[string][]byte) bool {
			return maps.EqualFunc(a, b, slices.Equal)
		}) {
			r.bad("the board is %v, and told was %v", truth, r.entries)
		}
		if truth[r.self] == nil {
			r.bad("is not on the board, as %s", r.self)
		}
	}
	if len(truth) != len(running) {
		t.Errorf("%d on the board, want %d: %v", len(truth), len(running), truth)
	}
	var told []string
	for _, r := range all {
		told = append(told, r.said...)
	}
	return told
}

func TestSteppedNetKeepsTheContractInAnyOrder(t *testing.T) {
	for seed := range uint64(300) {
		told := schedule(t, seed)
		if t.Failed() {
			t.Fatalf("seed %d: told was\n%s", seed, strings.Join(told, "\n"))
		}
	}
}

func TestSteppedNetIsTheSameForTheSameSeed(t *testing.T) {
	for seed := range uint64(5) {
		if a, b := schedule(t, seed), schedule(t, seed); !slices.Equal(a, b) {
			t.Fatalf("seed %d: two runs told %d and %d things, not the same", seed, len(a), len(b))
		}
	}
}
