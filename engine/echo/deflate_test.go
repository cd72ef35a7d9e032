package echo_test

import (
	"bytes"
	"compress/flate"
	"fmt"
	"strings"
	"testing"

	"github.com/gobwas/ws"
)

// deflate compresses with the standard library, as RFC 7692 §7.2.1 has it.
func deflate(payload string, level int) string {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, level)
	if err != nil {
		panic(err)
	}
	_, _ = w.Write([]byte(payload)) // a bytes.Buffer does not fail
	_ = w.Flush()
	return strings.TrimSuffix(b.String(), "\x00\x00\xff\xff")
}

// json returns n bytes that compress well, and do not repeat themselves.
func json(n int) string {
	var b strings.Builder
	for i := 0; b.Len() < n; i++ {
		fmt.Fprintf(&b, `{"id":%d,"name":"n%d","größe":%d},`, i, i*7919%1000, i*i%9973)
	}
	s := b.String()[:n]
	return strings.ToValidUTF8(s, "?")
}

// What clients offer, what is answered, and the longest message that may come back compressed (RFC 7692 §7.1).
var offers = []struct {
	offer, answer string
	most          int // 0: nothing is agreed on
}{
	{"permessage-deflate", agreed, 1 << 30},
	{"permessage-deflate; client_max_window_bits", agreed, 1 << 30},
	{"permessage-deflate; client_no_context_takeover; client_max_window_bits=9", agreed, 1 << 30},
	{"permessage-deflate; server_no_context_takeover; client_max_window_bits=15", agreed, 1 << 30},
	{"permessage-deflate; server_max_window_bits=9; client_max_window_bits", agreed + "; server_max_window_bits=9", 1 << 9},
	{"permessage-deflate; server_max_window_bits=15", agreed + "; server_max_window_bits=15", 1 << 30},
	{"permessage-deflate; server_no_context_takeover; server_max_window_bits=12", agreed + "; server_max_window_bits=12", 1 << 12},
	{"permessage-deflate; server_max_window_bits=8", agreed + "; server_max_window_bits=8", 1 << 8},
	{"permessage-deflate; server_max_window_bits=7, permessage-deflate; server_max_window_bits=10", agreed + "; server_max_window_bits=10", 1 << 10},
	{"permessage-bzip2, permessage-deflate; mystery, permessage-deflate", agreed, 1 << 30},
	{"permessage-deflate; mystery", "", 0},
	{"permessage-deflate; client_max_window_bits; client_max_window_bits", "", 0},
	{"x-webkit-deflate-frame", "", 0},
}

const agreed = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"

// For each offer messages of each size, compressed at several levels or not at all, in one frame or in many, come back as
// they were, compressed when both the size and the window allow it.
func TestCompressionByOfferSizeAndFragment(t *testing.T) {
	sizes := []int{0, 16, 64, 256, 511, 512, 513, 1024, 4096, 8192, 32768, 131072}
	if testing.Short() {
		sizes = []int{0, 256, 512, 1024, 32768}
	}
	for _, o := range offers {
		t.Run(o.offer, func(t *testing.T) {
			t.Parallel()
			c, answer := dial(t, o.offer)
			if answer != o.answer {
				t.Fatalf("answered %q, want %q", answer, o.answer)
			}
			for _, size := range sizes {
				payload := json(size)
				for _, level := range []int{-3, flate.HuffmanOnly, flate.NoCompression, flate.BestSpeed, flate.BestCompression} {
					b0, sent := byte(firstText), payload
					if level != -3 && o.most > 0 {
						b0, sent = b0|rsv1, deflate(payload, level)
					}
					for _, fragment := range []int{len(sent) + 1, 256, 32768} {
						wire := fr(b0|last, "")
						if len(sent) > 0 {
							wire = fragments(b0, []byte(sent), fragment)
						}
						c.write(wire)
						c.patient()
						got, compressed, err := c.read()
						if want := o.most >= size && size >= 512; err != nil || got != text(payload) || compressed != want {
							t.Fatalf("%d bytes, level %d, fragments of %d: got %v, compressed %v, %v; want compressed %v",
								size, level, fragment, got, compressed, err, want)
						}
					}
				}
			}
			c.write(closing(1000, ""))
			c.want(closed(1000))
			c.wantEnd()
		})
	}
}

