package rest

import (
	"errors"
	"net"
	"net/netip"
	"sync"

	"github.com/valyala/fasthttp"

	"github.com/gannet-io/gannet/engine/proxies"
)

var (
	errNotAProxy   = &refusal{status: fasthttp.StatusForbidden, reason: "not_a_proxy", message: "Only proxies may connect here"}
	errNoPreamble  = &refusal{status: fasthttp.StatusBadRequest, reason: "proxy_header_missing", message: "PROXY protocol header expected"}
	errBadPreamble = &refusal{status: fasthttp.StatusBadRequest, reason: "malformed_proxy_header", message: "Malformed PROXY protocol header"}
)

// Proxied returns a listener on which the connections of trusted proxies may begin with a header of the PROXY
// protocol, or must when required; nobody else is served then. It is read with the first Read, so that
// Accept waits for nobody. With TLS it belongs below: proxies send the header in plain. ln is taken.
func Proxied(ln net.Listener, trust *proxies.Trust, required bool) net.Listener {
	return &proxiedListener{ln, trust, required}
}

type proxiedListener struct {
	net.Listener
	trust    *proxies.Trust
	required bool
}

func (l *proxiedListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	trusted := l.trust.Proxy(addrOf(c.RemoteAddr()))
	if !trusted && !l.required {
		return c, nil
	}
	return &proxiedConn{Conn: c, trusted: trusted, required: l.required}, nil
}

// A proxiedConn is a connection that may begin with a PROXY header.
type proxiedConn struct {
	net.Conn
	trusted, required bool

	mu     sync.Mutex       // held while the header is read: fasthttp reads from one goroutine, but promises nothing
	done   bool             // the header was read, or there is none
	err    error            // why there will be nothing to read
	said   proxies.Preamble // by the header
	unread []byte           // what came with it
}

func (c *proxiedConn) Read(p []byte) (int, error) {
	c.mu.Lock()
	if !c.done && c.err == nil {
		c.readPreamble()
	}
	if c.err != nil {
		defer c.mu.Unlock()
		return 0, c.err
	}
	if len(c.unread) > 0 {
		defer c.mu.Unlock()
		n := copy(p, c.unread)
		if c.unread = c.unread[n:]; len(c.unread) == 0 {
			c.unread = nil
		}
		return n, nil
	}
	c.mu.Unlock()
	return c.Conn.Read(p)
}

// readPreamble sets what the header says, or why it cannot be read.
func (c *proxiedConn) readPreamble() {
	if !c.trusted {
		c.err = errNotAProxy
		return
	}
	buf := make([]byte, 0, 256) // few headers are longer
	for {
		if len(buf) == cap(buf) {
			buf = append(buf, make([]byte, cap(buf))...)[:len(buf)]
		}
		n, err := c.Conn.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		said, size, bad := proxies.ParsePreamble(buf)
		switch {
		case errors.Is(bad, proxies.ErrNoPreamble) && c.required:
			c.err = errNoPreamble
		case errors.Is(bad, proxies.ErrNoPreamble):
			c.done, c.unread = true, buf
		case bad != nil:
			c.err = errBadPreamble
		case size > 0:
			c.done, c.said, c.unread = true, said, buf[size:]
		case err != nil:
			c.err = err
		default:
			continue
		}
		return
	}
}

// RemoteAddr returns the address of the peer, or of the client that the header named, without a port.
func (c *proxiedConn) RemoteAddr() net.Addr {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.said.Client.IsValid() {
		return &net.TCPAddr{IP: c.said.Client.AsSlice()}
	}
	return c.Conn.RemoteAddr()
}

// Secure reports whether the header says that the client came over TLS.
func (c *proxiedConn) Secure() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.said.Secure
}

// CloseWrite shuts our side down.
func (c *proxiedConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// addrOf returns the IP address in a, the zero Addr when it has none.
func addrOf(a net.Addr) netip.Addr {
	if tcp, ok := a.(*net.TCPAddr); ok {
		addr, _ := netip.AddrFromSlice(tcp.IP)
		return addr.Unmap()
	}
	return netip.Addr{}
}
