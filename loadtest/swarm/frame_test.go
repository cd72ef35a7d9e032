package swarm_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/gannet-io/gannet/loadtest/swarm"
)

// long is a payload whose length needs 16 bits, huge one that needs 64.
var long, huge = strings.Repeat("a", 256), strings.Repeat("b", 65536)

var serverFrames = []struct {
	name    string
	bytes   string
	op      byte
	payload string
}{
	// RFC 6455 §5.7.
	{"unmasked text", "\x81\x05Hello", 1, "Hello"},
	{"ping", "\x89\x05Hello", 9, "Hello"},
	{"256 bytes", "\x81\x7e\x01\x00" + long, 1, long},
	{"64 KiB", "\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00" + huge, 1, huge},

	{"empty", "\x81\x00", 1, ""},
	{"close with 1000", "\x88\x02\x03\xe8", 8, "\x03\xe8"},
}

func TestFramesOfAServerAreParsed(t *testing.T) {
	for _, tt := range serverFrames {
		op, payload, n, err := swarm.NextFrame([]byte(tt.bytes + "\x81"))
		if err != nil || op != tt.op || string(payload) != tt.payload || n != len(tt.bytes) {
			t.Errorf("%s: opcode %d, %d bytes of payload, %d in all, %v", tt.name, op, len(payload), n, err)
		}
	}
}

func TestEveryPrefixOfAFrameIsIncomplete(t *testing.T) {
	for _, tt := range serverFrames {
		for end := range min(len(tt.bytes), 300) {
			if _, _, n, err := swarm.NextFrame([]byte(tt.bytes[:end])); n != 0 || err != nil {
				t.Fatalf("%s cut to %d bytes: %d, %v", tt.name, end, n, err)
			}
		}
	}
}

func TestFramesThatAServerMayNotSendAreRefused(t *testing.T) {
	for _, tt := range []struct {
		name, bytes string
		want        error
	}{
		{"masked", "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", swarm.ErrMasked}, // RFC 6455 §5.7
		{"first fragment", "\x01\x03Hel", swarm.ErrFragmented},
		{"last fragment", "\x80\x02lo", swarm.ErrFragmented},
		{"compressed", "\xc1\x01a", swarm.ErrCompressed},
		{"too long", "\x81\x7f\x00\x00\x00\x00\x01\x00\x00\x00", swarm.ErrTooLong},
	} {
		if _, _, n, err := swarm.NextFrame([]byte(tt.bytes)); !errors.Is(err, tt.want) || n != 0 {
			t.Errorf("%s: %d, %v; want %v", tt.name, n, err, tt.want)
		}
	}
}

func TestClientFramesAreMasked(t *testing.T) {
	for _, tt := range []struct {
		payload string
		head    string
	}{
		{"Hello", "\x81\x85"},
		{long, "\x81\xfe\x01\x00"},
		{huge, "\x81\xff\x00\x00\x00\x00\x00\x01\x00\x00"},
	} {
		got := swarm.AppendFrame([]byte("before"), swarm.OpText, []byte(tt.payload))
		rest, ok := bytes.CutPrefix(got, []byte("before"+tt.head))
		if !ok || len(rest) != 4+len(tt.payload) {
			t.Errorf("%d bytes: begins with %x, and has %d bytes more", len(tt.payload), got[:16], len(rest))
			continue
		}
		for i := range tt.payload {
			if rest[4+i]^rest[i%4] != tt.payload[i] {
				t.Errorf("%d bytes: byte %d does not come back", len(tt.payload), i)
				break
			}
		}
	}
}

func FuzzNextFrameStaysWithinItsInput(f *testing.F) {
	for _, tt := range serverFrames[:3] {
		f.Add([]byte(tt.bytes))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		op, payload, n, err := swarm.NextFrame(b)
		if n < 0 || n > len(b) || len(payload) > n || err != nil && n != 0 || op > 15 {
			t.Errorf("%x: opcode %d, %d of %d bytes, %v", b, op, len(payload), n, err)
		}
	})
}
