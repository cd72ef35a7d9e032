package engine_test

import (
	"strings"
	"testing"

	"github.com/gobwas/ws"

	"github.com/gannet-io/gannet/engine"
	"github.com/gannet-io/gannet/frame"
	"github.com/gannet-io/gannet/frame/handshake"
)

func TestMessagesComeBackWhole(t *testing.T) { transports(t, testMessagesComeBackWhole) }

func testMessagesComeBackWhole(t *testing.T) {
	s := serve(t, &handler{})
	c := dial(t, s)
	for _, n := range []int{0, 1, 125, 126, 65535, 65536, 200_000} {
		c.echo(strings.Repeat("é", n/2) + strings.Repeat("x", n%2))
	}
	c.write(masked(ws.OpBinary, true, "\xff\x00"))
	c.want(ws.OpBinary, "\xff\x00")
}

func TestFragmentsAreJoinedWithControlFramesInBetween(t *testing.T) {
	transports(t, testFragmentsAreJoinedWithControlFramesInBetween)
}

func testFragmentsAreJoinedWithControlFramesInBetween(t *testing.T) {
	s := serve(t, &handler{})
	c := dial(t, s)
	c.write(masked(ws.OpText, false, "a\xc3") + masked(ws.OpPing, true, "p1") + masked(ws.OpContinuation, false, "\xa9") +
		masked(ws.OpPong, true, "unasked") + masked(ws.OpPing, true, "") + masked(ws.OpContinuation, true, "b"))
	c.want(ws.OpPong, "p1")
	c.want(ws.OpPong, "")
	c.wantText("aéb")
}

// The whole conversation, handshake included, one byte a segment.
func TestBytesMayComeOneByOne(t *testing.T) { transports(t, testBytesMayComeOneByOne) }

func testBytesMayComeOneByOne(t *testing.T) {
	s := serve(t, &handler{})
	c := raw(t, s)
	for _, b := range []byte(request + masked(ws.OpText, false, "he") + masked(ws.OpPing, true, "x") +
		masked(ws.OpContinuation, true, "llo") + masked(ws.OpText, true, strings.Repeat("y", 200)) + closing(1000, "bye")) {
		c.write(string([]byte{b}))
	}
	c.wantBytes(accepted)
	c.want(ws.OpPong, "x")
	c.wantText("hello")
	c.wantText(strings.Repeat("y", 200))
	c.wantClose(1000, "")
	c.wantEnd()
}

// A client need not await the handshake's answer (RFC 6455 §4.1 lets the server assume
// nothing about segments).
func TestManyFramesComeInOneSegmentWithTheHandshake(t *testing.T) {
	transports(t, testManyFramesComeInOneSegmentWithTheHandshake)
}

func testManyFramesComeInOneSegmentWithTheHandshake(t *testing.T) {
	s := serve(t, &handler{})
	c := raw(t, s)
	var in, out strings.Builder
	for i := range 1000 {
		payload := strings.Repeat("z", i%50)
		in.WriteString(masked(ws.OpText, true, payload))
		out.Write(text(payload).Bytes())
	}
	c.write(request + in.String())
	c.wantBytes(accepted + out.String())
}

func TestOpenMaySendAndCloseBeforeAnyMessage(t *testing.T) {
	transports(t, testOpenMaySendAndCloseBeforeAnyMessage)
}

func testOpenMaySendAndCloseBeforeAnyMessage(t *testing.T) {
	s := serve(t, &handler{open: func(c *engine.Conn) {
		c.Send(text("one"))
		c.Close(4001, "full", text("two"))
		c.Send(text("never"))
	}})
	c := raw(t, s)
	c.write(request)
	c.wantBytes(accepted)
	c.wantText("one")
	c.wantText("two")
	c.wantClose(4001, "full")
	c.write(closing(4001, ""))
	c.wantEnd()
}

func TestUpgradeSelectsTheSubprotocolOrRefuses(t *testing.T) {
	transports(t, testUpgradeSelectsTheSubprotocolOrRefuses)
}

func testUpgradeSelectsTheSubprotocolOrRefuses(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 1 s: a refused conn lingers")
	}
	s := serve(t, &handler{
		upgrade: func(_ *engine.Conn, r *handshake.Request) (string, *handshake.Error) {
			if string(r.Path) == "/no" {
				return "", &handshake.Error{Status: 403, Reason: "forbidden", Message: "no"}
			}
			return "chat", nil
		},
		closed: func(*engine.Conn) { t.Error("Closed after a refused Upgrade") },
	})
	c := raw(t, s)
	c.write(strings.Replace(request, "/chat", "/no", 1))
	c.wantStatus("403")
	c.wantGone()
	s.wantConns(0)
	s.wantMetrics(map[string]string{`gannet_engine_handshakes_total{outcome="forbidden"}`: "1"})
}

// Messages of one conn are handled in order and their payload is gone afterwards, so what
// is kept must be a copy; a Handler that answers other conns reaches them in the same turn.
func TestAConnMaySendToOthersOfItsLoop(t *testing.T) {
	transports(t, testAConnMaySendToOthersOfItsLoop)
}

func testAConnMaySendToOthersOfItsLoop(t *testing.T) {
	var conns []*engine.Conn // all on one loop
	s := serve(t, &handler{
		open: func(c *engine.Conn) { conns = append(conns, c) },
		message: func(_ *engine.Conn, op frame.Opcode, payload []byte) {
			f := prepare(op, payload)
			for _, c := range conns {
				c.Send(f)
			}
		},
	})
	a, b := dial(t, s), dial(t, s)
	for range 100 {
		a.write(masked(ws.OpText, true, "hi"))
		a.wantText("hi")
		b.wantText("hi")
	}
}
