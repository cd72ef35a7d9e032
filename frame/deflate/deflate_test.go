package deflate_test

import (
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/gannet-io/gannet/frame"
	"github.com/gannet-io/gannet/frame/deflate"
)

// ticks returns n bytes of the kind that is sent to many: rows of prices as JSON in JSON.
func ticks(n int) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	b := []byte(`{"event":"tick","channel":"ticker","data":"[`)
	for len(b) < n {
		b = fmt.Appendf(b, `{\"symbol\":\"%c%c%cUSD\",\"price\":%.2f,\"volume\":%d,\"side\":\"%s\"},`,
			'A'+r.IntN(26), 'A'+r.IntN(26), 'A'+r.IntN(26), r.Float64()*50000, r.IntN(100000), []string{"buy", "sell"}[r.IntN(2)])
	}
	return b[:n]
}

func noise(n int) []byte {
	r := rand.New(rand.NewPCG(3, 4))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// inflate is the standard library's.
func inflate(payload []byte) ([]byte, error) {
	r := flate.NewReader(io.MultiReader(bytes.NewReader(payload), strings.NewReader("\x00\x00\xff\xff\x01\x00\x00\xff\xff")))
	return io.ReadAll(r)
}

// compress is the standard library's, ended as RFC 7692 §7.2.1 has it.
func compress(payload []byte, level int) []byte {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, level)
	if err != nil {
		panic(err)
	}
	w.Write(payload)
	w.Flush()
	return b.Bytes()[:b.Len()-4]
}

func wantError(t *testing.T, what string, err error, code frame.CloseCode, reason string) {
	t.Helper()
	var e *frame.Error
	if !errors.As(err, &e) || e.Code != code || e.Reason != reason {
		t.Errorf("%s: %v, want %d %s", what, err, code, reason)
	}
}

// The examples of RFC 7692 §7.2.3.
func TestInflatingTheExamplesOfTheRFC(t *testing.T) {
	var f deflate.Inflater
	for name, payload := range map[string]string{
		"§7.2.3.1, a fixed block":      "\xf2\x48\xcd\xc9\xc9\x07\x00",
		"§7.2.3.3, a stored block":     "\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00",
		"§7.2.3.4, a final block":      "\xf3\x48\xcd\xc9\xc9\x07\x00\x00",
		"§7.2.3.5, two blocks":         "\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00",
		"a final block and no more":    "\xf3\x48\xcd\xc9\xc9\x07\x00",
		"§7.2.1, one after a final":    "\xf3\x48\x05\x00\xca\xc9\xc9\x07\x00",
		"two finals":                   "\xf3\x48\x05\x00\xcb\xc9\xc9\x07\x00\x00",
		"reaching behind a final":      "\xf3\x48\xcd\x01\x00" + "\xcb\xc9\x07\x00\x00",
		"§7.2.3.6, and an empty block": "\x00\x00\x00\xff\xff\xf2\x48\xcd\xc9\xc9\x07\x00",
	} {
		m, err := f.Inflate(frame.Message{Opcode: frame.Text, Deflated: true, Payload: []byte(payload)}, 5)
		if err != nil || string(m.Payload) != "Hello" || m.Opcode != frame.Text || m.Deflated {
			t.Errorf("%s: %v %q, %v", name, m.Opcode, m.Payload, err)
		}
	}
	m, err := f.Inflate(frame.Message{Opcode: frame.Binary, Deflated: true, Payload: []byte{0}}, 5)
	if err != nil || len(m.Payload) != 0 || m.Opcode != frame.Binary {
		t.Errorf("§7.2.3.6, nothing: %v %q, %v", m.Opcode, m.Payload, err)
	}
	// §7.2.3.2 refers to the message before, as nobody may who has agreed not to.
	_, err = f.Inflate(frame.Message{Opcode: frame.Text, Deflated: true, Payload: []byte("\xf2\x00\x11\x00\x00")}, 5)
	wantError(t, "§7.2.3.2, another context", err, 1007, "corrupt_deflate")
}

