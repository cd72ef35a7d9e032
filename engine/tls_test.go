package engine_test

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/gannet-io/gannet/engine"
	"github.com/gannet-io/gannet/frame"
)

// serveTLS is serve over TLS, whose settings are changed by more.
func serveTLS(t testing.TB, h *handler, change func(*engine.TLS), more ...func(*engine.Config)) *server {
	t.Helper()
	s := serve(t, h, append([]func(*engine.Config){func(c *engine.Config) {
		c.TLS = &engine.TLS{Config: serverTLS(t)}
		change(c.TLS)
	}}, more...)...)
	s.secure = true
	return s
}

func asIs(*engine.TLS) {}

// tlsMetric is the name of a count of handshakes.
func tlsMetric(version, outcome string) string {
	return `gannet_engine_tls_handshakes_total{version="` + version + `",outcome="` + outcome + `"}`
}

// connectTLS is dial with a client's own TLS configuration.
func connectTLS(t testing.TB, s *server, change func(*tls.Config)) (*client, tls.ConnectionState) {
	t.Helper()
	plain := *s
	plain.secure = false
	c := raw(t, &plain)
	config := clientTLS(t)
	change(config)
	secure := tls.Client(c.Conn, config)
	if err := secure.Handshake(); err != nil {
		t.Fatal(err)
	}
	c.Conn = secure
	c.r.Reset(patient{secure})
	return c, secure.ConnectionState()
}

func upgradeOn(c *client) {
	c.t.Helper()
	c.write(request)
	c.wantBytes(accepted)
}

func TestTLSAndPlainShareAPort(t *testing.T) {
	secure := make(chan bool, 10)
	s := serveTLS(t, &handler{open: func(c *engine.Conn) { secure <- c.Secure() }}, asIs)
	plain := *s
	plain.secure = false
	for range 3 {
		dial(t, &plain).echo("plain")
		if wait(t, secure, "Open") {
			t.Error("a plain conn says it is secure")
		}
		dial(t, s).echo("TLS")
		if !wait(t, secure, "Open") {
			t.Error("a TLS conn says it is not secure")
		}
	}
	s.wantMetrics(map[string]string{"gannet_engine_tls_sockets": "3", "gannet_engine_websockets": "6", tlsMetric("1.3", "full"): "3"})
}

func TestEveryVersionWorksAndIsCounted(t *testing.T) {
	s := serveTLS(t, &handler{}, asIs)
	for version, label := range map[uint16]string{tls.VersionTLS12: "1.2", tls.VersionTLS13: "1.3"} {
		cache := tls.NewLRUClientSessionCache(1)
		for _, resumed := range []bool{false, true} {
			c, state := connectTLS(t, s, func(config *tls.Config) {
				config.MinVersion, config.MaxVersion, config.ClientSessionCache = version, version, cache
				config.NextProtos = []string{"h2", "http/1.1"}
			})
			if state.Version != version || state.DidResume != resumed || state.NegotiatedProtocol != "http/1.1" {
				t.Errorf("TLS %s: version %#x, resumed %v, protocol %q", label, state.Version, state.DidResume, state.NegotiatedProtocol)
			}
			upgradeOn(c)
			c.echo(strings.Repeat("x", 100_000)) // and the ticket of 1.3 has come
		}
		s.wantMetrics(map[string]string{tlsMetric(label, "full"): "1", tlsMetric(label, "resumed"): "1"})
	}
}

func TestWhatIsNoHandshakeIsRefusedAndCounted(t *testing.T) {
	s := serveTLS(t, &handler{}, asIs)
	plain := *s
	plain.secure = false
	for name, tt := range map[string]struct {
		input   string
		outcome string
	}{
		"garbage in a record":  {"\x16\x03\x01\x00\x05hello", tlsMetric("none", "failed")},
		"a record too long":    {"\x16\x03\x01\xff\xffhello", tlsMetric("none", "failed")},
		"not a version of TLS": {"\x16\xff\xff\x00\x05hello", tlsMetric("none", "failed")},
	} {
		t.Run(name, func(t *testing.T) {
			before := s.count(tt.outcome)
			c := raw(t, &plain)
			c.write(tt.input)
			c.wantGone()
			eventually(t, func() bool { return s.count(tt.outcome) == before+1 }, func() string { return "not counted" })
		})
	}
	s.wantConns(0)
}

