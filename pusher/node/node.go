// Package node is the room behind both doors: what a client does over a WebSocket and what a
// server does over HTTP meet here, and leave through the hub.
//
// A [Node] knows every part and decides little: the rules of channels are in package channel,
// those of users in package user, and who may do what was settled by the door. It puts
// things in order. All that concerns one channel happens under the lock of its topic: the
// state changes, the frames that tell of it are published, and no other change or message
// can come in between. So a joiner's roster is exactly what the others were told, and a
// cached event is never followed by itself.
//
// Verbs are in files of their own: subscribe, publish, sign in, terminate, query.
package node

import (
	"context"
	"hash/maphash"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"github.com/gannet-io/gannet/engine"
	"github.com/gannet-io/gannet/engine/backbone"
	"github.com/gannet-io/gannet/engine/history"
	"github.com/gannet-io/gannet/engine/hub"
	"github.com/gannet-io/gannet/frame"
	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/cluster"
	"github.com/gannet-io/gannet/pusher/live"
	"github.com/gannet-io/gannet/pusher/quota"
	"github.com/gannet-io/gannet/pusher/trace"
)

// Config says how a Node behaves. Zero fields but Hub have usable defaults.
type Config struct {
	Hub *hub.Hub // required

	// Bus connects the node with the others of its cluster, from Start to Leave; nil: it is alone. Apps is needed with it, and must
	// answer from memory.
	Bus  backbone.Bus
	Apps app.Registry
	Desk cluster.Desk // gets what nodes tell each other for operators; nil: nobody does

	// OfflineDelay is how long a signed-in user must stay away before those who watch are
	// told, so that a page load does not look like leaving. 0: 3 s, negative: at once.
	OfflineDelay time.Duration

	Notifier Notifier // hears of transitions, for webhooks; nil: nobody does

	Feed *live.Feed // is told what happens, for who watches; nil: nobody can

	Tracer *trace.Tracer // of sampled publishes; nil: none is traced

	// Streams opens the stream of a topic whose channel has history or a keyed cache, under the topic's lock. nil: they are
	// kept in memory and end with the process.
	Streams func(topic string, w history.Wiring) history.Stream

	Now     func() time.Time // nil: time.Now
	Metrics *metrics.Set     // nil: none are exported
}

// A Node is made by New and ends with Close. Its methods may be called by any goroutine,
// loops included, since none of them waits for anything but a lock.
type Node struct {
	// Set once by New, conns by Bind.
	hub      *hub.Hub
	now      func() time.Time
	delay    time.Duration
	notifier Notifier                                            // may be nil
	streams  func(topic string, w history.Wiring) history.Stream // may be nil
	keys     maphash.Seed                                        // of the keys of events
	bus      backbone.Bus                                        // nil: the node is alone
	metrics  *nodeMetrics
	feed     *live.Feed    // may be nil
	tracer   *trace.Tracer // may be nil
	conns    Conns
	sockets  sockets
	traffics traffics
	member   *cluster.Member // nil: the node is alone
	apps     app.Registry    // nil: the node is alone
	owedDone func()          // see Owe; set before Start; may be nil

	mu      sync.RWMutex
	tenants map[string]*tenant // by app id; guarded by mu; only grows

	chores chores

	up     atomic.Bool // the backbone can be reached
	plain  plainWaits
	counts hookCounts
}

// Conns is what the node asks of the WebSocket door. Its methods may be called by any
// goroutine and return at once.
type Conns interface {
	// Terminate ends the conn as the app's wish, if it is still there.
	Terminate(id engine.ID)
	// TerminateMember ends every conn of the app that is a member of a presence channel as
	// userID.
	TerminateMember(a *app.App, userID string)
	// Again asks the conn, if it is still there, to repeat a Subscribe that was answered with Later.
	Again(id engine.ID, channel string)
}

// A tenant is what a node keeps of one app beside its channels.
type tenant struct {
	id      string
	account uint32 // in the hub

	mu    sync.Mutex
	board bool        // its users are on the board; guarded by mu
	users users       // guarded by mu
	conns quota.Usage // guarded by mu
	cache cache       // guarded by mu

	clientEvents, subscribes quota.Bucket // guarded by mu

	past      pasts
	pastLimit int // set once; 0: none
}

