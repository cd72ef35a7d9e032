package cluster_test

import (
	"context"
	"iter"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gannet-io/gannet/engine/backbone"
	"github.com/gannet-io/gannet/engine/backbone/membus"
	"github.com/gannet-io/gannet/pusher/cluster"
	"github.com/gannet-io/gannet/pusher/ledger"
)

// A flat is a room with one topic and nothing else.
type flat struct {
	mu    sync.Mutex
	count int      // guarded by mu
	said  []string // what this node spoke of; guarded by mu
}

func (f *flat) Have(string, []string) (int, [][]byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.count, nil
}

func (f *flat) Everything(topic func(string, iter.Seq[string]), _ func(string, iter.Seq[string])) {
	topic("t", func(func(string) bool) {})
}

func (f *flat) Told(*ledger.Change) {}

func (f *flat) Cleared() {}

func (f *flat) Wants(string) cluster.Wanted { return cluster.WantChannels }

func (f *flat) Speak(d cluster.Due) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if d.First {
		f.said = append(f.said, "occupied")
	} else {
		f.said = append(f.said, "vacated")
	}
}

func (f *flat) Hush()                                              {}
func (f *flat) Update(_ string, apply func() []ledger.Change)      { apply() }
func (f *flat) UpdateUsers(_ string, apply func() []ledger.Change) { apply() }
func (f *flat) HaveUsers(string, []string) []bool                  { return nil }
func (f *flat) Terminated(string, string)                          {}
func (f *flat) Message(string, []byte)                             {}
func (f *flat) Attached(string, backbone.Tail)                     {}
func (f *flat) Stored(string, backbone.Stored)                     {}
func (f *flat) State(bool, string)                                 {}

// A slowBus takes a second to tell of a change.
type slowBus struct{ backbone.Bus }

type slowSink struct{ backbone.Sink }

func (b slowBus) Start(ctx context.Context, s backbone.Sink) error {
	return b.Bus.Start(ctx, slowSink{s})
}

func (s slowSink) Changed(node string, e backbone.Entry) {
	time.Sleep(time.Second) // of the bubble
	s.Sink.Changed(node, e)
}

// Who empties a channel by going speaks of it before he goes.
func TestWhoLeavesSpeaksOfWhatItLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := membus.New()
		defer net.Close()
		room := &flat{count: 1}
		m := cluster.New(cluster.Config{Bus: slowBus{net.Node("a")}, Room: room})
		if err := m.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond) // it is written, and not told yet
		room.mu.Lock()
		room.count = 0
		room.mu.Unlock()
		m.Mark("t", "")
		if err := m.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		room.mu.Lock()
		defer room.mu.Unlock()
		if !slices.Equal(room.said, []string{"occupied", "vacated"}) {
			t.Errorf("it spoke of %q, want occupied and vacated", room.said)
		}
	})
}
