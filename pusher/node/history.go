package node

import (
	"bytes"
	"time"

	"github.com/gannet-io/gannet/engine/history"
	"github.com/gannet-io/gannet/engine/hub"
	"github.com/gannet-io/gannet/pusher/app"
)

// A PastQuery says which of a channel's events are wanted.
type PastQuery struct {
	Since  string // only those behind this position; "": from the oldest on
	Before string // only those before this position; "": to the newest
	Newest bool   // the newest first, and not the oldest
	Limit  int    // how many, at least 1
	Room   int    // how many bytes of them; at least one is given
}

// A Past is what a channel's history has of them.
type Past struct {
	Kept   bool   // false: the channel has no history
	Head   string // position of the newest event there was; "" when nothing is known of the channel
	Events []PastEvent
	More   bool   // others of those that were wanted follow
	Gap    string // why it is not known whether something is missing behind Since: that of a recovered:false; "": nothing is
}

// A PastEvent is one event as subscribers got it.
type PastEvent struct {
	Serial string
	At     time.Time
	JSON   []byte // the whole message, shared
}

// History reads events that a channel has kept. Any goroutine.
func (n *Node) History(a *app.App, name string, q *PastQuery) (past Past) {
	rule := a.Rule(name)
	if past.Kept = rule != nil && rule.History.On(); !past.Kept {
		return past
	}
	if q.Since != "" {
		past.Gap = reasonEpoch // unless the channel is known
	}
	n.find(a, name, func(_ *hub.Topic, p *place) {
		if p.hasHistory() {
			past = readPast(p.ruled.stream, q, n.now().UnixNano())
		}
	})
	return past
}

// voidPrefix is how events for nobody begin, which only a log has; no event of the API's may.
var voidPrefix = []byte(`{"event":"pusher_internal:`)

func readPast(s history.Stream, q *PastQuery, now int64) Past {
	head := s.Head()
	past := Past{Kept: true, Head: head.String()}
	from, end := s.Oldest(now), head.Offset+1 // what is wanted: those from from on, before end
	if q.Since != "" {
		since, ok := history.Parse(q.Since)
		past.Gap = reasonInvalid
		if ok {
			_, _, err := s.Read(nil, since, 1, 0, now)
			past.Gap = reasonOf(err)
		}
		if past.Gap == "" {
			from = since.Offset + 1
		}
	}
	if q.Before != "" {
		before, _ := history.Parse(q.Before)
		if before.Epoch != head.Epoch {
			past.Gap = reasonEpoch
			return past // whoever reads on, page by page, must not begin again at the end
		}
		end = min(end, before.Offset)
	}
	room := q.Room
	for i := uint64(0); from+i < end; i++ {
		offset := from + i
		if q.Newest {
			offset = end - 1 - i
		}
		events, _, err := s.Read(nil, history.Position{Epoch: head.Epoch, Offset: offset - 1}, 1, 0, now)
		if err != nil || len(events) == 0 {
			return past // what is not kept in memory may be gone by now
		}
		e := &events[0]
		if bytes.HasPrefix(e.Frame.Payload(), voidPrefix) {
			continue
		}
		if room -= e.Frame.Len(); i > 0 && (room < 0 || len(past.Events) == q.Limit) {
			past.More = true
			return past
		}
		past.Events = append(past.Events, PastEvent{
			Serial: history.Position{Epoch: head.Epoch, Offset: e.Offset}.String(),
			At:     time.Unix(0, e.At),
			JSON:   e.Frame.Payload(),
		})
	}
	return past
}

// ValidSerial reports whether text has the form of a position. Any goroutine.
func ValidSerial(text string) bool {
	_, ok := history.Parse(text)
	return ok
}
