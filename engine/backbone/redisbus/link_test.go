package redisbus_test

import (
	"io"
	"net"
	"sync"
	"testing"
)

// A link is a way to a server that can be cut.
type link struct {
	listener net.Listener
	to       string

	mu    sync.Mutex
	cut   bool
	conns map[net.Conn]struct{}
	all   sync.WaitGroup
}

func newLink(t testing.TB, to string) *link {
	t.Helper()
	l := &link{to: to, conns: make(map[net.Conn]struct{})}
	var err error
	if l.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	l.all.Go(l.accept)
	t.Cleanup(func() {
		l.listener.Close()
		l.set(true)
		l.all.Wait()
	})
	return l
}

func (l *link) addr() string { return l.listener.Addr().String() }

func (l *link) accept() {
	for {
		in, err := l.listener.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", l.to)
		if err != nil {
			in.Close()
			continue
		}
		if !l.add(in, out) {
			in.Close()
			out.Close()
			continue
		}
		l.all.Go(func() { _, _ = io.Copy(in, out); in.Close(); out.Close() })
		l.all.Go(func() { _, _ = io.Copy(out, in); in.Close(); out.Close() })
	}
}

func (l *link) add(conns ...net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cut {
		return false
	}
	for _, c := range conns {
		l.conns[c] = struct{}{}
	}
	return true
}

// set cuts the link or mends it.
func (l *link) set(cut bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = cut
	if cut {
		for c := range l.conns {
			c.Close()
		}
		clear(l.conns)
	}
}