func TestInflateRefuses(t *testing.T) {
	bomb := compress(make([]byte, 1<<20), 9)
	for _, tt := range []struct {
		name    string
		op      frame.Opcode
		payload []byte
		code    frame.CloseCode
		reason  string
	}{
		{"a bomb", frame.Binary, bomb, 1009, "inflated_too_big"},
		{"one byte more than the limit", frame.Text, compress(bytes.Repeat([]byte("x"), 1001), 6), 1009, "inflated_too_big"},
		{"a reserved block", frame.Binary, []byte{0x07}, 1007, "corrupt_deflate"},
		{"nothing at all, not even the empty block", frame.Binary, nil, 1007, "corrupt_deflate"},
		{"a block that is cut off", frame.Binary, compress(ticks(900), 6)[:200], 1007, "corrupt_deflate"},
		{"a stored block with the wrong complement", frame.Binary, []byte("\x00\x05\x00\xfa\xfeHello\x00"), 1007, "corrupt_deflate"},
		{"final blocks without end", frame.Binary, bytes.Repeat([]byte{0x03, 0x00}, 1000), 1007, "corrupt_deflate"},
		{"text that is not UTF-8", frame.Text, compress([]byte("a\xffb"), 6), 1007, "invalid_utf8"},
		{"text that ends in a rune", frame.Text, compress([]byte("a\xe2\x82"), 6), 1007, "invalid_utf8"},
		{"bytes that are not UTF-8", frame.Binary, compress([]byte("a\xffb"), 6), 0, ""},
		{"the limit", frame.Text, compress(bytes.Repeat([]byte("x"), 1000), 6), 0, ""},
		{"the limit, stored", frame.Binary, compress(noise(1000), 0), 0, ""},
	} {
		var f deflate.Inflater
		_, err := f.Inflate(frame.Message{Opcode: tt.op, Deflated: true, Payload: tt.payload}, 1000)
		if tt.code == 0 {
			if err != nil {
				t.Errorf("%s: %v", tt.name, err)
			}
			continue
		}
		wantError(t, tt.name, err, tt.code, tt.reason)
	}
}

// 1 MB of zeroes comes as 1 KB. What it costs is the limit, once, and not what it would become.
func TestABombCostsNoMoreThanTheLimit(t *testing.T) {
	bomb := compress(make([]byte, 1<<20), 9)
	var f deflate.Inflater
	explode := func() {
		_, err := f.Inflate(frame.Message{Opcode: frame.Binary, Deflated: true, Payload: bomb}, 60<<10)
		wantError(t, "bomb", err, 1009, "inflated_too_big")
	}
	explode()
	const bombs = 100
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range bombs {
		explode()
	}
	runtime.ReadMemStats(&after)
	if allocated := (after.TotalAlloc - before.TotalAlloc) / bombs; allocated > 1<<10 {
		t.Errorf("%d bytes allocated for each of many bombs", allocated)
	}
}

func TestWhatIsDeflatedInflates(t *testing.T) {
	var d deflate.Deflater
	var f deflate.Inflater
	for _, size := range []int{0, 1, 511, 512, 5000, 70_000, 200_000} {
		for name, payload := range map[string][]byte{"ticks": ticks(size), "noise": noise(size), "zeroes": make([]byte, size)} {
			got := d.Append([]byte("front"), payload)
			if string(got[:5]) != "front" {
				t.Fatalf("%d bytes of %s: what was there is gone", size, name)
			}
			plain, err := inflate(got[5:])
			if err != nil || !bytes.Equal(plain, payload) {
				t.Errorf("%d bytes of %s: the standard library finds %d bytes, %v", size, name, len(plain), err)
			}
			m, err := f.Inflate(frame.Message{Opcode: frame.Binary, Deflated: true, Payload: got[5:]}, len(payload))
			if err != nil || !bytes.Equal(m.Payload, payload) {
				t.Errorf("%d bytes of %s: inflated %d bytes, %v", size, name, len(m.Payload), err)
			}
			for _, level := range []int{0, 1, 6, 9} {
				m, err := f.Inflate(frame.Message{Opcode: frame.Binary, Deflated: true, Payload: compress(payload, level)}, 0)
				if err != nil || !bytes.Equal(m.Payload, payload) {
					t.Errorf("%d bytes of %s, level %d: inflated %d bytes, %v", size, name, level, len(m.Payload), err)
				}
			}
		}
	}
}

// No reference may go back further than the window that was agreed on (RFC 7692 §7.2.1). Those of a message of
// 1<<bits bytes cannot, as nothing is in front of it.
func TestMessagesDoNotReferToEachOther(t *testing.T) {
	var d deflate.Deflater
	first := d.Append(nil, ticks(2000))
	for range 3 {
		if again := d.Append(nil, ticks(2000)); !bytes.Equal(again, first) {
			t.Errorf("the same message takes %d bytes, and then %d", len(first), len(again))
		}
	}
}

