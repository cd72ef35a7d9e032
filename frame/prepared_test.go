package frame_test

import (
	"bytes"
	"testing"
	"unsafe"

	"github.com/gobwas/ws"

	"github.com/gannet-io/gannet/frame"
)

func TestPrepareMakesTheFramesOfTheRFC(t *testing.T) {
	p := frame.Prepare(frame.Text, append(frame.NewBuffer(5), "Hello"...))
	if want := []byte{0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f}; !bytes.Equal(p.Bytes(), want) {
		t.Errorf("got %x, want %x", p.Bytes(), want)
	}
	p = frame.Prepare(frame.Ping, append(frame.NewBuffer(5), "Hello"...))
	if want := []byte{0x89, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f}; !bytes.Equal(p.Bytes(), want) {
		t.Errorf("got %x, want %x", p.Bytes(), want)
	}
}

func TestPrepareAgreesWithGobwasAtEachLengthForm(t *testing.T) {
	for _, n := range []int{0, 1, 125, 126, 127, 65535, 65536, 70000} {
		payload := bytes.Repeat([]byte("p"), n)
		want := ws.MustCompileFrame(ws.NewBinaryFrame(payload))
		p := frame.Prepare(frame.Binary, append(frame.NewBuffer(n), payload...))
		if !bytes.Equal(p.Bytes(), want) || !bytes.Equal(p.Payload(), payload) || p.Len() != len(want) {
			t.Errorf("%d bytes: header %x, want %x", n, p.Bytes()[:p.Len()-n], want[:len(want)-n])
		}
	}
}

func TestPrepareCopiesNothing(t *testing.T) {
	buf := append(frame.NewBuffer(8), "payload!"...)
	p := frame.Prepare(frame.Text, buf)
	if &p.Payload()[0] != &buf[frame.HeaderRoom] {
		t.Error("the payload moved")
	}
	// Neither may an append to the shared bytes write behind them.
	if cap(p.Bytes()) != p.Len() || cap(p.Payload()) != len(p.Payload()) {
		t.Errorf("capacities %d and %d go past the frame", cap(p.Bytes()), cap(p.Payload()))
	}
}

func TestPreparePanicsOnOurOwnMistakes(t *testing.T) {
	for name, call := range map[string]func(){
		"no header room": func() { frame.Prepare(frame.Text, []byte("short")) },
		"long ping":      func() { frame.Prepare(frame.Ping, make([]byte, frame.HeaderRoom+126)) },
		"no buffer":      func() { frame.Prepare(frame.Text, nil) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			call()
		}()
	}
}

func TestConcatKeepsOrderAndCounts(t *testing.T) {
	a := frame.Prepare(frame.Text, append(frame.NewBuffer(1), 'a'))
	b := frame.Prepare(frame.Text, append(frame.NewBuffer(1), 'b'))
	if p := frame.Concat([]*frame.Prepared{a}); p != a || p.Count() != 1 {
		t.Errorf("of one frame: %q, Count %d, want the frame itself", p.Bytes(), p.Count())
	}
	ab := frame.Concat([]*frame.Prepared{a, b})
	abb := frame.Concat([]*frame.Prepared{ab, b})
	for _, test := range []struct {
		p     *frame.Prepared
		want  string
		count int
	}{{ab, "\x81\x01a\x81\x01b", 2}, {abb, "\x81\x01a\x81\x01b\x81\x01b", 3}} {
		if string(test.p.Bytes()) != test.want || test.p.Count() != test.count || test.p.Len() != len(test.want) {
			t.Errorf("%q, Count %d, Len %d, want %q and %d", test.p.Bytes(), test.p.Count(), test.p.Len(), test.want, test.count)
		}
	}
}

func TestPlainIsTheLengthWithoutCompression(t *testing.T) {
	prepare := func(n int) *frame.Prepared {
		return frame.Prepare(frame.Text, append(frame.NewBuffer(n), make([]byte, n)...))
	}
	short, long := prepare(10), prepare(1000)
	twin := frame.PrepareDeflated(frame.Text, append(frame.NewBuffer(20), make([]byte, 20)...), long.Len())
	if b := twin.Bytes(); b[0] != 0xc1 || b[1] != 20 || twin.Len() != 22 {
		t.Errorf("compressed: %x", b[:2])
	}
	for _, tt := range []struct {
		f    *frame.Prepared
		want int
		op   frame.Opcode
	}{
		{short, 12, frame.Text}, {long, 1004, frame.Text}, {twin, 1004, frame.Text}, {frame.PrepareClose(1000, ""), 4, frame.Close},
		{frame.Concat([]*frame.Prepared{short, twin, short}), 12 + 1004 + 12, frame.Continuation},
	} {
		if tt.f.Plain() != tt.want || tt.f.Opcode() != tt.op {
			t.Errorf("%d frames, %d bytes: plain %d, opcode %v; want %d, %v", tt.f.Count(), tt.f.Len(), tt.f.Plain(), tt.f.Opcode(), tt.want, tt.op)
		}
	}
	if long.Twin() != nil || twin.Twin() != twin {
		t.Error("only what is compressed has a twin by itself")
	}
	if long.SetTwin(twin); long.Twin() != twin {
		t.Error("the twin is not kept")
	}
}

// A subscriber's frame is one object of 48 bytes besides its bytes, whatever it may need.
func TestAPreparedIsSmall(t *testing.T) {
	if size := unsafe.Sizeof(frame.Prepared{}); size > 48 {
		t.Errorf("%d bytes", size)
	}
}
