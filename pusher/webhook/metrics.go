package webhook

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/webhook/outbox"
)

var (
	requestBounds  = []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60}
	deliveryBounds = []float64{0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300}
	commitBounds   = []float64{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1}
)

type senderMetrics struct {
	set        *metrics.Set
	sent       map[hookName]*metrics.Counter
	failed     map[string]*metrics.Counter // by reason
	dead       map[string]*metrics.Counter // by reason
	drops      map[string]*metrics.Counter // by reason
	events     map[pusher.Hook]*metrics.Counter
	suppressed *metrics.Counter
	retries    *metrics.Counter
	commits    *metrics.Counter
	errors     *metrics.Counter
	request    *metrics.PrometheusHistogram
	delivery   *metrics.PrometheusHistogram
	commit     *metrics.PrometheusHistogram

	last outbox.Stats // already counted; owned by the dispatcher
}

func newMetrics(set *metrics.Set, s *Sender) *senderMetrics {
	m := &senderMetrics{
		set:        set,
		sent:       make(map[hookName]*metrics.Counter),
		failed:     make(map[string]*metrics.Counter),
		dead:       make(map[string]*metrics.Counter),
		drops:      make(map[string]*metrics.Counter),
		events:     make(map[pusher.Hook]*metrics.Counter),
		suppressed: set.NewCounter("gannet_webhook_suppressed_total"),
		retries:    set.NewCounter("gannet_webhook_retries_total"),
		commits:    set.NewCounter("gannet_webhook_commits_total"),
		errors:     set.NewCounter("gannet_webhook_commit_errors_total"),
		request:    set.NewPrometheusHistogramExt("gannet_webhook_request_seconds", requestBounds),
		delivery:   set.NewPrometheusHistogramExt("gannet_webhook_delivery_seconds", deliveryBounds),
		commit:     set.NewPrometheusHistogramExt("gannet_webhook_commit_seconds", commitBounds),
	}
	byReason := func(to map[string]*metrics.Counter, name string, reasons ...string) {
		for _, reason := range reasons {
			to[reason] = set.NewCounter(name + `{reason="` + reason + `"}`)
		}
	}
	byReason(m.failed, "gannet_webhook_failed_total", failureReasons...)
	byReason(m.dead, "gannet_webhook_dead_total", append([]string{outbox.ReasonExpired, outbox.ReasonOverflow, outbox.ReasonRemoved}, failureReasons...)...)
	byReason(m.drops, "gannet_webhook_dropped_total", "intake", "dead", "shutdown")
	for _, name := range pusher.HookNames() {
		hook, _ := pusher.ParseHook(name)
		m.events[hook] = set.NewCounter(`gannet_webhook_events_total{event="` + name + `"}`)
	}
	set.NewGauge("gannet_webhook_dead_letters", func() float64 {
		letters, _ := s.cfg.Journal.Kept()
		return float64(letters)
	})
	set.NewGauge("gannet_webhook_queued_bytes", func() float64 {
		sum := 0
		for _, q := range s.queues() {
			sum += q.Bytes
		}
		return float64(sum)
	})
	for _, a := range s.cfg.Apps {
		for i := range a.Webhooks {
			m.addHook(s, hookName{a.ID, a.Webhooks[i].Name})
		}
	}
	return m
}

func (m *senderMetrics) addHook(s *Sender, name hookName) {
	labels := `{app=` + strconv.Quote(name.app) + `,webhook=` + strconv.Quote(name.hook) + `}`
	m.sent[name] = m.set.NewCounter("gannet_webhook_sent_total" + labels)
	gauge := func(metric string, read func(outbox.QueueState) float64) {
		m.set.NewGauge(metric+labels, func() float64 { return read(s.queues()[name]) })
	}
	gauge("gannet_webhook_queued_events", func(q outbox.QueueState) float64 { return float64(q.Events) })
	gauge("gannet_webhook_unsafe_events", func(q outbox.QueueState) float64 { return float64(q.Unsafe) })
	gauge("gannet_webhook_oldest_seconds", func(q outbox.QueueState) float64 {
		if q.Oldest.IsZero() {
			return 0
		}
		return max(0, time.Since(q.Oldest).Seconds())
	})
	gauge("gannet_webhook_failing", func(q outbox.QueueState) float64 {
		if q.Failing {
			return 1
		}
		return 0
	})
}

// add counts what the outbox has counted since the last call.
func (m *senderMetrics) add(now outbox.Stats) {
	for i := range now.Events {
		if n := now.Events[i] - m.last.Events[i]; n > 0 {
			m.events[1<<i].AddInt64(int64(n))
		}
	}
	m.suppressed.AddInt64(int64(now.Suppressed - m.last.Suppressed))
	m.last = now
}

// answered counts one request.
func (m *senderMetrics) answered(name hookName, b *outbox.Batch, a *Answer, r outbox.Result, now time.Time) {
	m.request.Update(a.Took.Seconds())
	if !r.OK {
		m.failed[r.Reason].Inc()
		return
	}
	m.sent[name].Inc()
	m.delivery.Update(max(0, now.Sub(b.Created).Seconds()))
}

func (m *senderMetrics) buried(d *outbox.Dead) { m.dead[d.Reason].Inc() }

// dropped counts what is lost for good: events, or dead letters.
func (m *senderMetrics) dropped(reason string, n int) { m.drops[reason].Add(n) }

func (m *senderMetrics) committed(took time.Duration, dropped int, err error) {
	m.commits.Inc()
	m.commit.Update(took.Seconds())
	if err != nil {
		m.errors.Inc()
	}
	m.dropped("dead", dropped)
}

// A snapshot is how the queues were, a moment ago.
type snapshot struct {
	mu     sync.Mutex
	at     time.Time                      // guarded by mu
	queues map[hookName]outbox.QueueState // guarded by mu
}

// snapshotAge is how old a snapshot may be: one scrape asks for each gauge.
const snapshotAge = 500 * time.Millisecond

// queues returns how all queues are. The map is shared. May block, for a moment.
func (s *Sender) queues() map[hookName]outbox.QueueState {
	s.snapshot.mu.Lock()
	defer s.snapshot.mu.Unlock()
	if time.Since(s.snapshot.at) < snapshotAge {
		return s.snapshot.queues
	}
	queues := make(map[hookName]outbox.QueueState)
	look := func(time.Time) {
		s.box.Queues(func(q outbox.QueueState) { queues[hookName{q.App, q.Hook.Name}] = q })
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := s.ask(ctx, look); err == nil {
		s.snapshot.at, s.snapshot.queues = time.Now(), queues
	}
	return s.snapshot.queues
}
