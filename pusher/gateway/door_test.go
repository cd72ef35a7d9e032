package gateway_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/gannet-io/gannet/engine"
	"github.com/gannet-io/gannet/engine/proxies"
	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/gateway"
)

// knock dials a with more header lines, and returns what the server says until it closes, or its
// greeting.
func (s *server) knock(a *app.App, headers string) []string {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	d := ws.Dialer{Header: ws.HandshakeHeaderString(headers)}
	conn, br, _, err := d.Dial(ctx, "ws://"+s.addr+"/app/"+a.Keys[0].Key+"?protocol=7")
	if err != nil {
		s.t.Fatal(err)
	}
	s.conns++
	defer conn.Close()
	c := &client{t: s.t, conn: conn, in: conn}
	if br != nil {
		c.in = io.MultiReader(io.LimitReader(br, int64(br.Buffered())), conn)
	}
	if first := c.read(); strings.Contains(first, "pusher:connection_established") {
		return []string{"welcome"}
	} else {
		return append([]string{first}, c.rest()...)
	}
}

func TestPlainConnectionsAreRefusedWhereTLSIsRequired(t *testing.T) {
	a := newApp(nil)
	trust, err := proxies.NewTrust([]string{"127.0.0.1"}, proxies.XForwardedFor)
	if err != nil {
		t.Fatal(err)
	}
	const text = "Application only accepts SSL connections, reconnect using wss://"
	refused := []string{`{"event":"pusher:error","data":{"code":4000,"message":"` + text + `"}}`, "close 4000 " + text}
	welcome := []string{"welcome"}
	for name, tt := range map[string]struct {
		required bool
		trust    *proxies.Trust
		headers  string
		want     []string
	}{
		"plain":                       {true, nil, "", refused},
		"a stranger says it was TLS":  {true, nil, "X-Forwarded-Proto: https\r\n", refused},
		"a proxy says it was TLS":     {true, trust, "X-Forwarded-Proto: https\r\n", welcome},
		"a proxy says it was plain":   {true, trust, "X-Forwarded-Proto: http\r\n", refused},
		"a proxy says nothing":        {true, trust, "", refused},
		"not required, and not asked": {false, trust, "X-Forwarded-Proto: http\r\n", welcome},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, options{engine: engine.Config{Trust: tt.trust}, gateway: gateway.Config{RequireTLS: tt.required}}, a)
			if got := s.knock(a, tt.headers); !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestOtherHostsAreMisdirected(t *testing.T) {
	a := newApp(nil)
	s := newServer(t, options{gateway: gateway.Config{Hosts: []string{"ws.shop.example", "*.ws.shop.example"}}}, a)
	for host, want := range map[string]int{
		"ws.shop.example": 101, "ws.shop.example:6001": 101, "eu.ws.shop.example": 101,
		"shop.example": 421, "localhost:6001": 421, "evil.example": 421,
	} {
		conn, err := net.Dial("tcp", s.addr)
		if err != nil {
			t.Fatal(err)
		}
		s.conns++
		_ = conn.SetDeadline(time.Now().Add(patience))
		_, err = io.WriteString(conn, "GET /app/"+a.Keys[0].Key+" HTTP/1.1\r\nHost: "+host+"\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
			"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
		if err != nil {
			t.Fatal(err)
		}
		line, err := bufio.NewReader(conn).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
		if status := map[int]string{101: "HTTP/1.1 101 Switching Protocols\r\n", 421: "HTTP/1.1 421 Misdirected Request\r\n"}[want]; line != status {
			t.Errorf("Host: %s: got %q, want %q", host, line, status)
		}
		_ = conn.Close()
	}
}
