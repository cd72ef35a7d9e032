package frame_test

import (
	"fmt"
	"testing"

	"github.com/gannet-io/gannet/frame"
)

func BenchmarkReader(b *testing.B) {
	for _, size := range []int{16, 100, 1000, 10000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			text := make([]byte, size)
			for i := range text {
				text[i] = 'a' + byte(i%26)
			}
			// With a key of zeroes the payload stays text however often it is unmasked.
			wire := frame.AppendHeader(nil, frame.Header{Fin: true, Opcode: frame.Text, Masked: true, Length: uint64(size)})
			wire = append(wire, text...)
			var r frame.Reader
			lim := &frame.Limits{MessageBytes: 1 << 20, Fragments: 100}
			b.SetBytes(int64(len(wire)))
			b.ReportAllocs()
			for b.Loop() {
				if _, n, err := r.Next(wire, lim); n != len(wire) || err != nil {
					b.Fatal(n, err)
				}
			}
		})
	}
}

func BenchmarkReaderFragments(b *testing.B) {
	first := frame.AppendHeader(nil, frame.Header{Opcode: frame.Text, Masked: true, Length: 10})
	first = append(first, "0123456789"...)
	rest := frame.AppendHeader(nil, frame.Header{Opcode: frame.Continuation, Masked: true, Length: 10})
	rest = append(rest, "0123456789"...)
	last := append([]byte{}, rest...)
	last[0] |= 0x80
	lim := &frame.Limits{MessageBytes: 1 << 20}
	for _, count := range []int{2, 100, 1000} {
		b.Run(fmt.Sprint(count), func(b *testing.B) {
			b.SetBytes(int64(10 * count))
			b.ReportAllocs()
			for b.Loop() {
				var r frame.Reader
				r.Next(first, lim)
				for range count - 2 {
					r.Next(rest, lim)
				}
				if m, _, err := r.Next(last, lim); len(m.Payload) != 10*count || err != nil {
					b.Fatal(len(m.Payload), err)
				}
			}
		})
	}
}
