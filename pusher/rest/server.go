package rest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/valyala/fasthttp"
	"github.com/valyala/fasthttp/fasthttpadaptor"

	"github.com/gannet-io/gannet/engine/proxies"
	"github.com/gannet-io/gannet/engine/seldom"
	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/auth"
	"github.com/gannet-io/gannet/pusher/trace"
)

// Defaults of Config.
const (
	// DefaultMaxBodyBytes holds a batch of ten events of 10 kB, each byte of them escaped,
	// several times over.
	DefaultMaxBodyBytes = 1 << 20
	DefaultMaxHeadBytes = 8 << 10
	DefaultReadTimeout  = 30 * time.Second
	DefaultWriteTimeout = 30 * time.Second
	// DefaultIdleTimeout is more than the 60 s after which common load balancers close idle
	// connections: the side that reuses them should be the one that gives them up.
	DefaultIdleTimeout = 75 * time.Second
	DefaultMaxConns    = 16384
)

// LargestBodyBytes is the most Config.MaxBodyBytes can be. fasthttp allocates what a head declares, outside of any
// recover: with no bound, one signed request that declares 2^62 bytes would end the process.
const LargestBodyBytes = 64 << 20

// maxUnsignedBytes is how much of a body is read from who has not shown a good signature in the query. fasthttp
// allocates the declared length before the first byte is there; without this, any stranger could have
// Config.MaxBodyBytes of our memory for each connection.
const maxUnsignedBytes = 64 << 10

// retireTime is how long Shutdown waits for connections to ask once more before it closes the idle ones.
const retireTime = 500 * time.Millisecond

const (
	jsonType = "application/json"
	textType = "text/plain; charset=utf-8"
)

// Config says what a Server serves and how much of it. Node and Apps are needed; the zero value of
// everything else works.
type Config struct {
	Node Node
	Apps app.Registry

	// Tracer decides which publishes are traced. nil: none.
	Tracer *trace.Tracer

	// Now is the clock that request timestamps are checked against. nil: time.Now.
	Now func() time.Time

	// TimestampWindow is how far auth_timestamp may be from Now, in whole seconds; see auth.Verifier. 0:
	// auth.DefaultWindow. Below 0: any time is good.
	TimestampWindow time.Duration

	// Trust says which peers are proxies, whose word about their clients counts. nil: none.
	Trust *proxies.Trust

	// Hosts are those that requests may name, see allow.Host; others are answered 421. Empty: any.
	Hosts []string

	// RequireTLS has requests that did not come over TLS, to us or to a trusted proxy, answered 403. Health
	// is told all the same, and to any host.
	RequireTLS bool

	// HSTS is how long browsers are told, over TLS, to use nothing but TLS for this host (RFC 6797). Whole
	// seconds; 0: they are told nothing.
	HSTS time.Duration

	// Challenge returns the answer to a GET of path on host if an authority asks for it, to see that the host
	// is ours. It is asked before anything else is looked at, for paths below /.well-known/acme-challenge/, and may
	// block a little. nil: there are no challenges.
	Challenge func(host, path string) (answer []byte, ok bool)

	// Ready reports whether this node should get traffic and, if not, why, in a few words. It
	// is called by any goroutine and must not block. It decides what /readyz says; the API
	// works either way. nil: always ready.
	Ready func() (ok bool, reason string)

	// Upgrade takes over a connection of ServeShared on which a client asks for a WebSocket. read
	// is that request's head, line and headers as they came, and all that was read behind it; nothing but the
	// socket has more. Both are taken, conn in any case; the error is for the log. It is called by any
	// goroutine and may block a little, not for the life of the connection.
	// nil: such requests are answered 404, as on other listeners.
	Upgrade func(conn net.Conn, read []byte) error

	// Pages answers, without any signature, what is below /demo/, and GET / when the client takes HTML, as browsers do and
	// load balancers do not. It sees paths without the prefix. nil: there is nothing below /demo/.
	Pages http.Handler

	// Metrics gets the metrics named gannet_rest_*, one Server per set. nil: they are kept
	// and shown nowhere.
	Metrics *metrics.Set

	// Logger gets answers of 500 and above and failed accepts at error level, what single
	// connections do wrong at debug level, and nothing else. nil: nothing is logged.
	Logger *slog.Logger

	// PathPrefix is what stands before /apps and /users in every path, such as "/pusher";
	// slashes around it do not matter. It is not part of what clients sign. "": nothing.
	PathPrefix string

	// MaxHeadBytes bounds request line and headers together; above it the answer is 431. Each connection uses this
	// much memory while its request is read. 0: DefaultMaxHeadBytes.
	MaxHeadBytes int

	// MaxBodyBytes bounds a request body; above it the answer is 413. Each connection may use this much memory
	// while its request is read, 64 KiB when the query has no good signature. 0: DefaultMaxBodyBytes. More than
	// LargestBodyBytes counts as that.
	MaxBodyBytes int

	// MaxConns bounds the connections of each listener; one more is answered 503 and closed.
	// 0: DefaultMaxConns.
	MaxConns int

	// ReadTimeout bounds the time from the first byte of a request to its last, and to the
	// first byte on a new connection. 0: DefaultReadTimeout.
	ReadTimeout time.Duration

	// WriteTimeout bounds the time a client may take to receive an answer.
	// 0: DefaultWriteTimeout.
	WriteTimeout time.Duration

	// IdleTimeout bounds the time between two requests on a connection.
	// 0: DefaultIdleTimeout.
	IdleTimeout time.Duration
}

