package backbonetest

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gannet-io/gannet/engine/backbone"
)

// A run is one test.
type run struct {
	*testing.T
	*Cluster
}

// A node is a bus and what it has told. It checks as it goes what must be so in any case.
type node struct {
	backbone.Bus
	run  *run
	name string

	busy atomic.Int32 // callbacks about the board that are running

	mu      sync.Mutex
	fresh   chan struct{} // closed and replaced when something was told
	closed  bool
	nodes   []backbone.Node // on the board, in the order of Up
	entries map[string]map[string]string
	gone    map[string]bool
	told    []string // the board's changes, as text
	at      backbone.Place
	places  []backbone.Place // of told
	self    backbone.Node
	rejoins int
	topics  map[string]*topic
	up      bool
	states  int
}

// A topic is what a node has been told of one.
type topic struct {
	busy     int
	messages []string
	attached int
	tail     backbone.Tail
	stored   []backbone.Stored // that follow each other, from the newest Tail that did not join on
	epoch    string
	head     uint64
}

// start starts a node; it is closed when the test ends.
func (r *run) start(name string) *node {
	r.Helper()
	n := r.node(name)
	ctx, cancel := context.WithTimeout(context.Background(), r.Patience)
	defer cancel()
	if err := n.Start(ctx, n); err != nil {
		r.Fatalf("%s: Start: %v", name, err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.rejoins != 1 {
		r.Fatalf("%s: Start returned after %d Rejoins, want 1", name, n.rejoins)
	}
	return n
}

func (r *run) node(name string) *node {
	n := &node{Bus: r.Bus(r.T, name), run: r, name: name, fresh: make(chan struct{}),
		entries: make(map[string]map[string]string), gone: make(map[string]bool), topics: make(map[string]*topic)}
	r.Cleanup(n.stop)
	return n
}

// cluster starts nodes named a, b, and so on.
func (r *run) cluster(count int) (nodes []*node) {
	r.Helper()
	for i := range count {
		nodes = append(nodes, r.start(string(rune('a'+i))))
	}
	for _, n := range nodes {
		n.until("all nodes", func() bool { return len(n.nodes) == count })
	}
	return nodes
}

// stop closes the bus.
func (n *node) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), n.run.Patience)
	defer cancel()
	_ = n.Close(ctx) // a node that was killed may say what it likes
	n.mu.Lock()
	n.closed = true
	n.mu.Unlock()
}

// until waits until is says so, which is called under mu.
func (n *node) until(what string, is func() bool) {
	n.run.Helper()
	n.within(n.run.Patience, what, is)
}

// within waits until is says so, which is called under mu, for d.
func (n *node) within(d time.Duration, what string, is func() bool) {
	n.run.Helper()
	late := time.After(d)
	for {
		n.mu.Lock()
		ok, fresh := is(), n.fresh
		n.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-fresh:
		case <-late:
			n.mu.Lock()
			defer n.mu.Unlock()
			n.run.Fatalf("%s: %s: not within %v. Board: %v, entries %v. State: %v. Topics: %v", n.name, what, d, n.nodes, n.entries, n.up, n.summary())
		}
	}
}

func (n *node) summary() (s []string) {
	for name, t := range n.topics {
		s = append(s, fmt.Sprintf("%.20q: %d messages, attached %d, epoch %q, head %d, %d stored", name, len(t.messages), t.attached, t.epoch, t.head, len(t.stored)))
	}
	return s
}

// tell runs f under mu for something that was told.
func (n *node) tell(f func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		n.run.Errorf("%s: told something after Close", n.name)
	}
	f()
	close(n.fresh)
	n.fresh = make(chan struct{})
}

// board runs f for something that was told of the board.
func (n *node) board(f func()) {
	if n.busy.Add(1) != 1 {
		n.run.Errorf("%s: told of the board by two goroutines at once", n.name)
	}
	defer n.busy.Add(-1)
	n.tell(f)
}

func (n *node) At(p backbone.Place) {
	n.board(func() {
		if p.Epoch < n.at.Epoch || p.Epoch == n.at.Epoch && p.Number < n.at.Number {
			n.run.Errorf("%s: At(%v) after %v", n.name, p, n.at)
		}
		n.at = p
	})
}

func (n *node) Up(node backbone.Node) {
	n.board(func() {
		if n.gone[node.ID] || n.entries[node.ID] != nil {
			n.run.Errorf("%s: Up of %v, which was there already", n.name, node)
		}
		if node.ID == "" || node.Name == "" || node.Since.IsZero() {
			n.run.Errorf("%s: Up of %+v", n.name, node)
		}
		n.entries[node.ID] = make(map[string]string)
		n.nodes = append(n.nodes, node)
		n.told = append(n.told, "up "+node.ID)
		n.places = append(n.places, n.at)
	})
}

