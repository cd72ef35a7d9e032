package cluster

import (
	"context"
	"crypto/rand"
	"sync"
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

	// Owned by whoever tells of the board.
	changes []ledger.Change // scratch
	lent    []lent

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
		cfg: cfg, process: make([]byte, 16), ledger: ledger.New(),
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

// Close writes what is left to write, leaves the board and disconnects. What it has taken off the board is told before that, for nobody
// else speaks of that. May block, until ctx ends.
func (m *Member) Close(ctx context.Context) error {
	m.stop()
	for !m.cfg.Stepped && ctx.Err() == nil && m.cfg.Bus.Status().Up && m.marks.any() {
		m.Flush()
		if !m.Reap() {
			break
		}
	}
	if !m.cfg.Stepped && m.cfg.Bus.Status().Up {
		m.hear(ctx)
	}
	return m.cfg.Bus.Close(ctx)
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

// Up implements backbone.Sink.
func (m *Member) Up(n backbone.Node) {
	m.mu.Lock()
	m.ledger.Up(n.ID, n.Since.UnixNano())
	m.mu.Unlock()
}

// Rejoin implements backbone.Sink.
func (m *Member) Rejoin(self backbone.Node) {
	m.mu.Lock()
	m.ledger.Up(self.ID, self.Since.UnixNano()) // the other order is the same
	m.ledger.Own(self.ID)
	m.mu.Unlock()
	m.marks.restart(self.ID)
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
	switch {
	case key.Class == ledger.Process || m.own(node):
		changes := apply()
		m.lend(changes)
		m.cfg.Room.Told(changes)
	case key.Class == ledger.User:
		m.cfg.Room.UpdateUsers(key.Topic, apply)
	default:
		m.cfg.Room.Update(key.Topic, apply)
	}
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
	drop := func(class ledger.Class, topic string) func() []ledger.Change {
		return func() []ledger.Change {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.changes = m.ledger.Drop(node, class, topic, m.changes[:0])
			return m.changes
		}
	}
	for shard := range ledger.Shards {
		m.mu.RLock()
		topics := m.ledger.Topics(node, shard)
		m.mu.RUnlock()
		for _, topic := range topics {
			m.cfg.Room.Update(topic, drop(ledger.Count, topic))
		}
	}
	m.mu.RLock()
	apps := m.ledger.Apps(node)
	m.mu.RUnlock()
	for _, app := range apps {
		m.cfg.Room.UpdateUsers(app, drop(ledger.User, app))
	}
	m.mu.Lock()
	survives := m.ledger.Survives(node)
	m.ledger.Gone(node)
	m.mu.Unlock()
	if !survives {
		m.takeBack(node)
	}
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
