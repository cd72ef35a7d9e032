package frame_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/gannet-io/gannet/frame"
)

var noLimits = &frame.Limits{}

// masked builds a client frame by hand: b0, the masked length, a key, the payload
// under the key.
func masked(b0 byte, payload string) []byte {
	key := [4]byte{0x37, 0xfa, 0x21, 0x3d}
	n := len(payload)
	var f []byte
	switch {
	case n <= 125:
		f = []byte{b0, 0x80 | byte(n)}
	case n <= 0xffff:
		f = []byte{b0, 0xfe, byte(n >> 8), byte(n)}
	default:
		f = []byte{b0, 0xff, 0, 0, 0, 0, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}
	}
	f = append(f, key[:]...)
	for i := range n {
		f = append(f, payload[i]^key[i%4])
	}
	return f
}

func join(frames ...[]byte) []byte { return bytes.Join(frames, nil) }

// message is a frame.Message that outlives the buffer it was borrowed from.
type message struct {
	op      frame.Opcode
	payload string
}

func (m message) String() string { return fmt.Sprintf("%v %.100q", m.op, m.payload) }

// read shows wire to a fresh Reader piece by piece, as a connection would: what
// is not consumed is shown again with the next piece behind it.
func read(t testing.TB, wire []byte, piece int, lim *frame.Limits) (got []message, err error) {
	t.Helper()
	var r frame.Reader
	var unread []byte
	for wire = bytes.Clone(wire); len(wire) > 0; {
		n := min(piece, len(wire))
		unread, wire = append(unread, wire[:n]...), wire[n:]
		for {
			before := bytes.Clone(unread)
			m, n, err := r.Next(unread, lim)
			if err != nil {
				if n != 0 || m.Opcode != frame.Continuation || m.Payload != nil {
					t.Fatalf("%x: error %v comes with %d bytes and %v", before, err, n, m)
				}
				return got, err
			}
			if n == 0 {
				if !bytes.Equal(unread, before) {
					t.Fatalf("an incomplete frame changed from %x to %x", before, unread)
				}
				if need := r.Need(unread); need <= len(unread) {
					t.Fatalf("%x is incomplete, yet %d bytes are enough", unread, need)
				}
				break
			}
			if m.Opcode != frame.Continuation {
				got = append(got, message{m.Opcode, string(m.Payload)})
			}
			unread = unread[n:]
		}
	}
	return got, nil
}

