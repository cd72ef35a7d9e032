package engine_test

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/gobwas/ws"

	"github.com/gannet-io/gannet/engine"
	"github.com/gannet-io/gannet/frame"
)

// deflating is serve with a listener that accepts permessage-deflate.
func deflating(t testing.TB, h *handler, more ...func(*engine.Config)) *server {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return serveWith(t, ln, engine.ListenerConfig{Deflate: true}, h, more...)
}

// agreed is what a server answers to an offer that names no window.
const agreed = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"

// offer dials with a list of extensions and wants answer as that of the response, "" for none.
func offer(t testing.TB, s *server, extensions, answer string) *client {
	t.Helper()
	c := raw(t, s)
	c.write(strings.TrimSuffix(request, "\r\n") + "Sec-WebSocket-Extensions: " + extensions + "\r\n\r\n")
	want := accepted
	if answer != "" {
		want = strings.TrimSuffix(accepted, "\r\n") + "Sec-WebSocket-Extensions: " + answer + "\r\n\r\n"
	}
	c.wantBytes(want)
	return c
}

// deflated returns a client's frame with RSV1 and a payload compressed by the standard library.
func deflated(op ws.OpCode, payload string) string {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, 6) // the level is one
	io.WriteString(w, payload)
	w.Flush()
	return rsv1(op, true, strings.TrimSuffix(b.String(), "\x00\x00\xff\xff"))
}

func rsv1(op ws.OpCode, fin bool, payload string) string {
	f := []byte(masked(op, fin, payload))
	f[0] |= 0x40
	return string(f)
}

// wantDeflated reads a frame and wants it compressed if so, and to hold payload.
func (c *client) wantDeflated(compressed bool, op ws.OpCode, payload string) {
	c.t.Helper()
	f, err := c.frame()
	got := string(f.Payload)
	if f.Header.Rsv == 4 {
		b, e := io.ReadAll(flate.NewReader(strings.NewReader(got + "\x00\x00\xff\xff\x01\x00\x00\xff\xff")))
		if got = string(b); e != nil {
			c.t.Fatal(e)
		}
	}
	if want := (map[bool]byte{true: 4})[compressed]; err != nil || f.Header.Rsv != want || f.Header.OpCode != op || !f.Header.Fin || got != payload {
		c.t.Fatalf("got opcode %d, RSV %d, %d bytes: %.80q, %v; want opcode %d, RSV %d, %d bytes: %.80q",
			f.Header.OpCode, f.Header.Rsv, len(got), got, err, op, want, len(payload), payload)
	}
}

func TestDeflateIsAgreedOnWhereTheListenerHasItAndTheClientOffersIt(t *testing.T) {
	with, without := deflating(t, &handler{}), serve(t, &handler{})
	big := strings.Repeat("price ", 1000)
	for _, c := range []*client{dial(t, with), offer(t, with, "x-other", ""), offer(t, with, "permessage-deflate; unknown", ""),
		offer(t, without, "permessage-deflate", ""), offer(t, without, ";;;malformed", "")} {
		c.write(masked(ws.OpText, true, big))
		c.wantDeflated(false, ws.OpText, big)
		c.write(deflated(ws.OpText, "x"))
		c.wantClose(1002, "reserved_bits")
	}
	c := offer(t, with, "permessage-deflate; client_max_window_bits", agreed)
	c.write(masked(ws.OpText, true, big))
	c.wantDeflated(true, ws.OpText, big)
	c = raw(t, with)
	c.write(strings.TrimSuffix(request, "\r\n") + "Sec-WebSocket-Extensions: permessage-deflate; =\r\n\r\n")
	c.wantStatus("400")
	with.wantMetrics(map[string]string{`gannet_engine_handshakes_total{outcome="malformed_extensions"}`: "1"})
}

func TestCompressedMessagesAreEchoedCompressed(t *testing.T) {
	s := deflating(t, &handler{})
	c := offer(t, s, "permessage-deflate", agreed)
	big := strings.Repeat("größer ", 10_000)
	for range 3 { // each stands for itself
		c.write(deflated(ws.OpText, big))
		c.wantDeflated(true, ws.OpText, big)
	}
	c.write(deflated(ws.OpBinary, "\xff small"))
	c.wantDeflated(false, ws.OpBinary, "\xff small")
	c.write(deflated(ws.OpText, ""))
	c.wantDeflated(false, ws.OpText, "")
	c.write(masked(ws.OpPing, true, strings.Repeat("p", 125)))
	c.wantDeflated(false, ws.OpPong, strings.Repeat("p", 125))

	// RFC 7692 §7.2.3.1, in two fragments with a ping in between, byte by byte.
	for _, b := range []byte(rsv1(ws.OpText, false, "\xf2\x48\xcd") + masked(ws.OpPing, true, "") + masked(ws.OpContinuation, true, "\xc9\xc9\x07\x00")) {
		c.write(string([]byte{b}))
	}
	c.want(ws.OpPong, "")
	c.wantText("Hello")
	c.write(closing(1000, "bye"))
	c.wantClose(1000, "")
	c.wantEnd()
	s.wantMetrics(map[string]string{"gannet_engine_deflate_websockets": "0"})
}