// The server promises a window by sending nothing that could need a larger one: a distance that is too far would be a
// failure to a client that keeps no more. The longest that still fits is made of bytes that repeat at its very ends.
func TestNothingRefersFurtherBackThanTheWindow(t *testing.T) {
	for bits := 9; bits <= 15; bits++ {
		c, _ := dial(t, fmt.Sprintf("permessage-deflate; server_max_window_bits=%d", bits))
		edge := json(200)
		payload := edge + strings.Repeat(".", 1<<bits-2*len(edge)) + edge
		c.write(fr(finText, payload))
		got, compressed, err := c.read()
		if err != nil || got != text(payload) || !compressed {
			t.Fatalf("%d bits: %v, compressed %v, %v", bits, got, compressed, err)
		}
	}
}

// What RFC 7692 forbids, and what no DEFLATE is.
func TestCompressedMessagesThatAreRefused(t *testing.T) {
	zeros := strings.Repeat("\x00", maxMessage+1)
	for _, tt := range []struct {
		name string
		send []byte
		want []message
		code uint16
	}{
		{"RSV1 on a ping", fr(finPing|rsv1, ""), nil, 1002},
		{"RSV1 on a close", fr(finClose|rsv1, ""), nil, 1002},
		{"RSV1 on a continuation", join(fr(firstText|rsv1, "\x00"), fr(last|rsv1, "")), nil, 1002},
		{"RSV1 on the continuation of a plain one", join(fr(firstText, "a"), fr(last|rsv1, "")), nil, 1002},
		{"RSV2", fr(finText|0x20, ""), nil, 1002},
		{"a ping in between is not compressed", join(fr(firstText|rsv1, "\xf2\x48\xcd"), fr(finPing, "p"), fr(last, "\xc9\xc9\x07\x00")), []message{pong("p"), text("Hello")}, 0},
		{"plain is as good", join(fr(finText, "a"), fr(finText|rsv1, "\xf2\x48\xcd\xc9\xc9\x07\x00")), []message{text("a"), text("Hello")}, 0},
		{"RFC 7692 §7.2.3.2, with the context of the message before", join(fr(finText|rsv1, "\xf2\x48\xcd\xc9\xc9\x07\x00"), fr(finText|rsv1, "\xf2\x00\x11\x00\x00")), []message{text("Hello")}, 1007},
		{"a reserved block type", fr(finBinary|rsv1, "\x07"), nil, 1007},
		{"noise", fr(finBinary|rsv1, "\xff\xff\xff\xff"), nil, 1007},
		{"half a message", fr(finText|rsv1, deflate(json(2000), 6)[:300]), nil, 1007},
		{"text that is none", fr(finText|rsv1, deflate("\xed\xa0\x80", 6)), nil, 1007},
		{"binary may be", fr(finBinary|rsv1, deflate("\xed\xa0\x80", 6)), []message{bin("\xed\xa0\x80")}, 0},
		{"a bomb of one frame", fr(finBinary|rsv1, deflate(zeros, 9)), nil, 1009},
		{"a bomb in fragments", fragments(firstBinary|rsv1, []byte(deflate(zeros, 9)), 1000), nil, 1009},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, _ := dial(t, "permessage-deflate")
			c.write(tt.send)
			c.want(tt.want...)
			if tt.code == 0 {
				tt.code = 1000
				c.write(closing(1000, ""))
			}
			c.want(closed(tt.code))
			c.wantEnd()
		})
	}
}

// Many compressed messages one after the other, each of which stands for itself, while pings come in between.
func TestAThousandCompressedMessages(t *testing.T) {
	c, _ := dial(t, "permessage-deflate; client_max_window_bits")
	payload := json(3000)
	wire := fr(finText|rsv1, deflate(payload, 6))
	written := make(chan struct{})
	go func() {
		defer close(written)
		for i := range 1000 {
			c.write(wire)
			if i%100 == 99 {
				c.write(fr(finPing, "p"))
			}
		}
	}()
	for i := range 1000 {
		c.patient()
		got, compressed, err := c.read()
		if err != nil || got != (message{ws.OpText, payload}) || !compressed {
			t.Fatalf("got %v, compressed %v, %v", got, compressed, err)
		}
		if i%100 == 99 {
			c.want(pong("p"))
		}
	}
	<-written
}