func (c *Config) setDefaults() {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Ready == nil {
		c.Ready = func() (bool, string) { return true, "" }
	}
	if c.Metrics == nil {
		c.Metrics = metrics.NewSet()
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.PathPrefix = strings.Trim(c.PathPrefix, "/"); c.PathPrefix != "" {
		c.PathPrefix = "/" + c.PathPrefix
	}
	for _, d := range []struct {
		value     *int
		otherwise int
	}{{&c.MaxHeadBytes, DefaultMaxHeadBytes}, {&c.MaxBodyBytes, DefaultMaxBodyBytes}, {&c.MaxConns, DefaultMaxConns}} {
		if *d.value <= 0 {
			*d.value = d.otherwise
		}
	}
	c.MaxBodyBytes = min(c.MaxBodyBytes, LargestBodyBytes)
	for _, d := range []struct {
		value     *time.Duration
		otherwise time.Duration
	}{{&c.ReadTimeout, DefaultReadTimeout}, {&c.WriteTimeout, DefaultWriteTimeout}, {&c.IdleTimeout, DefaultIdleTimeout}} {
		if *d.value <= 0 {
			*d.value = d.otherwise
		}
	}
}

// A Server answers the HTTP API on the listeners given to Serve. Any goroutine.
type Server struct {
	// Set once by New.
	cfg      Config
	fast     *fasthttp.Server
	pages    fasthttp.RequestHandler // of Config.Pages; nil: none
	metrics  *instruments
	base     context.Context // of registry look-ups; ends when Shutdown loses patience
	giveUp   context.CancelFunc
	hsts     string    // value of the header; HSTS
	requests sync.Pool // of *request
	rates    rates
	panics   seldom.Teller
	repeats  repeats
	retiring atomic.Bool

	// Guarded by mu, which is taken before that of a listener.
	mu        sync.Mutex
	closed    bool
	listeners map[*listener]struct{}
}

// New returns a Server that listens nowhere yet. It panics without Node or Apps, and when the metric
// set already holds another Server's metrics.
func New(cfg Config) *Server {
	if cfg.Node == nil || cfg.Apps == nil {
		panic("rest: Config needs Node and Apps")
	}
	cfg.setDefaults()
	s := &Server{cfg: cfg, listeners: make(map[*listener]struct{})}
	s.repeats.init()
	if cfg.Pages != nil {
		s.pages = fasthttpadaptor.NewFastHTTPHandler(cfg.Pages)
	}
	s.base, s.giveUp = context.WithCancel(context.Background())
	s.metrics = newInstruments(cfg.Metrics,
		func() float64 { return float64(s.open()) },
		func() float64 { return float64(s.fast.GetRejectedConnectionsCount()) })
	s.hsts = "max-age=" + strconv.FormatInt(int64(cfg.HSTS/time.Second), 10)
	s.requests.New = func() any { return &request{verifier: auth.Verifier{Window: cfg.TimestampWindow}} }
	s.fast = &fasthttp.Server{
		Handler:        s.handle,
		HeaderReceived: s.limitBody,
		ErrorHandler:   s.handleError,
		ExpectHandler:  s.expect,
		Logger:         debugLogger{cfg.Logger},

		MaxRequestBodySize: cfg.MaxBodyBytes,
		Concurrency:        cfg.MaxConns,
		ReadTimeout:        cfg.ReadTimeout,
		WriteTimeout:       cfg.WriteTimeout,
		IdleTimeout:        cfg.IdleTimeout,
		ReadBufferSize:     cfg.MaxHeadBytes,

		NoDefaultServerHeader: true,
		NoDefaultContentType:  true,
		CloseOnShutdown:       true,
		SecureErrorLogMessage: true,
		// Forms would be spooled to temporary files before the signature is checked; their bytes
		// are a body like any other here.
		DisablePreParseMultipartForm: true,
	}
	return s
}

// Serve answers requests on ln, which is taken, until Shutdown or until ln fails for good. It may be
// called for several listeners at once. Running out of file descriptors is no failure: accepting
// pauses, and goes on.
//
// It returns nil after Shutdown, net.ErrClosed when Shutdown came first, and otherwise the
// error of ln. Any goroutine. May block.
func (s *Server) Serve(ln net.Listener) error { return s.serveOn(newListener(ln, s.cfg.Logger)) }

// ServeShared is Serve for a listener whose port is shared with WebSockets. Their handshakes
// go elsewhere when they come first on a connection. One that follows other requests, as a proxy that keeps
// connections sends them, makes the connection go to Config.Upgrade. Any goroutine. May block.
func (s *Server) ServeShared(ln net.Listener) error {
	l := newListener(ln, s.cfg.Logger)
	l.shared = true
	return s.serveOn(l)
}

func (s *Server) serveOn(l *listener) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		l.Close()
		return net.ErrClosed
	}
	s.listeners[l] = struct{}{}
	s.mu.Unlock()
	return s.fast.Serve(l)
}

