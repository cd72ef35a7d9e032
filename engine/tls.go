package engine

import (
	"bytes"
	"crypto/tls"
	"net"
	"runtime"
	"time"

	"github.com/gannet-io/gannet/frame/handshake"
)

// TLS says how conns that begin with a TLS handshake are served.
type TLS struct {
	// Config is shared by all conns and used for as long as the engine runs, so that session
	// tickets stay good; certificates change behind its GetCertificate. Required. It is not
	// cloned, so that ticket keys can be set in it; New switches dynamic record sizing off in
	// it: what is pending leaves in one record. NextProtos should offer no protocol that a
	// Handler or the HTTP server does not speak.
	Config *tls.Config

	// Computing is how many handshakes may use a processor at once; those that wait for their
	// client do not count. 0: half of the processors, at least one.
	Computing int
	// Handshakes is how many may be under way. When they are, the oldest gives way if it has
	// waited for its client for a second, others queue, up to 16 times as many. 0: 512.
	Handshakes int
}

func (t *TLS) withDefaults() *TLS {
	if t == nil {
		return nil
	}
	d := *t
	d.Config.DynamicRecordSizingDisabled = true
	if d.Computing <= 0 {
		d.Computing = max(1, runtime.GOMAXPROCS(0)/2)
	}
	if d.Handshakes <= 0 {
		d.Handshakes = 512
	}
	return &d
}

// A TLS record: one byte of type, two of version, two of length (RFC 8446 §5.1).
const (
	recordHeader    = 5
	recordHandshake = 0x16
	// maxRecord is more than any version allows.
	maxRecord = recordHeader + 16<<10 + 2048
)

// A secure is what a TLS conn has beside its Conn.
type secure struct {
	// Set once.
	tls  *tls.Conn
	wire wire

	// Owned by the loop while the conn is on one.
	in      []byte // input that is decrypted and not discarded; of the loop's plain or its own
	own     bool   // in is not of the loop's plain
	unseen  bool   // in has something that readable was not called for
	adopted bool   // the HTTP server has had the conn
}

// secured returns what c has for TLS, which it must have.
func (c *Conn) secured() *secure { return c.loop.secures[c.id.Slot()] }

// mayTurnSecure reports whether a TLS handshake may begin c.
func (c *Conn) mayTurnSecure() bool {
	return c.loop.eng.greetings != nil && c.flags&(flagSecure|flagEarly) == 0
}

// secureConn makes c TLS.
func (l *Loop) secureConn(c *Conn, s *secure) {
	slot := int(c.id.Slot())
	for slot >= len(l.secures) {
		l.secures = append(l.secures, nil)
	}
	l.secures[slot] = s
	c.flags |= flagSecure
	s.wire.toLoop(l, c.gc)
	l.metrics.tlsSockets.Add(1)
}

// releaseSecure forgets what c has for TLS, because c ends here.
func (l *Loop) releaseSecure(c *Conn) {
	if c.has(flagSecure) {
		c.flags &^= flagSecure
		l.secures[c.id.Slot()] = nil
		l.metrics.tlsSockets.Add(-1)
	}
}

// hello waits for the whole first record of a TLS client and has the handshake done elsewhere.
func (l *Loop) hello(c *Conn, buf []byte) {
	if len(buf) < recordHeader {
		return
	}
	if whole := recordHeader + int(buf[3])<<8 + int(buf[4]); len(buf) < whole && whole <= maxRecord {
		return
	}
	conn, err := duplicate(int(c.fd))
	if err != nil {
		l.eng.cfg.Log.Warn("do a TLS handshake", "err", err)
		l.metrics.tlsFailed("overloaded", 0)
		l.lose(c, closeQuiet)
		return
	}
	left := time.Hour
	if c.due != 0 {
		left = min(left, time.Duration(max(int32(c.due-l.tick), 1))*tickLength)
	}
	l.eng.greetings.start(c.handedAs(conn), bytes.Clone(buf), time.Now().Add(left))
	l.lose(c, closeQuiet)
}

