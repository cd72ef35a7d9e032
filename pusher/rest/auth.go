package rest

import (
	"context"
	"errors"

	"github.com/valyala/fasthttp"

	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/auth"
)

// A keyring finds the secret for a request's auth_key, and with it the app: the one of the path, or, on the
// path without an app id, the one that has the key.
type keyring struct {
	apps app.Registry
	ctx  context.Context
	id   string // app id of the path; "": look the key up

	app *app.App // whose key it was; nil until Secret has found one
	err error    // why the registry could not tell
}

// Secret implements auth.Secrets. An app nobody has is an app without keys here, so that the two have the
// same answer.
func (k *keyring) Secret(key string) (string, bool) {
	var a *app.App
	var err error
	if k.id == "" {
		a, err = k.apps.ByKey(k.ctx, key)
	} else {
		a, err = k.apps.ByID(k.ctx, k.id)
	}
	if err != nil {
		if !errors.Is(err, app.ErrNotFound) {
			k.err = err
		}
		return "", false
	}
	secret, ok := a.Secret(key)
	if ok {
		k.app = a
	}
	return secret, ok
}

// authenticate finds the app and checks the signature. q.app is set as soon as the key is known, also when
// the rest is wrong. path is the one that was signed: without the prefix, not decoded.
func (s *Server) authenticate(q *request, method []byte, path string, body []byte) error {
	q.keys = keyring{apps: s.cfg.Apps, ctx: s.base, id: q.id}
	q.signed = auth.Request{
		Method:  string(method),
		Path:    unescape(path),
		RawPath: path,
		Query:   q.query,
		Body:    body,
	}
	key, params, err := q.verifier.Check(&q.signed, &q.keys, s.cfg.Now())
	q.app = q.keys.app
	if q.keys.err != nil {
		return registryFailed(q.keys.err)
	}
	q.params, q.key = params, key
	return err
}

// authenticateHead does what can be done before the body is there. The signature covers the query and, in it,
// body_md5, so all that is left to be wrong afterwards is that the body is another one.
//
// a is the app once its key is known, for the form of the answer.
func (s *Server) authenticateHead(h *fasthttp.RequestHeader) (a *app.App, err error) {
	q := s.requests.Get().(*request)
	var r route
	// fasthttp calls this outside of the handler, where nobody else would recover.
	defer func() {
		if p := recover(); p != nil {
			s.panicked(p, r)
			a, err = nil, errPanicked
			return // q is not pooled again
		}
		q.reset()
		s.requests.Put(q)
	}()
	var path string
	r, path = s.target(q, h)
	if !r.signed() {
		return nil, errNotFound
	}
	err = s.authenticate(q, h.Method(), path, nil)
	var unsigned *auth.Error
	switch {
	case err == nil:
		// It was signed as a request without a body.
		return q.app, errUnsignedBody
	case errors.As(err, &unsigned) && unsigned.Reason == errUnsignedBody.reason:
		return q.app, nil
	}
	return q.app, err
}

// param returns a query parameter, "" when it is not there.
func (q *request) param(name string) string {
	value, _ := q.params.Get(name)
	return value
}
