package engine_test

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/gannet-io/gannet/engine"
	"github.com/gannet-io/gannet/frame"
)

func TestHeadsAreBoundedAsConfigured(t *testing.T) {
	s := serve(t, &handler{}, func(c *engine.Config) { c.Head.Bytes, c.Head.Headers = 1024, 7 })
	with := func(headers string) string { return strings.Replace(request, "\r\n\r\n", "\r\n"+headers+"\r\n", 1) }
	for _, tt := range []struct{ input, status string }{
		{with("A: b\r\nC: d\r\n"), "101"}, // 5 and 2 headers
		{with("A: b\r\nC: d\r\nE: f\r\n"), "431"},
		{with("A: " + strings.Repeat("b", 1100) + "\r\n"), "431"},
		{"GET /" + strings.Repeat("x", 512), "414"},
	} {
		c := raw(t, s)
		c.write(tt.input)
		c.wantStatus(tt.status)
		_ = c.Close()
	}
	s.wantMetrics(map[string]string{
		`gannet_engine_handshakes_total{outcome="too_many_headers"}`:      "1",
		`gannet_engine_handshakes_total{outcome="head_too_large"}`:        "1",
		`gannet_engine_handshakes_total{outcome="request_line_too_long"}`: "1",
	})
}

// Whoever begins a message must end it in time, however lively it looks meanwhile: a frame that trickles, fragments
// that never end, with answered pings in between.
func TestAMessageMustEndInTime(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 1 s: messages run out of time")
	}
	s := serve(t, &handler{}, func(c *engine.Config) { c.MessageTime = 500 * time.Millisecond })
	whole := masked(ws.OpText, true, "hello")
	begun := map[string]string{
		"half a header":              whole[:1],
		"half a frame":               whole[:8],
		"a fragment":                 masked(ws.OpText, false, "he"),
		"a fragment and a ping":      masked(ws.OpText, false, "he") + masked(ws.OpPing, true, ""),
		"half a ping":                masked(ws.OpPing, true, "hello")[:8],
		"behind whole messages":      whole + whole + whole[:7],
		"behind a fragmented one":    masked(ws.OpText, false, "he") + masked(ws.OpContinuation, true, "llo") + whole[:3],
		"a continuation without end": masked(ws.OpText, false, "he") + masked(ws.OpContinuation, false, "ll"),
	}
	clients := make(map[string]*client)
	for name, bytes := range begun {
		clients[name] = dial(t, s)
		clients[name].write(bytes)
	}
	for name, c := range clients {
		t.Log(name)
		c.wantClose(1008, "message_timeout")
		c.write(closing(1008, ""))
		_ = c.Close()
	}
	s.wantConns(0)
	s.wantMetrics(map[string]string{
		`gannet_engine_closes_total{reason="message_timeout"}`: itoa(len(begun)), "gannet_engine_websockets": "0"})
}

// The time is that of one message: a conn that is always in the middle of one is as good as any other. A client that has to
// wait for a processor may exceed it, for once; if the time were not of each message, it would be exceeded each time.
func TestEachMessageHasItsOwnTime(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 2 s: four times the time of a message")
	}
	s := serve(t, &handler{message: func(c *engine.Conn, op frame.Opcode, payload []byte) {
		if len(payload) > 0 { // the empty ones are for keeping busy
			c.Send(prepare(op, payload))
		}
	}}, func(c *engine.Config) { c.MessageTime = 500 * time.Millisecond })
	begin, rest := masked(ws.OpText, true, "hello")[:9], masked(ws.OpText, true, "hello")[9:]
	lives := func(c *client) bool {
		_, _ = io.WriteString(c.Conn, begin)
		for start, last := s.ticks(0), false; !last; {
			last = s.ticks(0)-start >= 20
			next := rest + begin
			if last {
				next = rest
			}
			_, _ = io.WriteString(c.Conn, next)
			if f, err := c.frame(); err != nil || f.Header.OpCode == ws.OpClose {
				return false
			}
		}
		return true
	}
	var c *client
	eventually(t, func() bool { c = dial(t, s); return lives(c) }, func() string { return "cut off each time" })
	// And one that waits between messages is not in any.
	c.echo("bye")
	start := s.ticks(0)
	eventually(t, func() bool { return s.ticks(0)-start >= 8 }, func() string { return "the clock stands still" })
	c.echo("still here")
}
