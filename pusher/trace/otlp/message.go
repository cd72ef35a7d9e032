package otlp

import (
	"strings"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/gannet-io/gannet/pusher/trace"
)

// schemaURL says which version of the semantic conventions the keys of attributes are of.
const schemaURL = "https://opentelemetry.io/schemas/1.43.0"

// resourceOf returns what is the same in all messages.
func resourceOf(cfg *Config) *tracepb.ResourceSpans {
	return &tracepb.ResourceSpans{
		SchemaUrl:  schemaURL,
		Resource:   &resourcepb.Resource{Attributes: attributes(cfg.Resource)},
		ScopeSpans: []*tracepb.ScopeSpans{{Scope: &commonpb.InstrumentationScope{Name: "github.com/gannet-io/gannet", Version: cfg.Version}}},
	}
}

// message returns what a batch is sent as.
func (e *Exporter) message(batch []*trace.Span) *tracepb.ResourceSpans {
	spans := make([]*tracepb.Span, len(batch))
	for i, s := range batch {
		spans[i] = span(s)
	}
	return &tracepb.ResourceSpans{
		SchemaUrl:  e.resource.SchemaUrl,
		Resource:   e.resource.Resource,
		ScopeSpans: []*tracepb.ScopeSpans{{Scope: e.resource.ScopeSpans[0].Scope, Spans: spans}},
	}
}

func span(s *trace.Span) *tracepb.Span {
	p := &tracepb.Span{
		TraceId:           s.Trace[:],
		SpanId:            s.Span[:],
		TraceState:        s.State,
		Flags:             uint32(s.Flags) | uint32(tracepb.SpanFlags_SPAN_FLAGS_CONTEXT_HAS_IS_REMOTE_MASK),
		Name:              s.Name,
		Kind:              tracepb.Span_SpanKind(s.Kind),
		StartTimeUnixNano: uint64(s.Start.UnixNano()),
		EndTimeUnixNano:   uint64(s.Stop.UnixNano()),
		Attributes:        attributes(s.Attrs),
	}
	if s.Parent != (trace.SpanID{}) {
		p.ParentSpanId = s.Parent[:]
	}
	if s.Remote {
		p.Flags |= uint32(tracepb.SpanFlags_SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK)
	}
	if s.Failure != "" {
		p.Status = &tracepb.Status{Code: tracepb.Status_STATUS_CODE_ERROR, Message: s.Failure}
	}
	return p
}

func attributes(list []trace.Attribute) []*commonpb.KeyValue {
	all := make([]*commonpb.KeyValue, len(list))
	for i, a := range list {
		v := &commonpb.AnyValue{Value: &commonpb.AnyValue_IntValue{IntValue: a.Number}}
		if a.IsText {
			v.Value = &commonpb.AnyValue_StringValue{StringValue: strings.ToValidUTF8(a.Text, "\ufffd")}
		}
		all[i] = &commonpb.KeyValue{Key: a.Key, Value: v}
	}
	return all
}
