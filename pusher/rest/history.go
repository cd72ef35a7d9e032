package rest

import (
	"strconv"

	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/node"
	"github.com/gannet-io/gannet/pusher/wire"
)

// How many events one answer has, and how many bytes of them about.
const (
	defaultPast  = 100
	mostPast     = 1000
	mostPastRoom = 4 << 20
)

// listEvents shows what a channel has kept.
//
//	GET /apps/{id}/channels/{channel}/events?since=k3v9x2mq-12&limit=100&order=newest
//	{"events":[{"time":1700000000000,"event":"e","channel":"c","data":"x","serial":"k3v9x2mq-13"}],
//	 "head":"k3v9x2mq-13","more":false,"complete":true}
//
// Events are those behind since, or all, and before before, if it is given: the oldest first, or with order=newest the
// newest. complete is false, with a reason, when something behind since may be missing; then it is as if since had not
// been given. To page, ask again while there is more: since the last serial, or before it with order=newest.
func (s *Server) listEvents(q *request) error {
	if !pusher.ValidChannel(q.name, q.app.Limits.ChannelNameLength) {
		return badChannel(q.name)
	}
	query := node.PastQuery{Since: q.param("since"), Before: q.param("before"), Limit: defaultPast, Room: mostPastRoom}
	for _, serial := range []string{query.Since, query.Before} {
		if serial != "" && !node.ValidSerial(serial) {
			return errBadSerial
		}
	}
	if text := q.param("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > mostPast {
			return errBadLimit
		}
		query.Limit = n
	}
	switch q.param("order") {
	case "", "oldest":
	case "newest":
		query.Newest = true
	default:
		return errBadOrder
	}
	if err := s.cfg.Node.Reach(q.app, q.name); err != nil {
		return unreachable(err)
	}
	past := s.cfg.Node.History(q.app, q.name, &query)
	if !past.Kept {
		return errNoHistory
	}
	events := make([]wire.PastEvent, len(past.Events))
	for i, e := range past.Events {
		events[i] = wire.PastEvent{At: e.At.UnixMilli(), JSON: e.JSON}
	}
	q.out = wire.AppendPast(q.out, events, past.Head, past.More, past.Gap)
	return nil
}