// hello returns the first bytes a client sends.
func hello(t testing.TB) []byte {
	t.Helper()
	ours, theirs := net.Pipe()
	go func() {
		_ = tls.Client(theirs, clientTLS(t)).Handshake() // fails when ours is closed
	}()
	defer ours.Close()
	header := make([]byte, 5)
	if _, err := io.ReadFull(ours, header); err != nil {
		t.Fatal(err)
	}
	b := append(header, make([]byte, binary.BigEndian.Uint16(header[3:]))...)
	if _, err := io.ReadFull(ours, b[5:]); err != nil {
		t.Fatal(err)
	}
	return b
}

// Every client that stops half way is given up: on the loop within a hello, where it costs
// no place among the handshakes, and behind it.
func TestHandshakesAreBoundedInTime(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 1 s: handshakes run out of time")
	}
	s := serveTLS(t, &handler{}, asIs, func(c *engine.Config) { c.HeadTimeout = 500 * time.Millisecond })
	plain := *s
	plain.secure = false
	whole := hello(t)
	for _, n := range []int{1, 4, 5, len(whole) - 1} {
		c := raw(t, &plain)
		_, _ = c.Write(whole[:n]) // on a busy machine the time may be over before
		c.wantGone()
	}
	s.wantMetrics(map[string]string{`gannet_engine_handshakes_total{outcome="timeout"}`: "4"})
	eventually(t, func() bool {
		c := raw(t, &plain)
		_, _ = c.Write(whole)
		c.wantGone()
		return s.metric(tlsMetric("1.3", "timeout")) == "1"
	}, func() string {
		return "a handshake that stops behind its hello is not counted as one that took too long"
	})
	// The request head has its time, too.
	var idle *client
	eventually(t, func() bool {
		idle = raw(t, s)
		return idle.Conn.(*tls.Conn).Handshake() == nil
	}, func() string { return "no handshake comes about" })
	idle.wantGone()
	s.wantConns(0)
}

// stall begins n handshakes that wait for their clients.
func stall(t *testing.T, s *server, n int) {
	t.Helper()
	plain := *s
	plain.secure = false
	whole := string(hello(t))
	for range n {
		c := raw(t, &plain)
		c.write(whole)
		if _, err := c.r.ReadByte(); err != nil { // the ServerHello
			t.Fatal(err)
		}
	}
}

// Clients that stop half way hold no turn at computing, and the places of those who
// hesitate go to those who come.
func TestStalledHandshakesDoNotKeepOthersOut(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 1 s: a place is kept for so long")
	}
	s := serveTLS(t, &handler{}, func(c *engine.TLS) { c.Computing, c.Handshakes = 1, 4 })
	stall(t, s, 3)
	dial(t, s).echo("there is one place")
	stall(t, s, 1)
	s.wantMetrics(map[string]string{"gannet_engine_tls_handshakes_pending": "4"})
	// Newcomers queue until somebody has waited for a second and another one comes.
	eventually(t, func() bool {
		conn := tryDialWithin(s, time.Second)
		if conn == nil {
			return false
		}
		_ = conn.Close()
		return true
	}, func() string { return "stalled handshakes keep others out" })
	if n := s.count(tlsMetric("1.3", "overloaded")); n == 0 {
		t.Error("nobody is counted as having given way")
	}
}

// tryDialWithin is tryDial with little patience.
func tryDialWithin(s *server, d time.Duration) net.Conn {
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: d}, "tcp", s.ln.Addr().String(), clientTLS(s.t))
	if err != nil {
		return nil
	}
	return conn
}

