package rest

import (
	"bytes"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/gannet-io/gannet/pusher/trace"
)

// publishes reports whether requests to r publish events.
func (r route) publishes() bool { return r == routeEvents || r == routeBatch }

// trace begins the span of a request if it is to be traced. Only a request that is signed has one: strangers cannot make any.
func (s *Server) trace(q *request, r route) {
	h := &q.ctx.Request.Header
	parent, ok := s.cfg.Tracer.Continue(traceparent(h), bytes.Join(h.PeekAll("tracestate"), []byte{','}))
	if !ok {
		return
	}
	name := "POST " + routePaths[r]
	q.span = s.cfg.Tracer.Start(parent, name, trace.Server, q.ctx.Time())
	q.span.Set(
		trace.Text(trace.HTTPMethod, "POST"),
		trace.Text(trace.HTTPRoute, routePaths[r]),
		trace.Number(trace.HTTPBodySize, len(q.ctx.Request.Body())),
		trace.Text(trace.App, q.app.ID),
	)
}

// routePaths are the templates of the paths of requests that publish.
var routePaths = map[route]string{
	routeEvents: "/apps/{app_id}/events",
	routeBatch:  "/apps/{app_id}/batch_events",
}

// traceparent returns the header; nothing when there are several, which is as good as none (W3C Trace Context §3.2).
func traceparent(h *fasthttp.RequestHeader) []byte {
	if all := h.PeekAll("traceparent"); len(all) == 1 {
		return all[0]
	}
	return nil
}

// endSpan ends the span of a request that has been answered, with err unless that is nil.
func (q *request) endSpan(err error) {
	status := q.ctx.Response.StatusCode()
	q.span.Set(trace.Number(trace.HTTPStatus, status))
	if err != nil {
		reason := refusalOf(err).reason
		if status >= fasthttp.StatusInternalServerError {
			q.span.Fail(reason)
		} else {
			// By the conventions for HTTP servers what the client did wrong is no failure of the span's.
			q.span.Set(trace.Text(trace.ErrorType, reason))
		}
	}
	q.span.End(time.Now())
}
