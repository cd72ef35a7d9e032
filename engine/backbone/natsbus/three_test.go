package natsbus_test

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gannet-io/gannet/engine/backbone"
	"github.com/gannet-io/gannet/engine/backbone/natsbus"
)

// A trio is three nodes that keep streams, in one process. Each reaches each other one through a proxy.
type trio struct {
	t     *testing.T
	dirs  []string
	doors [3][3]*proxy // from, to
	buses []*natsbus.Bus
	sinks []*witness
}

func newTrio(t *testing.T) *trio {
	tr := &trio{t: t, buses: make([]*natsbus.Bus, 3), sinks: make([]*witness, 3)}
	for i := range 3 {
		tr.dirs = append(tr.dirs, t.TempDir())
		for j := range 3 {
			tr.doors[i][j] = newProxy(t)
		}
	}
	var all sync.WaitGroup
	for i := range 3 {
		all.Go(func() { tr.start(i) })
	}
	all.Wait()
	if t.Failed() {
		t.FailNow()
	}
	return tr
}

// start starts node i, again with what it had kept.
func (tr *trio) start(i int) { tr.startAs(i, string(rune('a'+i))) }

// startAs starts node i under a name.
func (tr *trio) startAs(i int, name string) {
	e := &natsbus.Embedded{Dir: tr.dirs[i], Self: tr.doors[i][i].address(), Listen: "127.0.0.1:0", Secret: "s3cret"}
	for j := range 3 {
		e.Routes = append(e.Routes, tr.doors[i][j].address())
	}
	b := open(tr.t, natsbus.Config{Name: name, Embedded: e, Lease: 15 * time.Second})
	b.StrayFor(time.Millisecond)
	if err := b.Open(); err != nil {
		tr.t.Error(err)
		return
	}
	for j := range 3 {
		// Its own address leads nowhere: others are told of it, and would come by a way that cut does not know.
		if j != i {
			tr.doors[j][i].to(clusterAddress(b.Server()))
		}
	}
	tr.buses[i], tr.sinks[i] = b, newWitness(tr.t, name)
	tr.sinks[i].start(b)
}

// cut cuts node i off from the others, or mends that.
func (tr *trio) cut(i int, cut bool) {
	for j := range 3 {
		tr.doors[i][j].setCut(cut)
		tr.doors[j][i].setCut(cut)
	}
}

// A writing appends to a log until it is told to stop, and knows what was acknowledged.
type writing struct {
	name  string
	stop  atomic.Bool
	all   sync.WaitGroup
	acked []string
}

func write(b backbone.Bus, name, topic string, keep *backbone.Retention) *writing {
	w := &writing{name: name}
	w.all.Go(func() {
		for i := 0; !w.stop.Load(); i++ {
			text := fmt.Sprint(name, i)
			if b.Append(topic, keep, []byte(text))() == nil {
				w.acked = append(w.acked, text)
			}
			<-time.After(time.Millisecond)
		}
	})
	return w
}

func (w *writing) end() []string {
	w.stop.Store(true)
	w.all.Wait()
	return w.acked
}

func TestThreeNodesSurviveOneThatIsStoppedAndOneThatIsCutOff(t *testing.T) {
	tr := newTrio(t)
	keep := &backbone.Retention{Events: 100_000}
	for _, b := range tr.buses {
		b.Attach("log", keep)
		b.Attach("plain", nil)
	}
	for _, w := range tr.sinks {
		w.until("Attached", func() bool { return w.attached["log"] == 1 && w.attached["plain"] == 1 && len(w.entries) == 3 && w.up })
	}
	var writers []*writing
	for i, b := range tr.buses {
		if err := b.Put([]backbone.Entry{{Key: "k", Value: []byte("v")}})(); err != nil {
			t.Errorf("Put by %d: %v", i, err)
		}
		writers = append(writers, write(b, string(rune('a'+i)), "log", keep))
	}
	for i, w := range tr.sinks {
		w.until("messages of all", func() bool { return w.head["log"] > 100 })
		if err := tr.buses[i].Publish("plain", []byte(w.name))(); err != nil {
			t.Errorf("%s: Publish: %v", w.name, err)
		}
	}
	for i, w := range tr.sinks {
		w.until("a message of each other node", func() bool { return len(w.messages["plain"]) == 2 })
		_ = i
	}

	// c is stopped for good and started again: the others go on, and it is told what it missed.
	ackedC := writers[2].end()
	old := tr.sinks[2].self.ID
	shut(t, tr.buses[2])
	for _, w := range tr.sinks[:2] {
		w.until("c gone", func() bool { return slices.Contains(w.gone, old) })
	}
	before := tr.sinks[0].length("log")
	tr.sinks[0].until("a hundred more", func() bool { return len(tr.sinks[0].stored["log"]) > before+100 })
	tr.start(2)
	tr.buses[2].Attach("log", keep)
	tr.buses[2].Attach("plain", nil)
	c := tr.sinks[2]
	c.until("Attached again", func() bool { return c.attached["log"] == 1 && c.attached["plain"] == 1 && len(c.entries) == 3 })

	// a is cut off until it is off the board, and comes back as another.
	old = tr.sinks[0].self.ID
	tr.cut(0, true)
	a := tr.sinks[0]
	a.until("State down", func() bool { return !a.up })
	if err := tr.buses[0].Publish("plain", []byte("no"))(); err != backbone.ErrUnavailable {
		t.Errorf("Publish by one that is cut off: %v, want ErrUnavailable", err)
	}
	for _, w := range tr.sinks[1:] {
		w.until("a gone", func() bool { return slices.Contains(w.gone, old) })
	}
	tr.cut(0, false)
	a.until("State up, as another", func() bool { return a.up && a.rejoins == 2 })
	if err := tr.buses[0].Put([]backbone.Entry{{Key: "k", Value: []byte("again")}})(); err != nil {
		t.Errorf("Put of who is back: %v", err)
	}
	tr.buses[0].Settled()
	for _, w := range tr.sinks[1:] {
		w.until("a's entry", func() bool { return w.entries[a.self.ID]["k"] == "again" && len(w.entries) == 3 })
	}

	// Nothing that was acknowledged is missing, nothing is there twice, and all have the same log.
	acked := [][]string{writers[0].end(), writers[1].end(), ackedC}
	if err := tr.buses[1].Append("log", keep, []byte("end"))(); err != nil {
		t.Fatalf("Append: %v", err)
	}
	for _, w := range tr.sinks {
		w.until("the end", func() bool { all := w.stored["log"]; return len(all) > 0 && all[len(all)-1] == "end" })
	}
	var whole []string // whoever was away, or too slow on a busy machine, begins at the tail that he was given
	for _, w := range tr.sinks {
		if got := w.texts("log"); len(got) > len(whole) {
			whole = got
		}
	}
	for _, w := range tr.sinks {
		if got := w.texts("log"); !slices.Equal(got, whole[len(whole)-len(got):]) {
			t.Errorf("%s has another log than the others", w.name)
		}
	}
	for i, texts := range acked {
		if err := kept(by(string(rune('a'+i)), whole), texts); err != nil {
			t.Errorf("of %d messages of %c that were acknowledged: %v", len(texts), 'a'+i, err)
		}
		t.Logf("%c: %d acknowledged", 'a'+i, len(texts))
	}
}

func (w *witness) texts(topic string) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.stored[topic])
}

func (w *witness) length(topic string) int { return len(w.texts(topic)) }
