package hub_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"github.com/gannet-io/gannet/engine"
	"github.com/gannet-io/gannet/engine/hub"
	"github.com/gannet-io/gannet/frame"
	"github.com/gannet-io/gannet/frame/frametest"
	"github.com/gannet-io/gannet/frame/handshake"
)

// patience is how long a test waits for what must happen; nothing takes so long, also not
// beside neighbours who leave little of the machine. It is only ever used up by a failure.
const patience = time.Minute

// A room is a hub over a real engine, and its handler.
type room struct {
	*hub.Hub
	*engine.Engine
	t         testing.TB
	ln        net.Listener
	set       *metrics.Set
	engineSet *metrics.Set
	listener  engine.ListenerConfig // set before accept
	opened    chan engine.ID
	accepting sync.Once

	// Set before accept.
	message func(c *engine.Conn, payload string)
	closed  func(c *engine.Conn)
	sent    func(c *engine.Conn)
	work    func(l *engine.Loop) // before the hub's
	flushed func(l *engine.Loop) // after the hub's
}

func newRoom(t testing.TB, loops int) *room {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &room{t: t, ln: ln, set: metrics.NewSet(), engineSet: metrics.NewSet(), opened: make(chan engine.ID, 1)}
	start := time.Now()
	r.Hub = hub.New(r.set, func() int64 { return int64(time.Since(start)) })
	r.Engine, err = engine.New(engine.Config{
		Handler: r, Loops: loops, BacklogBytes: -1, BacklogAge: -1, MaxConns: 1 << 20,
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Metrics: r.engineSet,
	})
	if err != nil {
		t.Fatal(err)
	}
	r.Bind(r.Loops())
	t.Cleanup(func() {
		if err := r.Stop(); err != nil {
			t.Errorf("Stop: %v", err)
		}
		_ = ln.Close() // if nobody came
	})
	return r
}

// accept begins to accept conns; dial does it too.
func (r *room) accept() {
	r.accepting.Do(func() {
		served := make(chan error, 1)
		go func() { served <- r.ServeWith(r.ln, r.listener) }()
		r.t.Cleanup(func() {
			if err := errors.Join(r.Stop(), <-served); err != nil {
				r.t.Errorf("Serve: %v", err)
			}
		})
	})
}

func (r *room) Upgrade(*engine.Conn, *handshake.Request) (string, *handshake.Error) { return "", nil }
func (r *room) Open(c *engine.Conn)                                                 { r.opened <- c.ID() }

func (r *room) Notice(c *engine.Conn, n engine.Notice) {
	if n == engine.Sent && r.sent != nil {
		r.sent(c)
	}
}

func (r *room) Message(c *engine.Conn, _ frame.Opcode, payload []byte) {
	if r.message != nil {
		r.message(c, string(payload))
	}
}

func (r *room) Closed(c *engine.Conn) {
	r.Forget(c.Loop(), c.ID())
	if r.closed != nil {
		r.closed(c)
	}
}

func (r *room) Work(l *engine.Loop) {
	if r.work != nil {
		r.work(l)
	}
	r.Hub.Work(l)
}

func (r *room) Flushed(l *engine.Loop) {
	r.Hub.Flushed(l)
	if r.flushed != nil {
		r.flushed(l)
	}
}

// on runs f on loop i and waits for it.
func (r *room) on(i int, f func(l *engine.Loop)) {
	r.t.Helper()
	done := make(chan struct{})
	l := r.Loops()[i]
	if !l.Post(func() { defer close(done); f(l) }) {
		r.t.Fatal("Post refused")
	}
	wait(r.t, done, "a posted function")
}

// settled checks the tables, and returns how many lists the loops keep. Letters sent before
// have been handled.
func (r *room) settled() (lists int) {
	r.t.Helper()
	for i := range r.Loops() {
		r.on(i, func(*engine.Loop) {}) // Work comes behind the post
		r.on(i, func(l *engine.Loop) {
			n, err := r.CheckLoop(l)
			if err != nil {
				r.t.Errorf("loop %d: %v", i, err)
			}
			lists += n
		})
	}
	return lists
}

// topic calls f with a topic, locked.
func (r *room) topic(key string, f func(t *hub.Topic)) {
	t := r.Acquire([]byte(key))
	defer r.Release(t)
	f(t)
}

func (r *room) publish(key, payload string, except engine.ID) {
	r.topic(key, func(t *hub.Topic) { t.Publish(text(payload), except) })
}

func text(s string) *frame.Prepared {
	return frame.Prepare(frame.Text, append(frame.NewBuffer(len(s)), s...))
}

const (
	request = "GET / HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
	acceptedBytes = 129
)

// A client is a conn from outside.
type client struct {
	net.Conn
	t  testing.TB
	r  *bufio.Reader
	id engine.ID
}

// dial connects; one at a time.
func (r *room) dial() *client {
	r.t.Helper()
	return r.dialWith("")
}

// dialWith is dial with a list of extensions.
func (r *room) dialWith(extensions string) *client {
	r.t.Helper()
	r.accept()
	conn, err := net.Dial("tcp", r.ln.Addr().String())
	if err != nil {
		r.t.Fatal(err)
	}
	c := &client{Conn: conn, t: r.t, r: bufio.NewReader(conn)}
	r.t.Cleanup(func() { _ = conn.Close() })
	_ = c.SetReadDeadline(time.Now().Add(patience))
	head := request
	if extensions != "" {
		head = strings.TrimSuffix(request, "\r\n") + "Sec-WebSocket-Extensions: " + extensions + "\r\n\r\n"
	}
	if _, err := io.WriteString(conn, head); err != nil {
		r.t.Fatal(err)
	}
	for {
		line, err := c.r.ReadString('\n')
		if err != nil {
			r.t.Fatal(err)
		}
		if strings.TrimSpace(line) == "" {
			break
		}
	}
	c.id = wait(r.t, r.opened, "Open")
	return c
}

// metric returns the value of a metric of the engine.
func (r *room) metric(name string) (value float64) {
	r.t.Helper()
	var text strings.Builder
	r.engineSet.WritePrometheus(&text)
	for line := range strings.Lines(text.String()) {
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			if _, err := fmt.Sscan(rest, &value); err != nil {
				r.t.Fatal(err)
			}
		}
	}
	return value
}

// wantMetric waits until a metric of the engine has a value.
func (r *room) wantMetric(name string, value int) {
	r.t.Helper()
	eventually(r.t, func() bool { return r.metric(name) == float64(value) }, fmt.Sprint(name, " to be ", value))
}

func (c *client) read() string {
	c.t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(patience))
	f, err := frametest.Read(c.r)
	if err != nil {
		c.t.Fatal(err)
	}
	return string(f.Payload)
}

func (c *client) want(payloads ...string) {
	c.t.Helper()
	for _, want := range payloads {
		if got := c.read(); got != want {
			c.t.Fatalf("got %q, want %q", got, want)
		}
	}
}

func (c *client) reset() {
	_ = c.Conn.(*net.TCPConn).SetLinger(0)
	_ = c.Close()
}

func wait[T any](t testing.TB, ch <-chan T, what string) (v T) {
	t.Helper()
	select {
	case v = <-ch:
	case <-time.After(patience):
		t.Fatalf("waited in vain for %s", what)
	}
	return v
}

// eventually asks for cond until it holds.
func eventually(t testing.TB, cond func() bool, what string) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for start := time.Now(); !cond(); <-tick.C {
		if time.Since(start) > patience {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}
