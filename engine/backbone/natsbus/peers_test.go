package natsbus_test

import (
	"slices"
	"testing"
	"time"

	"github.com/gannet-io/gannet/engine/backbone"
	"github.com/gannet-io/gannet/engine/backbone/natsbus"
)

// A node that keeps data is lost for good. Another one, with a new name and nothing in its directory, takes its address, and then the cluster survives
// the loss of one more.
func TestANodeThatIsLostForGoodIsReplacedByOneAtItsAddress(t *testing.T) {
	t.Parallel()
	tr := newTrio(t)
	keep := &backbone.Retention{Events: 1000}
	for _, b := range tr.buses {
		b.Attach("log", keep)
	}
	for _, w := range tr.sinks {
		w.until("Attached", func() bool { return w.attached["log"] == 1 && len(w.entries) == 3 })
	}
	if err := tr.buses[0].Append("log", keep, []byte("before"))(); err != nil {
		t.Fatal(err)
	}
	shut(t, tr.buses[2])
	tr.dirs[2] = t.TempDir()
	tr.startAs(2, "d")
	eventually(t, "the lost one does not vote any more, and its copies are on the new one", func() bool {
		for _, b := range tr.buses {
			keepers := b.Keepers()
			if b.Voters() == 3 && slices.Equal(keepers, []string{"a", "b", "d"}) {
				return true
			}
		}
		return false
	})
	// What the new one has is enough, with a's, for everything to go on without b.
	d := tr.sinks[2]
	tr.buses[2].Attach("log", keep)
	d.until("Attached", func() bool { return d.attached["log"] == 1 && slices.Equal(d.stored["log"], []string{"before"}) })
	shut(t, tr.buses[1])
	eventually(t, "a write by those that are left", func() bool { return tr.buses[2].Append("log", keep, []byte("after"))() == nil })
	a := tr.sinks[0]
	a.until("what follows", func() bool { return slices.Equal(a.stored["log"], []string{"before", "after"}) })
}

// A node that keeps data reaches one that does not, and no other: it cannot write, and that is said before its patience with JetStream ends.
func TestANodeThatReachesTooFewOfThoseThatKeepDataSaysSo(t *testing.T) {
	t.Parallel()
	tr := newTrio(t)
	e := &natsbus.Embedded{Self: newProxy(t).address(), Listen: "127.0.0.1:0", Secret: "s3cret"}
	for j := range 3 {
		p := newProxy(t)
		p.to(clusterAddress(tr.buses[j].Server()))
		e.Routes = append(e.Routes, p.address())
	}
	d := newWitness(t, "d")
	far := open(t, natsbus.Config{Name: "d", Embedded: e, Lease: 15 * time.Second})
	d.start(far)
	for _, w := range append(slices.Clone(tr.sinks), d) {
		w.until("all nodes", func() bool { return len(w.entries) == 4 && w.up })
	}
	eventually(t, "a knows who keeps the board", func() bool { return len(tr.buses[0].KnownKeepers()) == 3 })
	tr.cut(0, true)
	begin := time.Now()
	eventually(t, "a reason", func() bool { return tr.buses[0].Status().Reason != "" })
	if got, want := tr.buses[0].Status().Reason, "no connection to most of the nodes that keep data"; got != want || !tr.buses[0].Remotes()["d"] {
		t.Errorf("after %v: %q, want %q, while it has a connection to d: %v", time.Since(begin), got, want, tr.buses[0].Remotes())
	}
	t.Logf("after %v", time.Since(begin))
	if !far.Status().Up {
		t.Errorf("d, which reaches all, is down: %s", far.Status().Reason)
	}
	tr.cut(0, false)
	a := tr.sinks[0]
	a.until("State up", func() bool { return a.up })
}
