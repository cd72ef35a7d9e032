package frame_test

import (
	"bytes"
	"testing"

	"github.com/gannet-io/gannet/frame"
)

func TestUnmaskGivesTheHelloOfTheRFC(t *testing.T) {
	b := []byte{0x7f, 0x9f, 0x4d, 0x51, 0x58}
	frame.Unmask(b, [4]byte{0x37, 0xfa, 0x21, 0x3d}, 0)
	if string(b) != "Hello" {
		t.Errorf("got %q, want Hello", b)
	}
}

// Every length around the word loops and the change to ws.Cipher, at every
// alignment of key and memory, against the formula of RFC 6455 §5.3.
func TestUnmaskFollowsTheFormula(t *testing.T) {
	key := [4]byte{0xa1, 0x02, 0x5c, 0xff}
	var lengths []int
	for n := range 300 {
		lengths = append(lengths, n)
	}
	lengths = append(lengths, 1000, 1023, 4096, 4097)
	for _, n := range lengths {
		for _, offset := range []int{0, 1, 2, 3, 4, 6, 125} {
			room := make([]byte, n+3)
			for i := range room {
				room[i] = byte(i * 7)
			}
			want := bytes.Clone(room)
			start := n % 3
			for i := range n {
				want[start+i] ^= key[(offset+i)%4]
			}
			frame.Unmask(room[start:start+n], key, offset)
			if !bytes.Equal(room, want) {
				t.Fatalf("length %d, offset %d: got %x, want %x", n, offset, room, want)
			}
		}
	}
}
