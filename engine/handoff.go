package engine

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/gannet-io/gannet/frame/handshake"
)

// An HTTPListener is a net.Listener whose conns come from an Engine: sockets of the public
// port that did not ask for a WebSocket. Serving from a listener, and not conn by conn,
// lets the HTTP server reuse its workers and drain when it is shut down.
type HTTPListener struct {
	conns chan net.Conn
	addr  net.Addr
	once  sync.Once
	done  chan struct{}
}

// NewHTTPListener returns a listener that says addr is its address. Up to 1024 conns wait
// for Accept; more are answered 503.
func NewHTTPListener(addr net.Addr) *HTTPListener {
	return &HTTPListener{conns: make(chan net.Conn, 1024), addr: addr, done: make(chan struct{})}
}

// Accept waits for the next conn. After Close it returns net.ErrClosed. Any goroutine; may block.
func (h *HTTPListener) Accept() (net.Conn, error) {
	select {
	case <-h.done:
		return nil, net.ErrClosed
	default:
	}
	select {
	case c := <-h.conns:
		return c, nil
	case <-h.done:
		return nil, net.ErrClosed
	}
}

// Close stops accepting and drops conns that still wait. Any goroutine; may be called twice.
func (h *HTTPListener) Close() error {
	h.once.Do(func() { close(h.done) })
	h.empty()
	return nil
}

func (h *HTTPListener) empty() {
	for {
		select {
		case c := <-h.conns:
			_ = c.Close() // nobody has seen it
		default:
			return
		}
	}
}

// Addr returns the address given to NewHTTPListener. Any goroutine.
func (h *HTTPListener) Addr() net.Addr { return h.addr }

// offer gives c to Accept, or returns false when the queue is full or closed.
func (h *HTTPListener) offer(c net.Conn) bool {
	select {
	case <-h.done:
		return false
	default:
	}
	select {
	case h.conns <- c:
		select {
		case <-h.done:
			h.empty() // Close came in between and may have missed it
		default:
		}
		return true
	default:
		return false
	}
}

// handedConn is a socket in the hands of the HTTP server, with the bytes that the loop had
// already read in front.
type handedConn struct {
	net.Conn
	eng      *Engine
	secure   *secure    // of Conn when that is a tls.Conn
	listener uint8      // as the conn's
	client   netip.Addr // if a PROXY header has told it
	peer     netip.Addr // whom it is counted for
	flags    flags      // that it begins with if it comes back
	once     sync.Once

	mu     sync.Mutex // fasthttp reads from one goroutine, but promises nothing
	prefix []byte     // guarded by mu
}

func (h *handedConn) Read(p []byte) (int, error) {
	h.mu.Lock()
	if len(h.prefix) > 0 {
		n := copy(p, h.prefix)
		h.prefix = h.prefix[n:]
		if len(h.prefix) == 0 {
			h.prefix = nil
		}
		h.mu.Unlock()
		return n, nil
	}
	h.mu.Unlock()
	return h.Conn.Read(p)
}

// unread returns the bytes in front that nobody has read, and forgets them.
func (h *handedConn) unread() []byte {
	h.mu.Lock()
	defer h.mu.Unlock()
	b := h.prefix
	h.prefix = nil
	return b
}

// RemoteAddr returns the peer's address, or the client's that a PROXY header told, without a port.
func (h *handedConn) RemoteAddr() net.Addr {
	if h.client.IsValid() {
		return &net.TCPAddr{IP: h.client.AsSlice()}
	}
	return h.Conn.RemoteAddr()
}

// Secure is Conn.Secure, before the request was looked at.
func (h *handedConn) Secure() bool { return h.flags&(flagSecure|flagVouched) != 0 }

// CloseWrite shuts our side down, so that an answer can be followed by end of file while the
// peer still sends.
func (h *handedConn) CloseWrite() error {
	if c, ok := h.Conn.(interface{ CloseWrite() error }); ok {
		return c.CloseWrite()
	}
	return errors.ErrUnsupported
}

// Close closes the socket, unless a loop has taken it back.
func (h *handedConn) Close() (err error) {
	h.once.Do(func() {
		err = h.Conn.Close()
		h.eng.release(h.peer)
	})
	return err
}

// forget counts the socket out without closing it.
func (h *handedConn) forget() { h.once.Do(func() { h.eng.release(h.peer) }) }

func (h *handedConn) handed() *handedConn { return h }

// handOff gives the socket of c, and the bytes read from it, to the HTTP server. gnet closes
// its own descriptor, which leaves the duplicate's socket untouched.
func (l *Loop) handOff(c *Conn, read []byte) {
	if l.eng.cfg.HTTP == nil {
		l.reject(c, &handshake.Error{Status: 404, Reason: "not_found", Message: "only WebSocket is served here"})
		return
	}
	if c.has(flagSecure) {
		l.handOffSecure(c, read)
		return
	}
	conn, err := duplicate(int(c.fd))
	if err != nil {
		l.eng.cfg.Log.Warn("hand a connection to the HTTP server", "err", err)
		l.reject(c, &handshake.Error{Status: 503, Reason: "no_descriptor", Message: "overloaded"})
		return
	}
	handed := c.handedAs(conn)
	handed.prefix = append([]byte(nil), read...)
	if l.eng.cfg.HTTP.offer(handed) {
		l.metrics.handedOff.Inc()
		l.lose(c, closeQuiet)
		return
	}
	_ = handed.Close() // the duplicate; c still has the socket
	l.reject(c, &handshake.Error{Status: 503, Reason: "http_queue_full", Message: "overloaded"})
}

// handedAs returns conn as one that goes on where c ends, and counts it.
func (c *Conn) handedAs(conn net.Conn) *handedConn {
	e, peer := c.loop.eng, c.ClientAddr()
	e.hold(peer)
	h := &handedConn{
		Conn: conn, eng: e, listener: c.listener, peer: peer, flags: c.flags & (flagSecure | flagVouched | flagProxied),
	}
	if c.has(flagProxied) {
		h.client = peer
	}
	return h
}

// duplicate returns a net.Conn on a duplicate of fd.
func duplicate(fd int) (net.Conn, error) {
	dup, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	f := os.NewFile(uintptr(dup), "")
	defer f.Close() // FileConn duplicates once more
	return net.FileConn(f)
}