// New returns a Node that does its chores in one goroutine, until Close.
func New(cfg Config) *Node {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.OfflineDelay == 0 {
		cfg.OfflineDelay = 3 * time.Second
	}
	if cfg.Metrics == nil {
		cfg.Metrics = metrics.NewSet()
	}
	n := &Node{
		hub:      cfg.Hub,
		now:      cfg.Now,
		delay:    cfg.OfflineDelay,
		notifier: cfg.Notifier,
		streams:  cfg.Streams,
		bus:      cfg.Bus,
		keys:     maphash.MakeSeed(),
		metrics:  newMetrics(cfg.Metrics),
		feed:     cfg.Feed,
		tracer:   cfg.Tracer,
		sockets:  newSockets(),
		tenants:  make(map[string]*tenant),
	}
	if cfg.Bus != nil {
		n.apps = cfg.Apps
		n.member = cluster.New(cluster.Config{Bus: cfg.Bus, Room: n, Desk: cfg.Desk})
		cfg.Metrics.NewGauge("gannet_node_board_entries", func() float64 { return float64(n.member.Entries()) })
		cfg.Metrics.NewGauge("gannet_node_leads", func() float64 {
			if n.member.Leads() {
				return 1
			}
			return 0
		})
		cfg.Metrics.RegisterMetricsWriter(func(w io.Writer) {
			metrics.WriteGaugeUint64(w, "gannet_node_webhooks_due", uint64(n.member.Due()))
			metrics.WriteCounterUint64(w, "gannet_node_webhooks_forgotten_total", n.member.Lost())
		})
	}
	n.chores.start(n.now)
	return n
}

// Bind tells n whom to ask for terminating conns. It is called once, before anything else.
func (n *Node) Bind(c Conns) { n.conns = c }

// Start joins the cluster, if there is one, and returns when the node is part of it. It is called once, after Bind. May block, until ctx ends.
func (n *Node) Start(ctx context.Context) error {
	if n.member == nil {
		return nil
	}
	return n.member.Start(ctx)
}

// Quiet has the others know what this node has, that is nothing any more, and returns when what they are told by it has been told to the Notifier. It is called
// once, after the conns have ended, and before the Notifier is. May block, until ctx ends.
func (n *Node) Quiet(ctx context.Context) error {
	if n.member != nil {
		n.member.Quiet(ctx)
	}
	return ctx.Err()
}

// Leave leaves the cluster, of which this node then has nothing any more. It is called once, after the conns have ended, and after the
// Notifier, so that the others learn what it has told. May block, until ctx ends.
func (n *Node) Leave(ctx context.Context) error {
	if n.member == nil {
		return nil
	}
	return n.member.Close(ctx)
}

// Close ends the chores and waits for them. May block.
func (n *Node) Close() { n.chores.stop() }

// tenant returns the state of a, made at the first call.
func (n *Node) tenant(a *app.App) *tenant {
	n.mu.RLock()
	t := n.tenants[a.ID]
	n.mu.RUnlock()
	if t != nil {
		return t
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if t = n.tenants[a.ID]; t == nil {
		t = &tenant{id: a.ID, account: n.hub.NewAccount(), pastLimit: a.Limits.HistoryBytes}
		n.tenants[a.ID] = t
		n.metrics.addApp(n.hub, t)
	}
	return t
}

// Connect counts one more connection of a, or returns false when the app has as many as it
// may. Any goroutine.
func (n *Node) Connect(a *app.App) bool {
	t := n.tenant(a)
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.conns.Take(a.Limits.Connections)
}

// allows takes a token of one of the tenant's rates. A rate of 0 costs nothing, not even a lock.
func (n *Node) allows(a *app.App, rate int, bucket func(t *tenant) *quota.Bucket) bool {
	if rate <= 0 {
		return true
	}
	t := n.tenant(a)
	t.mu.Lock()
	defer t.mu.Unlock()
	return bucket(t).Allow(n.now(), rate)
}

// Disconnect counts one connection less. Each follows a Connect that returned true. Any
// goroutine.
func (n *Node) Disconnect(a *app.App) {
	t := n.tenant(a)
	t.mu.Lock()
	t.conns.Give()
	t.mu.Unlock()
}

// keyBytes is room for most topic keys, so that looking one up does not allocate.
const keyBytes = 256

// appendKey appends the hub's key of a channel: the app's id, a slash, the name. The slash
// cannot be in a channel name, so that no two pairs share a key.
func appendKey(dst []byte, a *app.App, channel string) []byte {
	return append(append(append(dst, a.ID...), '/'), channel...)
}

// text makes a text frame of a buffer that frame.NewBuffer began.
func text(buf []byte) *frame.Prepared { return frame.Prepare(frame.Text, buf) }
