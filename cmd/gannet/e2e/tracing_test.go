//go:build e2e

package e2e

import (
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	v1 "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

const (
	theTrace  = "4bf92f3577b34da6a3ce929d0e0e4736"
	theParent = "00f067aa0ba902b7"
)

// A tracesReceiver takes OTLP over HTTP.
type tracesReceiver struct {
	*httptest.Server
	mu    sync.Mutex
	spans []*tracepb.Span // guarded by mu
}

func newTracesReceiver(t *testing.T) *tracesReceiver {
	r := new(tracesReceiver)
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		m := new(v1.ExportTraceServiceRequest)
		if err := proto.Unmarshal(body, m); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, of := range m.ResourceSpans {
			for _, scope := range of.ScopeSpans {
				r.spans = append(r.spans, scope.Spans...)
			}
		}
	}))
	t.Cleanup(r.Close)
	return r
}

// of returns the spans of a trace that have come, by name.
func (r *tracesReceiver) of(trace string) map[string][]*tracepb.Span {
	r.mu.Lock()
	defer r.mu.Unlock()
	named := make(map[string][]*tracepb.Span)
	for _, s := range r.spans {
		if hex.EncodeToString(s.TraceId) == trace {
			named[s.Name] = append(named[s.Name], s)
		}
	}
	return named
}

// publishTraced publishes to a server with a traceparent; "": without one.
func publishTraced(t *testing.T, s *server, parent string) {
	t.Helper()
	body := trigger("news", "hello")
	req, err := http.NewRequest("POST", s.url()+signed(quiet, "POST", "/events", body, nil), strings.NewReader(body))
	check(t, err)
	if parent != "" {
		req.Header.Set("traceparent", parent)
	}
	resp, err := http.DefaultClient.Do(req)
	check(t, err)
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("publishing gives %d", resp.StatusCode)
	}
}

// What waits when the server is asked to end is sent, and continues the publisher's trace.
func TestTraceOfAPublisherGoesOnAndIsSentAtTheEnd(t *testing.T) {
	plainOnly(t)
	r := newTracesReceiver(t)
	s := startServer(t, "drain_window: 0\ntracing: { endpoint: \""+r.URL+"\", sample: 0 }\n")
	c := connectTo(t, s, quiet)
	c.join(quiet, "news")
	publishTraced(t, s, "00-"+theTrace+"-"+theParent+"-01")
	for _, parent := range []string{"", "nonsense", "00-" + theTrace + "-" + theParent + "-00"} {
		publishTraced(t, s, parent)
	}
	check(t, s.stop())

	named := r.of(theTrace)
	for _, name := range []string{"POST /apps/{app_id}/events", "admitted", "publish", "queued", "written"} {
		if len(named[name]) != 1 {
			t.Fatalf("%d spans %q in %v", len(named[name]), name, named)
		}
	}
	request, publish, queued, written := named["POST /apps/{app_id}/events"][0], named["publish"][0], named["queued"][0], named["written"][0]
	if got := hex.EncodeToString(request.ParentSpanId); got != theParent {
		t.Errorf("the request is below %s", got)
	}
	if string(publish.ParentSpanId) != string(request.SpanId) || string(written.ParentSpanId) != string(publish.SpanId) {
		t.Error("the spans do not hang together")
	}
	if request.StartTimeUnixNano > publish.StartTimeUnixNano || publish.StartTimeUnixNano > queued.StartTimeUnixNano ||
		queued.EndTimeUnixNano > written.StartTimeUnixNano || written.StartTimeUnixNano > written.EndTimeUnixNano {
		t.Errorf("out of order: %v", named)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.spans) != 5 {
		t.Errorf("%d spans came, of one publish in four", len(r.spans))
	}
}

// A receiver that takes connections and never answers costs no publish, and the end of the server no more than its bound.
func TestReceiverOfTracesThatHangsHoldsUpNothing(t *testing.T) {
	plainOnly(t)
	let := make(chan struct{})
	hangs := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-let }))
	t.Cleanup(hangs.Close)
	t.Cleanup(func() { close(let) })
	s := startServer(t, fmt.Sprintf("drain_window: 0\ntracing: { endpoint: %q, sample: 1 }\n", hangs.URL))
	for range 50 {
		publishTraced(t, s, "")
	}
	check(t, s.stop())
	if !strings.Contains(s.said(), "gave up the last spans") {
		t.Errorf("nothing was said of it:\n%s", s.said())
	}
}

// One trace goes through two nodes.
func TestTraceGoesOnOnAnotherNode(t *testing.T) {
	plainOnly(t)
	r := newTracesReceiver(t)
	bus := embeddedNATS(t, 1)(0)
	first := startServer(t, bus+"drain_window: 0\ntracing: { endpoint: \""+r.URL+"\", sample: 0 }\n")
	port := freePort(t)
	route := bus[strings.Index(bus, "routes: "):]
	second := startServer(t, fmt.Sprintf("cluster: { driver: nats, node: other, nats: { listen: \"127.0.0.1:%d\", %s", port, route)+
		"drain_window: 0\ntracing: { endpoint: \""+r.URL+"\", sample: 0 }\n")
	c := connectTo(t, second, quiet)
	c.join(quiet, "news")
	publishTraced(t, first, "00-"+theTrace+"-"+theParent+"-01")
	eventually(t, "the other node's spans", func() bool { return len(r.of(theTrace)["written"]) == 1 })
	named := r.of(theTrace)
	if len(named["backbone"]) == 0 {
		eventually(t, "the first node's spans", func() bool { return len(r.of(theTrace)["backbone"]) == 1 })
		named = r.of(theTrace)
	}
	if len(named["deliver"]) != 1 || string(named["deliver"][0].ParentSpanId) != string(named["backbone"][0].SpanId) {
		t.Errorf("the other node's spans are not below the way to it: %v", named)
	}
}
