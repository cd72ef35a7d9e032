package frame_test

import (
	"fmt"
	"testing"

	"github.com/gobwas/ws"

	"github.com/gannet-io/gannet/frame"
)

// The two sides of cipherFrom.
func BenchmarkUnmask(b *testing.B) {
	for _, size := range []int{8, 64, 125, 200, 255, 256, 512, 4096, 65536} {
		buf := make([]byte, size)
		key := [4]byte{1, 2, 3, 4}
		for name, unmask := range map[string]func([]byte, [4]byte, int){"Unmask": frame.Unmask, "Cipher": ws.Cipher} {
			b.Run(fmt.Sprintf("%s/%d", name, size), func(b *testing.B) {
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					unmask(buf, key, 0)
				}
			})
		}
	}
}
