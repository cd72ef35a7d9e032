package trace

import (
	"bytes"
	"encoding/hex"
)

// A TraceID names a trace. The zero one names none.
type TraceID [16]byte

// A SpanID names a span of a trace. The zero one names none.
type SpanID [8]byte

// A Context is what the maker of a child has to know of a span, in this process or in another.
type Context struct {
	Trace TraceID
	Span  SpanID
	Flags byte   // trace-flags of W3C Trace Context
	State string // tracestate, handed on as it came; "": none
}

// What is known of Context.Flags.
const (
	flagSampled byte = 1 << iota
	flagRandom       // the trace id was drawn, as level 2 has it
)

// Sampled reports whether the publisher wants the trace recorded.
func (c *Context) Sampled() bool { return c.Flags&flagSampled != 0 }

// parentLength is that of a traceparent of version 00: version, trace id, parent id and flags, with a dash between two.
const parentLength = 2 + 1 + 32 + 1 + 16 + 1 + 2

// Parse reads the headers traceparent and tracestate (W3C Trace Context §3). ok is false when the first is none that
// this version understands; a bad tracestate alone is left out. The result holds nothing of what was given. Any goroutine.
func Parse(parent, state []byte) (c Context, ok bool) {
	if len(parent) < parentLength || parent[2] != '-' || parent[35] != '-' || parent[52] != '-' {
		return Context{}, false
	}
	var version, flags [1]byte
	if !readHex(version[:], parent[:2]) || !readHex(c.Trace[:], parent[3:35]) || !readHex(c.Span[:], parent[36:52]) || !readHex(flags[:], parent[53:55]) {
		return Context{}, false
	}
	switch {
	case version[0] == 0xff, version[0] == 0 && len(parent) > parentLength:
		return Context{}, false
	case len(parent) > parentLength && parent[parentLength] != '-': // of a later version there may be more, behind a dash
		return Context{}, false
	case c.Trace == TraceID{} || c.Span == SpanID{}:
		return Context{}, false
	}
	c.Flags = flags[0] & (flagSampled | flagRandom) // §3.2.2.5: what is not known is not handed on
	if validState(state) {
		c.State = string(bytes.Trim(state, " \t"))
	}
	return c, true
}

// readHex decodes src, which must be in lower case (§3.2.2).
func readHex(dst, src []byte) bool {
	for _, c := range src {
		if c >= 'A' && c <= 'F' {
			return false
		}
	}
	_, err := hex.Decode(dst, src)
	return err == nil
}

// contextLength is how long the fixed part of what Append writes is.
const contextLength = 16 + 8 + 1

// Append appends c for another node: trace id, span id, one byte of flags, then tracestate until the end.
func (c *Context) Append(dst []byte) []byte {
	dst = append(dst, c.Trace[:]...)
	dst = append(dst, c.Span[:]...)
	dst = append(dst, c.Flags)
	return append(dst, c.State...)
}

// ParseContext reads what Append has written. ok is false when it cannot have been Append. Nothing of b is kept.
func ParseContext(b []byte) (c Context, ok bool) {
	if len(b) < contextLength {
		return Context{}, false
	}
	copy(c.Trace[:], b)
	copy(c.Span[:], b[16:])
	c.Flags = b[24]
	if state := b[contextLength:]; validState(state) {
		c.State = string(state)
	}
	return c, c.Trace != TraceID{} && c.Span != SpanID{}
}