func TestReaderReadsMessages(t *testing.T) {
	long, longer := strings.Repeat("0123456789", 40), strings.Repeat("abcdefghij", 7000)
	tests := []struct {
		name string
		wire []byte
		want []message
	}{
		{"the masked Hello of RFC 6455 §5.7", []byte{0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58},
			[]message{{frame.Text, "Hello"}}},
		{"the masked pong of RFC 6455 §5.7", []byte{0x8a, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58},
			[]message{{frame.Pong, "Hello"}}},
		{"fragments", join(masked(0x01, "Hel"), masked(0x80, "lo")), []message{{frame.Text, "Hello"}}},
		{"empty messages", join(masked(0x81, ""), masked(0x82, ""), masked(0x89, ""), masked(0x88, "")),
			[]message{{frame.Text, ""}, {frame.Binary, ""}, {frame.Ping, ""}, {frame.Close, ""}}},
		{"16-bit length", masked(0x81, long), []message{{frame.Text, long}}},
		{"64-bit length", masked(0x82, longer), []message{{frame.Binary, longer}}},
		{"two messages", join(masked(0x81, "one"), masked(0x81, "two")), []message{{frame.Text, "one"}, {frame.Text, "two"}}},
		{"control frames between fragments",
			join(masked(0x02, "a"), masked(0x89, "p"), masked(0x00, "b"), masked(0x8a, "q"), masked(0x80, "c"), masked(0x81, "d")),
			[]message{{frame.Ping, "p"}, {frame.Pong, "q"}, {frame.Binary, "abc"}, {frame.Text, "d"}}},
		{"a close between fragments", join(masked(0x01, "a"), masked(0x88, "\x03\xe8")), []message{{frame.Close, "\x03\xe8"}}},
		{"empty fragments", join(masked(0x01, ""), masked(0x00, ""), masked(0x80, "")), []message{{frame.Text, ""}}},
		{"runes cut by fragments", join(masked(0x01, "\xf0"), masked(0x00, "\x9f"), masked(0x00, "\x98"), masked(0x00, "\x80€\xe2"), masked(0x80, "\x82\xac!")),
			[]message{{frame.Text, "😀€€!"}}},
		{"bytes that are not text", join(masked(0x82, "\xff\xfe"), masked(0x02, "\xff"), masked(0x80, "\xc0")),
			[]message{{frame.Binary, "\xff\xfe"}, {frame.Binary, "\xff\xc0"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, piece := range []int{len(tt.wire), 1, 2, 3, 7, 1000} {
				if len(tt.wire) > 10000 && piece < 1000 {
					continue // showing the same 70 KB again for each byte proves nothing new
				}
				got, err := read(t, tt.wire, piece, noLimits)
				if err != nil || !slices.Equal(got, tt.want) {
					t.Errorf("%d bytes a read: got %v, %v; want %v", piece, got, err, tt.want)
				}
			}
		})
	}
}

func TestReaderRefuses(t *testing.T) {
	lim := &frame.Limits{MessageBytes: 10, Fragments: 3}
	tests := []struct {
		name   string
		wire   []byte
		read   []message // before the refusal
		code   frame.CloseCode
		reason string
	}{
		{"an unmasked client frame", []byte{0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f}, nil, 1002, "unmasked_frame"},
		{"an unmasked ping", []byte{0x89, 0x00}, nil, 1002, "unmasked_frame"},
		{"RSV1", masked(0xc1, "x"), nil, 1002, "reserved_bits"},
		{"RSV2", masked(0xa1, "x"), nil, 1002, "reserved_bits"},
		{"RSV3 on a ping", masked(0x99, "x"), nil, 1002, "reserved_bits"},
		{"a reserved opcode", masked(0x83, "x"), nil, 1002, "reserved_opcode"},
		{"a fragmented ping", masked(0x09, "x"), nil, 1002, "fragmented_control"},
		{"a long ping", masked(0x89, strings.Repeat("x", 126)), nil, 1002, "control_too_long"},
		{"a length with the top bit", []byte{0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 1, 1, 2, 3, 4}, nil, 1002, "length_top_bit"},
		{"a continuation of nothing", masked(0x80, "x"), nil, 1002, "unexpected_continuation"},
		{"a continuation that goes on", masked(0x00, "x"), nil, 1002, "unexpected_continuation"},
		{"a continuation of what was complete", join(masked(0x01, "a"), masked(0x80, "b"), masked(0x80, "c")),
			[]message{{frame.Text, "ab"}}, 1002, "unexpected_continuation"},
		{"a message within a message", join(masked(0x01, "a"), masked(0x81, "b")), nil, 1002, "expected_continuation"},
		{"a second first fragment", join(masked(0x01, "a"), masked(0x89, ""), masked(0x02, "b")),
			[]message{{frame.Ping, ""}}, 1002, "expected_continuation"},

		{"a big message", masked(0x81, "0123456789a"), nil, 1009, "message_too_big"},
		{"a big message of fragments", join(masked(0x01, "01234"), masked(0x80, "567890")), nil, 1009, "message_too_big"},
		{"the largest length", []byte{0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4}, nil, 1009, "message_too_big"},
		{"many fragments", join(masked(0x01, ""), masked(0x00, ""), masked(0x00, ""), masked(0x80, "")), nil, 1008, "too_many_fragments"},

		{"text that is not UTF-8", masked(0x81, "a\xffb"), nil, 1007, "invalid_utf8"},
		{"text with a surrogate", masked(0x81, "\xed\xa0\x80"), nil, 1007, "invalid_utf8"},
		{"text above U+10FFFF", masked(0x81, "\xf4\x90\x80\x80"), nil, 1007, "invalid_utf8"},
		{"text in a long form", masked(0x81, "\xc0\x80"), nil, 1007, "invalid_utf8"},
		{"text that ends in a rune", masked(0x81, "a\xe2\x82"), nil, 1007, "invalid_utf8"},
		{"fragments that end in a rune", join(masked(0x01, "a\xe2"), masked(0x80, "\x82")), nil, 1007, "invalid_utf8"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, piece := range []int{len(tt.wire), 1, 3} {
				got, err := read(t, tt.wire, piece, lim)
				wantError(t, fmt.Sprintf("%d bytes a read", piece), err, tt.code, tt.reason)
				if !slices.Equal(got, tt.read) {
					t.Errorf("%d bytes a read: got %v before the error, want %v", piece, got, tt.read)
				}
			}
		})
	}
}

