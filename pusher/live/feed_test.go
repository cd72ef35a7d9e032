package live_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/gannet-io/gannet/pusher/live"
)

func watch(t *testing.T, f *live.Feed, filter live.Filter, rate int) *live.Watcher {
	t.Helper()
	w, err := f.Watch(filter, rate)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	return w
}

// came returns what has come so far.
func came(w *live.Watcher) (events []*live.Event) {
	for {
		select {
		case e := <-w.Events():
			events = append(events, e)
		default:
			return events
		}
	}
}

func TestNobodyWatchesAtFirstOrAtLast(t *testing.T) {
	var none *live.Feed
	if none.Watched() {
		t.Error("no feed is watched")
	}
	none.Tell(&live.Event{})
	var f live.Feed
	if f.Watched() {
		t.Error("a new feed is watched")
	}
	a, _ := f.Watch(live.Filter{}, 1)
	b, _ := f.Watch(live.Filter{}, 1)
	a.Close()
	if !f.Watched() {
		t.Error("with one watcher left nobody watches")
	}
	b.Close()
	if f.Watched() {
		t.Error("without watchers somebody watches")
	}
}

func TestFilters(t *testing.T) {
	events := []*live.Event{
		{Kind: live.Publish, App: "1", Channel: "a-1", Event: "x"},
		{Kind: live.ClientEvent, App: "1", Channel: "a-2", Event: "y"},
		{Kind: live.Publish, App: "2", Channel: "b-1", Event: "x"},
		{Kind: live.Connect, App: "2"},
	}
	for _, tt := range []struct {
		filter live.Filter
		want   []int
	}{
		{live.Filter{}, []int{0, 1, 2, 3}},
		{live.Filter{App: "1"}, []int{0, 1}},
		{live.Filter{Channel: "a-1"}, []int{0}},
		{live.Filter{Prefix: "a-"}, []int{0, 1}},
		{live.Filter{Event: "x"}, []int{0, 2}},
		{live.Filter{Kinds: live.Connect | live.ClientEvent}, []int{1, 3}},
		{live.Filter{App: "2", Kinds: live.Publish}, []int{2}},
		{live.Filter{App: "3"}, nil},
	} {
		var f live.Feed
		w := watch(t, &f, tt.filter, 100)
		for _, e := range events {
			f.Tell(e)
		}
		got := came(w)
		if len(got) != len(tt.want) || w.LeftOut() != 0 {
			t.Errorf("%+v: %d events, want %v", tt.filter, len(got), tt.want)
			continue
		}
		for i, e := range got {
			if want := events[tt.want[i]]; e.Kind != want.Kind || e.Channel != want.Channel || e.At.IsZero() {
				t.Errorf("%+v: got %+v, want %+v", tt.filter, e, want)
			}
		}
	}
}

func TestEventsBorrowNothing(t *testing.T) {
	var f live.Feed
	w := watch(t, &f, live.Filter{}, 10)
	data := []byte(`"héllo\n"`)
	f.Tell(&live.Event{Kind: live.Publish, Data: data})
	clear(data)
	e := came(w)[0]
	if got := e.Text(100); got != "héllo\n" || e.Size != len("héllo\n") {
		t.Errorf("%q of %d bytes", got, e.Size)
	}
}

func TestAFloodIsSampledAndCounted(t *testing.T) {
	var f live.Feed
	w := watch(t, &f, live.Filter{}, 20)
	tell := func(n int) {
		for range n {
			f.Tell(&live.Event{Kind: live.Publish})
		}
	}
	tell(1000)
	if got := len(came(w)); got != 20 || w.LeftOut() != 980 {
		t.Errorf("at first %d came and %d were left out, want a second's worth, 20, and 980", got, w.LeftOut())
	}
	w.Refill()
	tell(1000)
	if got := len(came(w)); got != 2 || w.LeftOut() != 1978 {
		t.Errorf("in a tenth of a second %d came and %d were left out, want 2 and 1978", got, w.LeftOut())
	}
	for range 100 {
		w.Refill()
	}
	tell(1000)
	if got := len(came(w)); got != 20 {
		t.Errorf("after a rest %d came, want 20", got)
	}
}

