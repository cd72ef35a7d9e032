package redisbus_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/gannet-io/gannet/engine/backbone"
	"github.com/gannet-io/gannet/engine/backbone/redisbus"
)

// A witness is a Sink that remembers.
type witness struct {
	*redisbus.Bus
	t testing.TB

	mu       sync.Mutex
	fresh    chan struct{} // closed and replaced when something was told
	self     backbone.Node
	rejoins  int
	nodes    map[string]backbone.Node
	entries  map[string]map[string]string
	gone     map[string]bool
	up       bool
	why      string
	downs    int
	messages map[string][]string
	attached map[string]int
	tails    map[string]backbone.Tail
	log      map[string][]string          // of the newest epoch
	at       map[string]map[string]string // by topic, by epoch and offset
}

func newWitness(t testing.TB, b *redisbus.Bus) *witness {
	return &witness{Bus: b, t: t, fresh: make(chan struct{}), nodes: make(map[string]backbone.Node), entries: make(map[string]map[string]string), gone: make(map[string]bool),
		messages: make(map[string][]string), attached: make(map[string]int), tails: make(map[string]backbone.Tail), log: make(map[string][]string), at: make(map[string]map[string]string)}
}

// join starts a bus that closes with the test.
func join(t testing.TB, b *redisbus.Bus) *witness {
	t.Helper()
	w := newWitness(t, b)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := b.Start(ctx, w); err != nil {
		t.Fatalf("Start: %v", err)
	}
	t.Cleanup(w.leave)
	return w
}

func (w *witness) leave() {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_ = w.Close(ctx)
}

func (w *witness) tell(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
	close(w.fresh)
	w.fresh = make(chan struct{})
}

// until waits until is says so, which is called under mu.
func (w *witness) until(what string, is func() bool) {
	w.t.Helper()
	late := time.After(patience)
	for {
		w.mu.Lock()
		ok, fresh := is(), w.fresh
		w.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-fresh:
		case <-late:
			w.mu.Lock()
			defer w.mu.Unlock()
			w.t.Fatalf("%s: not within %v. Up %v (%s), rejoins %d, nodes %v, entries %.500s, gone %v, attached %v", what, patience, w.up, w.why, w.rejoins, w.nodes, fmt.Sprint(w.entries), w.gone, w.attached)
		}
	}
}

func (w *witness) attach(topic string, keep *backbone.Retention) {
	w.t.Helper()
	w.Attach(topic, keep)
	w.until("Attached "+topic, func() bool { return w.attached[topic] > 0 })
}

// ok waits for a good outcome.
func (w *witness) ok(what string, wait func() error) {
	w.t.Helper()
	if wait == nil {
		return
	}
	if err := wait(); err != nil {
		w.t.Fatalf("%s: %v", what, err)
	}
}

// eventually tries until the outcome is good.
func (w *witness) eventually(what string, try func() func() error) {
	w.t.Helper()
	late := time.Now().Add(patience)
	for {
		err := try()()
		if err == nil {
			return
		}
		if time.Now().After(late) {
			w.t.Fatalf("%s: %v", what, err)
		}
	}
}

func (w *witness) place(topic, epoch string, e backbone.Stored) {
	where := fmt.Sprint(epoch, "-", e.Offset)
	if w.at[topic] == nil {
		w.at[topic] = make(map[string]string)
	}
	if was, ok := w.at[topic][where]; ok && was != string(e.Message) {
		w.t.Errorf("%s: %s was %q and is %q", topic, where, was, e.Message)
	}
	w.at[topic][where] = string(e.Message)
}

func (w *witness) Message(topic string, msg []byte) {
	w.tell(func() { w.messages[topic] = append(w.messages[topic], string(msg)) })
}

func (w *witness) Attached(topic string, tail backbone.Tail) {
	w.tell(func() {
		w.attached[topic]++
		w.tails[topic] = tail
		w.log[topic] = nil
		for _, e := range tail.Stored {
			w.place(topic, tail.Epoch, e)
			w.log[topic] = append(w.log[topic], string(e.Message))
		}
	})
}

func (w *witness) Stored(topic string, e backbone.Stored) {
	w.tell(func() {
		tail := w.tails[topic]
		if e.Offset != tail.Head+1 {
			w.t.Errorf("%s: %d after %d", topic, e.Offset, tail.Head)
		}
		tail.Head = e.Offset
		w.tails[topic] = tail
		w.place(topic, tail.Epoch, e)
		w.log[topic] = append(w.log[topic], string(e.Message))
	})
}

func (w *witness) Up(n backbone.Node) {
	w.tell(func() { w.nodes[n.ID], w.entries[n.ID] = n, make(map[string]string) })
}

func (w *witness) Changed(node string, e backbone.Entry) {
	w.tell(func() {
		if e.Value == nil {
			delete(w.entries[node], e.Key)
		} else {
			w.entries[node][e.Key] = string(e.Value)
		}
	})
}

func (w *witness) Gone(node string) {
	w.tell(func() {
		delete(w.nodes, node)
		delete(w.entries, node)
		w.gone[node] = true
	})
}

func (*witness) At(backbone.Place) {}

func (w *witness) Rejoin(self backbone.Node) {
	w.tell(func() { w.self = self; w.rejoins++ })
}

func (w *witness) State(up bool, why string) {
	w.tell(func() {
		w.up, w.why = up, why
		if !up {
			w.downs++
		}
	})
}
