package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/VictoriaMetrics/metrics"

	"github.com/gannet-io/gannet/pusher/trace"
	"github.com/gannet-io/gannet/pusher/trace/otlp"
)

// TracingConfig says which publishes are traced and where that is told.
type TracingConfig struct {
	Endpoint   string  `yaml:"endpoint"`   // URL of an OTLP receiver; "": that of the environment, else nothing is traced
	Headers    Headers `yaml:"headers"`    // of requests to it
	Sample     float64 `yaml:"sample"`     // share of the publishes whose publisher does not say
	Service    string  `yaml:"service"`    // "": that of the environment, else gannet
	Attributes Headers `yaml:"attributes"` // of this process

	// off says that the environment forbids it. resource is what OpenTelemetry's variables say of the process.
	off      bool
	resource map[string]string
}

// OpenTelemetry's variables. The client reads those for TLS, compression and time limits by itself.
const (
	otelEndpoint  = "OTEL_EXPORTER_OTLP_ENDPOINT"
	otelTraces    = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
	otelHeaders   = "OTEL_EXPORTER_OTLP_HEADERS"
	otelTracesHdr = "OTEL_EXPORTER_OTLP_TRACES_HEADERS"
	otelService   = "OTEL_SERVICE_NAME"
	otelResource  = "OTEL_RESOURCE_ATTRIBUTES"
	otelSampler   = "OTEL_TRACES_SAMPLER"
	otelRatio     = "OTEL_TRACES_SAMPLER_ARG"
	otelDisabled  = "OTEL_SDK_DISABLED"
	otelExporter  = "OTEL_TRACES_EXPORTER"
)

// tracesPath is where receivers take traces (OTLP specification, "OTLP/HTTP Request").
const tracesPath = "/v1/traces"

// otelEnvironment takes from OpenTelemetry's variables what nothing else has said.
func (r *reading) otelEnvironment(c *Config, environ []string) {
	t := &c.Tracing
	env := make(map[string]string)
	for _, entry := range environ {
		if name, value, _ := strings.Cut(entry, "="); strings.HasPrefix(name, "OTEL_") {
			env[name] = strings.TrimSpace(value)
		}
	}
	set := func(path string) bool { return r.where[path] != "" }
	t.off = strings.EqualFold(env[otelDisabled], "true")
	if !set("tracing.endpoint") {
		switch {
		case env[otelExporter] == "none":
		case env[otelTraces] != "":
			t.Endpoint, r.where["tracing.endpoint"] = withPath(env[otelTraces], "/"), otelTraces
		case env[otelEndpoint] != "":
			t.Endpoint, r.where["tracing.endpoint"] = belowPath(env[otelEndpoint], tracesPath), otelEndpoint
		}
	} else {
		t.Endpoint = withPath(t.Endpoint, tracesPath)
	}
	if t.Endpoint == "" || t.off {
		return // nothing of the rest is of any use, nor anybody's mistake
	}
	for _, name := range []string{otelTracesHdr, otelHeaders} {
		if env[name] != "" && !set("tracing.headers") {
			r.where["tracing.headers"] = name
			for key, value := range r.otelPairs(name, env[name]) {
				if t.Headers == nil {
					t.Headers = make(Headers)
				}
				t.Headers[key] = Secret(value)
			}
		}
	}
	t.resource = r.otelPairs(otelResource, env[otelResource])
	if t.Service == "" {
		t.Service = orElse(env[otelService], t.resource[trace.ServiceName])
	}
	if !set("tracing.sample") {
		r.otelSample(t, env)
	}
}

// otelSample reads the sampler. Whatever its name, a publisher who has decided is obeyed.
func (r *reading) otelSample(t *TracingConfig, env map[string]string) {
	switch name := strings.TrimPrefix(env[otelSampler], "parentbased_"); name {
	case "":
	case "always_on":
		t.Sample = 1
	case "always_off":
		t.Sample = 0
	case "traceidratio":
		t.Sample = 1
		if text := env[otelRatio]; text != "" {
			f, err := strconv.ParseFloat(text, 64)
			if err != nil || !(f >= 0 && f <= 1) {
				r.problems.add(otelRatio, "want a number from 0 to 1, such as 0.01, got %q", text)
				return
			}
			t.Sample = f
		}
	default:
		r.problems.add(otelSampler, "must be one of always_on, always_off and traceidratio, with parentbased_ before it or not, got %q", env[otelSampler])
	}
}

// otelPairs reads a list of names and values, these percent-encoded. Problems quote neither.
func (r *reading) otelPairs(place, text string) map[string]string {
	if text == "" {
		return nil
	}
	pairs := make(map[string]string)
	for i, item := range splitList(text) {
		name, value, ok := strings.Cut(item, "=")
		decoded, err := url.PathUnescape(strings.TrimSpace(value))
		if name = strings.TrimSpace(name); !ok || name == "" || err != nil {
			r.problems.add(place, "want NAME=VALUE, percent-encoded, with a comma between two, and number %d is none", i+1)
			continue
		}
		pairs[name] = decoded
	}
	return pairs
}

