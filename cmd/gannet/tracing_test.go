package main_test

import (
	"strings"
	"testing"

	main "github.com/gannet-io/gannet/cmd/gannet"
)

func TestTracingIsReadFromTheFileBeforeOpenTelemetrysVariables(t *testing.T) {
	for _, tt := range []struct {
		what, file string
		environ    []string
		endpoint   string
		sample     float64
		header     main.Secret // Api-Key
	}{
		{"nothing", "", nil, "", 0.01, ""},
		{"the file", "tracing: { endpoint: 'http://a:4318' }\n", nil, "http://a:4318/v1/traces", 0.01, ""},
		{"a path", "tracing: { endpoint: 'http://a:4318/x' }\n", nil, "http://a:4318/x", 0.01, ""},
		{"a base", "", []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://b:4318/base/"}, "http://b:4318/base/v1/traces", 0.01, ""},
		{"both variables", "", []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://b", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://c/own"}, "http://c/own", 0.01, ""},
		{"the file before variables", "tracing: { endpoint: 'http://a:4318', sample: 0.5, headers: { Api-Key: x } }\n", []string{
			"OTEL_EXPORTER_OTLP_ENDPOINT=http://b", "OTEL_TRACES_SAMPLER=always_on", "OTEL_EXPORTER_OTLP_HEADERS=Api-Key=y",
		}, "http://a:4318/v1/traces", 0.5, "x"},
		{"a sampler and headers", "", []string{
			"OTEL_EXPORTER_OTLP_ENDPOINT=http://b", "OTEL_TRACES_SAMPLER=parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG=0.125",
			"OTEL_EXPORTER_OTLP_HEADERS=Api-Key=a%20b, other=c",
		}, "http://b/v1/traces", 0.125, "a b"},
		{"no exporter", "", []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://b", "OTEL_TRACES_EXPORTER=none"}, "", 0.01, ""},
	} {
		cfg, err := main.Load(main.Sources{File: write(t, oneApp+tt.file), Environ: tt.environ})
		if err != nil {
			t.Errorf("%s: %v", tt.what, err)
			continue
		}
		if c := cfg.Tracing; c.Endpoint != tt.endpoint || c.Sample != tt.sample || c.Headers["Api-Key"] != tt.header {
			t.Errorf("%s: endpoint %q, sample %v, headers %d", tt.what, c.Endpoint, c.Sample, len(c.Headers))
		}
	}
}

func TestBadTracingIsRefusedWithoutASecret(t *testing.T) {
	for _, tt := range []struct {
		file    string
		environ []string
		want    string
	}{
		{"tracing: { endpoint: 'collector:4318' }\n", nil, "want a URL such as http://collector:4318"},
		{"tracing: { endpoint: 'http://u:sesame@a' }\n", nil, "user and password do not go into the URL"},
		{"tracing: { endpoint: 'http://a/?key=sesame' }\n", nil, "want a URL without a query"},
		{"tracing: { endpoint: 'http://a', sample: 1.5 }\n", nil, "want a number from 0 to 1"},
		{"tracing: { endpoint: 'http://a', headers: { 'a b': sesame } }\n", nil, "is no name of a header"},
		{"", []string{"GANNET_TRACING_HEADERS=sesame"}, "want NAME=VALUE"},
		{"", []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://a", "OTEL_EXPORTER_OTLP_HEADERS=sesame"}, "OTEL_EXPORTER_OTLP_HEADERS: want NAME=VALUE"},
		{"", []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://a", "OTEL_TRACES_SAMPLER=jaeger_remote"}, "OTEL_TRACES_SAMPLER: must be one of"},
	} {
		_, err := main.Load(main.Sources{File: write(t, oneApp+tt.file), Environ: tt.environ})
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "sesame") {
			t.Errorf("%q, %q: %v, want %q", tt.file, tt.environ, err, tt.want)
		}
	}
}