func TestInflatingEndsAtTheLimit(t *testing.T) {
	s := deflating(t, &handler{}, func(c *engine.Config) { c.Message = frame.Limits{MessageBytes: 10_000} })
	full := strings.Repeat("x", 10_000)
	for _, tt := range []struct {
		name, wire string
		code       uint16
		reason     string
	}{
		{"a bomb of 1 MB", deflated(ws.OpBinary, strings.Repeat("\x00", 1<<20)), 1009, "inflated_too_big"},
		{"one byte too many", deflated(ws.OpText, full+"x"), 1009, "inflated_too_big"},
		{"too many compressed", rsv1(ws.OpBinary, true, full+full), 1009, "message_too_big"},
		{"no DEFLATE", rsv1(ws.OpBinary, true, "\x07\x07"), 1007, "corrupt_deflate"},
		{"no UTF-8", deflated(ws.OpText, "a\xff"), 1007, "invalid_utf8"},
		{"a compressed ping", rsv1(ws.OpPing, true, "x"), 1002, "reserved_bits"},
		{"RSV1 on a continuation", rsv1(ws.OpText, false, "\x00") + rsv1(ws.OpContinuation, true, "\x00"), 1002, "reserved_bits"},
	} {
		c := offer(t, s, "permessage-deflate", agreed)
		c.write(deflated(ws.OpText, full))
		c.wantDeflated(true, ws.OpText, full)
		c.write(tt.wire)
		c.wantClose(tt.code, tt.reason)
	}
	s.wantMetrics(map[string]string{
		`gannet_engine_closes_total{reason="inflated_too_big"}`: "2",
		`gannet_engine_closes_total{reason="corrupt_deflate"}`:  "1",
	})
}

// RFC 7692 §7.2.1: no reference goes back further than the window that the client has asked for.
func TestLongerMessagesThanTheWindowAreNotCompressed(t *testing.T) {
	s := deflating(t, &handler{})
	for bits, fits := range map[int]int{10: 1024, 9: 512, 12: 4096} {
		c := offer(t, s, fmt.Sprintf("permessage-deflate; server_max_window_bits=%d", bits), fmt.Sprintf("%s; server_max_window_bits=%d", agreed, bits))
		c.write(masked(ws.OpText, true, strings.Repeat("x", fits)))
		c.wantDeflated(true, ws.OpText, strings.Repeat("x", fits))
		c.write(masked(ws.OpText, true, strings.Repeat("x", fits+1)))
		c.wantDeflated(false, ws.OpText, strings.Repeat("x", fits+1))
	}
}

// However many conns of however many loops get a frame, it is compressed when the first of them needs it.
func TestAFrameIsCompressedOnceForAll(t *testing.T) {
	var mu sync.Mutex
	var conns []*engine.Conn
	h := &handler{open: func(c *engine.Conn) {
		mu.Lock()
		defer mu.Unlock()
		conns = append(conns, c)
	}}
	s := deflating(t, h, func(c *engine.Config) { c.Loops = 3 })
	var with, without []*client
	for range 12 {
		with = append(with, offer(t, s, "permessage-deflate", agreed))
		without = append(without, dial(t, s))
	}
	eventually(t, func() bool { mu.Lock(); defer mu.Unlock(); return len(conns) == 24 }, func() string { return "not all are open" })
	send := func(f *frame.Prepared) {
		mu.Lock()
		defer mu.Unlock()
		for _, c := range conns {
			loop, id := s.Loops()[c.ID().Loop()], c.ID()
			loop.Post(func() { loop.Find(id).Send(f) })
		}
	}
	big := strings.Repeat("price ", 200)
	send(text("small"))
	send(text(big))
	for _, c := range with {
		c.wantText("small")
		c.wantDeflated(true, ws.OpText, big)
	}
	for _, c := range without {
		c.wantText("small")
		c.wantText(big)
	}
	s.wantMetrics(map[string]string{
		"gannet_engine_deflate_websockets":        "12",
		"gannet_engine_deflates_total":            "1",
		"gannet_engine_deflate_plain_bytes_total": itoa(12 * (4 + len(big))),
	})
	if n := s.count("gannet_engine_deflate_bytes_total"); n == 0 || n > 12*100 || n%12 != 0 {
		t.Errorf("compressed bytes: %d", n)
	}
}

// The tables of a compressor are half a megabyte: no loop has them before it needs them, nor for ever.
func TestCompressorsAreMadeWhenNeededAndGivenUp(t *testing.T) {
	s := deflating(t, &handler{})
	plain := dial(t, s)
	plain.echo(strings.Repeat("x", 5000))
	c := offer(t, s, "permessage-deflate", agreed)
	c.echo("short")
	s.on(0, func(l *engine.Loop) {
		if l.HasDeflation() {
			t.Error("a loop that has compressed nothing has a compressor")
		}
	})
	c.write(deflated(ws.OpText, strings.Repeat("x", 5000)))
	c.wantDeflated(true, ws.OpText, strings.Repeat("x", 5000))
	s.on(0, func(l *engine.Loop) {
		if !l.HasDeflation() || l.Deflating() != 1 {
			t.Errorf("deflation %v, %d conns", l.HasDeflation(), l.Deflating())
		}
	})
	s.Trim(patience, func(l *engine.Loop) {
		if l.HasDeflation() || l.Deflating() != 1 {
			t.Errorf("after trimming: deflation %v, %d conns", l.HasDeflation(), l.Deflating())
		}
	})
	c.write(deflated(ws.OpText, strings.Repeat("x", 5000)))
	c.wantDeflated(true, ws.OpText, strings.Repeat("x", 5000))
}