func TestASlowReaderMissesEventsAndNobodyWaits(t *testing.T) {
	var f live.Feed
	w := watch(t, &f, live.Filter{}, 10)
	for range 5 {
		f.Tell(&live.Event{Kind: live.Publish})
		for range 10 {
			w.Refill()
		}
		for range 9 {
			f.Tell(&live.Event{Kind: live.Publish})
		}
	}
	if got := len(came(w)); got != 10 || w.LeftOut() != 40 {
		t.Errorf("%d came and %d were left out, want 10 and 40", got, w.LeftOut())
	}
}

func TestALowRateComesInTheLongRun(t *testing.T) {
	var f live.Feed
	w := watch(t, &f, live.Filter{}, 3)
	n := 0
	for range 100 { // ten seconds
		f.Tell(&live.Event{Kind: live.Publish})
		f.Tell(&live.Event{Kind: live.Publish})
		n += len(came(w))
		w.Refill()
	}
	if n < 30 || n > 33 {
		t.Errorf("%d events in ten seconds at 3 a second and 3 at once", n)
	}
}

func TestWatchersAreBounded(t *testing.T) {
	var f live.Feed
	for range live.MaxWatchers {
		watch(t, &f, live.Filter{}, 1)
	}
	if _, err := f.Watch(live.Filter{}, 1); err != live.ErrTooMany {
		t.Errorf("one too many: %v", err)
	}
}

func TestTellingCostsNothingWhenItIsNotWanted(t *testing.T) {
	var f live.Feed
	e := &live.Event{Kind: live.Publish, App: "1", Data: []byte(`"x"`)}
	if n := testing.AllocsPerRun(100, func() {
		if f.Watched() {
			f.Tell(e)
		}
	}); n != 0 {
		t.Errorf("unwatched: %v allocations", n)
	}
	w := watch(t, &f, live.Filter{}, 1)
	watch(t, &f, live.Filter{App: "2"}, 500)
	f.Tell(e)
	if n := testing.AllocsPerRun(100, func() { f.Tell(e) }); n != 0 {
		t.Errorf("in a flood: %v allocations", n)
	}
	if len(came(w)) != 1 {
		t.Error("the first has not come")
	}
}

func TestManyMayTellWhileOthersComeAndGo(t *testing.T) {
	var f live.Feed
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 2000 {
				f.Tell(&live.Event{Kind: live.Publish, Data: []byte(`"x"`)})
			}
		})
		all.Go(func() {
			for range 200 {
				w, err := f.Watch(live.Filter{}, 500)
				if err != nil {
					t.Error(err)
					return
				}
				w.Refill()
				came(w)
				w.Close()
			}
		})
	}
	all.Wait()
}

func TestLongDataIsCutBetweenCharacters(t *testing.T) {
	var f live.Feed
	for _, unit := range []string{"x", `\n`, `\u00e9`, "é", `\ud83d\ude00`, "😀", `\\`, `\"`} {
		for shift := range 12 {
			w := watch(t, &f, live.Filter{}, 1)
			token := `"` + strings.Repeat("a", shift) + strings.Repeat(unit, live.MaxData) + `"`
			f.Tell(&live.Event{Kind: live.Publish, Data: []byte(token)})
			e := came(w)[0]
			got := e.Text(4 << 10)
			if len(got) < 1000 || len(got) > 4<<10 || strings.Contains(got, "\uFFFD") {
				t.Errorf("%q behind %d: %d bytes, ending in %q", unit, shift, len(got), got[max(0, len(got)-8):])
			}
			w.Close()
		}
	}
}

func TestKindsHaveWords(t *testing.T) {
	for k := live.Publish; k <= live.Error; k <<= 1 {
		if back, ok := live.ParseKind(k.String()); !ok || back != k {
			t.Errorf("%d is %q and comes back as %d", k, k, back)
		}
	}
	if _, ok := live.ParseKind("nonesuch"); ok {
		t.Error("nonesuch is a kind")
	}
}
