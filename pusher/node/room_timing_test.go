package node_test

import (
	"fmt"
	"testing"

	"github.com/gannet-io/gannet/engine"
	"github.com/gannet-io/gannet/engine/backbone"
	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/node"
)

// BenchmarkBoard takes in what another node has put on the board, and writes down what has changed here.
func BenchmarkBoard(b *testing.B) {
	w := newTown(b, 1, nil)
	h := w.houses[0]
	h.SinkUp("other")
	keys := make([]string, 1<<16)
	for i := range keys {
		keys[i] = fmt.Sprintf("cshop/private-%08d", i)
	}
	b.Run("count elsewhere", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			h.SinkChanged("other", backbone.Entry{Key: keys[i%len(keys)], Value: []byte{byte(1 + i/len(keys)%2)}})
		}
	})
	b.Run("come and go here", func(b *testing.B) {
		b.ReportAllocs()
		id := engine.ID(1<<24 | 1000)
		w.subscribe(h, engine.ID(1<<24|1001), "news", "") // the topic stays
		for b.Loop() {
			if _, err := h.Node.Subscribe(w.app, id, "news", pusher.Public, nil, &node.Arrival{}); err != nil {
				b.Fatal(err)
			}
			h.Unsubscribe(w.app, id, "news", "")
		}
	})
}