// Retire makes every answer from now on the last one of its connection, so that clients which keep connections go
// elsewhere by themselves: a connection closed between two requests may lose one that is on its way (RFC 9112
// §9.6). Any goroutine.
func (s *Server) Retire() { s.retiring.Store(true) }

// Shutdown closes the listeners and waits until running requests have been answered. Connections between
// two requests get half a second to ask for another, see Retire, and are closed then; new ones that have not sent a
// byte after five seconds. When ctx
// ends first, all connections are closed and its error is returned. Serve cannot be called after
// Shutdown; Shutdown can. Any goroutine. May block.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	listeners := slices.Collect(maps.Keys(s.listeners))
	s.mu.Unlock()
	// Here and not in fasthttp alone, which does not know a listener before its Serve has run.
	for _, l := range listeners {
		l.Close()
	}
	s.Retire()
	s.awaitDrained(ctx, listeners)
	// Errors of listeners that were closed before say nothing; that of ctx comes again below.
	_ = s.fast.ShutdownWithContext(ctx)
	defer s.giveUp()
	for _, l := range listeners {
		select {
		case <-l.drained:
			continue // also when ctx has ended as well
		default:
		}
		select {
		case <-l.drained:
		case <-ctx.Done():
			for _, l := range listeners {
				l.closeConns()
			}
			return fmt.Errorf("rest: shutdown: %w", ctx.Err())
		}
	}
	return nil
}

