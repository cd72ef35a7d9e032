//go:build linux

package swarm

import (
	"fmt"
	"time"

	"github.com/gannet-io/gannet/loadtest/plan"
	"github.com/gannet-io/gannet/pusher/auth"
)

// ask sends one signed request with as many messages as are due and the plan lets it carry.
func (w *worker) ask(p *publisher, now int64) {
	body := w.buf[:0] // nothing is being read
	path := "/apps/" + w.plan.AppID + "/events"
	p.asked, p.reach = 0, 0
	if w.plan.Batch > 1 {
		path = "/apps/" + w.plan.AppID + "/batch_events"
		body = append(body, `{"batch":[`...)
	}
	for p.asked < w.plan.Batch {
		s, reach, ok := w.take(p, now)
		if !ok {
			break
		}
		if p.asked > 0 {
			body = append(body, ',')
		}
		body = w.appendTrigger(body, &s)
		p.asked++
		p.reach += int64(reach)
	}
	if p.asked == 0 {
		return
	}
	if w.plan.Batch > 1 {
		body = append(body, `]}`...)
	}
	query := auth.SignRequest("POST", path, nil, body, w.plan.Key, w.plan.Secret, time.Now())
	target := &w.plan.Targets[w.target(&w.conns[p.slot])]
	w.text = fmt.Appendf(w.text[:0], "POST %s%s?%s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n",
		target.Prefix, path, query, target.Host, len(body))
	w.text = append(w.text, body...)
	p.asking = true
	w.transmit(p.slot, w.text)
}

// appendTrigger appends the JSON of one event: of a batch with its channel, alone with a list of
// one, as the official libraries write them.
func (w *worker) appendTrigger(dst []byte, s *plan.Stamp) []byte {
	dst = append(dst, `{"name":"load","data":"`...)
	dst = plan.AppendData(dst, *s, w.plan.Payload)
	if w.plan.Batch > 1 {
		dst = append(append(dst, `","channel":"`...), w.plan.Channel(int(s.Channel))...)
		return append(dst, `"}`...)
	}
	dst = append(append(dst, `","channels":["`...), w.plan.Channel(int(s.Channel))...)
	return append(dst, `"]}`...)
}
