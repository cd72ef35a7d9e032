package natsbus

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/gannet-io/gannet/engine/backbone"
)

// A Bus is a node's connection with a backbone of NATS. It implements backbone.Bus.
type Bus struct {
	// Set once by New or Start.
	config Config
	log    *slog.Logger
	sink   backbone.Sink
	server *embedded // nil: it is not in this process
	conn   *nats.Conn
	api    string // prefix of JetStream's subjects

	health   *health
	requests *requests
	out      *outgoing
	writers  writers
	lanes    [laneCount]*lane
	attacher *attacher
	barrier  *barrier
	board    *board

	strayFor   time.Duration // strayFor, but in tests; and so is checkEvery
	checkEvery time.Duration
	stray      time.Time     // since when a server that is gone has had no place any more; owned by checkups
	generation atomic.Uint64 // of the connection
	closing    atomic.Bool
	connected  atomic.Bool // server and conn do not change any more
	done       chan struct{}
	checked    chan struct{}

	started struct {
		sync.Mutex
		lanes, board bool
	}
	tasks struct {
		sync.Mutex
		sync.WaitGroup
		closed bool
		timers map[*time.Timer]struct{}
	}

	counts struct {
		in, out, bytesIn, bytesOut, entries, reconnects, rejoins, refetched, dropped atomic.Uint64
	}
}

var _ backbone.Bus = (*Bus)(nil)

// New returns a bus that is not connected yet, or what is wrong with config.
func New(config Config) (*Bus, error) {
	c, err := config.filled()
	if err != nil {
		return nil, err
	}
	b := &Bus{config: c, log: c.Logger, api: "$JS.API.", done: make(chan struct{}), checked: make(chan struct{}), strayFor: strayFor, checkEvery: checkEvery}
	if c.External != nil && c.External.Domain != "" {
		b.api = "$JS." + c.External.Domain + ".API."
	}
	b.tasks.timers = make(map[*time.Timer]struct{})
	b.health = newHealth(b)
	b.out = newOutgoing(b)
	b.writers = writers{bus: b, byTopic: make(map[string]*writer)}
	for i := range b.lanes {
		b.lanes[i] = newLane(b)
	}
	b.attacher = newAttacher(b)
	b.board = newBoard(b)
	return b, nil
}

// Start connects and puts the node on the board. Close is needed also when it fails.
func (b *Bus) Start(ctx context.Context, s backbone.Sink) error {
	b.sink = s
	var err error
	if err = b.open(); err != nil {
		return err
	}
	if b.server != nil {
		if err = b.server.ready(ctx); err != nil {
			return err
		}
	}
	if err = b.connect(ctx); err != nil {
		return err
	}
	b.connected.Store(true)
	if b.requests, err = newRequests(b.conn); err != nil {
		return fmt.Errorf("natsbus: %w", err)
	}
	if b.barrier, err = newBarrier(b); err != nil {
		return fmt.Errorf("natsbus: %w", err)
	}
	if err = b.streams(ctx); err != nil {
		return err
	}
	go b.out.run()
	for _, l := range b.lanes {
		go l.run()
	}
	b.health.running = true
	go b.health.run()
	b.started.lanes = true
	if err = b.board.start(func() error { return context.Cause(ctx) }); err != nil {
		return err
	}
	go b.attacher.run()
	go b.checkups()
	b.started.board = true
	return nil
}

// open starts the embedded server, unless there is none or it runs.
func (b *Bus) open() (err error) {
	if b.config.Embedded != nil && b.server == nil {
		b.server, err = openEmbedded(&b.config)
	}
	return err
}

// Close leaves the board and disconnects.
func (b *Bus) Close(ctx context.Context) error {
	if b.closing.Swap(true) {
		return nil
	}
	close(b.done)
	over := make(chan struct{})
	go func() {
		defer close(over)
		b.board.pen.leave()
	}()
	select {
	case <-over:
	case <-ctx.Done():
		// The others will find out when the lease has lapsed.
		if b.requests != nil {
			b.requests.close()
		}
		if b.conn != nil {
			b.conn.Close()
		}
		<-over
	}
	b.health.close()
	if b.requests != nil {
		b.requests.close()
	}
	b.board.close()
	if b.started.board {
		<-b.checked
		b.attacher.close()
	}
	if b.started.lanes {
		b.out.close()
		for _, l := range b.lanes {
			l.close()
		}
	}
	if b.conn != nil {
		b.conn.Close()
	}
	b.stopTasks()
	if b.requests != nil {
		b.requests.close()
	}
	b.writers.close()
	if b.server != nil {
		b.server.close()
	}
	return nil
}

// goes runs f beside, unless the bus is closed.
func (b *Bus) goes(f func()) {
	b.tasks.Lock()
	defer b.tasks.Unlock()
	if !b.tasks.closed {
		b.tasks.Go(f)
	}
}

// after runs f beside after a while, unless the bus is closed by then.
func (b *Bus) after(d time.Duration, f func()) {
	b.tasks.Lock()
	defer b.tasks.Unlock()
	if b.tasks.closed {
		return
	}
	var timer *time.Timer
	timer = time.AfterFunc(d, func() {
		b.tasks.Lock()
		delete(b.tasks.timers, timer)
		b.tasks.Unlock()
		b.goes(f)
	})
	b.tasks.timers[timer] = struct{}{}
}

func (b *Bus) stopTasks() {
	b.tasks.Lock()
	b.tasks.closed = true
	for timer := range b.tasks.timers {
		timer.Stop()
	}
	b.tasks.Unlock()
	if b.requests != nil {
		b.requests.close()
	}
	b.tasks.Wait()
}

// Status says how the bus is.
func (b *Bus) Status() backbone.Status {
	s := backbone.Status{
		Driver: "nats",
		In:     b.counts.in.Load(), Out: b.counts.out.Load(), BytesIn: b.counts.bytesIn.Load(), BytesOut: b.counts.bytesOut.Load(),
		Entries: b.counts.entries.Load(), Reconnects: b.counts.reconnects.Load(), Rejoins: b.counts.rejoins.Load(), Refetched: b.counts.refetched.Load(),
		Waiting: b.writers.waiting() + b.out.waiting() + b.board.pen.waiting(),
	}
	b.health.mu.Lock()
	s.Reason = b.health.reason
	b.health.mu.Unlock()
	s.Up = s.Reason == ""
	b.board.mu.Lock()
	s.Self, s.Nodes = b.board.self, slices.Clone(b.board.shown)
	b.board.mu.Unlock()
	detail := func(name, value string) { s.Details = append(s.Details, backbone.Detail{Name: name, Value: value}) }
	if b.config.Embedded != nil {
		s.Driver = "nats, embedded"
		detail("streams here", fmt.Sprint(b.config.Embedded.stores()))
		if b.connected.Load() {
			detail("servers connected", fmt.Sprint(len(b.server.remotes())))
		}
	} else if b.connected.Load() {
		detail("server", b.conn.ConnectedUrlRedacted())
	}
	detail("replicas", fmt.Sprint(b.config.Replicas))
	if n := b.counts.dropped.Load(); n > 0 {
		detail("read too slowly", fmt.Sprint(n))
	}
	return s
}
