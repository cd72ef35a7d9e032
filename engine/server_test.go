package engine_test

import (
	"io"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"github.com/gannet-io/gannet/engine"
	"github.com/gannet-io/gannet/frame"
	"github.com/gannet-io/gannet/frame/handshake"
)

// patience is how long a test waits for what must happen; nothing takes so long, also not
// beside neighbours who leave little of the machine. It is only ever used up by a failure.
const patience = time.Minute

// A handler is an engine.Handler made of functions; nil ones do nothing, but a nil message
// echoes and a nil notice closes with the notice's number.
type handler struct {
	upgrade func(c *engine.Conn, r *handshake.Request) (string, *handshake.Error)
	open    func(c *engine.Conn)
	message func(c *engine.Conn, op frame.Opcode, payload []byte)
	notice  func(c *engine.Conn, n engine.Notice)
	closed  func(c *engine.Conn)
	work    func(l *engine.Loop)
	flushed func(l *engine.Loop)
}

// noticeCode is what a handler without notice closes with.
func noticeCode(n engine.Notice) frame.CloseCode { return 4000 + frame.CloseCode(n) }

func (h *handler) Upgrade(c *engine.Conn, r *handshake.Request) (string, *handshake.Error) {
	if h.upgrade != nil {
		return h.upgrade(c, r)
	}
	return "", nil
}

func (h *handler) Open(c *engine.Conn) {
	if h.open != nil {
		h.open(c)
	}
}

func (h *handler) Message(c *engine.Conn, op frame.Opcode, payload []byte) {
	if h.message != nil {
		h.message(c, op, payload)
		return
	}
	c.Send(prepare(op, payload))
}

func (h *handler) Notice(c *engine.Conn, n engine.Notice) {
	if h.notice != nil {
		h.notice(c, n)
		return
	}
	c.Close(noticeCode(n), "")
}

func (h *handler) Closed(c *engine.Conn) {
	if h.closed != nil {
		h.closed(c)
	}
}

func (h *handler) Work(l *engine.Loop) {
	if h.work != nil {
		h.work(l)
	}
}

func (h *handler) Flushed(l *engine.Loop) {
	if h.flushed != nil {
		h.flushed(l)
	}
}

func prepare(op frame.Opcode, payload []byte) *frame.Prepared {
	return frame.Prepare(op, append(frame.NewBuffer(len(payload)), payload...))
}

func panicInUpgrade(*engine.Conn, *handshake.Request) (string, *handshake.Error) { panic("boom") }

func itoa(n int) string { return strconv.Itoa(n) }

func text(s string) *frame.Prepared { return prepare(frame.Text, []byte(s)) }

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

// A server is an engine that serves one listener.
type server struct {
	*engine.Engine
	t      testing.TB
	h      *handler
	ln     net.Listener
	set    *metrics.Set
	served chan error
	secure bool // its clients speak TLS
}

// serve starts an engine with the handler h; its config is changed by more. A peer may be slow
// with its handshake and its close frame unless the test says otherwise.
func serve(t testing.TB, h *handler, more ...func(*engine.Config)) *server {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return serveOn(t, ln, h, more...)
}

func serveOn(t testing.TB, ln net.Listener, h *handler, more ...func(*engine.Config)) *server {
	t.Helper()
	return serveWith(t, ln, engine.ListenerConfig{}, h, more...)
}

func serveWith(t testing.TB, ln net.Listener, with engine.ListenerConfig, h *handler, more ...func(*engine.Config)) *server {
	t.Helper()
	s := &server{t: t, h: h, ln: ln, set: metrics.NewSet(), served: make(chan error, 1), secure: overTLS(t)}
	engine.StartTick = 0
	cfg := engine.Config{Handler: h, Loops: 1, Log: quiet, Metrics: s.set, HeadTimeout: patience, CloseWait: patience}
	if s.secure {
		cfg.TLS = &engine.TLS{Config: serverTLS(t)}
	}
	for _, f := range more {
		f(&cfg)
	}
	var err error
	if s.Engine, err = engine.New(cfg); err != nil {
		t.Fatal(err)
	}
	s.StartAt(engine.StartTick)
	go func() { s.served <- s.ServeWith(ln, with) }()
	t.Cleanup(s.stop)
	return s
}

// stop ends the server and checks that it holds nothing any more.
func (s *server) stop() {
	if err := s.Stop(); err != nil {
		s.t.Errorf("Stop: %v", err)
	}
	select {
	case err := <-s.served:
		if err != nil {
			s.t.Errorf("Serve: %v", err)
		}
	case <-time.After(patience):
		s.t.Error("Serve did not return after Stop")
	}
	if n := s.OnLoops(); n != 0 {
		s.t.Errorf("%d conns are counted on loops after Stop", n)
	}
	for _, l := range s.Loops() {
		if got := l.Leftovers(); got != "" {
			s.t.Errorf("loop %d after Stop: %s", l.Index(), got)
		}
	}
}

// on runs f on loop i and waits for it.
func (s *server) on(i int, f func(l *engine.Loop)) {
	s.t.Helper()
	done := make(chan struct{})
	l := s.Loops()[i]
	if !l.Post(func() { defer close(done); f(l) }) {
		s.t.Fatal("Post refused")
	}
	wait(s.t, done, "a posted function")
}

// metric returns the value of one line of the metrics, "" when it is not there.
func (s *server) metric(name string) string {
	var b strings.Builder
	s.set.WritePrometheus(&b)
	for line := range strings.Lines(b.String()) {
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			return strings.TrimSpace(rest)
		}
	}
	return ""
}

// count returns the value of a counter.
func (s *server) count(name string) int {
	s.t.Helper()
	n, err := strconv.Atoi(s.metric(name))
	if err != nil {
		s.t.Fatalf("%s is %q", name, s.metric(name))
	}
	return n
}

// wantMetrics waits until the metrics have the values of want.
func (s *server) wantMetrics(want map[string]string) {
	s.t.Helper()
	for name, value := range want {
		eventually(s.t, func() bool { return s.metric(name) == value }, func() string {
			return name + " is " + s.metric(name) + ", want " + value
		})
	}
}

// wantConns waits until the engine holds n sockets.
func (s *server) wantConns(n int) {
	s.t.Helper()
	eventually(s.t, func() bool { return s.Conns() == n }, func() string {
		return "sockets are not as many as wanted"
	})
}

// wait receives from ch, or fails the test naming what did not come.
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
func eventually(t testing.TB, cond func() bool, report func() string) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for start := time.Now(); !cond(); <-tick.C {
		if time.Since(start) > patience {
			t.Fatal(report())
		}
	}
}