// Far more than may wait are refused, not kept.
func TestTheQueueOfHandshakesHasAnEnd(t *testing.T) {
	s := serveTLS(t, &handler{}, func(c *engine.TLS) { c.Handshakes = 1 }, func(c *engine.Config) { c.HeadTimeout = time.Hour })
	stall(t, s, 1)
	plain := *s
	plain.secure = false
	whole := string(hello(t))
	for range 40 {
		raw(t, &plain).write(whole)
	}
	// One is under way and sixteen wait. Those who have had a place for a second and give it up count, too.
	refused := func() int { return s.count(tlsMetric("none", "overloaded")) + s.count(tlsMetric("1.3", "overloaded")) }
	eventually(t, func() bool { return refused() >= 23 }, func() string { return itoa(refused()) + " of 41 are refused" })
	if n := s.count("gannet_engine_tls_handshakes_pending"); n > 17 {
		t.Errorf("%d handshakes wait", n)
	}
}

func TestStopEndsHandshakes(t *testing.T) {
	s := serveTLS(t, &handler{}, func(c *engine.TLS) { c.Handshakes = 2 }, func(c *engine.Config) { c.HeadTimeout = time.Hour })
	stall(t, s, 2)
	plain := *s
	plain.secure = false
	raw(t, &plain).write(string(hello(t)))
	s.wantMetrics(map[string]string{"gannet_engine_tls_handshakes_pending": "3"})
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	s.wantConns(0)
}

func TestAPanicOfTheCertificateCostsOneHandshake(t *testing.T) {
	s := serveTLS(t, &handler{}, func(c *engine.TLS) {
		right := c.Config.Certificates
		c.Config.Certificates = nil
		c.Config.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			if hello.ServerName != "localhost" {
				panic("boom")
			}
			return &right[0], nil
		}
	})
	plain := *s
	plain.secure = false
	c := raw(t, &plain)
	if err := tls.Client(c.Conn, &tls.Config{ServerName: "other"}).Handshake(); err == nil {
		t.Error("a handshake without a certificate succeeds")
	}
	dial(t, s).echo("hello")
	s.wantMetrics(map[string]string{"gannet_engine_panics_total": "1"})
}

// recorder notes the records that a client receives.
type recorder struct {
	net.Conn
	got bytes.Buffer
}

func (r *recorder) Read(p []byte) (int, error) {
	n, err := r.Conn.Read(p)
	r.got.Write(p[:n])
	return n, err
}

// lengths returns the sizes of the application records since it was called last.
func (r *recorder) lengths() (sizes []int) {
	for r.got.Len() >= 5 {
		header := r.got.Next(5)
		n := int(binary.BigEndian.Uint16(header[3:]))
		if header[0] == 23 {
			sizes = append(sizes, n)
		}
		r.got.Next(n)
	}
	return sizes
}

// What is pending leaves as one record in one send, as long as it fits (RFC 8446 §5.1: 2^14
// bytes).
func TestWhatIsPendingLeavesInOneRecord(t *testing.T) {
	s := serveTLS(t, &handler{message: func(c *engine.Conn, _ frame.Opcode, payload []byte) {
		for range 100 {
			c.Send(text(string(payload)))
		}
	}}, asIs)
	plain := *s
	plain.secure = false
	c := raw(t, &plain)
	tap := &recorder{Conn: c.Conn}
	config := clientTLS(t)
	config.MaxVersion = tls.VersionTLS13
	c.Conn = tls.Client(tap, config)
	c.r.Reset(patient{c.Conn})
	upgradeOn(c)
	c.write(masked(ws.OpText, true, "warm")) // the tickets have come
	for range 100 {
		c.wantText("warm")
	}
	tap.lengths()
	s.on(0, func(*engine.Loop) {}) // all sends are counted
	before := s.count("gannet_engine_sends_total")
	c.write(masked(ws.OpText, true, strings.Repeat("x", 100)))
	for range 100 {
		c.wantText(strings.Repeat("x", 100))
	}
	// 100 frames of 102 bytes, a byte for the type and sixteen for the tag.
	if got := tap.lengths(); len(got) != 1 || got[0] != 100*102+17 {
		t.Errorf("records of %v bytes, want one of 10217", got)
	}
	eventually(t, func() bool { return s.count("gannet_engine_sends_total") == before+1 }, func() string {
		return itoa(s.count("gannet_engine_sends_total")-before) + " sends"
	})
}

