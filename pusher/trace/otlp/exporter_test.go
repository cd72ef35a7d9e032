package otlp_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"github.com/gannet-io/gannet/pusher/trace"
	"github.com/gannet-io/gannet/pusher/trace/otlp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, goleak.IgnoreCurrent()) }

// patience is how long a test waits for what must happen. It is only ever used up by a failure.
const patience = time.Minute

// A collector takes spans as its answer says, which is asked for each request with its number.
type collector struct {
	*httptest.Server
	answer func(n int, w http.ResponseWriter, r *http.Request)

	mu       sync.Mutex
	requests []*http.Request                 // guarded by mu
	taken    []*v1.ExportTraceServiceRequest // guarded by mu
}

func newCollector(t *testing.T, answer func(n int, w http.ResponseWriter, r *http.Request)) *collector {
	c := &collector{answer: answer}
	c.Server = httptest.NewServer(c)
	t.Cleanup(c.Close)
	return c
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		body, _ = gzip.NewReader(r.Body)
	}
	b, _ := io.ReadAll(body)
	message := new(v1.ExportTraceServiceRequest)
	if err := proto.Unmarshal(b, message); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	c.requests = append(c.requests, r)
	n := len(c.requests)
	c.mu.Unlock()
	recorder := &status{ResponseWriter: w, code: 200}
	if c.answer != nil {
		c.answer(n, recorder, r)
	}
	if recorder.code == 200 {
		c.mu.Lock()
		c.taken = append(c.taken, message)
		c.mu.Unlock()
	}
}

type status struct {
	http.ResponseWriter
	code int
}

func (s *status) WriteHeader(code int) {
	s.code = code
	s.ResponseWriter.WriteHeader(code)
}

// spans returns the spans taken so far.
func (c *collector) spans() (all []*tracepb.Span) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range c.taken {
		for _, r := range m.ResourceSpans {
			for _, s := range r.ScopeSpans {
				all = append(all, s.Spans...)
			}
		}
	}
	return all
}

type opened struct {
	*otlp.Exporter
	tracer *trace.Tracer
	set    *metrics.Set
	log    *buffer
}

func open(t *testing.T, cfg otlp.Config) *opened {
	t.Helper()
	o := &opened{set: metrics.NewSet(), log: new(buffer)}
	cfg.Metrics, cfg.Log = o.set, slog.New(slog.NewTextHandler(o.log, nil))
	var err error
	if o.Exporter, err = otlp.Open(cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { o.close(0) })
	o.tracer = trace.New(trace.Config{Sample: 1, Record: o.Record})
	return o
}

// close closes o within a time.
func (o *opened) close(limit time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	return o.Close(ctx)
}

func (o *opened) record(n int) {
	now := time.Now()
	for range n {
		o.tracer.Start(trace.Context{}, "publish", trace.Producer, now).End(now)
	}
}

func (o *opened) counts() string {
	var counts []string
	for _, outcome := range []string{"sent", "failed", "dropped"} {
		counts = append(counts, fmt.Sprintf("%s %d", outcome, o.set.GetOrCreateCounter(`gannet_otlp_spans_total{outcome="`+outcome+`"}`).Get()))
	}
	return strings.Join(counts, ", ")
}

type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func until(t *testing.T, what string, happened func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); !happened(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("in vain: %s", what)
		}
	}
}

