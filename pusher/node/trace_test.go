package node_test

import (
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/node"
	"github.com/gannet-io/gannet/pusher/trace"
)

// A ledger of spans that have ended.
type spans struct {
	mu  sync.Mutex
	all []*trace.Span // guarded by mu
}

func (s *spans) record(span *trace.Span) {
	s.mu.Lock()
	s.all = append(s.all, span)
	s.mu.Unlock()
}

// await returns the spans once those of a name are as many.
func (s *spans) await(t *testing.T, name string, n int) []*trace.Span {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); ; <-tick.C {
		s.mu.Lock()
		all := slices.Clone(s.all)
		s.mu.Unlock()
		got := 0
		for _, span := range all {
			if span.Name == name {
				got++
			}
		}
		if got == n {
			return all
		}
		if time.Now().After(end) {
			t.Fatalf("%d spans %s, want %d: %s", got, name, n, tree(all))
		}
	}
}

// tree writes spans as lines "parent>name key=value …", sorted, without what differs from run to run.
func tree(all []*trace.Span) string {
	names := make(map[trace.SpanID]string)
	for _, s := range all {
		names[s.Context.Span] = s.Name
	}
	var lines []string
	for _, s := range all {
		line := names[s.Parent] + ">" + s.Name
		for _, a := range s.Attrs {
			if a.Key == trace.Loop {
				continue
			}
			if a.IsText {
				line += " " + a.Key + "=" + a.Text
			} else {
				line += " " + a.Key + "=" + string('0'+rune(a.Number))
			}
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func newTracer(share float64) (*trace.Tracer, *spans) {
	s := new(spans)
	return trace.New(trace.Config{Sample: share, Record: s.record}), s
}

// request begins the span of a request, as a door does.
func request(tracer *trace.Tracer) *trace.Span {
	return tracer.Start(trace.Context{}, "request", trace.Server, time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC))
}

const publishAttrs = " messaging.system=gannet messaging.operation.name=publish messaging.operation.type=send"

func TestPublishIsTracedFromTheRequestToTheSocket(t *testing.T) {
	for what, name := range map[string]string{"a plain channel": "news", "one with history": "kept-news", "a cache channel": "cache-news"} {
		t.Run(what, func(t *testing.T) {
			tracer, ended := newTracer(0)
			h := newHouse(t, node.Config{Tracer: tracer})
			a := newApp(func(a *app.App) {
				a.Rules = []app.Rule{{Match: "kept-*", History: app.History{Events: 5}}}
			})
			c := h.enter()
			h.subscribe(a, c, name, "")
			root := request(tracer)
			data := []byte(`"12\u00345"`) // 1245 once it is read
			if err := h.Publish(a, &node.Event{Channel: name, Name: "ev", Data: data, Span: root}); err != nil {
				t.Fatal(err)
			}
			root.End(root.Start)
			h.heard(c)
			all := ended.await(t, "written", 1)
			want := "" +
				">request\n" +
				"publish>queued\n" +
				"publish>written gannet.subscribers=1\n" +
				"request>publish" + publishAttrs + " messaging.destination.name=" + name +
				" messaging.message.body.size=4 gannet.app.id=" + a.ID + " gannet.event.name=ev gannet.source=rest gannet.subscribers=1"
			if got := tree(all); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
			for _, s := range all {
				if s.Trace != root.Trace || s.Stop.Before(s.Start) {
					t.Errorf("%+v is not of the trace, or ends before it begins", s)
				}
			}
		})
	}
}

func TestWhatIsNotTracedHasNoSpans(t *testing.T) {
	tracer, ended := newTracer(0)
	h, a := newHouse(t, node.Config{Tracer: tracer}), newApp(nil)
	c, from := h.enter(), h.enter()
	h.subscribe(a, c, "private-x", "")
	h.subscribe(a, from, "private-x", "")
	if err := h.Publish(a, &node.Event{Channel: "private-x", Name: "ev", Data: []byte(`"x"`)}); err != nil {
		t.Fatal(err)
	}
	if err := h.ClientEvent(a, from.id, &node.ClientEvent{Channel: "private-x", Name: "client-ev"}); err != nil {
		t.Fatal(err)
	}
	if heard := h.heard(c); len(heard) < 2 {
		t.Fatalf("heard %q", heard)
	}
	if all := ended.await(t, "publish", 0); len(all) > 0 {
		t.Error(tree(all))
	}
}

func TestClientEventIsTraced(t *testing.T) {
	tracer, ended := newTracer(1)
	h, a := newHouse(t, node.Config{Tracer: tracer}), newApp(nil)
	c, from := h.enter(), h.enter()
	h.subscribe(a, c, "private-x", "")
	h.subscribe(a, from, "private-x", "")
	if err := h.ClientEvent(a, from.id, &node.ClientEvent{Channel: "private-x", Name: "client-ev", Data: []byte(`{}`), UserID: "u"}); err != nil {
		t.Fatal(err)
	}
	h.heard(c)
	want := "" +
		">publish" + publishAttrs + " messaging.destination.name=private-x messaging.message.body.size=2 gannet.app.id=" + a.ID +
		" gannet.event.name=client-ev gannet.source=client gannet.subscribers=1\n" +
		"publish>queued\n" +
		"publish>written gannet.subscribers=1"
	if got := tree(ended.await(t, "written", 1)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// The name of a user's own channel has his id in it.
func TestNobodyIsNamedInATrace(t *testing.T) {
	tracer, ended := newTracer(0)
	h, a := newHouse(t, node.Config{Tracer: tracer}), newApp(nil)
	root := request(tracer)
	if err := h.Publish(a, &node.Event{Channel: "#server-to-user-jane", Name: "ev", Data: []byte(`"x"`), Except: "1.2", ID: "again", Span: root}); err != nil {
		t.Fatal(err)
	}
	got := tree(ended.await(t, "publish", 1))
	for _, word := range []string{"jane", "1.2", "again"} {
		if strings.Contains(got, word) {
			t.Errorf("%q is told in\n%s", word, got)
		}
	}
	if !strings.Contains(got, "messaging.destination.template=#server-to-user-{user}") {
		t.Error(got)
	}
}

// One trace goes through all nodes, with a log in the backbone or without.
func TestTraceGoesOnOnOtherNodes(t *testing.T) {
	for what, tt := range map[string]struct{ name, here string }{
		"a plain channel":  {"news", "publish"},
		"one with history": {"kept-news", "deliver"},
		"a cache channel":  {"cache-news", "deliver"},
	} {
		t.Run(what, func(t *testing.T) {
			tracer, ended := newTracer(0)
			w := newTown(t, 0, func(a *app.App) {
				a.Webhooks = nil
				a.Rules = []app.Rule{{Match: "kept-*", History: app.History{Events: 5}}}
			})
			w.tracer = tracer
			here, there := w.build(), w.build()
			a, b := here.enter(), there.enter()
			w.subscribe(here, a.id, tt.name, "")
			w.subscribe(there, b.id, tt.name, "")
			root := request(tracer)
			if err := here.Publish(w.app, &node.Event{Channel: tt.name, Name: "ev", Data: []byte(`"x"`), Span: root}); err != nil {
				t.Fatal(err)
			}
			// Loops tell of what they have sent by themselves.
			all := ended.await(t, "written", 2)
			delivers := 1
			if tt.here == "deliver" {
				delivers = 2
			}
			all = append(all, root)
			deliver := "backbone>deliver messaging.system=gannet messaging.operation.name=deliver messaging.operation.type=process messaging.destination.name=" +
				tt.name + " gannet.app.id=" + w.app.ID + " gannet.subscribers=1"
			want := []string{
				">request", "publish>backbone",
				"request>publish" + publishAttrs + " messaging.destination.name=" + tt.name + " messaging.message.body.size=1 gannet.app.id=" + w.app.ID +
					" gannet.event.name=ev gannet.source=rest gannet.subscribers=1",
				"deliver>queued", "deliver>written gannet.subscribers=1",
				tt.here + ">queued", tt.here + ">written gannet.subscribers=1",
			}
			want = append(want, slices.Repeat([]string{deliver}, delivers)...)
			slices.Sort(want)
			if got := tree(all); got != strings.Join(want, "\n") {
				t.Errorf("got\n%s\nwant\n%s", got, strings.Join(want, "\n"))
			}
			for _, s := range all {
				if s.Trace != root.Trace {
					t.Errorf("%s is of another trace", s.Name)
				}
			}
		})
	}
}

// What another node says of a trace in words that this one does not understand costs the span, not the event.
func TestEventWithAnUnreadableTraceIsDelivered(t *testing.T) {
	for _, field := range []string{"\x09\x03new", "\x09\x19" + strings.Repeat("\x00", 25)} {
		tracer, ended := newTracer(1)
		h, a := newHouse(t, node.Config{Tracer: tracer}), newApp(nil)
		c := h.enter()
		h.subscribe(a, c, "news", "")
		h.Message(a.ID+"/news", []byte("\x01\x01\x03\x02ev\x07\x03\"x\""+field))
		if heard := h.heard(c); !strings.Contains(strings.Join(heard, " "), `"ev"`) {
			t.Errorf("%s: heard %q", hex.EncodeToString([]byte(field)), heard)
		}
		if all := ended.await(t, "deliver", 0); len(all) > 0 {
			t.Error(tree(all))
		}
	}
}

// BenchmarkPublishTraced is BenchmarkPublish with a tracer, which takes that share of the publishes.
func BenchmarkPublishTraced(b *testing.B) {
	for _, share := range []float64{0, 0.01, 1} {
		b.Run(fmt.Sprint(share), func(b *testing.B) {
			tracer := trace.New(trace.Config{Sample: share, Record: func(*trace.Span) {}})
			h, a := newHouse(b, node.Config{Tracer: tracer}), newApp(nil)
			c := h.enter()
			h.subscribe(a, c, "private-x", "")
			go func() { _, _ = io.Copy(io.Discard, c.conn) }()
			data := []byte(`"` + strings.Repeat("x", 100) + `"`)
			b.ReportAllocs()
			for b.Loop() {
				ev := node.Event{Channel: "private-x", Name: "event", Data: data}
				if tracer.Sample() {
					ev.Span = request(tracer)
				}
				if err := h.Publish(a, &ev); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
