package node_test

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/gobwas/ws"
	"go.uber.org/goleak"

	"github.com/gannet-io/gannet/engine"
	"github.com/gannet-io/gannet/engine/hub"
	"github.com/gannet-io/gannet/frame"
	"github.com/gannet-io/gannet/frame/frametest"
	"github.com/gannet-io/gannet/frame/handshake"
	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/channel"
	"github.com/gannet-io/gannet/pusher/node"
	"github.com/gannet-io/gannet/pusher/session"
)

// What packages below start when they are loaded is not ours.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m, goleak.IgnoreCurrent()) }

// patience is how long a test waits for what must happen. It is only ever used up by a failure.
const patience = time.Minute

// A clock stands still until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time // guarded by mu
}

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

// A house is a node over a real engine with two loops, whose door lets everybody in and does
// nothing else: what conns do is the test's to say.
type house struct {
	*node.Node
	t       testing.TB
	hub     *hub.Hub
	engine  *engine.Engine
	metrics *metrics.Set
	clock   *clock
	addr    string
	opened  chan engine.ID

	mu         sync.Mutex
	terminated []engine.ID // guarded by mu
	members    []string    // guarded by mu
	again      []engine.ID // guarded by mu
}

func newHouse(t testing.TB, cfg node.Config) *house {
	t.Helper()
	h := &house{
		t: t, metrics: metrics.NewSet(), opened: make(chan engine.ID, 1),
		clock: &clock{now: time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)},
	}
	start := time.Now()
	h.hub = hub.New(h.metrics, func() int64 { return int64(time.Since(start)) })
	cfg.Hub, cfg.Now, cfg.Metrics = h.hub, h.clock.Now, h.metrics
	h.Node = node.New(cfg)
	h.Close() // chores are done when the test says so
	h.Bind(h)
	var err error
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	if h.engine, err = engine.New(engine.Config{Handler: &door{house: h}, Loops: 2, Log: log}); err != nil {
		t.Fatal(err)
	}
	h.hub.Bind(h.engine.Loops())
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h.addr = ln.Addr().String()
	served := make(chan error, 1)
	go func() { served <- h.engine.Serve(ln) }()
	t.Cleanup(func() {
		if err := h.engine.Stop(); err != nil {
			t.Errorf("stop the engine: %v", err)
		}
		// A test may be over before the engine has begun to serve.
		if err := <-served; err != nil && !errors.Is(err, engine.ErrStopped) {
			t.Errorf("serve: %v", err)
		}
	})
	return h
}

// Terminate and TerminateMember are those of node.Conns, which writes down what it is told.
type conns struct{ *house }

func (h *house) Bind(*house) { h.Node.Bind(conns{h}) }

func (c conns) Terminate(id engine.ID) {
	c.mu.Lock()
	c.terminated = append(c.terminated, id)
	c.mu.Unlock()
}

func (c conns) Again(id engine.ID, channel string) {
	c.mu.Lock()
	c.again = append(c.again, id)
	c.mu.Unlock()
}

func (c conns) TerminateMember(a *app.App, userID string) {
	c.mu.Lock()
	c.members = append(c.members, a.ID+" "+userID)
	c.mu.Unlock()
}

// A door is the engine's handler.
type door struct{ house *house }

func (d *door) Upgrade(*engine.Conn, *handshake.Request) (string, *handshake.Error) { return "", nil }
func (d *door) Open(c *engine.Conn)                                                 { d.house.opened <- c.ID() }
func (d *door) Message(*engine.Conn, frame.Opcode, []byte)                          {}
func (d *door) Notice(*engine.Conn, engine.Notice)                                  {}
func (d *door) Closed(c *engine.Conn)                                               { d.house.hub.Forget(c.Loop(), c.ID()) }
func (d *door) Work(l *engine.Loop)                                                 { d.house.hub.Work(l) }
func (d *door) Flushed(l *engine.Loop)                                              { d.house.hub.Flushed(l) }

// A conn is one that came in.
type conn struct {
	t    testing.TB
	id   engine.ID
	conn net.Conn
}

func (h *house) enter() *conn {
	h.t.Helper()
	d := ws.Dialer{Timeout: patience}
	c, br, _, err := d.Dial(h.t.Context(), "ws://"+h.addr+"/")
	if err != nil {
		h.t.Fatal(err)
	}
	if br != nil {
		h.t.Fatal("somebody spoke too soon")
	}
	h.t.Cleanup(func() { _ = c.Close() }) // the engine has been stopped
	return &conn{t: h.t, id: <-h.opened, conn: c}
}

// heard returns what c has been sent by now.
func (h *house) heard(c *conn) (frames []string) {
	h.t.Helper()
	// What is in the mailboxes is queued in the turns of the loops that this waits for.
	h.turn(c)
	if err := ws.WriteFrame(c.conn, ws.MaskFrameInPlace(ws.NewPingFrame([]byte("?")))); err != nil {
		h.t.Fatal(err)
	}
	for {
		if err := c.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
			h.t.Fatal(err)
		}
		f, err := frametest.Read(c.conn)
		if err != nil {
			h.t.Fatal(err)
		}
		if f.Header.OpCode == ws.OpPong {
			return frames
		}
		frames = append(frames, string(f.Payload))
	}
}

// turn waits until the loop of c has begun another turn.
func (h *house) turn(c *conn) {
	done := make(chan struct{})
	h.engine.Loops()[c.id.Loop()].Post(func() { close(done) })
	<-done
}

// Subscribe lets a conn in that asks nothing about the past.
func (h *house) Subscribe(a *app.App, id engine.ID, name string, kind pusher.Kind, m *channel.Member) (*session.Seat, *pusher.Error) {
	w, err := h.Node.Subscribe(a, id, name, kind, m, &node.Arrival{Room: 1 << 20})
	return w.Seat, err
}

// Acknowledge does so for a conn that is in and asks nothing.
func (h *house) Acknowledge(a *app.App, id engine.ID, name string) {
	h.Node.Acknowledge(a, id, name, &node.Arrival{}, nil)
}

// keys returns the topics there are.
func (h *house) keys() (keys []string) {
	h.hub.Keys(func(key string) bool {
		keys = append(keys, key)
		return true
	})
	return keys
}
