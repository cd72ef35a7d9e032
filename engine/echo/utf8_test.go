package echo_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

// valid are texts at the ends of what UTF-8 allows (RFC 3629 §3, §4), non-characters included.
var valid = []string{
	"Hello-µ@ßöäüàá-UTF-8!!", "κόσμε", "\x00", "\x7f", "\u0080", "\u07ff", "\u0800", "\ud7ff", "\ue000", "\ufffd", "\ufffe", "\uffff",
	"\U00010000", "\U0001fffe", "\U0001ffff", "\U0010fffe", "\U0010ffff", "\ufdd0", "a\u0000b", "日本語", "😀",
}

// invalid are texts with the number of bytes after which nothing can make them valid.
var invalid = []struct {
	text string
	at   int // bytes up to and with the one that spoils it; 0: only the end does
}{
	{"\x80", 1}, {"\xbf", 1}, {"\x80\xbf", 1}, {"a\x80b", 2}, // continuations of nothing
	{"\xc0\x80", 1}, {"\xc1\xbf", 1}, {"\xe0\x80\xaf", 2}, {"\xe0\x9f\xbf", 2}, {"\xf0\x80\x80\xaf", 2}, {"\xf0\x8f\xbf\xbf", 2}, // longer than needed
	{"\xed\xa0\x80", 2}, {"\xed\xaf\xbf", 2}, {"\xed\xb0\x80", 2}, {"\xed\xbf\xbf", 2}, {"\xed\xa0\x80\xed\xb0\x80", 2}, // surrogates
	{"\xf4\x90\x80\x80", 2}, {"\xf5\x80\x80\x80", 1}, {"\xf7\xbf\xbf\xbf", 1}, {"\xf8\x88\x80\x80\x80", 1}, {"\xfc\x84\x80\x80\x80\x80", 1}, // above U+10FFFF
	{"\xfe", 1}, {"\xff", 1}, {"\xfe\xfe\xff\xff", 1}, // never in UTF-8
	{"\xc2 ", 2}, {"\xe2\x82 ", 3}, {"\xf0\x9f\x98 ", 4}, {"\xe2\x28\xa1", 2}, {"\xc3\xc3", 2}, // cut short by something else
	{"\xc2", 0}, {"\xe2\x82", 0}, {"\xf0\x9f\x98", 0}, {"κόσμ\xce", 0}, // cut short by the end
}

// RFC 6455 §8.1: text is UTF-8 as a whole, however its runes are cut by fragments.
func TestTextIsUTF8(t *testing.T) {
	var talks []talk
	for _, s := range valid {
		if !utf8.ValidString(s) {
			t.Fatalf("%q is not valid", s)
		}
		talks = append(talks,
			talk{fmt.Sprintf("%+q", s), fr(finText, s), []message{text(s)}, 0},
			talk{fmt.Sprintf("%+q in fragments of a byte", s), join(bytewise(s)...), []message{text(s)}, 0},
			talk{fmt.Sprintf("%+q with pings between the bytes", s), spaced(s), append(pongs(len(s)), text(s)), 0})
	}
	for _, s := range invalid {
		if utf8.ValidString(s.text) {
			t.Fatalf("%q is valid", s.text)
		}
		talks = append(talks,
			talk{fmt.Sprintf("%+q", s.text), fr(finText, s.text), nil, 1007},
			talk{fmt.Sprintf("%+q behind valid text", s.text), fr(finText, "κόσμε"+s.text), nil, 1007},
			talk{fmt.Sprintf("%+q in fragments of a byte", s.text), join(bytewise(s.text)...), nil, 1007},
			talk{fmt.Sprintf("%+q as binary", s.text), fr(finBinary, s.text), []message{bin(s.text)}, 0})
	}
	hold(t, talks)
}

// A server that is strict does not wait for the end of what cannot become text any more: neither for the next fragment
// nor for the rest of a frame.
func TestTextIsRefusedAtTheByteThatSpoilsIt(t *testing.T) {
	var talks []talk
	for _, s := range invalid {
		if s.at == 0 {
			continue
		}
		const first = "κόσμε"
		spoiled := s.text[:s.at]
		talks = append(talks,
			talk{fmt.Sprintf("%+q in the middle of a frame", s.text), cut(finText, first+spoiled), nil, 1007},
			talk{fmt.Sprintf("%+q in the middle of a fragment", s.text), join(fr(firstText, first), cut(last, spoiled)), nil, 1007},
			talk{fmt.Sprintf("%+q in a fragment that is not the last", s.text), join(fr(firstText, first), fr(more, spoiled)), nil, 1007},
			talk{fmt.Sprintf("%+q at the end of the first fragment", s.text), fr(firstText, first+spoiled), nil, 1007})
	}
	hold(t, talks)
}

// cut returns the beginning of a frame of which only so much of its payload has come.
func cut(b0 byte, come string) []byte {
	const missing = 100_000
	f := fr(b0, come+strings.Repeat("x", missing))
	return f[:len(f)-missing]
}

// bytewise returns s as a message in fragments of one byte.
func bytewise(s string) (frames [][]byte) {
	for i := range len(s) {
		b0 := byte(more)
		if i == 0 {
			b0 = firstText
		}
		if i == len(s)-1 {
			b0 |= last
		}
		frames = append(frames, fr(b0, s[i:i+1]))
	}
	return frames
}

// mostPings is how many pings a test may send at once and have each of them answered: of a flood it need only be the
// last (RFC 6455 §5.5.3).
const mostPings = 16

// spaced is bytewise with a ping before each fragment but the first, as far as they may go.
func spaced(s string) []byte {
	var b []byte
	for i, f := range bytewise(s) {
		if 0 < i && i <= mostPings {
			b = append(b, fr(finPing, "")...)
		}
		b = append(b, f...)
	}
	return b
}

// pongs are the answers to the pings of spaced.
func pongs(n int) (messages []message) {
	for range min(n-1, mostPings) {
		messages = append(messages, pong(""))
	}
	return messages
}
