package natsbus_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/gannet-io/gannet/engine/backbone"
	"github.com/gannet-io/gannet/engine/backbone/natsbus"
)

// The log of an incarnation does not grow for ever: all it has is written again, what was before is removed, and who comes then knows the
// same as who was there.
func TestWhoComesLaterKnowsAllWhenOldRecordsWereRemoved(t *testing.T) {
	first := open(t, natsbus.Config{Name: "a", Embedded: &natsbus.Embedded{Client: "127.0.0.1:0", Secret: "s3cret"}})
	first.KeepWhole(0)
	a := newWitness(t, "a")
	a.start(first)
	join := func(name string) *witness {
		b := open(t, natsbus.Config{Name: name, External: &natsbus.External{URLs: []string{"nats://" + first.Server().Addr().String()}, Token: "s3cret"}})
		w := newWitness(t, name)
		w.start(b)
		return w
	}
	b := join("b")
	_, born, err := first.Records()
	if err != nil {
		t.Fatal(err)
	}
	want := make(map[string]string)
	value := strings.Repeat("v", 200)
	for round := 0; ; round++ {
		var entries []backbone.Entry
		for i := range 2000 {
			key := fmt.Sprint("k", i)
			want[key] = fmt.Sprint(round, value)
			entries = append(entries, backbone.Entry{Key: key, Value: []byte(want[key])})
			if i%5 == round%5 {
				delete(want, key)
				entries = append(entries, backbone.Entry{Key: key})
			}
		}
		// A machine that is too busy to say in time has them put again, which changes nothing.
		for try := 0; ; try++ {
			if err := first.Put(entries)(); err == nil {
				break
			} else if try == 10 {
				t.Fatal(err)
			}
		}
		_, now, err := first.Records()
		if err != nil {
			t.Fatal(err)
		}
		if now > born && round > 5 {
			break
		}
		if round == 500 {
			t.Fatal("after a million entries the first record is still there")
		}
	}
	c := join("c")
	for _, w := range []*witness{a, b, c} {
		w.until("all entries", func() bool { return maps.Equal(w.entries[a.self.ID], want) })
		if len(w.gone) > 0 || w.rejoins != 1 {
			t.Errorf("%s was told that %v are gone, and %d Rejoins", w.name, w.gone, w.rejoins)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.entries) != 3 {
		t.Errorf("c knows %d nodes, want 3", len(c.entries))
	}
}
