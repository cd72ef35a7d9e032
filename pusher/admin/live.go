package admin

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/live"
)

const (
	maxStreams  = 16
	maxText     = 4 << 10 // of an event's data that is shown
	streamWrite = 10 * time.Second
)

// A liveEvent is an event as the stream has it.
type liveEvent struct {
	Type      string  `json:"type"`
	Time      int64   `json:"time"`
	Node      string  `json:"node,omitempty"`
	App       string  `json:"app,omitempty"`
	Channel   string  `json:"channel,omitempty"`
	Event     string  `json:"event,omitempty"`
	Data      *string `json:"data,omitempty"`
	Size      *int    `json:"size,omitempty"`
	Receivers *int    `json:"receivers,omitempty"`
	SocketID  string  `json:"socket_id,omitempty"`
	User      string  `json:"user,omitempty"`
	Address   string  `json:"address,omitempty"`
	Code      int     `json:"code,omitempty"`
	Reason    string  `json:"reason,omitempty"`
	Message   string  `json:"message,omitempty"`
}

func viewEvent(e *live.Event) liveEvent {
	v := liveEvent{
		Type: e.Kind.String(), Time: e.At.UnixMilli(), Node: e.Node, App: e.App, Channel: e.Channel, Event: e.Event,
		User: e.User, Code: e.Code, Reason: e.Reason, Message: e.Message,
	}
	if e.SocketID != (pusher.SocketID{}) {
		v.SocketID = e.SocketID.String()
	}
	if e.Address.IsValid() {
		v.Address = e.Address.String()
	}
	switch e.Kind {
	case live.Publish, live.ClientEvent:
		text := e.Text(maxText)
		v.Data, v.Size, v.Receivers = &text, &e.Size, &e.Receivers
	case live.Subscribe, live.Unsubscribe:
		v.Receivers = &e.Receivers
	}
	return v
}

var errStreams = &refusal{status: http.StatusServiceUnavailable, code: "too_many_streams", text: "too many watch already"}

// stream answers /api/live, until its reader goes or the server ends.
func (s *Server) stream(w http.ResponseWriter, r *http.Request) (any, error) {
	q, err := parse(r, "app", "channel", "prefix", "event", "types", "rate", "node")
	if err != nil {
		return nil, err
	}
	filter := live.Filter{App: q.text("app"), Channel: q.text("channel"), Prefix: q.text("prefix"), Event: q.text("event")}
	rate := q.number("rate", 1, live.MaxRate, 100)
	for name := range strings.SplitSeq(q.text("types"), ",") {
		if name == "" {
			continue
		}
		kind, ok := live.ParseKind(name)
		if !ok {
			return nil, badRequest("bad_types", "types has a word that is none of those that there are")
		}
		filter.Kinds |= kind
	}
	if q.err != nil {
		return nil, q.err
	}
	wanted := q.text("node")
	self, err := s.nodeNamed(wanted)
	if err != nil {
		return nil, err
	}
	defer s.streams.Add(-1)
	if s.streams.Add(1) > maxStreams {
		return nil, errStreams
	}
	own := filter
	if wanted != "" && wanted != self {
		own.Kinds = live.Nothing
	}
	watcher, err := s.cfg.Feed.Watch(own, rate)
	if err != nil {
		return nil, errStreams
	}
	defer watcher.Close()
	if s.cfg.Fleet != nil && (wanted == "" || wanted != self) {
		defer s.cfg.Fleet.Follow(watcher, &filter, rate, wanted)()
	}
	s.metrics.streams.Inc()
	defer s.metrics.streams.Dec()
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // or a proxy would collect it
	w.WriteHeader(http.StatusOK)
	out := stream{s: s, self: self, w: w, control: http.NewResponseController(w)}
	if r.Method != http.MethodHead {
		out.run(r, watcher)
	}
	return nil, nil
}

// A stream writes events to one reader.
type stream struct {
	s       *Server
	self    string // the name of this node; "": it is alone
	w       http.ResponseWriter
	control *http.ResponseController
	buffer  bytes.Buffer
	shown   int
}

func (o *stream) run(r *http.Request, w *live.Watcher) {
	refill := time.NewTicker(live.RefillEvery)
	defer refill.Stop()
	tick := 0
	if !o.stats(w) {
		return
	}
	for {
		select {
		case <-r.Context().Done(): // the reader has gone, or the server goes
			return
		case e := <-w.Events():
			o.show(e)
			for more := len(w.Events()); more > 0; more-- {
				o.show(<-w.Events())
			}
			if !o.flush() {
				return
			}
		case <-refill.C:
			w.Refill()
			// A session that ends in the meantime ends its streams, too.
			if tick++; tick%(int(time.Second/live.RefillEvery)) == 0 && (o.s.guard.admit(r) != nil || !o.stats(w)) {
				return
			}
		}
	}
}

func (o *stream) show(e *live.Event) {
	if e.Node == "" {
		e.Node = o.self
	}
	o.add("", viewEvent(e))
	o.shown++
}

// stats says how much was left out; it also finds out that a reader has gone.
func (o *stream) stats(w *live.Watcher) bool {
	now := map[string]any{"time": o.s.cfg.Now().UnixMilli(), "shown": o.shown, "left_out": w.LeftOut()}
	if f := o.s.cfg.Fleet; f != nil {
		now["away"] = f.Away()
	}
	o.add("stats", now)
	return o.flush()
}

func (o *stream) add(event string, body any) {
	if event != "" {
		o.buffer.WriteString("event: " + event + "\n")
	}
	o.buffer.WriteString("data: ")
	encoder := json.NewEncoder(&o.buffer)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(body) // it is ours, and ends with the line
	o.buffer.WriteByte('\n')
}

func (o *stream) flush() bool {
	_ = o.control.SetWriteDeadline(time.Now().Add(streamWrite)) // net/http's connections have one
	_, err := o.w.Write(o.buffer.Bytes())
	o.buffer.Reset()
	return err == nil && o.control.Flush() == nil
}
