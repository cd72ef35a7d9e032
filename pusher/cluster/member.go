package cluster

import (
	"context"
	"crypto/rand"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gannet-io/gannet/engine/backbone"
	"github.com/gannet-io/gannet/pusher/ledger"
)

// Config says how a Member behaves. Bus and Room are required.
type Config struct {
	Bus  backbone.Bus
	Room Room
	Desk Desk // nil: nobody wants to know

	// Gather is how long changes are gathered before they are written. 0: 2 ms; negative: not at all.
	Gather time.Duration
	// Retry is how long to wait after a write that failed. 0: 250 ms.
	Retry time.Duration
	// Now reads the clock. nil: time.Now.
	Now func() time.Time
	// Stepped leaves Flush and Reap to the caller, as tests want it: then there is no goroutine.
	Stepped bool
}

// A Member is one node's part in a cluster. It implements backbone.Sink. Made by New, it lives from Start to Close.
type Member struct {
	// Set once by New.
	cfg     Config
	process []byte

	mu     sync.RWMutex
	ledger *ledger.Ledger // guarded by mu

	marks marks
	dues  dues
	leads atomic.Bool // this node tells of the dues; written by whoever tells of the board

	// Owned by whoever tells of the board.
	changes []ledger.Change // scratch
	place   backbone.Place
	index   int               // of the next change at place
	joined  bool              // Rejoin was called
	selves  int               // incarnations of this process that are up
	since   map[string]string // by incarnation, from where on it knows all dues

	wake, quit, done chan struct{}
	heard            chan struct{} // the last entry has been told
	stopping         sync.Once
}

// New returns a Member.
func New(cfg Config) *Member {
	if cfg.Gather == 0 {
		cfg.Gather = 2 * time.Millisecond
	}
	if cfg.Retry <= 0 {
		cfg.Retry = 250 * time.Millisecond
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	m := &Member{
		cfg: cfg, process: make([]byte, 16), ledger: ledger.New(), since: make(map[string]string),
		wake: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{}), heard: make(chan struct{}, 1),
	}
	_, _ = rand.Read(m.process) // never fails
	return m
}

// Bus returns the bus, for messages.
func (m *Member) Bus() backbone.Bus { return m.cfg.Bus }

// Start connects. It returns when this node is on the board. May block, until ctx ends.
func (m *Member) Start(ctx context.Context) error {
	if m.cfg.Stepped {
		close(m.done)
	} else {
		go m.run()
	}
	if err := m.cfg.Bus.Start(ctx, m); err != nil {
		m.stop()
		return err
	}
	m.cfg.Bus.Attach(ControlTopic, nil)
	return nil
}

// hearPatience is how long Close waits to be told of what it has taken off the board.
const hearPatience = 5 * time.Second

// Quiet writes what is left to write, and has nothing more written. What this node has taken off the board has been told when it returns, so that it can be spoken of before
// Close. May block, until ctx ends.
func (m *Member) Quiet(ctx context.Context) {
	m.stop()
	m.writeOut(ctx)
	if !m.cfg.Stepped && m.cfg.Bus.Status().Up {
		m.hear(ctx)
	}
}

// Close is Quiet, then leaves the board and disconnects. What is done of the dues by then is said before. May block, until ctx ends.
func (m *Member) Close(ctx context.Context) error {
	select {
	case <-m.quit:
	default:
		m.Quiet(ctx)
	}
	m.marks.announce()
	m.writeOut(ctx)
	return m.cfg.Bus.Close(ctx)
}

func (m *Member) writeOut(ctx context.Context) {
	for !m.cfg.Stepped && ctx.Err() == nil && m.cfg.Bus.Status().Up && m.marks.any() {
		m.Flush()
		if !m.Reap() {
			break
		}
	}
}

// leavingKey is of the entry that a node writes last. Its class is none, so that it means nothing to others.
const leavingKey = "!leaving"

// hear waits until this node has been told of everything that it wrote, if that can be.
func (m *Member) hear(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, hearPatience)
	defer cancel()
	if wait := m.cfg.Bus.Put([]backbone.Entry{{Key: leavingKey, Value: []byte{}}}); wait != nil && wait() != nil {
		return
	}
	select {
	case <-m.heard:
	case <-ctx.Done():
	}
}

func (m *Member) stop() {
	m.stopping.Do(func() { close(m.quit) })
	<-m.done
}

// run writes, whenever there is something to write.
func (m *Member) run() {
	defer close(m.done)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	pause := func(d time.Duration) bool {
		timer.Reset(d)
		select {
		case <-timer.C:
			return true
		case <-m.quit:
			return false
		}
	}
	for {
		select {
		case <-m.wake:
		case <-m.quit:
			return
		}
		for m.marks.any() {
			if m.cfg.Gather > 0 && !pause(m.cfg.Gather) {
				return
			}
			m.Flush()
			if m.Reap() {
				continue
			}
			for again := true; again; again = !m.cfg.Bus.Status().Up {
				if !pause(m.cfg.Retry) {
					return
				}
			}
		}
	}
}

