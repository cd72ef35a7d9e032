package engine_test

import (
	"net"
	"testing"

	"github.com/gannet-io/gannet/engine"
	"github.com/gannet-io/gannet/frame/handshake"
)

func TestConnsKnowTheirListener(t *testing.T) {
	came := make(chan *engine.ListenerConfig, 1)
	s, hl := serveListener(t, &handler{upgrade: func(c *engine.Conn, _ *handshake.Request) (string, *handshake.Error) {
		came <- c.Listener()
		return "", nil
	}})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.ServeWith(ln, engine.ListenerConfig{ProxyProtocol: engine.ProxyOptional}) }()
	t.Cleanup(func() {
		_ = s.Stop()
		if err := wait(t, served, "ServeWith"); err != nil {
			t.Errorf("ServeWith: %v", err)
		}
	})
	other := &server{Engine: s.Engine, t: t, ln: ln}
	dial(t, s)
	first := wait(t, came, "Upgrade")
	dial(t, other)
	second := wait(t, came, "Upgrade")
	if first == nil || second == nil || first == second {
		t.Errorf("two listeners have the configs %p and %p", first, second)
	}
	for want, at := range map[*engine.ListenerConfig]*server{first: s, second: other} {
		c, conn := take(t, at, hl, "")
		adopt(t, s, conn, request)
		c.wantBytes(accepted)
		if got := wait(t, came, "Upgrade"); got != want {
			t.Errorf("a conn came back with the config %p, want %p", got, want)
		}
	}
}
