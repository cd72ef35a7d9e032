package rest

import (
	"slices"

	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/wire"
)

// A Refusal is how a request of the API would have been refused.
type Refusal struct {
	Status          int
	Reason, Message string
}

// Publish publishes an event for an operator, who needs no signature: body is that of POST /apps/{id}/events, and is judged and published
// as one. It returns the channels, or why it was refused. May block.
func (s *Server) Publish(a *app.App, body []byte) ([]string, *Refusal) {
	channels, err := s.publishFor(a, body)
	if err == nil {
		return channels, nil
	}
	r := refusalOf(err)
	if r.cause != nil {
		s.cfg.Logger.Error("rest: request failed", "reason", r.reason, "err", r.cause)
	}
	return nil, &Refusal{Status: r.status, Reason: r.reason, Message: r.message}
}

func (s *Server) publishFor(a *app.App, body []byte) ([]string, error) {
	if !a.Enabled {
		return nil, errAppDisabled
	}
	t, err := wire.ParseTrigger(body, a.Limits.JSONDepth)
	if err != nil {
		return nil, err
	}
	q := &request{app: a}
	if _, err := q.checkTrigger(&t); err != nil {
		return nil, err
	}
	if err := s.cfg.Node.Admit(a, slices.Values(t.Channels)); err != nil {
		return nil, publishFailed(err)
	}
	s.submit(q, &t)
	return t.Channels, q.published()
}
