package gateway_test

import (
	"bufio"
	"context"
	"io"
	"testing"

	"github.com/gobwas/ws"

	"github.com/gannet-io/gannet/engine"
	"github.com/gannet-io/gannet/engine/peers"
	"github.com/gannet-io/gannet/engine/proxies"
)

// dialFrom opens a WebSocket through a trusted proxy, on behalf of a client at address.
func (s *server) dialFrom(path, address string) *client {
	s.t.Helper()
	d := ws.Dialer{Timeout: patience, Header: ws.HandshakeHeaderString("X-Forwarded-For: " + address + "\r\n")}
	conn, br, _, err := d.Dial(context.Background(), "ws://"+s.addr+path)
	if err != nil {
		s.t.Fatal(err)
	}
	s.conns++
	c := &client{t: s.t, conn: conn, in: conn}
	if br != nil {
		c.in = bufio.NewReader(io.MultiReader(io.LimitReader(br, int64(br.Buffered())), conn))
	}
	return c
}

// Behind a proxy a client's address is known when its request is; it is told 4100 then, and what to stay away for
// altogether comes first.
func TestAnAddressWithTooManyConnectionsIsTold4100(t *testing.T) {
	t.Parallel()
	trust, err := proxies.NewTrust([]string{"127.0.0.1"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	a := newApp(nil)
	s := newServer(t, options{engine: engine.Config{Trust: trust, Peers: peers.Limits{Sockets: 1}}}, a)
	const path = "/app/shop-key?protocol=7"
	first := s.dialFrom(path, "203.0.113.7")
	first.read()
	second := s.dialFrom(path, "203.0.113.7")
	expect(t, second.rest(), `{"event":"pusher:error","data":{"code":4100,"message":"Too many connections from your address"}}`,
		"close 4100 Too many connections from your address")
	lost := s.dialFrom("/app/no-key?protocol=7", "203.0.113.7")
	lost.read()
	expect(t, lost.rest(), "close 4001 App key no-key not in this cluster. Did you forget to specify the cluster?")
	other := s.dialFrom(path, "203.0.113.8")
	other.read()
	expect(t, other.collect())
	if n := s.gauge(`gannet_gateway_refusals_total{reason="crowded"}`); n != 1 {
		t.Errorf("%v are counted as crowded, want 1", n)
	}
	s.leave(first, second, lost, other)
}
