package rest

import (
	"io"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/gannet-io/gannet/pusher/allow"
	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/auth"
	"github.com/gannet-io/gannet/pusher/trace"
	"github.com/gannet-io/gannet/pusher/wire"
)

// Above these sizes, buffers are given to the garbage collector after a request instead of being kept
// for the next one: one large request must not cost memory for ever.
const (
	keepBodyBytes = 64 << 10
	keepItems     = 1024
)

// A request is what the handlers of one request share. It is pooled, with its buffers.
type request struct {
	ctx   *fasthttp.RequestCtx
	query []byte   // raw; borrowed from ctx
	id    string   // app id of the path; "" on the alias
	name  string   // channel or user of the path, decoded
	app   *app.App // set once auth_key was found to be one of its keys
	key   string   // auth_key, once the signature was found to be good

	verifier auth.Verifier
	keys     keyring
	signed   auth.Request
	params   auth.Params // of the query, without those of the signature

	event    Event
	span     *trace.Span // nil: the request is not traced
	channels []wire.ChannelInfo
	infos    []wire.Info
	wants    []attributes
	waits    []func() error // for what becomes of events that were submitted
	out      []byte         // the answer's body
	stream   io.ReadCloser  // the answer's body, when it is made as it is sent; else nil
}

// reset forgets everything of one request that should not stay reachable.
func (q *request) reset() {
	q.ctx, q.query, q.id, q.name, q.app, q.key = nil, nil, "", "", nil, ""
	q.keys, q.signed, q.params, q.event, q.span = keyring{}, auth.Request{}, auth.Params{}, Event{}, nil
	if cap(q.channels) > keepItems {
		q.channels = nil
	}
	if cap(q.infos) > keepItems {
		q.infos, q.wants = nil, nil
	}
	if cap(q.out) > keepBodyBytes {
		q.out = nil
	}
	q.stream = nil
	clear(q.channels)
	clear(q.waits)
	q.channels, q.infos, q.wants, q.waits, q.out = q.channels[:0], q.infos[:0], q.wants[:0], q.waits[:0], q.out[:0]
}

// handle is fasthttp's handler: everything that arrived as a whole HTTP request passes here.
func (s *Server) handle(ctx *fasthttp.RequestCtx) {
	if s.answerChallenge(ctx) {
		return
	}
	if s.cfg.HSTS > 0 && s.callerOf(ctx).secure {
		ctx.Response.Header.Set(fasthttp.HeaderStrictTransportSecurity, s.hsts)
	}
	if wantsWebSocket(&ctx.Request.Header) {
		s.upgrade(ctx)
		return
	}
	r := s.serve(ctx)
	if s.retiring.Load() {
		ctx.SetConnectionClose()
	}
	s.metrics.served(r, ctx.Response.StatusCode(), time.Since(ctx.Time()))
	s.metrics.bodyBytes.Add(len(ctx.Request.Body()))
	ctx.Request.ReleaseBody(keepBodyBytes)
}

func (s *Server) serve(ctx *fasthttp.RequestCtx) (r route) {
	q := s.requests.Get().(*request)
	defer func() {
		if p := recover(); p != nil {
			// q is not pooled again: who knows what still points to it.
			s.panicked(p, r)
			ctx.Response.Reset()
			s.refuse(ctx, nil, errPanicked)
		}
	}()

	q.ctx = ctx
	r, path := s.target(q, &ctx.Request.Header)
	if s.wantsPage(ctx, r, path) {
		r = routePage
	}
	if r.signed() || r.script() {
		allowAnyOrigin(&ctx.Response.Header)
	}
	var err error
	switch {
	case !r.health() && len(s.cfg.Hosts) > 0 && !allow.Host(s.cfg.Hosts, string(ctx.Host())):
		err = errHost
	case !r.health() && s.cfg.RequireTLS && !s.callerOf(ctx).secure:
		err = errTLSRequired
	case r == routeNone:
		err = errNotFound
	case r == routePage:
		s.page(ctx, path, q.query)
	case r.signed() && ctx.IsOptions():
		preflight(ctx, r)
	case r.signed():
		err = s.work(q, r, path)
	case !r.permits(ctx):
		err = notPermitted(ctx, r)
	case r.script():
		script(ctx, r)
	default:
		s.health(ctx, r)
	}
	if err != nil {
		s.refuse(ctx, q.app, err)
	}
	if q.app != nil {
		s.metrics.exchanged(q.app, ctx)
	}
	if q.span != nil {
		q.endSpan(err)
	}
	q.reset()
	s.requests.Put(q)
	return r
}

// panicked counts a panic in serving one request, and logs it with its stack unless there have been too many.
func (s *Server) panicked(p any, r route) {
	s.metrics.panics.Inc()
	if say, unsaid := s.panics.Tell(time.Now()); say {
		s.cfg.Logger.Error("rest: handler panicked", "route", routes[r].name, "panic", p, "unlogged", unsaid, "stack", string(debug.Stack()))
	}
}