// Autobahn 6.4.1: the message is spoiled by its second fragment; waiting for the
// third would be late.
func TestReaderRefusesTextAtTheFragmentThatSpoilsIt(t *testing.T) {
	for _, second := range []string{"\xf4\x90\x80\x80", "\xf4\x90", "\xed\xa0", "\x80", "\xc1", "\xff", "ok\xe2\x28"} {
		got, err := read(t, join(masked(0x01, "\xce\xba\xe1\xbd\xb9"), masked(0x00, second)), 1, noLimits)
		if len(got) != 0 {
			t.Errorf("%q: got %v", second, got)
		}
		wantError(t, fmt.Sprintf("%q", second), err, 1007, "invalid_utf8")
	}
}

func TestReaderRefusesByTheHeaderAlone(t *testing.T) {
	var r frame.Reader
	lim := &frame.Limits{MessageBytes: 1000, Fragments: 1}
	_, _, err := r.Next([]byte{0x82, 0xfe, 0x03, 0xe9, 1, 2, 3, 4}, lim)
	wantError(t, "1001 bytes announced", err, 1009, "message_too_big")
	r = frame.Reader{}
	_, _, err = r.Next([]byte{0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4}, noLimits)
	wantError(t, "2^63-1 bytes announced, no limit", err, 1009, "message_too_big")
	if _, n, err := r.Next(masked(0x01, "a"), lim); n != 7 || err != nil {
		t.Fatalf("first fragment: %d, %v", n, err)
	}
	_, _, err = r.Next([]byte{0x80, 0x81, 1, 2, 3, 4}, lim)
	wantError(t, "second of one fragment announced", err, 1008, "too_many_fragments")
}