func (n *node) Changed(id string, e backbone.Entry) {
	n.board(func() {
		if n.entries[id] == nil {
			n.run.Errorf("%s: %q changed of %q, which is not on the board", n.name, e.Key, id)
			return
		}
		if e.Value == nil {
			delete(n.entries[id], e.Key)
			n.told = append(n.told, fmt.Sprintf("%s %q -", id, e.Key))
			n.places = append(n.places, n.at)
			return
		}
		n.entries[id][e.Key] = string(e.Value)
		n.told = append(n.told, fmt.Sprintf("%s %q %q", id, e.Key, e.Value))
		n.places = append(n.places, n.at)
	})
}

func (n *node) Gone(id string) {
	n.board(func() {
		if n.entries[id] == nil {
			n.run.Errorf("%s: %q is gone, which was not on the board", n.name, id)
			return
		}
		delete(n.entries, id)
		n.gone[id] = true
		for i, node := range n.nodes {
			if node.ID == id {
				n.nodes = append(n.nodes[:i:i], n.nodes[i+1:]...)
				break
			}
		}
		n.told = append(n.told, "gone "+id)
		n.places = append(n.places, n.at)
	})
}

func (n *node) Rejoin(self backbone.Node) {
	n.board(func() {
		if self.ID == n.self.ID || self.Name != n.name {
			n.run.Errorf("%s: Rejoin as %v after %v", n.name, self, n.self)
		}
		n.self = self
		n.rejoins++
	})
}

func (n *node) State(up bool, reason string) {
	n.tell(func() {
		if up != (reason == "") {
			n.run.Errorf("%s: State(%v, %q)", n.name, up, reason)
		}
		n.up = up
		n.states++
	})
}

// about runs f for something that was told of a topic.
func (n *node) about(name string, f func(t *topic)) {
	enter := func(d int) {
		n.mu.Lock()
		defer n.mu.Unlock()
		t := n.topics[name]
		if t == nil {
			t = new(topic)
			n.topics[name] = t
		}
		t.busy += d
		if t.busy > 1 {
			n.run.Errorf("%s: told of %q by two goroutines at once", n.name, name)
		}
	}
	enter(1)
	n.tell(func() { f(n.topics[name]) })
	enter(-1)
}

func (n *node) Message(name string, msg []byte) {
	n.about(name, func(t *topic) { t.messages = append(t.messages, string(msg)) })
}

func (n *node) Attached(name string, tail backbone.Tail) {
	n.about(name, func(t *topic) {
		t.attached++
		t.tail = tail
		if tail.Epoch == "" && tail.Head == 0 && len(tail.Stored) == 0 {
			return // attached without its log
		}
		n.whole(name, tail)
		t.epoch, t.head, t.stored = tail.Epoch, tail.Head, append([]backbone.Stored(nil), tail.Stored...)
	})
}

// whole checks that a Tail has no holes.
func (n *node) whole(name string, tail backbone.Tail) {
	if tail.Epoch == "" {
		n.run.Errorf("%s: the tail of %q has no epoch", n.name, name)
	}
	for i, e := range tail.Stored {
		if want := tail.Head - uint64(len(tail.Stored)-1-i); e.Offset != want || e.At == 0 {
			n.run.Errorf("%s: the tail of %q: message %d of %d has offset %d at %d, want %d up to the head, %d",
				n.name, name, i, len(tail.Stored), e.Offset, e.At, want, tail.Head)
		}
	}
}

func (n *node) Stored(name string, e backbone.Stored) {
	n.about(name, func(t *topic) {
		if e.Offset != t.head+1 || t.epoch == "" || e.At == 0 {
			n.run.Errorf("%s: %q stored at %d (time %d), behind %d of %q", n.name, name, e.Offset, e.At, t.head, t.epoch)
		}
		t.head = e.Offset
		t.stored = append(t.stored, e)
	})
}

// topic returns what was told of a topic. Under mu.
func (n *node) topic(name string) *topic {
	if t := n.topics[name]; t != nil {
		return t
	}
	return new(topic)
}

// attach attaches and waits for it.
func (n *node) attach(name string, keep *backbone.Retention) {
	n.run.Helper()
	n.mu.Lock()
	before := n.topic(name).attached
	n.mu.Unlock()
	n.Attach(name, keep)
	n.until(fmt.Sprintf("Attached %q", name), func() bool { return n.topic(name).attached > before })
}

// ok waits for an outcome, which must be good.
func (n *node) ok(what string, wait func() error) {
	n.run.Helper()
	if wait == nil {
		return
	}
	if err := wait(); err != nil {
		n.run.Fatalf("%s: %s: %v", n.name, what, err)
	}
}

// texts returns the texts of a topic's stored messages.
func texts(stored []backbone.Stored) (all []string) {
	for _, e := range stored {
		all = append(all, string(e.Message))
	}
	return all
}
