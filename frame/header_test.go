package frame_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/gobwas/ws"

	"github.com/gannet-io/gannet/frame"
)

// The frames of RFC 6455 §5.7, and the edges of each length form by hand.
var headers = []struct {
	name string
	wire []byte
	want frame.Header
}{
	{"unmasked text", []byte{0x81, 0x05}, frame.Header{Fin: true, Opcode: frame.Text, Length: 5}},
	{"masked text", []byte{0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d},
		frame.Header{Fin: true, Opcode: frame.Text, Masked: true, Mask: [4]byte{0x37, 0xfa, 0x21, 0x3d}, Length: 5}},
	{"first fragment", []byte{0x01, 0x03}, frame.Header{Opcode: frame.Text, Length: 3}},
	{"last fragment", []byte{0x80, 0x02}, frame.Header{Fin: true, Opcode: frame.Continuation, Length: 2}},
	{"ping", []byte{0x89, 0x05}, frame.Header{Fin: true, Opcode: frame.Ping, Length: 5}},
	{"masked pong", []byte{0x8a, 0x85, 0x37, 0xfa, 0x21, 0x3d},
		frame.Header{Fin: true, Opcode: frame.Pong, Masked: true, Mask: [4]byte{0x37, 0xfa, 0x21, 0x3d}, Length: 5}},
	{"256 bytes", []byte{0x82, 0x7e, 0x01, 0x00}, frame.Header{Fin: true, Opcode: frame.Binary, Length: 256}},
	{"64 KiB", []byte{0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0}, frame.Header{Fin: true, Opcode: frame.Binary, Length: 65536}},

	{"empty close", []byte{0x88, 0x00}, frame.Header{Fin: true, Opcode: frame.Close}},
	{"longest control", []byte{0x88, 0x7d}, frame.Header{Fin: true, Opcode: frame.Close, Length: 125}},
	{"all reserved bits", []byte{0xf1, 0x00}, frame.Header{Fin: true, Rsv: 7, Opcode: frame.Text}},
	{"RSV1", []byte{0x42, 0x00}, frame.Header{Rsv: 4, Opcode: frame.Binary}},
	{"RSV3", []byte{0x12, 0x00}, frame.Header{Rsv: 1, Opcode: frame.Binary}},
	{"125 bytes", []byte{0x82, 0x7d}, frame.Header{Fin: true, Opcode: frame.Binary, Length: 125}},
	{"126 bytes", []byte{0x82, 0x7e, 0x00, 0x7e}, frame.Header{Fin: true, Opcode: frame.Binary, Length: 126}},
	{"127 bytes", []byte{0x82, 0x7e, 0x00, 0x7f}, frame.Header{Fin: true, Opcode: frame.Binary, Length: 127}},
	{"65535 bytes", []byte{0x82, 0x7e, 0xff, 0xff}, frame.Header{Fin: true, Opcode: frame.Binary, Length: 65535}},
	{"largest", []byte{0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4},
		frame.Header{Fin: true, Opcode: frame.Binary, Masked: true, Mask: [4]byte{1, 2, 3, 4}, Length: 1<<63 - 1}},
}

func TestHeaderParsesAndAppendsTheWireForm(t *testing.T) {
	for _, tt := range headers {
		t.Run(tt.name, func(t *testing.T) {
			behind := append(bytes.Clone(tt.wire), 0xde, 0xad)
			h, n, err := frame.ParseHeader(behind)
			if h != tt.want || n != len(tt.wire) || err != nil {
				t.Errorf("ParseHeader(%x) = %+v, %d, %v; want %+v, %d", behind, h, n, err, tt.want, len(tt.wire))
			}
			for cut := range len(tt.wire) {
				if h, n, err := frame.ParseHeader(tt.wire[:cut]); h != (frame.Header{}) || n != 0 || err != nil {
					t.Errorf("ParseHeader(%x) = %+v, %d, %v; want to be asked for more", tt.wire[:cut], h, n, err)
				}
			}
			if got := frame.AppendHeader([]byte("x"), tt.want); !bytes.Equal(got[1:], tt.wire) {
				t.Errorf("AppendHeader(%+v) = %x, want %x", tt.want, got[1:], tt.wire)
			}
		})
	}
}

func TestHeaderAgreesWithGobwas(t *testing.T) {
	for _, tt := range headers {
		got, err := ws.ReadHeader(bytes.NewReader(tt.wire))
		want := ws.Header{Fin: tt.want.Fin, Rsv: tt.want.Rsv, OpCode: ws.OpCode(tt.want.Opcode),
			Masked: tt.want.Masked, Mask: tt.want.Mask, Length: int64(tt.want.Length)}
		if got != want || err != nil {
			t.Errorf("%s: gobwas reads %+v, %v; want %+v", tt.name, got, err, want)
		}
	}
}

func TestHeaderRefusesWhatNoFrameMayHave(t *testing.T) {
	type refusal struct {
		wire   []byte
		reason string
	}
	tests := []refusal{
		{[]byte{0x09, 0x00}, "fragmented_control"},
		{[]byte{0x08, 0x80}, "fragmented_control"},
		{[]byte{0x89, 0x7e}, "control_too_long"},
		{[]byte{0x8a, 0xff}, "control_too_long"},
		{[]byte{0x82, 0x7e, 0x00, 0x7d}, "length_not_minimal"},
		{[]byte{0x82, 0xfe, 0x00, 0x00}, "length_not_minimal"},
		{[]byte{0x82, 0x7f, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, "length_not_minimal"},
		{[]byte{0x82, 0xff, 0, 0, 0, 0, 0, 0, 0, 0}, "length_not_minimal"},
		{[]byte{0x82, 0x7f, 0x80, 0, 0, 0, 0, 0, 0, 0}, "length_top_bit"},
		{[]byte{0x82, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, "length_top_bit"},
	}
	for _, op := range []byte{3, 4, 5, 6, 7, 0xb, 0xc, 0xd, 0xe, 0xf} {
		tests = append(tests, refusal{[]byte{0x80 | op, 0x00}, "reserved_opcode"}, refusal{[]byte{op, 0xff}, "reserved_opcode"})
	}
	for _, tt := range tests {
		h, n, err := frame.ParseHeader(tt.wire)
		if n != 0 || h != (frame.Header{}) {
			t.Errorf("ParseHeader(%x) = %+v, %d; want nothing", tt.wire, h, n)
		}
		wantError(t, fmt.Sprintf("ParseHeader(%x)", tt.wire), err, 1002, tt.reason)
		for cut := range len(tt.wire) {
			if _, n, err := frame.ParseHeader(tt.wire[:cut]); n != 0 || err != nil {
				t.Errorf("ParseHeader(%x) = %d, %v; want to be asked for more", tt.wire[:cut], n, err)
			}
		}
	}
}

func TestOpcodeNamesItself(t *testing.T) {
	for op, want := range map[frame.Opcode]string{0: "continuation", 1: "text", 2: "binary", 3: "reserved_3",
		8: "close", 9: "ping", 10: "pong", 15: "reserved_15"} {
		if op.String() != want {
			t.Errorf("Opcode(%d) is %q, want %q", byte(op), op, want)
		}
		if control := op >= 8; op.IsControl() != control {
			t.Errorf("Opcode(%d).IsControl() = %v", byte(op), !control)
		}
	}
}

func wantError(t *testing.T, what string, err error, code frame.CloseCode, reason string) {
	t.Helper()
	var e *frame.Error
	if !errors.As(err, &e) || e.Code != code || e.Reason != reason {
		t.Errorf("%s: error %v, want %s (%d)", what, err, reason, code)
	}
}
