package admin

import (
	"io"
	"net"
	"testing"
)

// from is a connection of an address, and nothing else.
type from struct {
	net.Conn
	addr   string
	closed bool
}

func (c *from) RemoteAddr() net.Addr {
	at, err := net.ResolveTCPAddr("tcp", c.addr)
	if err != nil {
		panic(err)
	}
	return at
}

func (c *from) Close() error {
	c.closed = true
	return nil
}

// queue is a listener of connections that are there already.
type queue struct {
	net.Listener
	conns []*from
}

func (q *queue) Accept() (net.Conn, error) {
	if len(q.conns) == 0 {
		return nil, io.EOF
	}
	c := q.conns[0]
	q.conns = q.conns[1:]
	return c, nil
}

func TestOneAddressLeavesRoomForOthers(t *testing.T) {
	for _, tt := range []struct {
		addrs []string
		want  int // that get in, of 300 from these in turns
	}{
		{[]string{"203.0.113.7:1"}, 128},
		{[]string{"[2001:db8::1]:1", "[2001:db8::2]:1"}, 128}, // one customer's
		{[]string{"[::ffff:203.0.113.7]:1", "203.0.113.7:2"}, 128},
		{[]string{"203.0.113.7:1", "203.0.113.8:1"}, 256},
		{[]string{"127.0.0.1:1"}, 256}, // a proxy of this machine
		{[]string{"[::1]:1"}, 256},
	} {
		q := &queue{}
		for i := range 300 {
			q.conns = append(q.conns, &from{addr: tt.addrs[i%len(tt.addrs)]})
		}
		all := q.conns
		var in []net.Conn
		var counts connections
		l := &listener{q, &counts}
		for {
			c, err := l.Accept()
			if err != nil {
				break
			}
			in = append(in, c)
		}
		closed := 0
		for _, c := range all {
			if c.closed {
				closed++
			}
		}
		if len(in) != tt.want || closed != 300-tt.want {
			t.Errorf("%v: %d got in and %d were closed, want %d and the rest", tt.addrs, len(in), closed, tt.want)
		}
		for _, c := range in {
			_, _ = c.Close(), c.Close() // which counts once
		}
		if counts.open != 0 || len(counts.by) != 0 {
			t.Errorf("%v: %d and %v are left", tt.addrs, counts.open, counts.by)
		}
	}
}
