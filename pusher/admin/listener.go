package admin

import (
	"net"
	"net/netip"
	"sync"
)

// connections counts those of all listeners of a Server: an operator's tools are few, and nothing else may use up descriptors here. One address has
// half of them at most, so that a stranger who holds connections open keeps no operator and no health check out. Addresses of this machine
// are not counted apart, since a proxy may stand behind one.
type connections struct {
	mu   sync.Mutex
	open int            // guarded by mu
	by   map[string]int // by address, of other machines alone; guarded by mu
}

const maxConnsOfAddress = maxConns / 2

// enter counts one in, and returns false when there is no room for it. from is "" for this machine.
func (c *connections) enter(from string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open >= maxConns || c.by[from] >= maxConnsOfAddress {
		return false
	}
	c.open++
	if from != "" {
		if c.by == nil {
			c.by = make(map[string]int)
		}
		c.by[from]++
	}
	return true
}

func (c *connections) leave(from string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open--
	if from == "" {
		return
	}
	if c.by[from]--; c.by[from] == 0 {
		delete(c.by, from)
	}
}

// A listener closes connections for which there is no room.
type listener struct {
	net.Listener
	conns *connections
}

// Accept returns the next connection that there is room for. A lack of descriptors comes out as the temporary error that net/http waits for.
func (l *listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		from := elsewhere(c.RemoteAddr())
		if l.conns.enter(from) {
			return &conn{Conn: c, conns: l.conns, from: from}, nil
		}
		_ = c.Close() // nobody was promised anything
	}
}

// elsewhere names the address of another machine, "" of this one.
func elsewhere(addr net.Addr) string {
	at, err := netip.ParseAddrPort(addr.String())
	if err != nil || at.Addr().Unmap().IsLoopback() {
		return ""
	}
	return customer(at.Addr())
}

// A conn counts itself out.
type conn struct {
	net.Conn
	conns *connections
	from  string
	once  sync.Once
}

func (c *conn) Close() error {
	c.once.Do(func() { c.conns.leave(c.from) })
	return c.Conn.Close()
}
