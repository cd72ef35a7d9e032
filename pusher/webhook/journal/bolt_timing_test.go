package journal_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/gannet-io/gannet/pusher/webhook/journal"
	"github.com/gannet-io/gannet/pusher/webhook/outbox"
)

// BenchmarkCommit stores new batches and deletes those of the commit before, in a queue that holds a thousand.
func BenchmarkCommit(b *testing.B) {
	for _, n := range []int{1, 20, 500} {
		b.Run(fmt.Sprintf("%d batches", n), func(b *testing.B) {
			j, err := journal.Open(filepath.Join(b.TempDir(), "j"), journal.Bounds{})
			if err != nil {
				b.Fatal(err)
			}
			defer j.Close()
			events := make([]byte, 1500) // about twenty
			seq := uint64(0)
			var last []uint64
			next := func(n int) (c outbox.Changes) {
				for range n {
					seq++
					x := batch(seq, "one")
					x.Events = events
					c.Put = append(c.Put, put(x))
				}
				return c
			}
			c := next(1000)
			if _, err := j.Commit(&c, start); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				c := next(n)
				c.Delete, last = last, nil
				for _, r := range c.Put {
					last = append(last, r.Seq)
				}
				if _, err := j.Commit(&c, start); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N*n)/b.Elapsed().Seconds(), "batches/s")
		})
	}
}
