package echo_test

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/gobwas/ws"
)

// echoed sends wire, which is one message in pieces of a size, and wants payload back while it is still writing: neither side
// may wait for the other.
func (c *client) echoed(wire []byte, piece int, op ws.OpCode, payload []byte) {
	c.t.Helper()
	written := make(chan struct{})
	go func() {
		defer close(written)
		for len(wire) > 0 {
			n := min(piece, len(wire))
			c.write(wire[:n])
			wire = wire[n:]
		}
	}()
	defer func() { <-written }()
	c.patient()
	h, err := ws.ReadHeader(c.r)
	if err != nil || h.OpCode != op || !h.Fin || h.Rsv != 0 || h.Length != int64(len(payload)) {
		c.t.Fatalf("header %+v, %v; want opcode %d, %d bytes", h, err, op, len(payload))
	}
	buf := make([]byte, 64<<10)
	for len(payload) > 0 {
		c.patient()
		n, err := io.ReadFull(c.r, buf[:min(len(buf), len(payload))])
		if err != nil || !bytes.Equal(buf[:n], payload[:n]) {
			c.t.Fatalf("%d bytes before the end: %v", len(payload), err)
		}
		payload = payload[n:]
	}
}

// fragments returns a message cut into frames of n bytes of payload.
func fragments(op byte, payload []byte, n int) []byte {
	var b bytes.Buffer
	b.Grow(len(payload) + len(payload)/n*8 + 16)
	for from := 0; from < len(payload); from += n {
		to := min(from+n, len(payload))
		b0 := byte(more)
		if from == 0 {
			b0 = op
		}
		if to == len(payload) {
			b0 |= last
		}
		b.Write(fr(b0, string(payload[from:to])))
	}
	return b.Bytes()
}

// Large messages, in one frame and in many, in large and in small segments. What they cost is counted, not timed: bytes that
// the process allocates for each one echoed. A buffer that is copied whenever something is added would be far beyond.
func TestLargeMessages(t *testing.T) {
	sizes := []int{64 << 10, 256 << 10, 1 << 20, 4 << 20, maxMessage}
	if testing.Short() {
		sizes = sizes[:3]
	}
	c, _ := dial(t, "")
	for _, size := range sizes {
		payload := []byte(strings.Repeat("größer", size/8))
		for _, tt := range []struct {
			name            string
			fragment, piece int
		}{
			{"one frame", size, 1 << 20}, {"in fragments of 64 KiB", 64 << 10, 1 << 20}, {"of 1 KiB", 1 << 10, 1 << 20},
			{"of 64 B", 64, 1 << 20}, {"one frame in segments of 1448 B", size, 1448},
		} {
			op, b0 := ws.OpText, byte(firstText)
			if tt.piece != 1<<20 {
				op, b0 = ws.OpBinary, firstBinary
			}
			wire := fragments(b0, payload, tt.fragment)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			c.echoed(wire, tt.piece, op, payload)
			runtime.ReadMemStats(&after)
			// A buffer that doubles takes twice what is in it in the end, and is copied once to go out.
			if got, most := after.TotalAlloc-before.TotalAlloc, uint64(4*size+1<<20); got > most {
				t.Errorf("%d bytes, %s: %d bytes allocated, want at most %d", size, tt.name, got, most)
			}
		}
	}
}

// A message a byte a segment, and one a byte a frame.
func TestMessagesByteByByte(t *testing.T) {
	c, _ := dial(t, "")
	size := 20_000
	if testing.Short() {
		size = 2000
	}
	payload := []byte(strings.Repeat("é", size/2))
	c.echoed(fr(finText, string(payload)), 1, ws.OpText, payload)
	c.echoed(fragments(firstBinary, payload, 1), 1<<20, ws.OpBinary, payload)
	c.echoed(fragments(firstText, payload, 3), 5, ws.OpText, payload)
}

// Messages by the thousand, with pings among them, in as few segments as they fit into: in order, none lost.
func TestThousandsOfTinyFrames(t *testing.T) {
	c, _ := dial(t, "")
	const count = 20_000
	var wire bytes.Buffer
	for i := range count {
		wire.Write(fr(finText, fmt.Sprint(i)))
		if i%1000 == 0 {
			wire.Write(fr(finPing, fmt.Sprint(i)))
		}
	}
	written := make(chan struct{})
	go func() {
		defer close(written)
		c.write(wire.Bytes())
	}()
	for i := range count {
		c.want(text(fmt.Sprint(i)))
		if i%1000 == 0 {
			c.want(pong(fmt.Sprint(i)))
		}
	}
	<-written
}