func TestReaderTakesWhatTheLimitsAllow(t *testing.T) {
	lim := &frame.Limits{MessageBytes: 10, Fragments: 3}
	wire := join(masked(0x81, "0123456789"), masked(0x01, "01234"), masked(0x89, strings.Repeat("p", 125)), masked(0x00, ""), masked(0x80, "56789"))
	got, err := read(t, wire, 1, lim)
	want := []message{{frame.Text, "0123456789"}, {frame.Ping, strings.Repeat("p", 125)}, {frame.Text, "0123456789"}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
}

func TestNeedIsTheHeaderAndThenTheControlFrame(t *testing.T) {
	long := masked(0x81, strings.Repeat("x", 300))
	huge := masked(0x82, strings.Repeat("x", 70000))
	for _, tt := range []struct {
		b    []byte
		want int
	}{
		{nil, 2}, {long[:1], 2}, {long[:2], 8}, {long[:7], 8}, {huge[:2], 14}, {huge[:13], 14}, {masked(0x81, "Hello")[:2], 6},
		{masked(0x89, "Hello")[:2], 6}, {masked(0x89, "Hello")[:6], 11}, {masked(0x89, "Hello")[:10], 11},
	} {
		var r frame.Reader
		if _, n, err := r.Next(tt.b, noLimits); n != 0 || err != nil {
			t.Fatalf("Next(%x) = %d, %v", tt.b, n, err)
		}
		if got := r.Need(tt.b); got != tt.want {
			t.Errorf("Need(%x) = %d, want %d", tt.b, got, tt.want)
		}
	}
}

// What comes of a data frame is taken at once, whatever is missing.
func TestReaderTakesWhatThereIsOfADataFrame(t *testing.T) {
	wire := masked(0x82, strings.Repeat("x", 300))
	var r frame.Reader
	for i, piece := range [][]byte{wire[:8], wire[8:9], wire[9:307], wire[307:]} {
		m, n, err := r.Next(bytes.Clone(piece), noLimits)
		if n != len(piece) || err != nil {
			t.Fatalf("piece %d of %d bytes: took %d, %v", i, len(piece), n, err)
		}
		if last := i == 3; last != (m.Opcode == frame.Binary) || last && string(m.Payload) != strings.Repeat("x", 300) || r.Open() == last {
			t.Errorf("piece %d: %v %q, open %v", i, m.Opcode, m.Payload, r.Open())
		}
	}
	// The next frame may begin where it ends.
	m, n, _ := r.Next(join(wire[:20], nil), noLimits)
	if n != 20 || m.Opcode != frame.Continuation {
		t.Fatalf("took %d, %v", n, m)
	}
	if m, n, _ = r.Next(join(masked(0x82, strings.Repeat("x", 300))[20:], masked(0x89, "")), noLimits); n != 288 || m.Opcode != frame.Binary {
		t.Errorf("took %d, %v; want 288 and the message", n, m.Opcode)
	}
}

// Autobahn 6.4.3 and 6.4.4: one frame in pieces, spoiled by the second.
func TestReaderRefusesTextAtTheByteThatSpoilsIt(t *testing.T) {
	const good, bad, rest = "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5", "\xf4\x90\x80\x80", "edited"
	for _, first := range []byte{0x81, 0x01} {
		wire := masked(first, good+bad+rest)
		payload := wire[len(wire)-len(good+bad+rest):]
		header := wire[:len(wire)-len(payload)]
		var r frame.Reader
		if _, n, err := r.Next(header, noLimits); n != len(header) || err != nil {
			t.Fatalf("the header: %d, %v", n, err)
		}
		// F4 may begin a rune, and F4 90 may not (RFC 3629 §4).
		for i := range len(good) + 1 {
			if _, n, err := r.Next(payload[i:i+1], noLimits); n != 1 || err != nil {
				t.Fatalf("byte %d of the payload: %d, %v", i, n, err)
			}
		}
		_, _, err := r.Next(payload[len(good)+1:len(good)+2], noLimits)
		wantError(t, "the second byte of the bad rune", err, 1007, "invalid_utf8")
	}
}

func TestReaderMarksWhatIsDeflated(t *testing.T) {
	lim := &frame.Limits{Deflate: true}
	for _, piece := range []int{1, 3, 1000} {
		var r frame.Reader
		unread := join(masked(0xc1, "\xff\xfe"), masked(0x42, "\xff"), masked(0x89, "p"), masked(0x80, "\xfe"), masked(0x81, "plain"),
			masked(0x01, "pl"), masked(0x80, "ain"), masked(0xc2, ""))
		var got []string
		for from, to := 0, 0; to < len(unread); {
			to = min(to+piece, len(unread))
			for from < to {
				m, n, err := r.Next(unread[from:to], lim)
				if err != nil {
					t.Fatal(err)
				}
				if n == 0 {
					break
				}
				if from += n; m.Opcode != frame.Continuation {
					got = append(got, fmt.Sprintf("%v %v %q", m.Opcode, m.Deflated, m.Payload))
				}
			}
		}
		want := []string{`text true "\xff\xfe"`, `ping false "p"`, `binary true "\xff\xfe"`, `text false "plain"`, `text false "plain"`, `binary true ""`}
		if !slices.Equal(got, want) {
			t.Errorf("%d bytes a read: got %q, want %q", piece, got, want)
		}
	}
}

func TestReaderRefusesReservedBitsThatMeanNothing(t *testing.T) {
	for name, wire := range map[string][]byte{
		"RSV1 on a ping":                 masked(0xc9, ""),
		"RSV1 on a close":                masked(0xc8, ""),
		"RSV2":                           masked(0xa1, "x"),
		"RSV1 and RSV3":                  masked(0xd1, "x"),
		"RSV1 on a continuation":         join(masked(0x41, "x"), masked(0xc0, "y")),
		"RSV1 on a plain one's fragment": join(masked(0x01, "x"), masked(0xc0, "y")),
	} {
		_, err := read(t, wire, len(wire), &frame.Limits{Deflate: true})
		wantError(t, name, err, 1002, "reserved_bits")
	}
}

// RFC 1951 §3.2.4: five bytes in front of each block of at most 65535.
func TestDeflatedMayBeALittleLongerThanTheLimit(t *testing.T) {
	lim := &frame.Limits{MessageBytes: 64 << 10, Deflate: true}
	size := 64<<10 + 2*5
	for first, ok := range map[byte]bool{0xc2: true, 0x82: false} {
		_, err := read(t, masked(first, string(make([]byte, size))), 1000, lim)
		if ok && err != nil {
			t.Errorf("%x: %v", first, err)
		} else if !ok {
			wantError(t, "a plain message", err, 1009, "message_too_big")
		}
	}
	_, err := read(t, masked(0xc2, string(make([]byte, 70000))), 1000, lim)
	wantError(t, "much longer", err, 1009, "message_too_big")
}

// However it comes, a message is copied into a buffer that doubles: nothing grows with the square
// of its length or of the number of its pieces.
func TestReaderGrowsABufferByDoubling(t *testing.T) {
	const size = 1 << 20
	whole := masked(0x81, strings.Repeat("x", size))
	tiny := join(masked(0x01, "x"), bytes.Repeat(masked(0x00, "x"), size/16), masked(0x80, "x"))
	for name, tt := range map[string]struct {
		wire  []byte
		piece int
	}{"one frame byte by byte": {whole, 1}, "one frame in segments": {whole, 1448}, "a byte a frame": {tiny, 1448}} {
		allocs := testing.AllocsPerRun(1, func() {
			var r frame.Reader
			wire := bytes.Clone(tt.wire)
			for from, to := 0, 0; to < len(wire); {
				to = min(to+tt.piece, len(wire))
				for from < to {
					m, n, err := r.Next(wire[from:to], noLimits)
					if err != nil {
						t.Fatal(err)
					}
					if n == 0 {
						break
					}
					if from += n; m.Opcode == frame.Text && cap(m.Payload) > max(2*len(m.Payload), 64) {
						t.Errorf("%s: %d bytes for %d", name, cap(m.Payload), len(m.Payload))
					}
				}
			}
		})
		// The clone, the state, and 64 B doubled to 1 MiB: 17, and what the runtime does meanwhile, which is more the longer
		// it takes. Growing by 4 KiB would be 256.
		if allocs > 40 {
			t.Errorf("%s: %v allocations", name, allocs)
		}
	}
}

func TestReaderIsOpenWithinAFragmentedMessage(t *testing.T) {
	var r frame.Reader
	for _, step := range []struct {
		wire []byte
		open bool
	}{
		{masked(0x81, "whole"), false}, {masked(0x01, "a"), true}, {masked(0x89, ""), true},
		{masked(0x00, "b"), true}, {masked(0x80, "c"), false}, {masked(0x8a, ""), false},
	} {
		if _, n, err := r.Next(step.wire, noLimits); n != len(step.wire) || err != nil {
			t.Fatalf("Next(%x) = %d, %v", step.wire, n, err)
		}
		if r.Open() != step.open {
			t.Errorf("after %x: open is %v", step.wire, r.Open())
		}
	}
}

func TestReaderLeavesAFragmentedMessageToTheCaller(t *testing.T) {
	var r frame.Reader
	b := masked(0x01, "mine ")
	r.Next(b, noLimits)
	clear(b)
	b = masked(0x80, "still")
	m, _, err := r.Next(b, noLimits)
	clear(b)
	r.Next(masked(0x01, "other"), noLimits)
	if string(m.Payload) != "mine still" || err != nil {
		t.Errorf("got %q, %v", m.Payload, err)
	}
}

func TestReaderCutsTheCapacityOfWhatItLends(t *testing.T) {
	var r frame.Reader
	m, _, _ := r.Next(join(masked(0x81, "a"), masked(0x81, "b")), noLimits)
	if cap(m.Payload) != 1 {
		t.Errorf("an append to the payload would write over the next frame: cap %d", cap(m.Payload))
	}
}

func TestIdleReaderIsOneWord(t *testing.T) {
	if size := unsafe.Sizeof(frame.Reader{}); size > 8 {
		t.Errorf("a Reader takes %d bytes", size)
	}
}
