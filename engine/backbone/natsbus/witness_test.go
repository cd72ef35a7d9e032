package natsbus_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gannet-io/gannet/engine/backbone"
)

// A witness is a Sink that keeps what it is told, and checks that logs have no holes.
type witness struct {
	t    *testing.T
	name string

	mu       sync.Mutex
	fresh    chan struct{} // closed and replaced when something was told
	self     backbone.Node
	entries  map[string]map[string]string
	gone     []string
	rejoins  int
	up       bool
	messages map[string][]string
	stored   map[string][]string
	epoch    map[string]string
	head     map[string]uint64
	attached map[string]int
}

func newWitness(t *testing.T, name string) *witness {
	return &witness{t: t, name: name, fresh: make(chan struct{}), entries: make(map[string]map[string]string), messages: make(map[string][]string),
		stored: make(map[string][]string), epoch: make(map[string]string), head: make(map[string]uint64), attached: make(map[string]int)}
}

func (w *witness) tell(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
	close(w.fresh)
	w.fresh = make(chan struct{})
}

func (w *witness) Message(topic string, msg []byte) {
	w.tell(func() { w.messages[topic] = append(w.messages[topic], string(msg)) })
}

func (w *witness) Attached(topic string, t backbone.Tail) {
	w.tell(func() {
		w.attached[topic]++
		w.epoch[topic], w.head[topic], w.stored[topic] = t.Epoch, t.Head, nil
		for _, e := range t.Stored {
			w.stored[topic] = append(w.stored[topic], string(e.Message))
		}
	})
}

func (w *witness) Stored(topic string, e backbone.Stored) {
	w.tell(func() {
		if e.Offset != w.head[topic]+1 {
			w.t.Errorf("%s: %q has %d behind %d", w.name, topic, e.Offset, w.head[topic])
		}
		w.head[topic] = e.Offset
		w.stored[topic] = append(w.stored[topic], string(e.Message))
	})
}

func (w *witness) Up(n backbone.Node) {
	w.tell(func() { w.entries[n.ID] = make(map[string]string) })
}

func (w *witness) Changed(node string, e backbone.Entry) {
	w.tell(func() {
		if w.entries[node] == nil {
			w.t.Errorf("%s: %q changed of %q, which is not there", w.name, e.Key, node)
			return
		}
		if delete(w.entries[node], e.Key); e.Value != nil {
			w.entries[node][e.Key] = string(e.Value)
		}
	})
}

func (w *witness) Gone(node string) {
	w.tell(func() {
		delete(w.entries, node)
		w.gone = append(w.gone, node)
	})
}

func (*witness) At(backbone.Place) {}

func (w *witness) Rejoin(self backbone.Node) {
	w.tell(func() {
		w.self = self
		w.rejoins++
	})
}

func (w *witness) State(up bool, _ string) { w.tell(func() { w.up = up }) }

// until waits until is holds, which is called under mu.
func (w *witness) until(what string, is func() bool) {
	w.t.Helper()
	late := time.After(time.Minute)
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
			w.t.Fatalf("%s: %s: not within a minute. Self %v, board %v, gone %v, up %v, heads %v", w.name, what, w.self, w.entries, w.gone, w.up, w.head)
		}
	}
}

// start starts a bus; it is closed when the test ends.
func (w *witness) start(b backbone.Bus) { w.startAs(b, w) }

// startAs starts a bus that tells s, which is around w.
func (w *witness) startAs(b backbone.Bus, s backbone.Sink) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	w.t.Cleanup(func() { shut(w.t, b) })
	if err := b.Start(ctx, s); err != nil {
		w.t.Errorf("%s: %v", w.name, err)
	}
}

func shut(t *testing.T, b backbone.Bus) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := b.Close(ctx); err != nil {
		t.Errorf("Close: %v", err)
	}
}

// kept reports whether all of acked are in got, in their order and each once.
func kept(got, acked []string) error {
	for _, text := range acked {
		i := slices.Index(got, text)
		if i < 0 {
			return fmt.Errorf("%q is missing, or out of order", text)
		}
		got = got[i+1:]
		if slices.Contains(got, text) {
			return fmt.Errorf("%q is there twice", text)
		}
	}
	return nil
}

// by returns the texts that one node sent.
func by(name string, texts []string) (all []string) {
	for _, text := range texts {
		if strings.HasPrefix(text, name) {
			all = append(all, text)
		}
	}
	return all
}
