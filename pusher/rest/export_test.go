package rest

import (
	"net"

	"github.com/valyala/fasthttp"
)

// Handle answers one request without a connection.
func (s *Server) Handle(ctx *fasthttp.RequestCtx) { s.handle(ctx) }

// ProxiedConn makes c a connection of a trusted proxy.
func ProxiedConn(c net.Conn) net.Conn { return &proxiedConn{Conn: c, trusted: true} }
