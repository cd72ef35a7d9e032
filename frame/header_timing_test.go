package frame_test

import (
	"testing"

	"github.com/gannet-io/gannet/frame"
)

func BenchmarkParseHeader(b *testing.B) {
	for _, tt := range []struct {
		name string
		wire []byte
	}{
		{"7bit", []byte{0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d}},
		{"16bit", []byte{0x81, 0xfe, 0x01, 0x00, 0x37, 0xfa, 0x21, 0x3d}},
		{"64bit", []byte{0x81, 0xff, 0, 0, 0, 0, 0, 1, 0, 0, 0x37, 0xfa, 0x21, 0x3d}},
	} {
		b.Run(tt.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, n, err := frame.ParseHeader(tt.wire); n == 0 || err != nil {
					b.Fatal(n, err)
				}
			}
		})
	}
}

func BenchmarkAppendHeader(b *testing.B) {
	dst := make([]byte, 0, 14)
	b.ReportAllocs()
	for b.Loop() {
		frame.AppendHeader(dst, frame.Header{Fin: true, Opcode: frame.Text, Length: 300})
	}
}