func TestSpansArriveAsTheyWere(t *testing.T) {
	c := newCollector(t, nil)
	o := open(t, otlp.Config{
		URL: c.URL + "/v1/traces", Headers: map[string]string{"Api-Key": "sesame"}, Version: "1.2.3", Delay: time.Millisecond,
		Resource: []trace.Attribute{trace.Text("service.name", "shop")},
	})
	parent, _ := trace.Parse([]byte("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"), []byte("a=1"))
	begin := time.Unix(1700000000, 5)
	s := o.tracer.Start(parent, "publish", trace.Producer, begin)
	s.Set(trace.Text("gannet.event.name", "a\xffb"), trace.Number("gannet.subscribers", 7))
	s.Fail("busy")
	s.End(begin.Add(3))
	until(t, "the span", func() bool { return len(c.spans()) == 1 })

	got := c.spans()[0]
	want := &tracepb.Span{
		TraceId: []byte("\x4b\xf9\x2f\x35\x77\xb3\x4d\xa6\xa3\xce\x92\x9d\x0e\x0e\x47\x36"), ParentSpanId: []byte("\x00\xf0\x67\xaa\x0b\xa9\x02\xb7"),
		SpanId: got.SpanId, TraceState: "a=1", Flags: 0x301, Name: "publish", Kind: tracepb.Span_SPAN_KIND_PRODUCER,
		StartTimeUnixNano: 1700000000000000005, EndTimeUnixNano: 1700000000000000008,
		Attributes: got.Attributes, Status: &tracepb.Status{Code: tracepb.Status_STATUS_CODE_ERROR, Message: "busy"},
	}
	if !proto.Equal(got, want) || len(got.SpanId) != 8 {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	if a := got.Attributes; len(a) != 3 || a[0].Key != "gannet.event.name" || a[0].Value.GetStringValue() != "a\ufffdb" || a[1].Value.GetIntValue() != 7 {
		t.Errorf("attributes %v", a)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.requests[0]
	if r.URL.Path != "/v1/traces" || r.Header.Get("Api-Key") != "sesame" || r.Header.Get("Content-Type") != "application/x-protobuf" {
		t.Errorf("%s with %v", r.URL, r.Header)
	}
	res := c.taken[0].ResourceSpans[0]
	if a := res.Resource.Attributes; len(a) != 1 || a[0].Key != "service.name" || a[0].Value.GetStringValue() != "shop" {
		t.Errorf("resource %v", a)
	}
	if scope := res.ScopeSpans[0].Scope; scope.Name != "github.com/gannet-io/gannet" || scope.Version != "1.2.3" {
		t.Errorf("scope %v", scope)
	}
}

func TestCloseSendsWhatWaits(t *testing.T) {
	c := newCollector(t, nil)
	o := open(t, otlp.Config{URL: c.URL, Delay: time.Hour})
	o.record(1300) // two batches and a part of one
	if err := o.close(patience); err != nil {
		t.Fatal(err)
	}
	if n := len(c.spans()); n != 1300 {
		t.Errorf("%d spans came", n)
	}
	if got := o.counts(); got != "sent 1300, failed 0, dropped 0" {
		t.Error(got)
	}
}

// One that says 429 is asked again, not sooner than it says, and gets the same.
func TestReceiverThatIsBusyIsAskedAgain(t *testing.T) {
	c := newCollector(t, func(n int, w http.ResponseWriter, _ *http.Request) {
		if n == 1 {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
		}
	})
	o := open(t, otlp.Config{URL: c.URL, Delay: time.Millisecond})
	o.record(1)
	until(t, "the second try", func() bool { return o.counts() == "sent 1, failed 0, dropped 0" })
	if n := len(c.spans()); n != 1 {
		t.Errorf("%d spans came", n)
	}
}

func TestReceiverThatRefusesCostsSpansAlone(t *testing.T) {
	c := newCollector(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "who are you?\nno\n", http.StatusUnauthorized)
	})
	o := open(t, otlp.Config{URL: c.URL, Delay: time.Millisecond, Headers: map[string]string{"Api-Key": "sesame"}})
	for i := range 10 {
		o.record(1)
		until(t, "the answer", func() bool { return o.counts() == fmt.Sprintf("sent 0, failed %d, dropped 0", i+1) })
	}
	until(t, "the log", func() bool { return strings.Contains(o.log.String(), "401") })
	log := o.log.String()
	if n := strings.Count(log, "\n"); n > 3 || strings.Contains(log, "sesame") || !strings.Contains(log, "who are you?") {
		t.Errorf("logged %d lines:\n%s", n, log)
	}
}

func TestReceiverThatIsNotThereCostsSpansAlone(t *testing.T) {
	c := newCollector(t, nil)
	c.Close()
	o := open(t, otlp.Config{URL: c.URL, Delay: time.Millisecond})
	o.record(3)
	until(t, "the failure", func() bool { return o.counts() == "sent 0, failed 3, dropped 0" })
}

// While a receiver hangs the queue fills, what does not fit is dropped and counted, nobody waits, and neither does Close for longer than it may.
func TestReceiverThatHangsHoldsUpNobody(t *testing.T) {
	let := make(chan struct{})
	c := newCollector(t, func(_ int, _ http.ResponseWriter, r *http.Request) {
		select {
		case <-let:
		case <-r.Context().Done():
		}
	})
	defer close(let)
	o := open(t, otlp.Config{URL: c.URL, Delay: time.Millisecond})
	o.record(1)
	until(t, "the request", func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return len(c.requests) == 1
	})
	o.record(otlp.QueueSpans + 100)
	if got := o.counts(); got != "sent 0, failed 0, dropped 100" {
		t.Error(got)
	}
	if err := o.close(10 * time.Millisecond); err == nil {
		t.Error("Close says that all was sent")
	}
	if got, want := o.counts(), fmt.Sprintf("sent 0, failed %d, dropped 100", otlp.QueueSpans+1); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
