package rest

import (
	"bytes"
	"strings"

	"github.com/valyala/fasthttp"
)

const pagesPrefix = "/demo/"

var htmlType = []byte("text/html")

// wantsPage reports whether Config.Pages answers: path is that of route r, without the prefix. The root says OK to whoever
// does not ask for HTML, which is how other servers of the protocol are probed.
func (s *Server) wantsPage(ctx *fasthttp.RequestCtx, r route, path string) bool {
	if s.pages == nil {
		return false
	}
	if r != routeRoot {
		return r == routeNone && strings.HasPrefix(path, pagesPrefix)
	}
	ctx.Response.Header.Set(fasthttp.HeaderVary, fasthttp.HeaderAccept)
	return ctx.IsGet() && bytes.Contains(ctx.Request.Header.Peek(fasthttp.HeaderAccept), htmlType)
}

// page lets Config.Pages answer. Links of the index are relative, so its address ends with a slash.
func (s *Server) page(ctx *fasthttp.RequestCtx, path string, query []byte) {
	if path == "" {
		ctx.Response.Header.Set(fasthttp.HeaderLocation, s.cfg.PathPrefix+"/")
		ctx.SetStatusCode(fasthttp.StatusPermanentRedirect)
		return
	}
	if len(query) > 0 {
		path += "?" + string(query)
	}
	ctx.Request.SetRequestURI(path)
	s.pages(ctx)
}
