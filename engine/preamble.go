package engine

import (
	"errors"

	"github.com/gannet-io/gannet/engine/proxies"
	"github.com/gannet-io/gannet/frame/handshake"
)

// A ProxyProtocol says whether the conns of a listener begin with a header of the PROXY protocol,
// version 1 or 2. Only trusted proxies (Config.Trust) may send one: from anybody else it is taken
// for the request, and malformed.
type ProxyProtocol uint8

const (
	// ProxyOff: no conn does.
	ProxyOff ProxyProtocol = iota
	// ProxyOptional: those of trusted proxies may.
	ProxyOptional
	// ProxyRequired: all do, so that none but trusted proxies are served.
	ProxyRequired
)

var (
	errNotAProxy   = &handshake.Error{Status: 403, Reason: "not_a_proxy", Message: "only proxies may connect here"}
	errNoPreamble  = &handshake.Error{Status: 400, Reason: "proxy_header_missing", Message: "PROXY protocol header expected"}
	errBadPreamble = &handshake.Error{Status: 400, Reason: "malformed_proxy_header", Message: "malformed PROXY protocol header"}
)

// readPreamble reads the PROXY header of a conn that may begin with one. It returns true when
// what the client itself sent may be read.
func (l *Loop) readPreamble(c *Conn) bool {
	required := c.Listener().ProxyProtocol == ProxyRequired
	if !l.eng.cfg.Trust.Proxy(c.ClientAddr()) {
		if required {
			l.reject(c, errNotAProxy)
			return false
		}
		c.flags &^= flagPreamble
		return true
	}
	buf, err := c.peek()
	if err != nil || len(buf) == 0 {
		return false
	}
	p, n, err := proxies.ParsePreamble(buf)
	switch {
	case errors.Is(err, proxies.ErrNoPreamble) && !required:
	case errors.Is(err, proxies.ErrNoPreamble):
		l.reject(c, errNoPreamble)
		return false
	case err != nil:
		l.reject(c, errBadPreamble)
		return false
	case n == 0:
		return false
	}
	if p.Client.IsValid() {
		c.setClientAddr(p.Client)
		c.flags |= flagProxied
		if c.Crowded() {
			// Nothing has been said yet, so it goes as one that accept would turn back.
			l.lose(c, closeQuiet)
			return false
		}
	}
	if p.Secure {
		c.flags |= flagVouched
	}
	c.discard(n)
	c.flags &^= flagPreamble
	return true
}