// awaitDrained waits until no connection is open on listeners, for at most retireTime.
func (s *Server) awaitDrained(ctx context.Context, listeners []*listener) {
	timer := time.NewTimer(retireTime)
	defer timer.Stop()
	for _, l := range listeners {
		select {
		case <-l.drained:
		case <-timer.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

func (s *Server) open() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for l := range s.listeners {
		n += l.open()
	}
	return n
}

// limitBody says how large the body may be that follows a head.
func (s *Server) limitBody(h *fasthttp.RequestHeader) (c fasthttp.RequestConfig) {
	declared := h.ContentLength() // -1 when it comes in chunks, -2 when there is none
	if declared == -1 || maxUnsignedBytes < declared && declared <= s.cfg.MaxBodyBytes {
		if _, err := s.authenticateHead(h); err != nil {
			c.MaxRequestBodySize = min(maxUnsignedBytes, s.cfg.MaxBodyBytes)
		}
	}
	return c
}

// handleError answers what never became a whole request. The connection is closed after it.
func (s *Server) handleError(ctx *fasthttp.RequestCtx, err error) {
	var small *fasthttp.ErrSmallBuffer
	var network net.Error
	var own *refusal // of a conn of ours
	switch {
	case errors.As(err, &own):
		s.refuseUnread(ctx, nil, own)
	case errors.Is(err, fasthttp.ErrBodyTooLarge):
		if ctx.Request.Header.ContentLength() <= 0 {
			// It came in chunks, and fasthttp has forgotten the head.
			s.refuseUnread(ctx, nil, chunksTooLarge(s.cfg.MaxBodyBytes))
			return
		}
		if ctx.Request.Header.ContentLength() <= s.cfg.MaxBodyBytes {
			// limitBody may have been the reason.
			if a, err := s.authenticateHead(&ctx.Request.Header); err != nil {
				s.refuseUnread(ctx, a, err)
				return
			}
		}
		s.refuseUnread(ctx, nil, bodyTooLarge(s.cfg.MaxBodyBytes))
	case errors.As(err, &small):
		s.refuseUnread(ctx, nil, errHeadTooBig)
	case errors.As(err, &network) && network.Timeout():
		s.refuseUnread(ctx, nil, errTimeout)
	default:
		s.refuseUnread(ctx, nil, errMalformed)
	}
}

// expect decides whether a client that sent "Expect: 100-continue" may send its body.
func (s *Server) expect(ctx *fasthttp.RequestCtx) int {
	declared := ctx.Request.Header.ContentLength()
	if declared > s.cfg.MaxBodyBytes {
		s.refuseUnread(ctx, nil, bodyTooLarge(s.cfg.MaxBodyBytes))
		return ctx.Response.StatusCode()
	}
	if declared > maxUnsignedBytes {
		if a, err := s.authenticateHead(&ctx.Request.Header); err != nil {
			s.refuseUnread(ctx, a, err)
			return ctx.Response.StatusCode()
		}
	}
	return fasthttp.StatusContinue
}

func (s *Server) refuseUnread(ctx *fasthttp.RequestCtx, a *app.App, err error) {
	s.refuse(ctx, a, err)
	s.metrics.answered(routeNone, ctx.Response.StatusCode())
	if c, ok := ctx.Conn().(accepted); ok {
		c.accepted().linger.Store(true)
	}
}

// debugLogger takes fasthttp's remarks about single connections.
type debugLogger struct{ log *slog.Logger }

func (l debugLogger) Printf(format string, args ...any) {
	if l.log.Enabled(context.Background(), slog.LevelDebug) {
		l.log.Debug("rest: http", "text", fmt.Sprintf(format, args...))
	}
}