// rouse has run look.
func (m *Member) rouse() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// At implements backbone.Sink.
func (m *Member) At(p backbone.Place) { m.place, m.index = p, 0 }

// Up implements backbone.Sink.
func (m *Member) Up(n backbone.Node) {
	m.mu.Lock()
	m.ledger.Up(n.ID, n.Since.UnixNano())
	m.mu.Unlock()
	m.review()
}

// Rejoin implements backbone.Sink.
func (m *Member) Rejoin(self backbone.Node) {
	m.mu.Lock()
	m.ledger.Up(self.ID, self.Since.UnixNano()) // the other order is the same
	m.ledger.Own(self.ID)
	m.mu.Unlock()
	since := ""
	if m.selves == 0 {
		since = idAt(m.place) + "~" // behind all of that place
	}
	m.selves++
	m.joined = true
	m.marks.restart(since)
	m.review()
	m.rouse()
}

// Changed implements backbone.Sink.
func (m *Member) Changed(node string, e backbone.Entry) {
	key, ok := ledger.ParseKey(e.Key)
	if !ok {
		if e.Key == leavingKey && m.own(node) {
			select {
			case m.heard <- struct{}{}:
			default:
			}
		}
		return
	}
	apply := func() []ledger.Change {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.changes = m.changes[:0]
		if c, ok := m.ledger.Put(node, key, e.Value); ok {
			m.changes = append(m.changes, c)
		}
		return m.changes
	}
	var changes []ledger.Change
	noted := func() []ledger.Change { changes = apply(); return changes }
	switch {
	case key.Class == ledger.Dues:
		m.heardDues(node, e.Value)
		return
	case key.Class == ledger.Process:
		apply()
		m.review()
		return
	case m.own(node):
		noted()
	case key.Class == ledger.User:
		m.cfg.Room.UpdateUsers(key.Topic, apply)
	default:
		m.cfg.Room.Update(key.Topic, noted)
	}
	m.owe(changes)
}

// heardDues takes in what a node says of dues.
func (m *Member) heardDues(node string, value []byte) {
	since, upTo, ok := strings.Cut(string(value), "\x00")
	m.mu.RLock()
	up, leads, stale := ok && m.ledger.IsUp(node), m.ledger.Leader() == node, m.ledger.Behind(node)
	m.mu.RUnlock()
	switch {
	case !up:
		return
	case m.own(node):
		since = "" // its own are among them
	default:
		m.since[node] = since
	}
	if stale {
		upTo = "" // it led when it wrote that, and another one does since
	}
	m.dues.hear(since, upTo, leads)
	if m.dues.settled() {
		m.cfg.Room.Cleared()
	}
	m.review()
}

func (m *Member) own(node string) bool {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.ledger.IsOwn(node)
}

// Gone implements backbone.Sink.
func (m *Member) Gone(node string) {
	m.mu.Lock()
	ok := m.ledger.Leave(node)
	m.mu.Unlock()
	if !ok {
		return
	}
	if m.own(node) {
		m.selves--
	}
	delete(m.since, node)
	m.review() // of what follows speaks who leads without that node
	var changes []ledger.Change
	drop := func(class ledger.Class, topic string) func() []ledger.Change {
		return func() []ledger.Change {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.changes = m.ledger.Drop(node, class, topic, m.changes[:0])
			changes = m.changes
			return changes
		}
	}
	for shard := range ledger.Shards {
		m.mu.RLock()
		topics := m.ledger.Topics(node, shard)
		m.mu.RUnlock()
		for _, topic := range topics {
			m.cfg.Room.Update(topic, drop(ledger.Count, topic))
			m.owe(changes)
		}
	}
	m.mu.RLock()
	apps := m.ledger.Apps(node)
	m.mu.RUnlock()
	for _, app := range apps {
		m.cfg.Room.UpdateUsers(app, drop(ledger.User, app))
	}
	m.mu.Lock()
	m.ledger.Gone(node)
	m.mu.Unlock()
}

// State implements backbone.Sink.
func (m *Member) State(up bool, reason string) {
	m.cfg.Room.State(up, reason)
}

// Message implements backbone.Sink.
func (m *Member) Message(topic string, msg []byte) {
	if aside(topic) {
		m.command(topic, msg)
		return
	}
	m.cfg.Room.Message(topic, msg)
}

// Attached implements backbone.Sink.
func (m *Member) Attached(topic string, t backbone.Tail) {
	if !aside(topic) {
		m.cfg.Room.Attached(topic, t)
	}
}

// Stored implements backbone.Sink.
func (m *Member) Stored(topic string, e backbone.Stored) { m.cfg.Room.Stored(topic, e) }
