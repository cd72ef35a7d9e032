package rest

import "github.com/valyala/fasthttp"

// The API is made for servers: a browser that signs requests would have to know the secret. Admin
// consoles that take the secret from their user do run in browsers, and soketi and sockudo answer
// them, so any origin may read any answer of a signed path. Nothing rests on cookies or addresses, so
// this gives an attacker's page no more than the attacker's own computer has.

func allowAnyOrigin(h *fasthttp.ResponseHeader) {
	h.Set(fasthttp.HeaderAccessControlAllowOrigin, "*")
}

// preflight answers OPTIONS on a path of the API. It is not signed: browsers cannot.
func preflight(ctx *fasthttp.RequestCtx, r route) {
	h := &ctx.Response.Header
	h.Set(fasthttp.HeaderAllow, r.allow())
	h.Set(fasthttp.HeaderAccessControlAllowMethods, r.allow())
	h.Set(fasthttp.HeaderAccessControlAllowHeaders, "Content-Type, X-Pusher-Library, Idempotency-Key, X-Idempotency-Key")
	h.Set(fasthttp.HeaderAccessControlMaxAge, "86400")
	ctx.SetStatusCode(fasthttp.StatusNoContent)
}
