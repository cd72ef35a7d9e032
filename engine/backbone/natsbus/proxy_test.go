package natsbus_test

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// A proxy passes TCP connections on, until it is cut.
type proxy struct {
	listener net.Listener
	target   atomic.Pointer[string]

	mu    sync.Mutex
	cut   bool
	conns map[net.Conn]bool
	ended int
	all   sync.WaitGroup
}

func newProxy(t *testing.T) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: listener, conns: make(map[net.Conn]bool)}
	p.all.Go(p.accept)
	t.Cleanup(func() {
		listener.Close()
		p.setCut(true)
		p.all.Wait()
	})
	return p
}

func (p *proxy) address() string { return p.listener.Addr().String() }

func (p *proxy) to(address string) { p.target.Store(&address) }

func (p *proxy) accept() {
	for {
		from, err := p.listener.Accept()
		if err != nil {
			return
		}
		target := p.target.Load()
		if target == nil || !p.keep(from) {
			from.Close()
			continue
		}
		to, err := net.Dial("tcp", *target)
		if err != nil || !p.keep(to) {
			p.drop(from)
			continue
		}
		p.all.Go(func() { p.pass(from, to) })
		p.all.Go(func() { p.pass(to, from) })
	}
}

func (p *proxy) pass(from, to net.Conn) {
	io.Copy(to, from)
	p.drop(from)
	p.drop(to)
}

func (p *proxy) keep(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cut {
		c.Close()
		return false
	}
	p.conns[c] = true
	return true
}

func (p *proxy) drop(c net.Conn) {
	c.Close()
	p.mu.Lock()
	delete(p.conns, c)
	p.ended++
	p.mu.Unlock()
}

// hangups counts the ends of connections, both of each.
func (p *proxy) hangups() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ended
}

// setCut closes all connections and takes no more, or takes them again.
func (p *proxy) setCut(cut bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = cut
	if cut {
		for c := range p.conns {
			c.Close()
		}
	}
}
