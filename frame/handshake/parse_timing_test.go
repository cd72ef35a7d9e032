package handshake_test

import (
	"testing"

	"github.com/gannet-io/gannet/frame/handshake"
)

func benchmark(b *testing.B, f func(req, dst []byte)) {
	for _, tt := range []struct{ name, req string }{{"rfc", rfcRequest}, {"browser", browserRequest}} {
		b.Run(tt.name, func(b *testing.B) {
			req, dst := []byte(tt.req), make([]byte, 0, 512)
			b.SetBytes(int64(len(req)))
			b.ReportAllocs()
			for b.Loop() {
				f(req, dst)
			}
		})
	}
}

func BenchmarkParse(b *testing.B) {
	benchmark(b, func(req, _ []byte) { handshake.Parse(req, limits) })
}

func BenchmarkComplete(b *testing.B) {
	benchmark(b, func(req, _ []byte) { handshake.Complete(req, 0, limits) })
}

// From the bytes of a request to the bytes of the 101 response.
func BenchmarkHandshake(b *testing.B) {
	benchmark(b, func(req, dst []byte) {
		if n, _ := handshake.Complete(req, 0, limits); n == 0 {
			b.Fatal("incomplete")
		}
		r, _, err := handshake.Parse(req, limits)
		if err != nil || r.Check() != nil {
			b.Fatal(err)
		}
		handshake.AppendAccept(dst, &r, "", "")
	})
}
