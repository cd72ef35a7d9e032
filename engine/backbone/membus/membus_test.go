package membus_test

import (
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gannet-io/gannet/engine/backbone"
	"github.com/gannet-io/gannet/engine/backbone/backbonetest"
	"github.com/gannet-io/gannet/engine/backbone/membus"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestBusKeepsTheContract(t *testing.T) {
	backbonetest.Run(t, func(t *testing.T) *backbonetest.Cluster {
		n := membus.New()
		n.TTL = time.Second
		t.Cleanup(n.Close)
		nodes := []string{"a", "b", "c", "d"}
		each := func(f func(string)) func() {
			return func() {
				for _, name := range nodes {
					f(name)
				}
			}
		}
		return &backbonetest.Cluster{
			Bus: func(_ *testing.T, name string) backbone.Bus { return n.Node(name) }, Lease: n.TTL, Patience: 10 * time.Second,
			Kill: n.Crash, Cut: n.Cut, Restore: n.Restore, Stop: each(n.Cut), Start: each(n.Restore),
			Forget: func() { n.LoseBoard(); n.LoseLogs() },
		}
	})
}
