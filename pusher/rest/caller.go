package rest

import (
	"bytes"
	"net/netip"

	"github.com/valyala/fasthttp"

	"github.com/gannet-io/gannet/engine/proxies"
)

// A caller is who sent a request: not the proxy that brought it, if it is a trusted one.
type caller struct {
	addr   netip.Addr // the zero Addr: on a Unix socket, and no proxy said more
	secure bool       // it came over TLS, to us or to the proxy
}

// callerOf finds out who sent the request of ctx. It depends on the head: a proxy sends requests of many
// clients on one connection.
func (s *Server) callerOf(ctx *fasthttp.RequestCtx) caller {
	c := caller{addr: addrOf(ctx.RemoteAddr()), secure: ctx.IsTLS()}
	if own, ok := ctx.Conn().(*conn); ok && !c.secure {
		// The listener may know better, such as the engine, which has read what came before HTTP.
		if vouched, ok := own.Conn.(interface{ Secure() bool }); ok {
			c.secure = vouched.Secure()
		}
	}
	if s.cfg.Trust.Proxy(c.addr) {
		h := &ctx.Request.Header
		client, secure := s.cfg.Trust.Client(c.addr, proxies.Head{
			For:       joined(h, fasthttp.HeaderXForwardedFor),
			Proto:     joined(h, fasthttp.HeaderXForwardedProto),
			Forwarded: joined(h, fasthttp.HeaderForwarded),
		})
		c.addr, c.secure = client, c.secure || secure
	}
	return c
}

// joined returns the values of a header that may come in several lines, as one list.
func joined(h *fasthttp.RequestHeader, name string) []byte {
	lines := h.PeekAll(name)
	if len(lines) == 1 {
		return lines[0]
	}
	return bytes.Join(lines, []byte(", "))
}
