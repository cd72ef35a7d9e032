package plan

import "bytes"

// A Stamp travels in the data of each message.
type Stamp struct {
	At        int64  // when it was due, in nanoseconds of the machine's monotonic clock
	Seq       uint32 // number within its stream
	Publisher uint32 // below 1<<24
	Channel   uint32 // below 1<<24
}

const (
	// Magic begins a stamp. Neither a channel nor an event name of ours contains it.
	Magic = "@lt:"

	// StampBytes is the length of a stamp: the magic, 16 hex digits of time, 8 of the sequence
	// number, 6 of the publisher and 6 of the channel. Nothing in it is escaped in JSON.
	StampBytes = len(Magic) + 16 + 8 + 6 + 6
)

// AppendData appends a stamp and as much filling as makes size bytes.
func AppendData(dst []byte, s Stamp, size int) []byte {
	dst = append(dst, Magic...)
	dst = appendHex(dst, uint64(s.At), 16)
	dst = appendHex(dst, uint64(s.Seq), 8)
	dst = appendHex(dst, uint64(s.Publisher), 6)
	dst = appendHex(dst, uint64(s.Channel), 6)
	for size -= StampBytes; size > 0; size -= len(filling) {
		dst = append(dst, filling[:min(size, len(filling))]...)
	}
	return dst
}

const filling = "the quick brown fox jumps over the lazy dog, and over the next. "

// FindStamp looks for a stamp in a message. hint is where the last one was found, and is where
// this one is tried first: servers write their envelopes alike.
func FindStamp(message []byte, hint int) (s Stamp, at int, ok bool) {
	if hint+StampBytes <= len(message) && string(message[hint:hint+len(Magic)]) == Magic {
		at = hint
	} else {
		at = bytes.Index(message, []byte(Magic))
		if at < 0 || at+StampBytes > len(message) {
			return Stamp{}, hint, false
		}
	}
	b := message[at+len(Magic) : at+StampBytes]
	time, ok1 := parseHex(b[0:16])
	seq, ok2 := parseHex(b[16:24])
	publisher, ok3 := parseHex(b[24:30])
	channel, ok4 := parseHex(b[30:36])
	return Stamp{int64(time), uint32(seq), uint32(publisher), uint32(channel)}, at, ok1 && ok2 && ok3 && ok4
}

func appendHex(dst []byte, v uint64, digits int) []byte {
	for shift := 4 * (digits - 1); shift >= 0; shift -= 4 {
		dst = append(dst, "0123456789abcdef"[v>>shift&15])
	}
	return dst
}

func parseHex(b []byte) (v uint64, ok bool) {
	var bad byte
	for _, c := range b {
		d := nibble[c]
		bad |= d
		v = v<<4 | uint64(d&15)
	}
	return v, bad&0xf0 == 0
}

// nibble maps a hex digit to its value and anything else to 0xff.
var nibble = func() (t [256]byte) {
	for i := range t {
		t[i] = 0xff
	}
	for i, c := range []byte("0123456789abcdef") {
		t[c] = byte(i)
	}
	return t
}()
