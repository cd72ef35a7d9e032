package engine_test

import (
	"strings"
	"testing"

	"github.com/gobwas/ws"

	"github.com/gannet-io/gannet/engine"
	"github.com/gannet-io/gannet/frame"
)

// Sent comes once for each time that it was asked for, at once when nothing waits, and else when the last byte has left.
func TestSentIsToldWhenNothingWaitsAnyMore(t *testing.T) {
	notices := make(chan engine.Notice, 10)
	var conn *engine.Conn
	h := &handler{
		open:   func(c *engine.Conn) { conn = c },
		notice: func(_ *engine.Conn, n engine.Notice) { notices <- n },
		message: func(c *engine.Conn, _ frame.Opcode, payload []byte) {
			if string(payload) == "flood" {
				for range 100 {
					c.Send(text(strings.Repeat("x", 10_000)))
				}
			}
			c.NotifySent()
			if string(payload) == "more" {
				c.Send(text("more"))
				c.NotifySent() // the same one
			}
		},
	}
	s := serveOn(t, narrow(t), h, func(c *engine.Config) { c.BacklogBytes, c.BacklogAge = -1, -1 })
	c := dial(t, s)
	c.write(masked(ws.OpText, true, "nothing"))
	if n := wait(t, notices, "Sent"); n != engine.Sent {
		t.Fatalf("notice %d", n)
	}
	c.write(masked(ws.OpText, true, "more"))
	if n := wait(t, notices, "Sent"); n != engine.Sent {
		t.Fatalf("notice %d", n)
	}
	c.wantText("more")
	c.write(masked(ws.OpText, true, "flood"))
	eventually(t, func() (blocked bool) {
		s.on(0, func(l *engine.Loop) { blocked = l.Blocked() == 1 })
		return blocked
	}, func() string { return "not blocked" })
	if len(notices) != 0 {
		t.Error("told while much of it waits")
	}
	for range 100 {
		c.wantText(strings.Repeat("x", 10_000))
	}
	if n := wait(t, notices, "Sent"); n != engine.Sent {
		t.Fatalf("notice %d", n)
	}
	s.on(0, func(*engine.Loop) {
		if len(notices) != 0 {
			t.Error("told twice")
		}
		// One that closes is told nothing more.
		conn.NotifySent()
		conn.Close(1000, "")
		conn.NotifySent()
	})
	c.wantClose(1000, "")
	c.write(closing(1000, ""))
	c.wantEnd()
	s.wantConns(0)
	for len(notices) > 0 {
		t.Errorf("notice %d after the end", <-notices)
	}
}

func TestWhoWantsNoticesIsRemembered(t *testing.T) {
	opened := make(chan *engine.Conn, 2)
	s := serve(t, &handler{open: func(c *engine.Conn) { opened <- c }})
	dial(t, s)
	c := wait(t, opened, "Open")
	s.on(0, func(*engine.Loop) {
		if c.WantsNotices() {
			t.Error("a new conn wants notices")
		}
		if c.WantNotices(); !c.WantsNotices() {
			t.Error("forgotten")
		}
	})
}
