package gateway_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"github.com/gannet-io/gannet/engine"
	"github.com/gannet-io/gannet/engine/hub"
	"github.com/gannet-io/gannet/frame"
	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/app/appstatic"
	"github.com/gannet-io/gannet/pusher/gateway"
	"github.com/gannet-io/gannet/pusher/node"
)

// patience is how long a test waits for what must come; it is only ever used up by a failure.
const patience = time.Minute

// A clock stands still until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time // guarded by mu
}

func newClock() *clock { return &clock{now: time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	c.now = c.now.Add(d)
	c.mu.Unlock()
}

// A server is engine, hub, node and gateway on a loopback port, with two loops, so that what
// happens between loops happens in every test.
type server struct {
	t       testing.TB
	apps    []*app.App
	engine  *engine.Engine
	hub     *hub.Hub
	node    *node.Node
	gateway *gateway.Gateway
	metrics *metrics.Set
	clock   *clock
	lan     *lan // nil: the server is alone
	addr    string
	conns   int // sockets that the test holds open
}

type options struct {
	engine  engine.Config
	gateway gateway.Config
	node    node.Config
	lan     *lan   // nil: it is alone
	name    string // on the lan
	clock   *clock // nil: one of its own
}

func newServer(t testing.TB, o options, apps ...*app.App) *server {
	t.Helper()
	registry, err := appstatic.New(apps)
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, apps: apps, metrics: metrics.NewSet(), clock: newClock()}
	start := time.Now()
	s.hub = hub.New(s.metrics, func() int64 { return int64(time.Since(start)) })
	log := slog.New(slog.NewTextHandler(io.Discard, nil))

	if o.node.OfflineDelay == 0 {
		o.node.OfflineDelay = -1
	}
	if o.clock != nil {
		s.clock = o.clock
	}
	if o.lan != nil {
		o.node.Bus = o.lan.net.Node(o.name)
	}
	if o.node.Bus != nil {
		o.node.Apps = registry
	}
	o.node.Hub, o.node.Now, o.node.Metrics = s.hub, s.clock.Now, s.metrics
	s.node = node.New(o.node)

	o.gateway.Node, o.gateway.Hub = s.node, s.hub
	if o.gateway.Now == nil {
		o.gateway.Now = s.clock.Now
	}
	if o.gateway.Apps == nil {
		o.gateway.Apps = registry
	}
	o.gateway.Log, o.gateway.Metrics = log, s.metrics
	s.gateway = gateway.New(o.gateway)

	o.engine.Handler, o.engine.Loops, o.engine.Log, o.engine.Metrics = s.gateway, 2, log, s.metrics
	if o.engine.Message == (frame.Limits{}) {
		o.engine.Message = frame.Limits{MessageBytes: 64 << 10, Fragments: 64}
	}
	if s.engine, err = engine.New(o.engine); err != nil {
		t.Fatal(err)
	}
	s.hub.Bind(s.engine.Loops())
	s.gateway.Bind(s.engine.Loops())
	s.node.Bind(s.gateway)

	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = ln.Addr().String()
	served := make(chan error, 1)
	go func() { served <- s.engine.Serve(ln) }()
	t.Cleanup(func() {
		if err := s.engine.Stop(); err != nil {
			t.Errorf("stop the engine: %v", err)
		}
		if err := <-served; err != nil {
			t.Errorf("serve: %v", err)
		}
		s.node.Close()
	})
	s.startLoops()
	if o.lan != nil {
		o.lan.start(s, o.node.Bus)
	}
	return s
}

// startLoops gives each loop its first conn, since a loop does nothing before that.
func (s *server) startLoops() {
	running := make(chan int, 2)
	for _, l := range s.engine.Loops() {
		l.Post(func() { running <- l.Index() })
	}
	var conns []net.Conn
	for range s.engine.Loops() {
		conn, err := net.Dial("tcp", s.addr)
		if err != nil {
			s.t.Fatal(err)
		}
		s.conns++
		conns = append(conns, conn)
		select {
		case <-running:
		case <-time.After(patience):
			s.t.Fatal("the connections do not take turns on the loops")
		}
	}
	for _, conn := range conns {
		s.shut(conn)
	}
}

// shut closes conn and waits until the server has forgotten it.
func (s *server) shut(conn net.Conn) {
	s.t.Helper()
	if err := conn.Close(); err != nil {
		s.t.Fatal(err)
	}
	s.conns--
	s.until("a connection to be forgotten", func() bool { return s.engine.Conns() <= s.conns })
}

// until waits for the loops to bring done about.
func (s *server) until(what string, done func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(patience); !done(); s.turn() {
		if time.Now().After(deadline) {
			s.t.Fatalf("waited in vain for %s", what)
		}
	}
}

// turn returns when each loop has begun a turn. Letters that were in its mailbox before that
// are dealt with before the loop reads any socket again.
func (s *server) turn() {
	var wg sync.WaitGroup
	for _, l := range s.engine.Loops() {
		wg.Add(1)
		l.Post(wg.Done)
	}
	wg.Wait()
}

// settle returns when everything that the calls and messages handled so far bring about is
// queued for the conns that get it, so that the answer to a ping comes behind it.
//
// A terminated conn is closed in the first turn, and told to the node when that turn ends,
// for which the second begins. What it lets others know is in their mailboxes then, and
// queued in the third.
func (s *server) settle() {
	if s.lan != nil {
		s.lan.settle()
		return
	}
	s.settleAlone()
}

func (s *server) settleAlone() {
	for range 3 {
		s.turn()
	}
	s.until("replays to end", func() bool {
		var replays atomic.Int64
		var wg sync.WaitGroup
		for _, l := range s.engine.Loops() {
			wg.Add(1)
			l.Post(func() {
				defer wg.Done()
				replays.Add(int64(s.gateway.Replays(l)))
			})
		}
		wg.Wait()
		return replays.Load() == 0
	})
}

// gauge returns the value of a metric, 0 when there is none of that name.
func (s *server) gauge(name string) (value float64) {
	var buf bytes.Buffer
	s.metrics.WritePrometheus(&buf)
	for line := range strings.Lines(buf.String()) {
		if text, ok := strings.CutPrefix(line, name+" "); ok {
			if _, err := fmt.Sscan(text, &value); err != nil {
				s.t.Fatalf("metric %s: %v", line, err)
			}
		}
	}
	return value
}

// leftovers says what is still there though every conn has gone. Topics that keep a cached
// event stay.
func (s *server) leftovers() (found []string) {
	for _, name := range []string{"gannet_hub_subscriptions", "gannet_engine_connections"} {
		if n := s.gauge(name); n != 0 {
			found = append(found, fmt.Sprintf("%s is %v", name, n))
		}
	}
	for _, a := range s.apps {
		if n := s.gauge(fmt.Sprintf("gannet_node_connections{app=%q}", a.ID)); n != 0 {
			found = append(found, fmt.Sprintf("app %q has %v connections", a.ID, n))
		}
	}
	s.hub.Keys(func(key string) bool {
		// What is kept on purpose is so of cache channels and by rules.
		if !strings.Contains(key, "cache-") && !slices.ContainsFunc(s.apps, func(a *app.App) bool { return len(a.Rules) > 0 }) {
			found = append(found, "topic "+key)
			return true
		}
		t := s.hub.Find([]byte(key))
		if t == nil {
			return true
		}
		defer s.hub.Release(t)
		if t.Count() > 0 || !t.Keep {
			found = append(found, fmt.Sprintf("topic %s with %d subscribers, kept: %v", key, t.Count(), t.Keep))
		}
		return true
	})
	return found
}