func TestTwinIsTheCompressedFrame(t *testing.T) {
	var d deflate.Deflater
	var scratch []byte
	prepare := func(op frame.Opcode, payload []byte) *frame.Prepared {
		return frame.Prepare(op, append(frame.NewBuffer(len(payload)), payload...))
	}
	for op, first := range map[frame.Opcode]byte{frame.Text: 0xc1, frame.Binary: 0xc2} {
		p := prepare(op, ticks(2000))
		twin, grown := d.Twin(p, scratch)
		scratch = grown
		b := twin.Bytes()
		if b[0] != first || b[1] != 126 || int(b[2])<<8|int(b[3]) != len(b)-4 {
			t.Fatalf("%v: the header is %x for %d bytes", op, b[:4], len(b))
		}
		if plain, err := inflate(b[4:]); err != nil || !bytes.Equal(plain, ticks(2000)) {
			t.Errorf("%v: %d bytes, %v", op, len(plain), err)
		}
		if twin.Plain() != 2004 || twin.Twin() != twin || p.Twin() != nil {
			t.Errorf("%v: plain %d, twin %p of %p", op, twin.Plain(), twin.Twin(), twin)
		}
	}
	for name, p := range map[string]*frame.Prepared{
		"short":   prepare(frame.Text, ticks(511)),
		"noise":   prepare(frame.Binary, noise(2000)),
		"ping":    prepare(frame.Ping, make([]byte, 125)),
		"several": frame.Concat([]*frame.Prepared{prepare(frame.Text, ticks(2000)), prepare(frame.Text, ticks(2000))}),
		"raw":     frame.PrepareRaw(bytes.Repeat([]byte("HTTP/1.1"), 200)),
	} {
		if twin, _ := d.Twin(p, scratch); twin != p {
			t.Errorf("%s: has a twin of %d bytes", name, twin.Len())
		}
	}
	p := prepare(frame.Text, ticks(2000))
	// The Prepared and its bytes; nothing else, once everything is warm.
	if n := testing.AllocsPerRun(100, func() { _, scratch = d.Twin(p, scratch) }); n > 2 {
		t.Errorf("%v allocations", n)
	}
}

func TestInflatingAllocatesNothing(t *testing.T) {
	payload := compress(ticks(5000), 6)
	var f deflate.Inflater
	if n := testing.AllocsPerRun(100, func() {
		if _, err := f.Inflate(frame.Message{Opcode: frame.Text, Deflated: true, Payload: payload}, 1<<20); err != nil {
			t.Fatal(err)
		}
	}); n > 0.5 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzInflate holds the Inflater against the standard library's decompressor: what either of them makes of a message of
// one stream must be the same, within the limit.
func FuzzInflate(f *testing.F) {
	f.Add([]byte("\xf2\x48\xcd\xc9\xc9\x07\x00"))
	f.Add([]byte("\xf3\x48\xcd\xc9\xc9\x07\x00\x00"))
	f.Add([]byte("\x00\x05\x00\xfa\xffHello\x00"))
	f.Add(compress(ticks(3000), 9))
	f.Add(compress(make([]byte, 1<<16), 9))
	f.Add([]byte{0x03, 0x00, 0x03, 0x00})
	const limit = 10_000
	var i deflate.Inflater // the state that one message leaves must not touch the next
	f.Fuzz(func(t *testing.T, payload []byte) {
		src := bytes.NewReader(append(bytes.Clone(payload), 0, 0, 0xff, 0xff, 1, 0, 0, 0xff, 0xff))
		var want []byte
		var failed error
		for range 64 {
			var r io.Reader = flate.NewReaderDict(src, want[max(0, len(want)-32<<10):])
			more, err := io.ReadAll(io.LimitReader(r, int64(limit+1-len(want))))
			want, failed = append(want, more...), err
			if err != nil || len(want) > limit || src.Len() == 0 || src.Len() == 9 {
				break
			}
			failed = errors.New("too many streams")
		}
		m, err := i.Inflate(frame.Message{Opcode: frame.Binary, Deflated: true, Payload: payload}, limit)
		var e *frame.Error
		switch {
		case len(want) > limit:
			if !errors.As(err, &e) || e.Code != 1009 {
				t.Errorf("%x: %v, want 1009", payload, err)
			}
		case failed != nil:
			if !errors.As(err, &e) || e.Code != 1007 {
				t.Errorf("%x: %v, want 1007 as %v", payload, err, failed)
			}
		case err != nil || !bytes.Equal(m.Payload, want):
			t.Errorf("%x: %x, %v; want %x", payload, m.Payload, err, want)
		}
	})
}

// FuzzDeflate wants the standard library to find what was compressed.
func FuzzDeflate(f *testing.F) {
	f.Add([]byte(""))
	f.Add(ticks(1000))
	f.Add(noise(1000))
	var d deflate.Deflater
	f.Fuzz(func(t *testing.T, payload []byte) {
		got := d.Append(nil, payload)
		if plain, err := inflate(got); err != nil || !bytes.Equal(plain, payload) {
			t.Errorf("%x became %x, which is %x, %v", payload, got, plain, err)
		}
	})
}
