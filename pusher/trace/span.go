package trace

import (
	"strings"
	"time"
)

// A Kind says which part a span plays, in OpenTelemetry's words and with its numbers.
type Kind uint8

const (
	Internal Kind = 1 + iota
	Server
	Client
	Producer
	Consumer
)

// A Span is one part of what became of a publish. It belongs to whoever has begun it, until End; its Context and Start do not change, so that
// children can be made of it by others and afterwards.
type Span struct {
	tracer *Tracer // set once

	Context        // its own
	Parent  SpanID // zero: it is the first of the trace
	Remote  bool   // Parent is in another process
	Name    string // one of few
	Kind    Kind
	Start   time.Time
	Stop    time.Time   // set by End
	Attrs   []Attribute // in the order in which they were set
	Failure string      // what went wrong, in words of few; "": nothing
}

// An Attribute is a text or a number with a name.
type Attribute struct {
	Key    string
	Text   string
	Number int64
	IsText bool
}

// Text returns an attribute, with a copy of a text that may be borrowed.
func Text(key, text string) Attribute {
	return Attribute{Key: key, Text: strings.Clone(text), IsText: true}
}

// Number returns an attribute.
func Number(key string, n int) Attribute { return Attribute{Key: key, Number: int64(n)} }

// Child begins a span below s at a time. Any goroutine.
func (s *Span) Child(name string, kind Kind, at time.Time) *Span {
	c := &Span{tracer: s.tracer, Context: s.Context, Parent: s.Span, Name: name, Kind: kind, Start: s.on(at)}
	c.Span = newSpanID()
	return c
}

// on puts a time on the clock of s: as long after its start as the monotonic clock says, so that a wall clock that is set meanwhile does not
// turn the order of things round.
func (s *Span) on(at time.Time) time.Time { return s.Start.Add(at.Sub(s.Start)) }

// Set adds attributes.
func (s *Span) Set(attrs ...Attribute) { s.Attrs = append(s.Attrs, attrs...) }

// Fail notes what went wrong, in one of few words.
func (s *Span) Fail(what string) {
	s.Failure = what
	s.Set(Text(ErrorType, what))
}

// End hands s over. It is called once, and s is not changed any more.
func (s *Span) End(at time.Time) {
	if s.Stop = s.on(at); s.Stop.Before(s.Start) {
		s.Stop = s.Start
	}
	s.tracer.record(s)
}