// target reads the request line into q, and returns the path without the prefix.
func (s *Server) target(q *request, h *fasthttp.RequestHeader) (route, string) {
	path, query := splitTarget(h.RequestURI())
	q.query = query
	// A copy: parts of it become ids and names that registry and node may keep, and fasthttp reuses its
	// buffer.
	return s.route(q, string(path))
}

// route finds what is asked for, and returns the path without the prefix. Health and scripts are at the root and under the prefix alike: who asks for
// them may or may not come through the proxy that the prefix is for.
func (s *Server) route(q *request, path string) (r route, bare string) {
	if rest, ok := strings.CutPrefix(path, s.cfg.PathPrefix); ok && (rest == "" || rest[0] == '/') {
		if r = plainRoute(rest); r != routeNone {
			return r, rest
		}
		r, q.id, q.name = parsePath(rest)
		return r, rest
	}
	return plainRoute(path), path
}

func plainRoute(path string) route {
	switch path {
	case "", "/":
		return routeRoot
	case "/up":
		return routeUp
	case "/healthz":
		return routeHealthz
	case "/readyz":
		return routeReadyz
	case "/resume.js":
		return routeScript
	case "/resume.mjs":
		return routeModule
	}
	return routeNone
}

// permits reports whether r has the request's method.
func (r route) permits(ctx *fasthttp.RequestCtx) bool {
	if routes[r].post {
		return ctx.IsPost()
	}
	return ctx.IsGet() || ctx.IsHead()
}

func notPermitted(ctx *fasthttp.RequestCtx, r route) error {
	ctx.Response.Header.Set(fasthttp.HeaderAllow, r.allow())
	return errMethod
}

// work does what a signed path is for.
func (s *Server) work(q *request, r route, path string) error {
	ctx := q.ctx
	if coding := ctx.Request.Header.ContentEncoding(); len(coding) > 0 && !strings.EqualFold(string(coding), "identity") {
		// Inflating would need a bound of its own, and no library compresses. RFC 9110 §15.5.16 has us
		// name what would be accepted.
		ctx.Response.Header.Set(fasthttp.HeaderAcceptEncoding, "identity")
		return errEncoding
	}
	if err := s.authenticate(q, ctx.Method(), path, ctx.Request.Body()); err != nil {
		return err
	}
	if s.cfg.Tracer != nil && r.publishes() && r.permits(ctx) {
		s.trace(q, r)
	}
	// Not a nil *refusal in an error.
	if r := s.rates.admit(q.app, q.key, s.cfg.Now()); r != nil {
		return r
	}
	// After the signature, so that who cannot sign always gets 401.
	if !r.permits(ctx) {
		return notPermitted(ctx, r)
	}
	if !q.app.Enabled {
		return errAppDisabled
	}
	var err error
	switch r {
	case routeEvents:
		err = s.events(q)
	case routeBatch:
		err = s.batch(q)
	case routeChannels:
		err = s.listChannels(q)
	case routeChannel:
		err = s.showChannel(q)
	case routeUsers:
		err = s.listUsers(q)
	case routeHistory:
		err = s.listEvents(q)
	case routeTerminate, routeTerminateAlias:
		err = s.terminate(q)
	}
	if err != nil {
		return err
	}
	ctx.SetContentType(jsonType)
	if q.stream != nil {
		ctx.SetBodyStream(measured{q.stream, s.metrics.of(q.app).out}, -1) // fasthttp closes it
		return nil
	}
	if cap(q.out) > keepBodyBytes {
		ctx.Response.SetBodyRaw(q.out) // q lets go of it
	} else {
		ctx.SetBody(q.out)
	}
	return nil
}

// refuse answers err. a says in which form; nil, plain text, until the client has named a
// key of the app.
func (s *Server) refuse(ctx *fasthttp.RequestCtx, a *app.App, err error) {
	r := refusalOf(err)
	s.metrics.refused(a, r.reason)
	if r.status >= fasthttp.StatusInternalServerError && r.cause != nil {
		s.cfg.Logger.Error("rest: request failed", "reason", r.reason, "err", r.cause)
	}
	if r.retry > 0 {
		ctx.Response.Header.Set(fasthttp.HeaderRetryAfter, strconv.Itoa(r.retry))
	}
	// Texts quote the request, and any page may read them.
	ctx.Response.Header.Set(fasthttp.HeaderXContentTypeOptions, "nosniff")
	if a == nil || !a.Compat.JSONErrors {
		text(ctx, r.status, r.message)
		return
	}
	body := append([]byte(nil), `{"error":`...)
	body = wire.AppendQuoted(body, r.message)
	body = append(body, `,"code":`...)
	body = fasthttp.AppendUint(body, r.status)
	body = append(body, '}')
	ctx.SetStatusCode(r.status)
	ctx.SetContentType(jsonType)
	ctx.Response.SetBodyRaw(body)
}
