package rest

import (
	"iter"

	"github.com/gannet-io/gannet/pusher/wire"
)

// batch publishes several events, each to one channel, in their order.
//
//	POST /apps/{id}/batch_events
//	{"batch":[{"channel":"ch-a","name":"ev","data":"x","info":"subscription_count"},…]}
//
// It answers {} or, when any event has info, {"batch":[{"subscription_count":1},{}]} with an object
// for each event in the order of the request. One bad event refuses all of them.
func (s *Server) batch(q *request) error {
	events, err := wire.ParseBatch(q.ctx.PostBody(), q.app.Limits.JSONDepth)
	if err != nil {
		return err
	}
	if limit := q.app.Limits.BatchEvents; limit > 0 && len(events) > limit {
		return batchTooLong(limit)
	}
	var any attributes
	wants := q.wants[:0]
	for i := range events {
		want, err := q.checkTrigger(&events[i])
		if err != nil {
			return inBatch(i, err)
		}
		any |= want
		wants = append(wants, want)
	}
	q.wants = wants
	if err := s.cfg.Node.Admit(q.app, channelsOf(events)); err != nil {
		return publishFailed(err)
	}
	for i := range events {
		if err := s.publish(q, &events[i]); err != nil {
			return err
		}
	}
	if any == 0 {
		q.out = append(q.out, "{}"...)
		return nil
	}
	for i := range events {
		q.infos = append(q.infos, s.info(q, events[i].Channels[0], wants[i]))
	}
	q.out = wire.AppendBatchResult(q.out, q.infos)
	return nil
}

// channelsOf yields the channel of each event.
func channelsOf(events []wire.Trigger) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := range events {
			if !yield(events[i].Channels[0]) {
				return
			}
		}
	}
}
