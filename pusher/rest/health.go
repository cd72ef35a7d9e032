package rest

import "github.com/valyala/fasthttp"

// health answers the unsigned paths, for load balancers and for who comes from other servers:
// "/" says OK as in soketi, /up is Reverb's. All but /readyz tell only that the process answers.
func (s *Server) health(ctx *fasthttp.RequestCtx, r route) {
	switch r {
	case routeUp:
		ctx.SetContentType(jsonType)
		ctx.SetBodyString(`{"health":"OK"}`)
	case routeReadyz:
		if ok, reason := s.cfg.Ready(); !ok {
			if reason == "" {
				reason = "not ready"
			}
			text(ctx, fasthttp.StatusServiceUnavailable, reason)
			return
		}
		text(ctx, fasthttp.StatusOK, "OK")
	default:
		text(ctx, fasthttp.StatusOK, "OK")
	}
}

func text(ctx *fasthttp.RequestCtx, status int, body string) {
	ctx.SetStatusCode(status)
	ctx.SetContentType(textType)
	ctx.SetBodyString(body)
}
