package rest

import (
	"bytes"

	"github.com/valyala/fasthttp"
)

// challengePrefix begins the paths that authorities of certificates ask for (RFC 8555 §8.3).
var challengePrefix = []byte("/.well-known/acme-challenge/")

// answerChallenge answers an authority that wants to see whose host this is, and returns whether it was one.
func (s *Server) answerChallenge(ctx *fasthttp.RequestCtx) bool {
	if s.cfg.Challenge == nil || !ctx.IsGet() || !bytes.HasPrefix(ctx.Path(), challengePrefix) {
		return false
	}
	answer, ok := s.cfg.Challenge(string(ctx.Host()), string(ctx.Path()))
	if !ok {
		return false
	}
	ctx.SetContentType(textType)
	ctx.SetBody(answer)
	return true
}
