package otlp

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/gannet-io/gannet/engine/seldom"
	"github.com/gannet-io/gannet/pusher/trace"
)

// Bounds of an Exporter.
const (
	queueSpans = 8192             // that wait; one takes half a KiB or so
	batchSpans = 512              // that are sent together
	batchDelay = time.Second      // for which the first of a batch waits for others
	patience   = 30 * time.Second // for a batch, tries and waits between them included
)

// Config says where spans are sent.
type Config struct {
	URL      string            // of the receiver, with the path
	Headers  map[string]string // of each request; nil: those of the environment, as OpenTelemetry names them
	Resource []trace.Attribute // what is said of this process
	Version  string            // of this program

	Log     *slog.Logger // nil: slog.Default
	Metrics *metrics.Set // nil: none are exported

	// Delay is for which the first span of a batch waits for others; 0: 1 s.
	Delay time.Duration
}

// An Exporter is made by Open and ends with Close. Its methods may be called by any goroutine.
type Exporter struct {
	// Set once by Open.
	client   otlptrace.Client
	resource *tracepb.ResourceSpans // without spans
	delay    time.Duration
	log      *slog.Logger
	metrics  *instruments

	queue chan *trace.Span
	quit  chan struct{} // closed by Close
	done  chan struct{} // closed when run has ended

	ctx    context.Context // of all requests
	cancel context.CancelFunc

	closed atomic.Bool
	failed seldom.Teller
}

// Open returns an Exporter that sends from now on. It does not try whether there is a receiver: one may come later.
func Open(cfg Config) (*Exporter, error) {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.Metrics == nil {
		cfg.Metrics = metrics.NewSet()
	}
	if cfg.Delay == 0 {
		cfg.Delay = batchDelay
	}
	options := []otlptracehttp.Option{
		otlptracehttp.WithEndpointURL(cfg.URL),
		otlptracehttp.WithRetry(otlptracehttp.RetryConfig{
			Enabled: true, InitialInterval: time.Second, MaxInterval: 8 * time.Second, MaxElapsedTime: patience,
		}),
	}
	if cfg.Headers != nil {
		options = append(options, otlptracehttp.WithHeaders(cfg.Headers))
	}
	e := &Exporter{
		client:   otlptracehttp.NewClient(options...),
		resource: resourceOf(&cfg),
		delay:    cfg.Delay,
		log:      cfg.Log,
		queue:    make(chan *trace.Span, queueSpans),
		quit:     make(chan struct{}),
		done:     make(chan struct{}),
	}
	e.metrics = newInstruments(cfg.Metrics, func() float64 { return float64(len(e.queue)) })
	e.ctx, e.cancel = context.WithCancel(context.Background())
	if err := e.client.Start(e.ctx); err != nil {
		e.cancel()
		return nil, fmt.Errorf("otlp: %w", err)
	}
	go e.run()
	return e, nil
}

// Record takes a span that has ended, or drops it. It never waits. The span is taken.
func (e *Exporter) Record(s *trace.Span) {
	select {
	case e.queue <- s:
	default:
		e.metrics.dropped.Inc()
	}
}

// Close sends what waits and ends e. When ctx ends before that, the rest is given up and the error is that of ctx. It may be called
// again. May block.
func (e *Exporter) Close(ctx context.Context) error {
	if !e.closed.Swap(true) {
		close(e.quit)
	}
	stop := context.AfterFunc(ctx, e.cancel)
	defer stop()
	<-e.done
	return ctx.Err()
}

// run sends batches until Close, and then what is left.
func (e *Exporter) run() {
	defer close(e.done)
	defer e.cancel()
	batch := make([]*trace.Span, 0, batchSpans)
	send := func() {
		e.send(batch)
		clear(batch)
		batch = batch[:0]
	}
	due := time.NewTimer(e.delay)
	defer due.Stop()
	for {
		select {
		case s := <-e.queue:
			if len(batch) == 0 {
				due.Reset(e.delay)
			}
			if batch = append(batch, s); len(batch) == cap(batch) {
				send()
			}
		case <-due.C:
			send()
		case <-e.quit:
			for {
				select {
				case s := <-e.queue:
					if batch = append(batch, s); len(batch) == cap(batch) {
						send()
					}
					continue
				default:
				}
				break
			}
			send()
			_ = e.client.Stop(e.ctx) // only says that ctx has ended
			return
		}
	}
}

// send sends a batch, or gives it up. May block.
func (e *Exporter) send(batch []*trace.Span) {
	if len(batch) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(e.ctx, patience)
	defer cancel()
	err := e.client.UploadTraces(ctx, []*tracepb.ResourceSpans{e.message(batch)})
	if err == nil {
		e.metrics.sent.Add(len(batch))
		return
	}
	// Also when the receiver took a part of them: how many only the client knows, which says it in words.
	e.metrics.failed.Add(len(batch))
	if say, unsaid := e.failed.Tell(time.Now()); say {
		e.log.Warn("otlp: spans were not taken", "spans", len(batch), "unlogged", unsaid, "err", brief(err))
	}
}

// maxErrorBytes is how much of what a receiver says is logged.
const maxErrorBytes = 300

// brief returns what err says, in one line of a bounded length.
func brief(err error) string {
	text := []byte(err.Error())
	for i, c := range text {
		if c < ' ' || c == 0x7f {
			text[i] = ' '
		}
	}
	return string(text[:min(len(text), maxErrorBytes)])
}
