package frame_test

import (
	"testing"

	"github.com/gannet-io/gannet/frame"
)

// Prepare with its buffer: what one publish allocates.
func BenchmarkPrepare(b *testing.B) {
	payload := make([]byte, 300)
	b.SetBytes(int64(len(payload)))
	b.ReportAllocs()
	for b.Loop() {
		frame.Prepare(frame.Text, append(frame.NewBuffer(len(payload)), payload...))
	}
}
