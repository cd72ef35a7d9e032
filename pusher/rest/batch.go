package rest

import (
	"iter"

	"github.com/gannet-io/gannet/pusher/trace"
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
	id := headerKey(&q.ctx.Request.Header)
	if id == "" {
		return s.publishBatch(q, events, any)
	}
	c, before, fresh, err := s.claim(q.app, "batch", id, s.repeats.sum(q.ctx.PostBody()))
	if err != nil {
		return err
	}
	if !fresh {
		q.out = append(q.out, before.body...)
		return nil
	}
	defer c.end()
	if err := s.publishBatch(q, events, any); err != nil {
		return err
	}
	c.done(answered{body: string(q.out)})
	return nil
}

// publishBatch publishes events that were found good, those excepted that are known already, and writes the answer.
func (s *Server) publishBatch(q *request, events []wire.Trigger, any attributes) error {
	keyed := false
	for i := range events {
		e := &events[i]
		if e.ID == "" {
			continue
		}
		keyed = true
		if len(e.ID) > maxKeyBytes {
			return inBatch(i, errLongKey)
		}
		if s.misused(q.app, "event", e.ID, s.sumOf(e)) {
			return inBatch(i, errKeyReused)
		}
	}
	if err := s.cfg.Node.Admit(q.app, channelsOf(events)); err != nil {
		return publishFailed(err)
	}
	s.admitted(q)
	if q.span != nil {
		q.span.Set(trace.Number(trace.MessagingBatchCount, len(events)))
	}
	for i := range events {
		info, known, err := s.publishOne(q, &events[i], q.wants[i])
		if err != nil {
			return err
		}
		if keyed && any != 0 {
			if !known {
				info = s.info(q, events[i].Channels[0], q.wants[i])
			}
			q.infos = append(q.infos, info)
		}
	}
	if err := q.published(); err != nil {
		return err
	}
	if any == 0 {
		q.out = append(q.out, "{}"...)
		return nil
	}
	for i := len(q.infos); i < len(events); i++ {
		q.infos = append(q.infos, s.info(q, events[i].Channels[0], q.wants[i]))
	}
	q.out = wire.AppendBatchResult(q.out, q.infos)
	return nil
}

// publishOne publishes one event of a batch, unless its idempotency key is known. known says that info is what the
// answer says of it: what it has said before, or will say again.
func (s *Server) publishOne(q *request, e *wire.Trigger, want attributes) (info wire.Info, known bool, err error) {
	if e.ID == "" {
		s.submit(q, e)
		return wire.Info{}, false, nil
	}
	c, before, fresh, err := s.claim(q.app, "event", e.ID, s.sumOf(e))
	if err != nil || !fresh {
		return before.info, true, err
	}
	defer c.end()
	s.submit(q, e)
	if err := q.published(); err != nil {
		return wire.Info{}, false, err
	}
	info = s.info(q, e.Channels[0], want)
	c.done(answered{info: info})
	return info, true, nil
}

// sumOf returns what stands for one event of a batch.
func (s *Server) sumOf(e *wire.Trigger) uint64 {
	return s.repeats.sum([]byte(e.Name), e.Data, []byte(e.Channels[0]), []byte(e.SocketID), []byte(e.Info))
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
