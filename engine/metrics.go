package engine

import (
	"crypto/tls"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"github.com/gannet-io/gannet/engine/reasons"
)

// closeReason is why a WebSocket ended, as a metric label.
type closeReason uint8

const (
	closeByPeer    closeReason = iota // the peer's close frame came first
	closeByHandler                    // Conn.Close
	closeBySocket                     // end of file, reset, or an error of the kernel's
	closeByPanic
	closeQuiet // counted before, or not worth it
)

var closeLabels = [closeQuiet]string{"peer", "server", "socket", "panic"}

// slowReason is which bound of its backlog a conn has exceeded, as a metric label.
type slowReason uint8

const (
	slowBytes   slowReason = iota // Config.BacklogBytes
	slowAge                       // Config.BacklogAge
	slowBudget                    // Config.BacklogTotal
	slowReasons                   // how many there are
)

var slowLabels = [slowReasons]string{"bytes", "age", "budget"}

// dropReason is why a queued frame was never sent, as a metric label.
type dropReason uint8

const (
	dropSlow      dropReason = iota // a backlog was over its limit
	dropClosed                      // the conn went away with frames unsent
	dropConflated                   // a newer frame of the same key took its place in a backlog
	dropOldest                      // a backlog was over the high mark of the frame's flow
	dropReasons                     // how many there are
)

var dropLabels = [dropReasons]string{"slow", "closed", "conflated", "oldest"}

// lagBounds are the buckets of the loop lag, in seconds.
var lagBounds = []float64{0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5}

// engineMetrics are shared by the loops.
type engineMetrics struct {
	accepts      *metrics.Counter
	acceptErrors *metrics.Counter
	acceptPauses [pauseReasons]*metrics.Counter
	crowded      *reasons.Counters // sockets refused for their address
	messagesIn   *metrics.Counter
	bytesIn      *metrics.Counter
	framesOut    *metrics.Counter
	bytesOut     *metrics.Counter
	sends        *metrics.Counter
	pingsIn      *metrics.Counter
	pingsOut     *metrics.Counter
	panics       *metrics.Counter
	blocked      *metrics.Counter
	slow         [slowReasons]*metrics.Counter
	deflates     *metrics.Counter // messages compressed
	plainBytes   *metrics.Counter // of compressed messages, had they not been
	deflateBytes *metrics.Counter // of compressed messages
	loopLag      *metrics.PrometheusHistogram
	closes       [closeQuiet]*metrics.Counter
	faults       *reasons.Counters // closes for what the peer did wrong
	handshakes   *reasons.Counters // by outcome
	accepted     *metrics.Counter  // of handshakes
	handedOff    *metrics.Counter  // of handshakes
	drops        [dropReasons]struct{ frames, bytes *metrics.Counter }

	tls [tlsVersions][tlsOutcomes]*metrics.Counter // handshakes

	open       atomic.Int64 // WebSockets
	deflating  atomic.Int64 // those that agreed on permessage-deflate
	tlsSockets atomic.Int64
	total      func() int64
}

func newMetrics(e *Engine, set *metrics.Set) *engineMetrics {
	m := &engineMetrics{
		accepts:      set.NewCounter("gannet_engine_accepts_total"),
		acceptErrors: set.NewCounter("gannet_engine_accept_errors_total"),
		crowded:      reasons.New(set, "gannet_engine_peer_refusals_total", "reason"),
		messagesIn:   set.NewCounter("gannet_engine_messages_in_total"),
		bytesIn:      set.NewCounter("gannet_engine_message_bytes_in_total"),
		framesOut:    set.NewCounter("gannet_engine_frames_out_total"),
		bytesOut:     set.NewCounter("gannet_engine_bytes_out_total"),
		sends:        set.NewCounter("gannet_engine_sends_total"),
		pingsIn:      set.NewCounter("gannet_engine_pings_in_total"),
		pingsOut:     set.NewCounter("gannet_engine_pings_out_total"),
		panics:       set.NewCounter("gannet_engine_panics_total"),
		blocked:      set.NewCounter("gannet_engine_blocked_total"),
		deflates:     set.NewCounter("gannet_engine_deflates_total"),
		plainBytes:   set.NewCounter("gannet_engine_deflate_plain_bytes_total"),
		deflateBytes: set.NewCounter("gannet_engine_deflate_bytes_total"),
		loopLag:      set.NewPrometheusHistogramExt("gannet_engine_loop_lag_seconds", lagBounds),
		faults:       reasons.New(set, "gannet_engine_closes_total", "reason"),
		handshakes:   reasons.New(set, "gannet_engine_handshakes_total", "outcome"),
		total:        e.conns.Load,
	}
	m.accepted, m.handedOff = m.handshakes.Of("accepted"), m.handshakes.Of("http")
	for i, label := range pauseLabels {
		m.acceptPauses[i] = set.NewCounter(`gannet_engine_accept_pauses_total{reason="` + label + `"}`)
	}
	for i, label := range slowLabels {
		m.slow[i] = set.NewCounter(`gannet_engine_slow_total{reason="` + label + `"}`)
	}
	for i, label := range closeLabels {
		m.closes[i] = set.NewCounter(`gannet_engine_closes_total{reason="` + label + `"}`)
	}
	for i, label := range dropLabels {
		m.drops[i].frames = set.NewCounter(`gannet_engine_dropped_frames_total{reason="` + label + `"}`)
		m.drops[i].bytes = set.NewCounter(`gannet_engine_dropped_bytes_total{reason="` + label + `"}`)
	}
	if e.cfg.TLS != nil {
		for v, version := range tlsVersionLabels {
			for o, outcome := range tlsOutcomeLabels {
				if v == 0 && o <= tlsResumed {
					continue // a handshake that succeeds has a version
				}
				m.tls[v][o] = set.NewCounter(`gannet_engine_tls_handshakes_total{version="` + version + `",outcome="` + outcome + `"}`)
			}
		}
		set.NewGauge("gannet_engine_tls_handshakes_pending", func() float64 { return float64(e.greetings.count()) })
		set.NewGauge("gannet_engine_tls_sockets", func() float64 { return float64(m.tlsSockets.Load()) })
	}
	set.NewGauge("gannet_engine_websockets", func() float64 { return float64(m.open.Load()) })
	set.NewGauge("gannet_engine_handshaking", func() float64 { return float64(e.heads.Load()) })
	set.NewGauge("gannet_engine_peers", func() float64 { return float64(e.census.known()) })
	set.NewGauge("gannet_engine_slowest_bytes", func() float64 { return e.slowest(func(l *Loop) float64 { return float64(l.worst.Load()) }) })
	set.NewGauge("gannet_engine_slowest_seconds", func() float64 {
		return e.slowest(func(l *Loop) float64 { return float64(l.oldest.Load()) * tickLength.Seconds() })
	})
	set.NewGauge("gannet_engine_backlog_bytes", func() float64 { return float64(e.backlogs.Load()) })
	set.NewGauge("gannet_engine_deflate_websockets", func() float64 { return float64(m.deflating.Load()) })
	set.NewGauge("gannet_engine_sockets", func() float64 { return float64(m.total()) })
	return m
}

