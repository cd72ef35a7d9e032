package fleet

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gannet-io/gannet/engine/backbone"
	"github.com/gannet-io/gannet/pusher/cluster"
	"github.com/gannet-io/gannet/pusher/live"
	"github.com/gannet-io/gannet/pusher/node"
)

// Config says what a Fleet stands on. All but Now is required.
type Config struct {
	Bus  backbone.Bus
	Feed *live.Feed

	// Vitals says how this node is. It must not block for long.
	Vitals func() Vitals
	// Close ends the connection of this node that has a socket id, if there is one, for an operator of another node. A code that it does not know
	// counts as 4009. It must not block.
	Close func(socketID string, code int)

	Now func() time.Time // nil: time.Now
}

// A Fleet is one node's ear and mouth. It implements cluster.Desk. Made by New, it speaks from Start to Stop.
type Fleet struct {
	cfg Config // set once by New

	mu      sync.Mutex
	heard   map[string]heard   // by incarnation; guarded by mu
	taps    map[tapKey]*tap    // what others wish to see; guarded by mu
	follows map[uint64]*follow // what is wished here; guarded by mu
	last    uint64             // number of the last follow; guarded by mu
	inbox   string             // the incarnation whose topic is attached for follows; "": none; guarded by mu
	stopped bool               // guarded by mu

	wake, quit, done chan struct{}
	starting         sync.Once
}

type heard struct {
	Summary
	at time.Time
}

const (
	summaryEvery = 2 * time.Second
	wishEvery    = time.Second
	wishLasts    = 4 * time.Second
	forgetAfter  = time.Minute // a summary of who is not on the board
)

// New returns a Fleet.
func New(cfg Config) *Fleet {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Fleet{
		cfg: cfg, heard: make(map[string]heard), taps: make(map[tapKey]*tap), follows: make(map[uint64]*follow),
		wake: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{}),
	}
}

// Start begins to speak. It is called once the bus has been started.
func (f *Fleet) Start() { f.starting.Do(func() { go f.run() }) }

// Stop ends it, before the bus is closed. It is called once. May block.
func (f *Fleet) Stop() {
	close(f.quit)
	f.starting.Do(func() { close(f.done) })
	<-f.done
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stopped = true
	for key, t := range f.taps {
		t.watcher.Close()
		delete(f.taps, key)
	}
}

func (f *Fleet) run() {
	defer close(f.done)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-f.wake:
		case <-f.quit:
			return
		}
		timer.Reset(f.Step())
	}
}

// rouse has run look.
func (f *Fleet) rouse() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// Step says what is due, and returns when to call it again. It is for tests, and for run.
func (f *Fleet) Step() time.Duration {
	status := f.cfg.Bus.Status()
	now := f.cfg.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.listen(status.Self.ID)
	if own, ok := f.heard[status.Self.ID]; !ok || now.Sub(own.at) >= summaryEvery {
		f.summarize(&status.Self, now)
	}
	for _, w := range f.follows {
		if now.Sub(w.said) >= wishEvery {
			w.said = now
			f.say(cluster.ControlTopic, cluster.KindWatch, &w.wish)
		}
	}
	for key, t := range f.taps {
		f.show(key, t, &status.Self, now)
	}
	if len(f.taps)+len(f.follows) > 0 {
		return live.RefillEvery
	}
	return summaryEvery
}

// summarize says how this node is. Under mu.
func (f *Fleet) summarize(self *backbone.Node, now time.Time) {
	s := Summary{ID: self.ID, Name: self.Name, Vitals: f.cfg.Vitals()}
	f.heard[self.ID] = heard{s, now}
	for id, h := range f.heard {
		if now.Sub(h.at) > forgetAfter {
			delete(f.heard, id)
		}
	}
	f.say(cluster.ControlTopic, cluster.KindSummary, &s)
}

// say hands something to the other nodes, if that can be. Under mu.
func (f *Fleet) say(topic string, kind cluster.Kind, body any) bool {
	if f.stopped || f.cfg.Bus.Full() {
		return false
	}
	text, err := json.Marshal(body)
	if err != nil {
		return false
	}
	e := cluster.Envelope{Kind: kind, Body: text}
	f.cfg.Bus.Publish(topic, e.Append(make([]byte, 0, cluster.EnvelopeRoom+len(text))))
	return true
}

// Take implements cluster.Desk.
func (f *Fleet) Take(topic string, e *cluster.Envelope) {
	switch e.Kind {
	case cluster.KindSummary:
		var s Summary
		if topic == cluster.ControlTopic && json.Unmarshal(e.Body, &s) == nil && s.ID != "" {
			f.mu.Lock()
			f.heard[s.ID] = heard{s, f.cfg.Now()}
			f.mu.Unlock()
		}
	case cluster.KindWatch:
		var w wish
		if topic == cluster.ControlTopic && json.Unmarshal(e.Body, &w) == nil {
			f.tap(&w)
		}
	case cluster.KindShown:
		var s shown
		if strings.HasPrefix(topic, inboxPrefix) && json.Unmarshal(e.Body, &s) == nil {
			f.take(&s)
		}
	case cluster.KindClose:
		if code, err := strconv.Atoi(string(e.Body)); err == nil && topic == cluster.ControlTopic {
			f.cfg.Close(string(e.ID), code)
		}
	}
}

// A Node is one that is on the board, and what it said last.
type Node struct {
	backbone.Node
	*Vitals               // nil: it has said nothing, such as one of an older version
	Age     time.Duration // of what it said
}

// Nodes returns those that are on the board, this one too, by their ids. Any goroutine.
func (f *Fleet) Nodes() []Node {
	status := f.cfg.Bus.Status()
	now := f.cfg.Now()
	nodes := make([]Node, 0, len(status.Nodes))
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, n := range status.Nodes {
		one := Node{Node: n}
		if h, ok := f.heard[n.ID]; ok {
			one.Vitals, one.Age = &h.Vitals, max(now.Sub(h.at), 0)
		}
		nodes = append(nodes, one)
	}
	return nodes
}

// Self returns the name of this node. Any goroutine.
func (f *Fleet) Self() string { return f.cfg.Bus.Status().Self.Name }

// Away reports whether the backbone cannot be reached, so that nothing is heard of the others. Any goroutine.
func (f *Fleet) Away() bool { return !f.cfg.Bus.Status().Up }

// Holding returns the other nodes of which one has made a socket id, as far as they are known: one, but by chance. Any goroutine.
func (f *Fleet) Holding(socketID string) []Node {
	stamp, ok := node.StampOf(socketID)
	if !ok {
		return nil
	}
	self := f.cfg.Bus.Status().Self.ID
	return slices.DeleteFunc(f.Nodes(), func(n Node) bool { return n.ID == self || n.Vitals == nil || n.Stamp != stamp })
}

// Close says that a connection of another node is to be ended with a code. wait is that of backbone.Bus. Any goroutine.
func (f *Fleet) Close(socketID string, code int) (wait func() error) {
	e := cluster.Envelope{Kind: cluster.KindClose, ID: []byte(socketID), Body: strconv.AppendInt(nil, int64(code), 10)}
	return f.cfg.Bus.Publish(cluster.ControlTopic, e.Append(nil))
}
