package echo_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// RFC 6455 §5.2: each form of the length, and its ends.
func TestMessagesOfEachFormOfLength(t *testing.T) {
	var talks []talk
	for _, n := range []int{0, 1, 125, 126, 127, 128, 65535, 65536, 65537, 200_000} {
		star := strings.Repeat("*", n)
		fe := strings.Repeat("\xfe", n)
		talks = append(talks,
			talk{fmt.Sprintf("text of %d", n), fr(finText, star), []message{text(star)}, 0},
			talk{fmt.Sprintf("binary of %d", n), fr(finBinary, fe), []message{bin(fe)}, 0})
	}
	hold(t, talks)
}

// §5.2: the minimal number of bytes must be used for the length, and its top bit is 0.
func TestLengthsInTheWrongForm(t *testing.T) {
	mask := []byte{0x37, 0xfa, 0x21, 0x3d}
	hold(t, []talk{
		{"125 in two bytes", join([]byte{0x82, 0xfe, 0, 125}, mask, make([]byte, 125)), nil, 1002},
		{"65535 in eight bytes", join([]byte{0x82, 0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, mask), nil, 1002},
		{"the top bit", join([]byte{0x82, 0xff, 0x80, 0, 0, 0, 0, 1, 0, 0}, mask), nil, 1002},
		{"more than there may be", join([]byte{0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, mask), nil, 1009},
		{"a byte over the limit", join([]byte{0x82, 0xff, 0, 0, 0, 0, 1, 0, 0, 1}, mask), nil, 1009},
	})
}

// §5.1: a server must not take what is not masked.
func TestUnmaskedFrames(t *testing.T) {
	hold(t, []talk{
		{"text", []byte("\x81\x05Hello"), nil, 1002},
		{"an empty one", []byte("\x82\x00"), nil, 1002},
		{"a ping", []byte("\x89\x00"), nil, 1002},
		{"a close", []byte("\x88\x02\x03\xe8"), nil, 1002},
		{"behind a masked one", join(fr(finText, "a"), []byte("\x81\x01b")), []message{text("a")}, 1002},
	})
}

// §5.2: reserved bits must be 0 where no extension gives them a meaning. What came before is answered first.
func TestReservedBits(t *testing.T) {
	var talks []talk
	for rsv := byte(1); rsv <= 7; rsv++ {
		for name, b0 := range map[string]byte{"text": finText, "binary": finBinary, "ping": finPing, "pong": finPong, "close": finClose, "first fragment": firstText} {
			talks = append(talks, talk{fmt.Sprintf("RSV %d on a %s", rsv, name),
				join(fr(finText, "before"), fr(b0|rsv<<4, ""), fr(finPing, "after")), []message{text("before")}, 1002})
		}
		talks = append(talks, talk{fmt.Sprintf("RSV %d on a continuation", rsv),
			join(fr(firstText, "a"), fr(finPing, "p"), fr(last|rsv<<4, "b")), []message{pong("p")}, 1002})
	}
	hold(t, talks)
}

// §5.2: reserved opcodes, data and control, with and without payload, and between fragments.
func TestReservedOpcodes(t *testing.T) {
	var talks []talk
	for _, op := range []byte{3, 4, 5, 6, 7, 0xb, 0xc, 0xd, 0xe, 0xf} {
		talks = append(talks,
			talk{fmt.Sprintf("%#x, empty", op), fr(0x80|op, ""), nil, 1002},
			talk{fmt.Sprintf("%#x with payload", op), join(fr(finText, "a"), fr(0x80|op, "reserved"), fr(finPing, "")), []message{text("a")}, 1002},
			talk{fmt.Sprintf("%#x not final", op), fr(op, "x"), nil, 1002},
			talk{fmt.Sprintf("%#x between fragments", op), join(fr(firstText, "a"), fr(0x80|op, ""), fr(last, "b")), nil, 1002})
	}
	hold(t, talks)
}

// §5.5.2, §5.5.3: a ping is answered by a pong with its payload, in turn with messages; a pong is not answered.
func TestPingsAndPongs(t *testing.T) {
	long := strings.Repeat("\xfe", 125)
	var ten []byte
	var tenPongs []message
	for i := range 10 {
		ten = append(ten, fr(finPing, fmt.Sprint("payload ", i))...)
		tenPongs = append(tenPongs, pong(fmt.Sprint("payload ", i)))
	}
	hold(t, []talk{
		{"without payload", fr(finPing, ""), []message{pong("")}, 0},
		{"with text", fr(finPing, "Hello, world!"), []message{pong("Hello, world!")}, 0},
		{"with bytes that are no text", fr(finPing, "\x00\xff\xfe\xfd\xfc\xfb\x00\xff"), []message{pong("\x00\xff\xfe\xfd\xfc\xfb\x00\xff")}, 0},
		{"of 125 bytes", fr(finPing, long), []message{pong(long)}, 0},
		{"of 126 bytes", fr(finPing, long+"x"), nil, 1002},
		{"of 70000 bytes", fr(finPing, strings.Repeat("x", 70000)), nil, 1002},
		{"not final", fr(0x09, "x"), nil, 1002},
		{"ten", ten, tenPongs, 0},
		{"a pong nobody asked for", fr(finPong, ""), nil, 0},
		{"a pong with payload", join(fr(finPong, "unsolicited"), fr(finPing, "p")), []message{pong("p")}, 0},
		{"a pong of 126 bytes", fr(finPong, long+"x"), nil, 1002},
		{"a pong that is not final", fr(0x0a, "x"), nil, 1002},
		{"between messages", join(fr(finText, "a"), fr(finPing, "p"), fr(finBinary, "b")), []message{text("a"), pong("p"), bin("b")}, 0},
	})
}

// §5.4: fragments make one message, control frames may come in between, and nothing else.
func TestFragments(t *testing.T) {
	abc := join(fr(firstText, "a"), fr(more, "b"), fr(last, "c"))
	hold(t, []talk{
		{"two", join(fr(firstText, "fragment1"), fr(last, "fragment2")), []message{text("fragment1fragment2")}, 0},
		{"binary", join(fr(firstBinary, "\xff"), fr(more, ""), fr(last, "\xfe")), []message{bin("\xff\xfe")}, 0},
		{"empty ones", join(fr(firstText, ""), fr(more, ""), fr(last, "")), []message{text("")}, 0},
		{"one that is not empty", join(fr(firstText, ""), fr(more, "middle"), fr(last, "")), []message{text("middle")}, 0},
		{"a thousand", join(fr(firstText, "x"), bytes.Repeat(fr(more, "x"), 998), fr(last, "x")), []message{text(strings.Repeat("x", 1000))}, 0},
		{"with a ping in between", join(fr(firstText, "a"), fr(finPing, "p"), fr(last, "b")), []message{pong("p"), text("ab")}, 0},
		{"with pings everywhere", join(fr(firstText, "a"), fr(finPing, "1"), fr(more, "b"), fr(finPing, "2"), fr(finPong, "3"), fr(last, "c")),
			[]message{pong("1"), pong("2"), text("abc")}, 0},
		{"twice", join(abc, abc), []message{text("abc"), text("abc")}, 0},
		{"a ping in fragments", join(fr(0x09, "p"), fr(last, "ing")), nil, 1002},
		{"a pong in fragments", join(fr(0x0a, "p"), fr(last, "ong")), nil, 1002},
		{"a close in fragments", join(fr(0x08, "\x03"), fr(last, "\xe8")), nil, 1002},
		{"a continuation of nothing", fr(last, "x"), nil, 1002},
		{"a continuation of nothing, not final", join(fr(more, "x"), fr(finText, "y")), nil, 1002},
		{"a continuation of what was complete", join(abc, fr(last, "d")), []message{text("abc")}, 1002},
		{"a message within a message", join(fr(firstText, "a"), fr(finText, "b")), nil, 1002},
		{"a binary within a text", join(fr(firstText, "a"), fr(finBinary, "b")), nil, 1002},
		{"a second first fragment", join(fr(firstText, "a"), fr(firstText, "b"), fr(last, "c")), nil, 1002},
		{"a message within, behind a ping", join(fr(firstText, "a"), fr(finPing, "p"), fr(firstBinary, "b")), []message{pong("p")}, 1002},
	})
}
