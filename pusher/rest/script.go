package rest

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"

	"github.com/valyala/fasthttp"

	"github.com/gannet-io/gannet/pusher/resume"
)

const scriptType = "text/javascript; charset=utf-8"

// A download is a file that browsers get, as it is while the process runs.
type download struct {
	body []byte // shared
	etag string // quotes included
}

// newDownload tags body with its digest: nodes of one version agree on it.
func newDownload(body []byte) download {
	sum := sha256.Sum256(body)
	return download{body, `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`}
}

var downloads = map[route]download{
	routeScript: newDownload(resume.Script),
	routeModule: newDownload(resume.Module),
}

// script answers with what stands beside pusher-js in browsers. Any page may load it, isolated ones too, and asks again
// after an hour: servers are upgraded under the same address.
func script(ctx *fasthttp.RequestCtx, r route) {
	file := downloads[r]
	h := &ctx.Response.Header
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	h.Set(fasthttp.HeaderCacheControl, "public, max-age=3600")
	h.Set(fasthttp.HeaderETag, file.etag)
	h.Set(fasthttp.HeaderXContentTypeOptions, "nosniff")
	if matchesTag(ctx.Request.Header.Peek(fasthttp.HeaderIfNoneMatch), file.etag) {
		ctx.SetStatusCode(fasthttp.StatusNotModified)
		return
	}
	ctx.SetContentType(scriptType)
	ctx.Response.SetBodyRaw(file.body)
}

// matchesTag reports whether an If-None-Match names etag. Proxies that compress make tags weak, which means the same here
// (RFC 9110 §13.1.2).
func matchesTag(header []byte, etag string) bool {
	for _, tag := range strings.Split(string(header), ",") {
		tag = strings.TrimSpace(tag)
		if tag == "*" || strings.TrimPrefix(tag, "W/") == etag {
			return true
		}
	}
	return false
}