// readSecure decrypts what has come for c and handles it as readable does. It runs under
// guard.
func (l *Loop) readSecure(c *Conn) {
	s := c.secured()
	if s.unseen {
		s.unseen = false
		l.readPlain(c, s)
	}
	for c.state < stateLinger {
		into := l.roomFor(c, s)
		l.sealed = l.sealed[:0] // whatever is in it is another conn's
		n, err := s.tls.Read(into)
		l.sendAnswer(c)
		if n > 0 {
			if s.own {
				s.in = s.in[:len(s.in)+n]
			} else {
				s.in = into[:n]
			}
			l.readPlain(c, s)
		}
		if err == errNothingNow {
			return
		}
		if err != nil && c.state < stateLinger {
			l.endSecure(c)
		}
	}
	// Nobody wants what is left; a conn that was handed off has taken its share.
	if c.gc != nil && c.gc.InboundBuffered() > 0 {
		_, _ = c.gc.Discard(-1) // it has no error to report
	}
}

// plainBytes is the most that one record decrypts to (RFC 8446 §5.2).
const plainBytes = 16 << 10

// roomFor returns where to decrypt to: behind what waits for the rest of a frame, or in
// memory that the loop's conns share.
func (l *Loop) roomFor(c *Conn, s *secure) []byte {
	if len(s.in) == 0 {
		if l.plain == nil {
			l.plain = make([]byte, plainBytes)
		}
		s.in, s.own = nil, false
		return l.plain
	}
	if len(s.in) == cap(s.in) {
		room := max(2*len(s.in), 512)
		if need := int(c.need); need > len(s.in) {
			room = min(room, need)
		}
		s.in = append(make([]byte, 0, room), s.in...)
	}
	return s.in[len(s.in):cap(s.in)]
}

// readPlain has the bytes of s.in handled, and gives the rest a place of its own.
func (l *Loop) readPlain(c *Conn, s *secure) {
	l.readable(c)
	// Once it was handed off, s belongs to the HTTP server.
	if c.state >= stateLinger || s.own || len(s.in) == 0 {
		return
	}
	// All of a frame whose length is known, or its end would be copied again.
	s.in = append(make([]byte, 0, max(len(s.in), min(int(c.need), maxReserve))), s.in...)
	s.own = true
}

// maxReserve bounds the memory a peer gets for announcing a frame.
const maxReserve = 16 << 10

// endSecure ends c because TLS has: by close_notify, which is to TLS what FIN is to TCP, or
// by a fault of the peer's, which the alert has told it already. The alert may be on its
// way, hence linger.
func (l *Loop) endSecure(c *Conn) {
	switch c.state {
	case stateHead:
		l.metrics.rejected("closed_early")
	case stateOpen:
		l.metrics.closes[closeBySocket].Inc()
	}
	l.flushConn(c) // answers to what came before it in the same segment
	l.linger(c)
}

// A wire is the net.Conn under a tls.Conn. It leads to a socket that may block, during the
// handshake and in the hands of the HTTP server, or to a loop, where it never does. It
// belongs to whoever uses the tls.Conn.
type wire struct {
	socket   net.Conn  // nil on a loop
	ahead    []byte    // was read from the socket before
	greeting *greeting // nil but during the handshake

	loop *Loop // nil with socket
	gc   reader
}

// reader is the part of gnet.Conn that a wire uses.
type reader interface {
	Read(p []byte) (int, error)
	InboundBuffered() int
	LocalAddr() net.Addr
	RemoteAddr() net.Addr
}

func (w *wire) toLoop(l *Loop, gc reader) { w.socket, w.loop, w.gc = nil, l, gc }

// toSocket lets w go on with socket, ahead of which raw was read. raw is taken.
func (w *wire) toSocket(socket net.Conn, raw []byte) {
	w.socket, w.loop, w.gc = socket, nil, nil
	w.ahead = append(w.ahead, raw...)
}

// nothingNow says that a read would have to wait. To crypto/tls a temporary error is none: it
// keeps what it has of a record and can be asked again.
type nothingNow struct{}

