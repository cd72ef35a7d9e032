package deflate_test

import (
	"fmt"
	"testing"

	"github.com/gannet-io/gannet/frame"
	"github.com/gannet-io/gannet/frame/deflate"
)

func BenchmarkDeflate(b *testing.B) {
	for _, size := range []int{512, 2048, 10240, 65536} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			payload := ticks(size)
			p := frame.Prepare(frame.Text, append(frame.NewBuffer(size), payload...))
			var d deflate.Deflater
			twin, scratch := d.Twin(p, nil)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				twin, scratch = d.Twin(p, scratch)
			}
			b.ReportMetric(float64(twin.Len())/float64(p.Len()), "ratio")
		})
	}
}

func BenchmarkInflate(b *testing.B) {
	for _, size := range []int{512, 2048, 10240, 65536} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			m := frame.Message{Opcode: frame.Text, Deflated: true, Payload: compress(ticks(size), 6)}
			var f deflate.Inflater
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := f.Inflate(m, 1<<20); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkNegotiate(b *testing.B) {
	offers := []byte("permessage-deflate; client_max_window_bits")
	b.ReportAllocs()
	for b.Loop() {
		if a, err := deflate.Negotiate(offers); a.Bits == 0 || err != nil {
			b.Fatal(a, err)
		}
	}
}
