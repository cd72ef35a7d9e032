package frame_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"unicode/utf8"

	"github.com/gobwas/ws"

	"github.com/gannet-io/gannet/frame"
)

// FuzzReader reads a stream with the Reader, in pieces, and with gobwas/ws put
// together the slow and plain way, and wants the same messages and, where it
// breaks off, the same close code.
func FuzzReader(f *testing.F) {
	f.Add([]byte{0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58}, uint8(1))
	f.Add(join(masked(0x01, "Hel"), masked(0x89, "ping"), masked(0x80, "lo")), uint8(3))
	f.Add(join(masked(0x01, "\xf0\x9f"), masked(0x00, "\x98"), masked(0x80, "\x80")), uint8(2))
	f.Add(join(masked(0x01, "\xf4"), masked(0x00, "\x90")), uint8(200))
	f.Add(join(masked(0x02, "a"), masked(0x00, ""), masked(0x00, ""), masked(0x00, ""), masked(0x80, "")), uint8(9))
	f.Add(masked(0x82, string(make([]byte, 300))), uint8(50))
	f.Add([]byte{0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4}, uint8(1))
	f.Add([]byte{0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4}, uint8(1))
	f.Add([]byte{0x82, 0xfe, 0, 1, 0, 0, 0, 0, 9}, uint8(1))
	lim := &frame.Limits{MessageBytes: 200, Fragments: 4}
	f.Fuzz(func(t *testing.T, wire []byte, piece uint8) {
		want, wantCode := oracle(wire, lim)
		for _, piece := range []int{max(1, int(piece)), max(1, len(wire))} {
			got, err := read(t, wire, piece, lim)
			var code frame.CloseCode
			var e *frame.Error
			if errors.As(err, &e) {
				code = e.Code
			}
			if !slices.Equal(got, want) || code != wantCode {
				t.Errorf("%x, %d bytes a read: got %v, %v; want %v, code %d", wire, piece, got, err, want, wantCode)
			}
		}
	})
}

// oracle reads wire with gobwas/ws. It knows what gobwas does not check: shortest
// lengths, the limits, and text spoiled before its last fragment.
func oracle(wire []byte, lim *frame.Limits) (got []message, code frame.CloseCode) {
	var whole []byte
	var opcode ws.OpCode
	count := 0
	for {
		rd := bytes.NewReader(wire)
		h, err := ws.ReadHeader(rd)
		if errors.Is(err, ws.ErrHeaderLengthMSB) {
			return got, 1002
		}
		if err != nil {
			// Cut short; but the first two bytes, and the length, may condemn it already.
			if len(wire) >= 2 {
				early := ws.Header{Fin: wire[0]&0x80 != 0, OpCode: ws.OpCode(wire[0] & 15), Length: int64(wire[1] & 0x7f)}
				if early.OpCode.IsReserved() || early.OpCode.IsControl() && (!early.Fin || early.Length > 125) {
					return got, 1002
				}
				switch b1 := wire[1] & 0x7f; {
				case b1 == 126 && len(wire) >= 4 && wire[2] == 0 && wire[3] < 126:
					return got, 1002
				case b1 == 127 && len(wire) >= 10 && (wire[2]&0x80 != 0 || bytes.Equal(wire[2:8], make([]byte, 6))):
					return got, 1002
				}
			}
			return got, 0
		}
		size := len(wire) - rd.Len()
		if size != ws.HeaderSize(h) {
			return got, 1002 // a shorter length would have done
		}
		state := ws.StateServerSide
		if count > 0 {
			state = state.Set(ws.StateFragmented)
		}
		if err := ws.CheckHeader(h, state); err != nil {
			return got, 1002
		}
		if h.OpCode.IsData() || h.OpCode == ws.OpContinuation {
			if h.Length > int64(lim.MessageBytes-len(whole)) {
				return got, 1009
			}
			if count+1 > lim.Fragments {
				return got, 1008
			}
		}
		if have := wire[size:]; h.Length > int64(len(have)) {
			// Not all there; but what is may be no text any more.
			have = bytes.Clone(have)
			ws.Cipher(have, h.Mask, 0)
			if text := count == 0 && h.OpCode == ws.OpText || count > 0 && opcode == ws.OpText && h.OpCode == ws.OpContinuation; text && spoiled(append(whole, have...), false) {
				return got, 1007
			}
			return got, 0
		}
		payload := bytes.Clone(wire[size : size+int(h.Length)])
		wire = wire[size+int(h.Length):]
		ws.Cipher(payload, h.Mask, 0)
		if h.OpCode.IsControl() {
			got = append(got, message{frame.Opcode(h.OpCode), string(payload)})
			continue
		}
		if count == 0 {
			opcode = h.OpCode
		}
		whole = append(whole, payload...)
		count++
		if opcode == ws.OpText && spoiled(whole, h.Fin) {
			return got, 1007
		}
		if h.Fin {
			got = append(got, message{frame.Opcode(opcode), string(whole)})
			whole, count = nil, 0
		}
	}
}

// spoiled reports whether b is not UTF-8, however it may go on unless it is whole.
func spoiled(b []byte, whole bool) bool {
	for len(b) > 0 {
		if !whole && !utf8.FullRune(b) {
			return false
		}
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n == 1 {
			return true
		}
		b = b[n:]
	}
	return false
}

// FuzzParseClose wants a payload accepted only when it can be written again as it
// was.
func FuzzParseClose(f *testing.F) {
	for _, seed := range []string{"", "\x03", "\x03\xe8", "\x03\xe8bye", "\x03\xed", "\x0b\xb8\xff", "\x13\x88"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		code, reason, err := frame.ParseClose(payload)
		if err != nil {
			return
		}
		got := frame.AppendClose(nil, code, reason)
		if !bytes.Equal(got[2:], payload) {
			t.Errorf("ParseClose(%q) = %d, %q, which is written %q", payload, code, reason, got)
		}
	})
}
