package main_test

import (
	"net"
	"testing"
	"time"

	"github.com/gobwas/ws"

	main "github.com/gannet-io/gannet/cmd/gannet"
	"github.com/gannet-io/gannet/frame/frametest"
)

// A timedConn lets nothing be written that has no deadline of its own.
type timedConn struct {
	net.Conn
	t     *testing.T
	timed bool
}

func (c *timedConn) SetWriteDeadline(at time.Time) error {
	c.timed = true
	return c.Conn.SetWriteDeadline(at)
}

func (c *timedConn) Write(p []byte) (int, error) {
	if !c.timed {
		c.t.Error("written with the deadline of something before")
	}
	c.timed = false
	return c.Conn.Write(p)
}

// The server pings a client that has been silent for a minute, when the deadline of what it sent before is long over.
func TestPongHasADeadlineOfItsOwn(t *testing.T) {
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	go func() {
		for _, f := range []ws.Frame{ws.NewPingFrame([]byte("?")), ws.NewTextFrame([]byte(`{"event":"e"}`))} {
			if err := ws.WriteFrame(far, f); err != nil {
				t.Error(err)
			}
			if f.Header.OpCode == ws.OpPing {
				if got, err := frametest.Read(far); err != nil || got.Header.OpCode != ws.OpPong {
					t.Errorf("%v, %v", got.Header, err)
				}
			}
		}
	}()
	if event, err := main.NextEvent(t.Context(), &timedConn{Conn: near, t: t}); err != nil || event != "e" {
		t.Errorf("%q, %v", event, err)
	}
}
