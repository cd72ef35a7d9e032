package admin

import (
	"bytes"
	"context"
	"crypto/tls"
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

	"github.com/gannet-io/gannet/engine/seldom"
	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/fleet"
	"github.com/gannet-io/gannet/pusher/live"
	"github.com/gannet-io/gannet/pusher/node"
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

	// SoketiPrefix has /metrics say again, under soketi's names behind this prefix, what soketi would say; "": it does not.
	// SoketiPort is the label port of those.
	SoketiPrefix, SoketiPort string

	// Ready reports whether this node should get traffic and, if not, why, in a few
	// words. It is called by any goroutine, and must not block. nil: always ready.
	Ready func() (ok bool, reason string)

	// Apps are those that there are, in the order of the configuration. Shared.
	Apps []*app.App

	// Node is asked about apps and channels. nil: there are no apps.
	Node *node.Node

	// Conns is asked about connections. nil: there are none.
	Conns live.Conns

	// Feed is what live streams show. nil: nothing ever happens.
	Feed *live.Feed

	// Fleet knows of the other nodes. nil: there are none.
	Fleet *fleet.Fleet
	// Host is the name of this machine, for what only it can reach.
	Host string

	// Publish publishes for an operator: body is that of a POST of the HTTP API to /apps/{id}/events, which judges it and publishes
	// it. May block. nil: nobody can.
	Publish func(a *app.App, body []byte) (channels []string, refused *Refusal)

	// Loops are those of the engine. Waiting returns how many messages wait in the mailbox of one; nil: nobody knows.
	Loops   []Loop
	Waiting func(loop int) int

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

	// TLS has the listeners speak TLS alone. Shared. nil: they do not.
	TLS *tls.Config
	// HSTS is how long browsers are told, over TLS, to use nothing but TLS for this host (RFC 6797). Whole seconds; 0: they are told nothing.
	HSTS time.Duration

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

// A Refusal is why the HTTP API would not publish something.
type Refusal struct {
	Status          int
	Reason, Message string
}

// A Build says what is running.
type Build struct {
	Version, Commit string
	Started         time.Time
	Dev             bool
}

// A Server answers the operator's requests on the listeners given to Serve.
type Server struct {
	// Set once by New.
	cfg     Config
	http    *http.Server
	mux     *http.ServeMux
	guard   guard
	panics  seldom.Teller
	metrics *adminMetrics
	conns   connections
	streams atomic.Int64 // that are open
	scans   scans
	sampler sampler
	base    context.Context
	stop    context.CancelFunc // ends what would go on by itself: streams, profiles

	fresh        sync.Mutex
	freshFigures *figures     // guarded by fresh
	freshAt      time.Time    // guarded by fresh
	freshBuffer  bytes.Buffer // guarded by fresh

	counted   sync.Mutex
	counts    map[string]int // guarded by counted: channels by app
	countedAt time.Time      // guarded by counted

	// Guarded by mu.
	mu        sync.Mutex
	closed    bool
	listeners []net.Listener
	sampling  chan struct{} // closed when the sampler has ended; nil: it has not begun
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
	if cfg.Conns == nil {
		cfg.Conns = noConns{}
	}
	if cfg.Feed == nil {
		cfg.Feed = new(live.Feed)
	}
	if cfg.Publish == nil {
		cfg.Publish = func(*app.App, []byte) ([]string, *Refusal) {
			return nil, &Refusal{http.StatusServiceUnavailable, "no_publisher", "nothing can be published here"}
		}
	}
	if cfg.Node == nil {
		cfg.Apps = nil
	}
	s := &Server{cfg: cfg, metrics: newMetrics(cfg.Metrics), scans: make(scans, 1)}
	s.sampler.s = s
	s.guard.init(&s.cfg, s.metrics)
	s.route()
	base, stop := context.WithCancel(context.Background())
	s.base, s.stop = base, stop
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

// Build says what is running. Any goroutine.
func (s *Server) Build() Build { return s.cfg.Build }

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
	if s.sampling == nil {
		ended := make(chan struct{})
		s.sampling = ended
		go func() {
			defer close(ended)
			s.sampler.run(s.base)
		}()
	}
	s.mu.Unlock()
	var counted net.Listener = &listener{ln, &s.conns}
	if s.cfg.TLS != nil {
		counted = tls.NewListener(counted, s.cfg.TLS) // outermost, where net/http sees it
	}
	err := s.http.Serve(counted)
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
	sampling := s.sampling
	s.mu.Unlock()
	s.stop()
	if sampling != nil {
		<-sampling // it looks at one thing after another, and waits for none
	}
	err := s.http.Shutdown(ctx)
	if errors.Is(err, net.ErrClosed) {
		err = nil // of the listeners, which it found closed
	}
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

// noConns are those of a server that has none.
type noConns struct{}

func (noConns) List(context.Context, *live.Query) (live.Page, error) {
	return live.Page{Complete: true}, nil
}
func (noConns) Look(context.Context, string) (*live.Detail, error)     { return nil, nil }
func (noConns) End(context.Context, string, int) (ended bool, e error) { return false, nil }