// addLoop exports what is known of one loop.
func (m *engineMetrics) addLoop(set *metrics.Set, l *Loop) {
	label := `{loop="` + strconv.Itoa(l.index) + `"}`
	set.NewGauge("gannet_engine_loop_sockets"+label, func() float64 { return float64(l.Population()) })
	set.NewGauge("gannet_engine_loop_late_seconds"+label, func() float64 { return l.late().Seconds() })
}

// rejected counts a handshake that was refused; reason is one of a bounded set.
func (m *engineMetrics) rejected(reason string) { m.handshakes.Of(reason).Inc() }

// failed counts a conn ended for a protocol error; reason is frame.Error's.
func (m *engineMetrics) failed(reason string) { m.faults.Of(reason).Inc() }

// dropped counts frames that were queued and never sent.
func (m *engineMetrics) dropped(reason dropReason, frames, bytes int) {
	m.drops[reason].frames.Add(frames)
	m.drops[reason].bytes.Add(bytes)
}

// loopMetrics adds what changes with every send, counted by the loop alone and published
// once a turn: a shared counter would bounce between the loops' caches.
type loopMetrics struct {
	*engineMetrics
	unsent struct{ sends, bytes int }
	packed struct{ plain, bytes int }

	framesOut int
}

func newLoopMetrics(m *engineMetrics) *loopMetrics { return &loopMetrics{engineMetrics: m} }

func (m *loopMetrics) sent(bytes int) {
	m.unsent.sends++
	m.unsent.bytes += bytes
}

// compressed notes a compressed message that is queued.
func (m *loopMetrics) compressed(plain, bytes int) {
	m.packed.plain += plain
	m.packed.bytes += bytes
}

func (m *loopMetrics) publish() {
	if m.unsent.sends == 0 {
		return
	}
	if m.packed.bytes > 0 {
		m.plainBytes.Add(m.packed.plain)
		m.deflateBytes.Add(m.packed.bytes)
		m.packed.plain, m.packed.bytes = 0, 0
	}
	m.sends.Add(m.unsent.sends)
	m.bytesOut.Add(m.unsent.bytes)
	m.engineMetrics.framesOut.Add(m.framesOut)
	m.unsent.sends, m.unsent.bytes, m.framesOut = 0, 0, 0
}

func (m *loopMetrics) lag(d time.Duration) { m.loopLag.Update(max(d, 0).Seconds()) }

// tlsOutcome is how a TLS handshake went, as a metric label.
const (
	tlsFull = iota
	tlsResumed
	tlsOutcomes = 6
)

var tlsOutcomeLabels = [tlsOutcomes]string{"full", "resumed", "failed", "closed", "timeout", "overloaded"}

const tlsVersions = 3

// tlsVersionLabels begin with that of a handshake which ended before a version was agreed on.
var tlsVersionLabels = [tlsVersions]string{"none", "1.2", "1.3"}

func tlsVersionIndex(version uint16) int {
	switch version {
	case tls.VersionTLS12:
		return 1
	case tls.VersionTLS13:
		return 2
	}
	return 0
}

// tlsDone counts a handshake that succeeded.
func (m *engineMetrics) tlsDone(version uint16, resumed bool) {
	outcome := tlsFull
	if resumed {
		outcome = tlsResumed
	}
	if counter := m.tls[tlsVersionIndex(version)][outcome]; counter != nil {
		counter.Inc()
	}
}

// tlsFailed counts one that did not, by one of tlsOutcomeLabels. version is 0 when none was
// agreed on.
func (m *engineMetrics) tlsFailed(outcome string, version uint16) {
	m.tls[tlsVersionIndex(version)][slices.Index(tlsOutcomeLabels[:], outcome)].Inc()
}
