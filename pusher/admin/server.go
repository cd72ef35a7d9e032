package admin

import (
	"context"
	"errors"
	"io/fs"
	"log"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/VictoriaMetrics/metrics"
)

// Limits of the listener. An operator's tools are few and polite; these only keep a
// forgotten or hostile connection from staying for ever.
const (
	headTimeout  = 10 * time.Second
	bodyTimeout  = 10 * time.Second
	writeTimeout = time.Minute
	idleTimeout  = 75 * time.Second
	maxConns     = 256
	maxBodyBytes = 1 << 20
	maxHeadBytes = 8 << 10
)

// Config says what a Server shows and to whom. The zero value works: process metrics, always ready, to everybody.
type Config struct {
	// Sets are written to /metrics in this order, followed by the process metrics.
	// No metric name may be in two of them.
	Sets []*metrics.Set

	// Ready reports whether this node should get traffic and, if not, why, in a few
	// words. It is called by any goroutine, and must not block. nil: always ready.
	Ready func() (ok bool, reason string)

	// API are handlers by the path they answer, with all that is below it, beside the package's own. They answer every method,
	// and must not block for long. Who may ask has been settled.
	API map[string]http.Handler

	// Token opens everything to who sends it as a bearer, Password to who logs in with it; the token does that, too. Both
	// empty: nobody is asked for anything.
	Token, Password string

	// Hosts are names that requests may be for, see allow.Host, beside addresses and localhost.
	Hosts []string

	// PublicHealth and PublicMetrics have /healthz and /readyz, or /metrics, answered to everybody.
	PublicHealth, PublicMetrics bool

	// Console are the files of the console, index.html among them. nil: there is none.
	Console fs.FS

	// Build is what /api/version says.
	Build Build

	Now func() time.Time // nil: time.Now

	// Metrics gets the metrics named gannet_admin_*. nil: they are kept and shown nowhere.
	Metrics *metrics.Set

	// Logger gets panics of handlers, at most a few a minute, and what operators have changed. nil: nothing is logged.
	Logger *slog.Logger
}

// A Build says what is running.
type Build struct {
	Version, Commit string
	Started         time.Time
	Dev             bool
	Loops           int
}

// A Server answers the operator's requests on the listeners given to Serve.
type Server struct {
	// Set once by New.
	cfg     Config
	http    *http.Server
	mux     *http.ServeMux
	guard   guard
	panics  occasionally
	metrics *adminMetrics
	conns   atomic.Int64
	stop    context.CancelFunc // ends what would go on by itself: streams, profiles

	// Guarded by mu.
	mu        sync.Mutex
	closed    bool
	listeners []net.Listener
}

// New returns a Server that listens nowhere yet.
func New(cfg Config) *Server {
	if cfg.Ready == nil {
		cfg.Ready = func() (bool, string) { return true, "" }
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Metrics == nil {
		cfg.Metrics = metrics.NewSet()
	}
	if cfg.Build.Started.IsZero() {
		cfg.Build.Started = cfg.Now()
	}
	s := &Server{cfg: cfg, metrics: newMetrics(cfg.Metrics)}
	s.guard.init(&s.cfg, s.metrics)
	s.route()
	base, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.http = &http.Server{
		Handler:           http.HandlerFunc(s.serve),
		ReadHeaderTimeout: headTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeadBytes,
		ErrorLog:          log.New(debugWriter{cfg.Logger}, "", 0),
		BaseContext:       func(net.Listener) context.Context { return base },
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, networkKey{}, c.LocalAddr().Network())
		},
	}
	return s
}

// networkKey has the network of a request's connection in its context, such as tcp or unix.
type networkKey struct{}

// Serve answers requests on ln, which is taken, until Shutdown or until ln fails for good. It may be
// called for several listeners at once.
//
// It returns nil after Shutdown, net.ErrClosed when Shutdown came first, and otherwise
// the error of ln. Any goroutine. May block.
func (s *Server) Serve(ln net.Listener) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		ln.Close()
		return net.ErrClosed
	}
	s.listeners = append(s.listeners, ln)
	s.mu.Unlock()
	err := s.http.Serve(&listener{ln, &s.conns})
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	return err
}

// Shutdown closes the listeners and waits until running requests have been answered or
// ctx is done, whose error it then returns; streams and running profiles are ended early. Serve
// cannot be called after it. Any goroutine. May block.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	// Here too, because net/http only knows a listener once its Serve has run.
	for _, ln := range s.listeners {
		ln.Close()
	}
	s.listeners = nil
	s.mu.Unlock()
	s.stop()
	err := s.http.Shutdown(ctx)
	if err != nil {
		_ = s.http.Close() // who has not ended by now is cut off
	}
	return err
}

// debugWriter takes net/http's remarks about single connections.
type debugWriter struct{ log *slog.Logger }

func (w debugWriter) Write(p []byte) (int, error) {
	if w.log.Enabled(context.Background(), slog.LevelDebug) {
		w.log.Debug("admin: http", "text", strings.TrimSpace(string(p)))
	}
	return len(p), nil
}
