package trace

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"time"
)

// Config says what a Tracer samples.
type Config struct {
	// Sample is the share of publishes that are traced, from 0 to 1, of those whose publisher says nothing about it. One who sends a
	// traceparent has decided already.
	Sample float64

	// Record takes a span that has ended. It is called by any goroutine, loops included, and under locks: it must return at once.
	Record func(*Span)
}

// A Tracer decides which publishes are traced, and makes their spans. A nil one traces nothing. Its methods may be called by any goroutine.
type Tracer struct {
	below  uint64 // of 2^64
	all    bool
	record func(*Span)
}

// New returns a Tracer.
func New(cfg Config) *Tracer {
	t := &Tracer{record: cfg.Record, all: cfg.Sample >= 1}
	if !t.all && cfg.Sample > 0 {
		t.below = uint64(math.Ldexp(cfg.Sample, 64))
	}
	return t
}

// Sample reports whether a publish is to be traced of which nobody has decided that yet.
func (t *Tracer) Sample() bool {
	return t != nil && (t.all || t.below > 0 && rand.Uint64() < t.below)
}

// Continue reports whether a publish is to be traced that came with the headers traceparent and tracestate, and what its trace goes on
// from. parent is the zero Context when the trace begins here.
func (t *Tracer) Continue(traceparent, tracestate []byte) (parent Context, ok bool) {
	if t == nil {
		return Context{}, false
	}
	if len(traceparent) > 0 {
		if parent, ok = Parse(traceparent, tracestate); ok {
			return parent, parent.Sampled()
		}
	}
	return Context{}, t.Sample()
}

// Start begins a span at a time. The parent is in another process; the zero Context begins a trace.
func (t *Tracer) Start(parent Context, name string, kind Kind, at time.Time) *Span {
	s := &Span{tracer: t, Context: parent, Parent: parent.Span, Remote: parent.Span != SpanID{}, Name: name, Kind: kind, Start: at}
	if !s.Remote {
		for s.Trace == (TraceID{}) {
			binary.NativeEndian.PutUint64(s.Trace[:8], rand.Uint64())
			binary.NativeEndian.PutUint64(s.Trace[8:], rand.Uint64())
		}
		s.Flags = flagSampled | flagRandom
	}
	s.Span = newSpanID()
	return s
}

func newSpanID() (id SpanID) {
	for id == (SpanID{}) {
		binary.NativeEndian.PutUint64(id[:], rand.Uint64())
	}
	return id
}