func (nothingNow) Error() string   { return "engine: nothing to read now" }
func (nothingNow) Timeout() bool   { return true }
func (nothingNow) Temporary() bool { return true }

var errNothingNow error = nothingNow{}

func (w *wire) Read(p []byte) (int, error) {
	if len(w.ahead) > 0 {
		n := copy(p, w.ahead)
		if w.ahead = w.ahead[n:]; len(w.ahead) == 0 {
			w.ahead = nil
		}
		return n, nil
	}
	if w.loop != nil {
		if w.gc.InboundBuffered() == 0 {
			return 0, errNothingNow
		}
		return w.gc.Read(p)
	}
	w.greeting.pause()
	defer w.greeting.resume()
	return w.socket.Read(p)
}

func (w *wire) Write(p []byte) (int, error) {
	if w.loop != nil {
		w.loop.sealed = append(w.loop.sealed, p...)
		return len(p), nil
	}
	w.greeting.pause()
	defer w.greeting.resume()
	return w.socket.Write(p)
}

func (w *wire) Close() error {
	if w.socket == nil {
		return nil // the loop closes it
	}
	return w.socket.Close()
}

func (w *wire) LocalAddr() net.Addr {
	if w.socket == nil {
		return w.gc.LocalAddr()
	}
	return w.socket.LocalAddr()
}

func (w *wire) RemoteAddr() net.Addr {
	if w.socket == nil {
		return w.gc.RemoteAddr()
	}
	return w.socket.RemoteAddr()
}

func (w *wire) SetDeadline(t time.Time) error {
	if w.socket == nil {
		return nil // loops have deadlines of their own
	}
	return w.socket.SetDeadline(t)
}

func (w *wire) SetReadDeadline(t time.Time) error {
	if w.socket == nil {
		return nil
	}
	return w.socket.SetReadDeadline(t)
}

func (w *wire) SetWriteDeadline(t time.Time) error {
	if w.socket == nil {
		return nil
	}
	return w.socket.SetWriteDeadline(t)
}

// handOffSecure is handOff for TLS: the HTTP server gets the tls.Conn itself.
func (l *Loop) handOffSecure(c *Conn, read []byte) {
	conn, err := duplicate(int(c.fd))
	if err != nil {
		l.eng.cfg.Log.Warn("hand a connection to the HTTP server", "err", err)
		l.reject(c, &handshake.Error{Status: 503, Reason: "no_descriptor", Message: "overloaded"})
		return
	}
	if c.backlog != nil {
		// It does not read, and the rest of a record cannot be handed over.
		_ = conn.Close() // the duplicate
		l.lose(c, closeQuiet)
		return
	}
	s := c.secured()
	raw := make([]byte, c.gc.InboundBuffered())
	n, _ := c.gc.Read(raw) // what is there is read without an error
	s.wire.toSocket(conn, raw[:n])
	handed := &handedTLS{c.handedAs(s.tls)}
	handed.prefix, handed.secure = bytes.Clone(read), s
	if l.eng.cfg.HTTP.offer(handed) {
		l.metrics.handedOff.Inc()
		l.releaseSecure(c)
		l.lose(c, closeQuiet)
		return
	}
	_ = conn.Close() // the duplicate; c still has the socket
	handed.forget()
	s.wire.toLoop(l, c.gc)
	l.reject(c, &handshake.Error{Status: 503, Reason: "http_queue_full", Message: "overloaded"})
}

// A handedTLS is a handedConn of TLS. Its methods are how HTTP servers recognise one.
type handedTLS struct{ *handedConn }

// Handshake returns nil: it was done.
func (h *handedTLS) Handshake() error { return nil }

// ConnectionState returns what the handshake has agreed on.
func (h *handedTLS) ConnectionState() tls.ConnectionState { return h.secure.tls.ConnectionState() }

// CloseWrite shuts our side down, of TLS and of TCP.
func (h *handedTLS) CloseWrite() error {
	if err := h.secure.tls.CloseWrite(); err != nil {
		return err
	}
	if c, ok := h.secure.wire.socket.(interface{ CloseWrite() error }); ok {
		return c.CloseWrite()
	}
	return nil
}
