package rest

import (
	"bytes"
	"errors"
	"net"
	"os"
	"strings"
	"time"

	"github.com/valyala/fasthttp"
)

// wantsWebSocket reports whether a client asks to leave HTTP for WebSocket (RFC 6455 §4.1). Whether it asks
// correctly is not looked at.
func wantsWebSocket(h *fasthttp.RequestHeader) bool {
	return h.IsGet() && lists(h.PeekAll(fasthttp.HeaderUpgrade), "websocket") && lists(h.PeekAll(fasthttp.HeaderConnection), "upgrade")
}

// lists reports whether token is in a header of comma separated ones.
func lists(lines [][]byte, token string) bool {
	for _, line := range lines {
		for item := range bytes.SplitSeq(line, []byte(",")) {
			if strings.EqualFold(string(bytes.TrimSpace(item)), token) {
				return true
			}
		}
	}
	return false
}

// upgrade hands a connection to Config.Upgrade, or answers why not.
func (s *Server) upgrade(ctx *fasthttp.RequestCtx) {
	a, ok := ctx.Conn().(accepted)
	switch {
	case !ok || !a.accepted().listener.shared || s.cfg.Upgrade == nil:
		s.refuse(ctx, nil, errNoWebSocket)
	case s.retiring.Load():
		ctx.SetConnectionClose()
		s.refuse(ctx, nil, errRetiring)
	default:
		// A copy: fasthttp reuses its own when this call returns.
		h := &ctx.Request.Header
		head := bytes.Join([][]byte{h.Method(), h.RequestURI(), h.Protocol()}, []byte(" "))
		head = append(append(head, "\r\n"...), h.RawHeaders()...)
		ctx.HijackSetNoResponse(true)
		ctx.Hijack(func(hijacked net.Conn) { s.handBack(a.accepted(), hijacked, head) })
		return
	}
	s.metrics.served(routeNone, ctx.Response.StatusCode(), time.Since(ctx.Time()))
}

// handBack gives c, which fasthttp has let go of, to Config.Upgrade with all that was read from it
// since the last request. It is fasthttp that closes it afterwards.
func (s *Server) handBack(c *conn, hijacked net.Conn, head []byte) {
	defer func() {
		if p := recover(); p != nil {
			s.panicked(p, routeNone) // fasthttp closes the connection
		}
	}()
	// Reading from hijacked yields first what fasthttp has in its buffer, then what is in front of the
	// socket, and the deadline keeps it from the socket itself.
	err := c.SetReadDeadline(time.Unix(1, 0))
	read := bytes.NewBuffer(head)
	if err == nil {
		_, err = read.ReadFrom(hijacked)
	}
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		s.cfg.Logger.Debug("rest: upgrade", "err", err)
		return
	}
	if err = c.SetReadDeadline(time.Time{}); err == nil {
		err = s.cfg.Upgrade(c.Conn, read.Bytes())
	}
	if err != nil {
		s.cfg.Logger.Debug("rest: upgrade", "err", err)
	}
}
