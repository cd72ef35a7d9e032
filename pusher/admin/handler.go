package admin

import (
	"net/http/pprof"
	"runtime/debug"
	"strings"

	"github.com/VictoriaMetrics/metrics"
	"github.com/valyala/fasthttp"
	"github.com/valyala/fasthttp/fasthttpadaptor"
)

const index = `Gannet admin

/metrics       Prometheus metrics
/healthz       liveness
/readyz        readiness
/debug/pprof/  profiles
/api/          what the console and the commands use: JSON, described in docs/
`

// The profile index serves the named profiles (heap, goroutine, ...) below its own path;
// these four are not in the runtime's table of profiles.
var (
	pprofIndex   = fasthttpadaptor.NewFastHTTPHandlerFunc(pprof.Index)
	pprofCmdline = fasthttpadaptor.NewFastHTTPHandlerFunc(pprof.Cmdline)
	pprofProfile = fasthttpadaptor.NewFastHTTPHandlerFunc(pprof.Profile)
	pprofSymbol  = fasthttpadaptor.NewFastHTTPHandlerFunc(pprof.Symbol)
	pprofTrace   = fasthttpadaptor.NewFastHTTPHandlerFunc(pprof.Trace)
)

func (s *Server) handle(ctx *fasthttp.RequestCtx) {
	defer func() {
		if p := recover(); p != nil {
			s.cfg.Logger.Error("admin: handler panicked", "path", string(ctx.Path()), "panic", p, "stack", string(debug.Stack()))
			ctx.Error("Internal server error\n", fasthttp.StatusInternalServerError)
		}
	}()
	// Plain text with an echo of nothing; sniffing browsers are told so anyway.
	ctx.Response.Header.Set("X-Content-Type-Options", "nosniff")
	ctx.Response.Header.Set("Cache-Control", "no-store")

	path := string(ctx.Path())
	if path == "/debug/pprof/symbol" && ctx.IsPost() {
		// pprof posts its list of addresses when it is too long for a query.
		pprofSymbol(ctx)
		return
	}
	if api := s.apiOf(path); api != nil {
		api(ctx)
		return
	}
	route := s.route(path)
	if route == nil {
		text(ctx, fasthttp.StatusNotFound, "Not found")
		return
	}
	if !ctx.IsGet() && !ctx.IsHead() {
		ctx.Response.Header.Set("Allow", "GET, HEAD")
		text(ctx, fasthttp.StatusMethodNotAllowed, "Method not allowed")
		return
	}
	route(ctx)
}

// apiOf returns the handler that answers path, nil when it is none of the API.
func (s *Server) apiOf(path string) fasthttp.RequestHandler {
	for root := path; root != "" && root != "/"; root = root[:strings.LastIndexByte(root, '/')] {
		if api := s.api[root]; api != nil {
			return api
		}
	}
	return nil
}

func (s *Server) route(path string) fasthttp.RequestHandler {
	switch path {
	case "/":
		return func(ctx *fasthttp.RequestCtx) { ctx.SetBodyString(index) }
	case "/metrics":
		return s.metrics
	case "/healthz":
		return func(ctx *fasthttp.RequestCtx) { text(ctx, fasthttp.StatusOK, "ok") }
	case "/readyz":
		return s.readyz
	case "/debug/pprof/cmdline":
		return pprofCmdline
	case "/debug/pprof/profile":
		return pprofProfile
	case "/debug/pprof/symbol":
		return pprofSymbol
	case "/debug/pprof/trace":
		return pprofTrace
	case "/debug/pprof":
		return func(ctx *fasthttp.RequestCtx) { ctx.Redirect("/debug/pprof/", fasthttp.StatusFound) }
	}
	if strings.HasPrefix(path, "/debug/pprof/") {
		return pprofIndex
	}
	return nil
}

func (s *Server) metrics(ctx *fasthttp.RequestCtx) {
	ctx.SetContentType("text/plain; version=0.0.4; charset=utf-8")
	w := ctx.Response.BodyWriter()
	for _, set := range s.cfg.Sets {
		set.WritePrometheus(w)
	}
	metrics.WriteProcessMetrics(w)
}

func (s *Server) readyz(ctx *fasthttp.RequestCtx) {
	ok, reason := s.cfg.Ready()
	switch {
	case ok:
		text(ctx, fasthttp.StatusOK, "ok")
	case reason == "":
		text(ctx, fasthttp.StatusServiceUnavailable, "not ready")
	default:
		text(ctx, fasthttp.StatusServiceUnavailable, reason)
	}
}

func text(ctx *fasthttp.RequestCtx, status int, message string) {
	ctx.SetStatusCode(status)
	ctx.SetContentType("text/plain; charset=utf-8")
	ctx.SetBodyString(message + "\n")
}
