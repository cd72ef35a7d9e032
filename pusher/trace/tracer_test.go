package trace_test

import (
	"testing"
	"time"

	"github.com/gannet-io/gannet/pusher/trace"
)

func TestNilTracerTracesNothing(t *testing.T) {
	var none *trace.Tracer
	if none.Sample() {
		t.Error("sampled")
	}
	if _, ok := none.Continue([]byte(example), nil); ok {
		t.Error("continued")
	}
	if n := testing.AllocsPerRun(100, func() { none.Sample(); none.Continue([]byte(example), nil) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// 0.25 of 40,000 is 10,000, give or take: more than ten standard deviations (87) off is no accident.
func TestSampleIsTheShareThatWasAskedFor(t *testing.T) {
	for _, tt := range []struct {
		share    float64
		low, top int
	}{{0, 0, 0}, {0.25, 9000, 11000}, {1, 40000, 40000}} {
		tracer, n := trace.New(trace.Config{Sample: tt.share}), 0
		for range 40000 {
			if tracer.Sample() {
				n++
			}
		}
		if n < tt.low || n > tt.top {
			t.Errorf("%v: %d of 40000", tt.share, n)
		}
	}
	tracer := trace.New(trace.Config{Sample: 0.5})
	if n := testing.AllocsPerRun(100, func() { tracer.Sample() }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestPublisherWhoHasDecidedIsObeyed(t *testing.T) {
	unsampled := example[:len(example)-2] + "00"
	for _, share := range []float64{0, 1} {
		tracer := trace.New(trace.Config{Sample: share})
		if parent, ok := tracer.Continue([]byte(example), nil); !ok || parent.Span == (trace.SpanID{}) {
			t.Errorf("%v: a sampled parent: %v, %v", share, parent, ok)
		}
		if _, ok := tracer.Continue([]byte(unsampled), nil); ok {
			t.Errorf("%v: a parent that is not sampled", share)
		}
		for _, bad := range []string{"", "nonsense"} {
			if parent, ok := tracer.Continue([]byte(bad), []byte("a=1")); ok != (share == 1) || parent != (trace.Context{}) {
				t.Errorf("%v, %q: %v, %v", share, bad, parent, ok)
			}
		}
	}
}

func TestSpansOfATraceHangTogether(t *testing.T) {
	var ended []*trace.Span
	tracer := trace.New(trace.Config{Sample: 1, Record: func(s *trace.Span) { ended = append(ended, s) }})
	begin := time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)
	root := tracer.Start(trace.Context{}, "root", trace.Server, begin)
	child := root.Child("child", trace.Internal, begin.Add(time.Second))
	child.Fail("busy")
	child.End(begin.Add(2 * time.Second))
	root.End(begin.Add(-time.Second)) // a clock that was set back

	if len(ended) != 2 || ended[0] != child || ended[1] != root {
		t.Fatalf("%d spans ended", len(ended))
	}
	if root.Trace == (trace.TraceID{}) || root.Context.Span == (trace.SpanID{}) || root.Parent != (trace.SpanID{}) || root.Remote || !root.Sampled() {
		t.Errorf("the first: %+v", root)
	}
	if child.Trace != root.Trace || child.Parent != root.Context.Span || child.Context.Span == root.Context.Span {
		t.Errorf("%+v below %+v", child.Context, root.Context)
	}
	if child.Failure != "busy" || child.Attrs[0] != trace.Text("error.type", "busy") {
		t.Errorf("the failure is %q, %+v", child.Failure, child.Attrs)
	}
	if root.Stop.Before(root.Start) {
		t.Errorf("it ended %v before it began", root.Start.Sub(root.Stop))
	}
	parent, _ := trace.Parse([]byte(example), []byte("a=1"))
	next := tracer.Start(parent, "next", trace.Consumer, begin)
	if next.Trace != parent.Trace || next.Parent != parent.Span || !next.Remote || next.State != "a=1" || next.Context.Span == parent.Span {
		t.Errorf("%+v does not continue %+v", next, parent)
	}
}
