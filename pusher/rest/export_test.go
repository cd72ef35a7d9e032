package rest

import "github.com/valyala/fasthttp"

// Handle answers one request without a connection.
func (s *Server) Handle(ctx *fasthttp.RequestCtx) { s.handle(ctx) }
