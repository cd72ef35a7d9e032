package admin

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/valyala/fasthttp"
	"github.com/valyala/fasthttp/fasthttpadaptor"
)

// Limits of the listener. An operator's tools are few and polite; these only keep a
// forgotten or hostile connection from staying for ever.
const (
	readTimeout  = 10 * time.Second
	idleTimeout  = 75 * time.Second
	maxConns     = 256
	maxBodyBytes = 64 << 10
	maxHeadBytes = 8 << 10
)

// Config says what a Server shows. The zero value works: process metrics, always ready.
type Config struct {
	// Sets are written to /metrics in this order, followed by the process metrics.
	// No metric name may be in two of them.
	Sets []*metrics.Set

	// Ready reports whether this node should get traffic and, if not, why, in a few
	// words. It is called once per /readyz request by any goroutine, and must not
	// block. nil: always ready.
	Ready func() (ok bool, reason string)

	// API are handlers by the path they answer, with all that is below it. They answer every method, decide by themselves
	// what may change something, and must not block for long.
	API map[string]http.Handler

	// Logger gets panics of handlers. nil: nothing is logged.
	Logger *slog.Logger
}

// A Server answers the operator's requests on the listeners given to Serve.
type Server struct {
	// Set once by New.
	cfg  Config
	fast *fasthttp.Server
	api  map[string]fasthttp.RequestHandler

	// Guarded by mu.
	mu        sync.Mutex
	closed    bool
	listeners []*listener
}

// New returns a Server that listens nowhere yet.
func New(cfg Config) *Server {
	if cfg.Ready == nil {
		cfg.Ready = func() (bool, string) { return true, "" }
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Server{cfg: cfg, api: make(map[string]fasthttp.RequestHandler)}
	for path, h := range cfg.API {
		s.api[path] = fasthttpadaptor.NewFastHTTPHandler(h)
	}
	s.fast = &fasthttp.Server{
		Handler:                      s.handle,
		Logger:                       quietLogger{cfg.Logger},
		NoDefaultServerHeader:        true,
		DisablePreParseMultipartForm: true,
		SecureErrorLogMessage:        true,
		CloseOnShutdown:              true,
		ReadTimeout:                  readTimeout,
		IdleTimeout:                  idleTimeout,
		// No WriteTimeout: /debug/pprof/profile?seconds=120 is legitimate.
		Concurrency:        maxConns,
		MaxRequestBodySize: maxBodyBytes,
		ReadBufferSize:     maxHeadBytes,
	}
	return s
}

// Serve answers requests on ln, which is taken, until Shutdown or until ln fails for good. It may be
// called for several listeners at once.
//
// It returns nil after Shutdown, net.ErrClosed when Shutdown came first, and otherwise
// the error of ln. Any goroutine. May block.
func (s *Server) Serve(ln net.Listener) error {
	l := newListener(ln)
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		l.Close()
		return net.ErrClosed
	}
	s.listeners = append(s.listeners, l)
	s.mu.Unlock()
	return s.fast.Serve(l)
}

// Shutdown closes the listeners and waits until running requests have been answered or
// ctx is done, whose error it then returns; a running profile is ended early. Serve
// cannot be called after it. Any goroutine. May block.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	// Closed here too, because fasthttp only knows a listener once its Serve has run.
	for _, ln := range s.listeners {
		ln.Close()
	}
	s.listeners = nil
	s.mu.Unlock()
	return s.fast.ShutdownWithContext(ctx)
}

// quietLogger sends fasthttp's remarks about single connections to the debug level.
type quietLogger struct{ log *slog.Logger }

func (l quietLogger) Printf(format string, args ...any) {
	if l.log.Enabled(context.Background(), slog.LevelDebug) {
		l.log.Debug("admin: http", "text", fmt.Sprintf(format, args...))
	}
}