// withPath returns a URL, with a path if it has none.
func withPath(text, path string) string {
	u, err := url.Parse(text)
	if err != nil || u.Path != "" && u.Path != "/" {
		return text
	}
	u.Path = path
	return u.String()
}

// belowPath returns a URL with a path added to its own.
func belowPath(text, below string) string {
	u, err := url.Parse(text)
	if err != nil {
		return text
	}
	u.Path = path.Join("/", u.Path, below)
	return u.String()
}

// on reports whether publishes are traced.
func (t *TracingConfig) on() bool { return t.Endpoint != "" && !t.off }

func (r *reading) checkTracing(t *TracingConfig) {
	if t.Endpoint != "" {
		if err := checkReceiver(t.Endpoint); err != nil {
			r.bad("tracing.endpoint", "%s", err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(t.Headers)) {
		at := join("tracing.headers", name)
		switch {
		case name == "" || strings.ContainsFunc(name, func(c rune) bool { return !nameRune(c) && !strings.ContainsRune("!#$%&'*+.^`|~", c) }):
			r.bad(at, "is no name of a header")
		case strings.ContainsFunc(string(t.Headers[name]), func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }):
			r.bad(at, "must not have control characters")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(t.Attributes)) {
		if name == "" {
			r.bad("tracing.attributes", "an attribute has no name")
		}
	}
}

// checkReceiver says what is wrong with the URL of a receiver.
func checkReceiver(text string) error {
	u, err := url.Parse(text)
	if err == nil && u.User != nil || err != nil && strings.Contains(text, "@") {
		return errors.New("user and password do not go into the URL, since it is shown in places; send an Authorization header by tracing.headers")
	}
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.Fragment != "" {
		if u != nil && (u.RawQuery != "" || u.Fragment != "") {
			return errors.New("want a URL without a query; a key goes into tracing.headers")
		}
		return fmt.Errorf("want a URL such as http://collector:4318, got %q", text)
	}
	return nil
}

// warnings says what is legal and probably not meant.
func (t *TracingConfig) warnings(warn func(path, format string, args ...any)) {
	if !t.on() {
		if t.off && t.Endpoint != "" {
			warn("tracing.endpoint", "nothing is traced, since %s is true", otelDisabled)
		}
		return
	}
	u, err := url.Parse(t.Endpoint)
	if err != nil {
		return
	}
	if u.Port() == "4317" {
		warn("tracing.endpoint", "4317 is the port where receivers take gRPC; Gannet sends over HTTP, which they usually take at 4318")
	}
	if u.Scheme == "http" && len(t.Headers) > 0 && u.Hostname() != "localhost" && !strings.HasPrefix(u.Hostname(), "127.") {
		warn("tracing.endpoint", "the values of tracing.headers are sent to %s in the clear; https would hide them", u.Host)
	}
}

// openTraces begins to export traces. The Tracer is nil when nothing is traced.
func (s *server) openTraces(set *metrics.Set) (*trace.Tracer, error) {
	t := &s.cfg.Tracing
	if !t.on() {
		return nil, nil
	}
	var headers map[string]string
	for name, value := range t.Headers {
		if headers == nil {
			headers = make(map[string]string)
		}
		headers[name] = string(value)
	}
	version, _ := buildVersion()
	exporter, err := otlp.Open(otlp.Config{
		URL: t.Endpoint, Headers: headers, Version: version, Resource: s.cfg.describeProcess(version), Log: s.log, Metrics: set,
	})
	if err != nil {
		return nil, err
	}
	s.traces = exporter
	s.log.Info("tracing publishes", "endpoint", t.Endpoint, "sample", t.Sample)
	return trace.New(trace.Config{Sample: t.Sample, Record: exporter.Record}), nil
}

// describeProcess returns the attributes of this process, those that were configured last.
func (c *Config) describeProcess(version string) []trace.Attribute {
	all := map[string]string{trace.ServiceVersion: version}
	if host, err := os.Hostname(); err == nil {
		all["host.name"], all[trace.ServiceInstance] = host, host
	}
	if name, err := c.nodeName(); err == nil && c.clustered() {
		all[trace.ServiceInstance] = name
	}
	maps.Copy(all, c.Tracing.resource)
	all[trace.ServiceName] = orElse(c.Tracing.Service, "gannet")
	for name, value := range c.Tracing.Attributes {
		all[name] = string(value)
	}
	var list []trace.Attribute
	for _, name := range slices.Sorted(maps.Keys(all)) {
		list = append(list, trace.Text(name, all[name]))
	}
	return list
}

// closeTraces begins to send what is left of traces, for a while. The result waits for the end of that.
func (s *server) closeTraces() (wait func()) {
	if s.traces == nil {
		return func() {}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		ctx, cancel := context.WithTimeout(context.Background(), traceGrace)
		defer cancel()
		if err := s.traces.Close(ctx); err != nil {
			s.log.Warn("gave up the last spans, since their receiver did not answer")
		}
	}()
	return func() { <-done }
}