// The client's first request comes in one flight with the end of its handshake, and may be
// larger than any buffer.
func TestDataMayFollowTheHandshakeAtOnce(t *testing.T) {
	s := serveTLS(t, &handler{}, asIs)
	big := strings.Repeat("x", 1_000_000)
	c := raw(t, s)
	done := make(chan error, 1)
	go func() {
		_, err := io.WriteString(c.Conn, request+masked(ws.OpText, true, big))
		done <- err
	}()
	c.wantBytes(accepted)
	c.wantText(big)
	if err := wait(t, done, "the write"); err != nil {
		t.Fatal(err)
	}
}

// A close_notify is the end of TLS as a FIN is of TCP, and is answered by one.
func TestCloseNotifyEndsTheConn(t *testing.T) {
	closed := make(chan struct{}, 1)
	s := serveTLS(t, &handler{closed: func(*engine.Conn) { closed <- struct{}{} }}, asIs)
	c := dial(t, s)
	if err := c.Conn.(*tls.Conn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	wait(t, closed, "Closed")
	c.wantEnd()
	_ = c.Close()
	s.wantConns(0)
	s.wantMetrics(map[string]string{`gannet_engine_closes_total{reason="socket"}`: "1", "gannet_engine_tls_sockets": "0"})
}

// A record that was changed on its way ends the conn with the alert for it, and nothing of
// it is handled (RFC 8446 §5.2: bad_record_mac).
func TestAForgedRecordEndsTheConn(t *testing.T) {
	s := serveTLS(t, &handler{message: func(*engine.Conn, frame.Opcode, []byte) { t.Error("a forged message was handled") }}, asIs)
	c := dial(t, s)
	if _, err := c.socket().Write([]byte("\x17\x03\x03\x00\x20" + strings.Repeat("\x00", 32))); err != nil {
		t.Fatal(err)
	}
	_, err := c.r.ReadByte()
	var alert *net.OpError
	if !errors.As(err, &alert) || !strings.Contains(err.Error(), "bad record MAC") {
		t.Errorf("read %v, want the alert bad_record_mac", err)
	}
	_ = c.socket().Close()
	s.wantConns(0)
}

// What was sealed for one conn and could not be sent must not reach another.
func TestABrokenSocketLeavesNothingBehind(t *testing.T) {
	opened := make(chan *engine.Conn, 2)
	s := serveTLS(t, &handler{open: func(c *engine.Conn) { opened <- c }}, asIs)
	a, b := dial(t, s), (*client)(nil)
	conn := wait(t, opened, "Open")
	b = dial(t, s)
	s.on(0, func(l *engine.Loop) {
		a.reset()
		conn.Send(text("lost"))
		l.FlushConn(conn)
	})
	b.echo("hello")
}

func TestSealingAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	opened := make(chan *engine.Conn, 1)
	s := serveTLS(t, &handler{open: func(c *engine.Conn) { opened <- c }}, asIs)
	c := dial(t, s)
	conn := wait(t, opened, "Open")
	go func() { _, _ = io.Copy(io.Discard, c.r) }()
	f := text(strings.Repeat("x", 100))
	s.on(0, func(l *engine.Loop) {
		if n := testing.AllocsPerRun(1000, func() { conn.Send(f); l.FlushConn(conn) }); n != 0 {
			t.Errorf("%v allocations a frame", n)
		}
	})
}
