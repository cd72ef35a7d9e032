package fleet_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/gannet-io/gannet/engine/backbone"
	"github.com/gannet-io/gannet/engine/backbone/membus"
	"github.com/gannet-io/gannet/pusher/cluster"
	"github.com/gannet-io/gannet/pusher/fleet"
	"github.com/gannet-io/gannet/pusher/live"
)

// A sea has fleets on a net that moves when the test says so.
type sea struct {
	t     *testing.T
	net   *membus.Net
	ships []*ship
}

type ship struct {
	*fleet.Fleet
	feed   live.Feed
	vitals fleet.Vitals
	closed []string
	buses  backbone.Bus
	id     string
}

// sink hands a ship what the bus tells it.
type sink struct{ *ship }

func (s sink) Message(topic string, msg []byte) {
	if e, err := cluster.ParseEnvelope(msg); err == nil {
		s.Take(topic, &e)
	}
}
func (sink) At(backbone.Place)              {}
func (s sink) Rejoin(self backbone.Node)    { s.id = self.ID; s.buses.Settled() }
func (sink) Attached(string, backbone.Tail) {}
func (sink) Stored(string, backbone.Stored) {}
func (sink) Up(backbone.Node)               {}
func (sink) Changed(string, backbone.Entry) {}
func (sink) Gone(string)                    {}
func (sink) State(up bool, reason string)   {}

func newSea(t *testing.T, ships int) *sea {
	t.Helper()
	s := &sea{t: t, net: membus.NewStepped(rand.New(rand.NewPCG(1, 2)))}
	t.Cleanup(s.net.Close)
	for i := range ships {
		one := &ship{vitals: fleet.Vitals{Stamp: uint16(i + 1), Connections: 10 * (i + 1), Ready: true}}
		one.buses = s.net.Node(fmt.Sprintf("n%d", i))
		one.Fleet = fleet.New(fleet.Config{
			Bus: one.buses, Feed: &one.feed, Vitals: func() fleet.Vitals { return one.vitals }, Now: s.net.Now,
			Close: func(id string, code int) { one.closed = append(one.closed, fmt.Sprint(id, " ", code)) },
		})
		s.ships = append(s.ships, one)
		if err := one.buses.Start(context.Background(), sink{one}); err != nil {
			t.Fatal(err)
		}
		one.buses.Attach(cluster.ControlTopic, nil)
		s.still()
	}
	return s
}

// still moves the net until nothing is on its way.
func (s *sea) still() {
	for s.net.Step() {
	}
}

// pass has time go by in steps of a tenth of a second, in which every ship but those away speaks.
func (s *sea) pass(d time.Duration, away ...int) {
	for ; d > 0; d -= live.RefillEvery {
		for i, one := range s.ships {
			if !slices.Contains(away, i) {
				one.Step()
			}
		}
		s.still()
		s.net.Advance(live.RefillEvery)
		s.still()
	}
}

func (s *sea) watch(i int, filter live.Filter, rate int, name string) (w *live.Watcher, stop func()) {
	s.t.Helper()
	w, err := s.ships[i].feed.Watch(filter, rate)
	if err != nil {
		s.t.Fatal(err)
	}
	end := s.ships[i].Follow(w, &filter, rate, name)
	s.pass(200 * time.Millisecond)
	return w, func() { end(); w.Close() }
}

func came(w *live.Watcher) (texts []string) {
	for len(w.Events()) > 0 {
		e := <-w.Events()
		texts = append(texts, fmt.Sprintf("%s %s %s/%s %s %d", e.Node, e.Kind, e.App, e.Channel, e.Text(100), e.Receivers))
	}
	slices.Sort(texts)
	return texts
}

func TestAStreamShowsWhatHappensOnAllNodes(t *testing.T) {
	s := newSea(t, 3)
	w, stop := s.watch(0, live.Filter{App: "1", Kinds: live.Publish}, 100, "")
	for i, one := range s.ships {
		one.feed.Tell(&live.Event{Kind: live.Publish, App: "1", Channel: "c", Event: "e", Data: fmt.Appendf(nil, `"from %d"`, i), Receivers: i})
		one.feed.Tell(&live.Event{Kind: live.Publish, App: "2", Channel: "c", Event: "e", Data: []byte(`"of another app"`)})
		one.feed.Tell(&live.Event{Kind: live.Connect, App: "1"})
	}
	s.pass(time.Second)
	want := []string{" publish 1/c from 0 0", "n1 publish 1/c from 1 1", "n2 publish 1/c from 2 2"}
	if got := came(w); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	stop()
	s.pass(200 * time.Millisecond)
	for i, one := range s.ships {
		if one.Taps() != 0 || one.feed.Watched() {
			t.Errorf("node %d is watched still", i)
		}
	}
}

func TestAStreamMayBeOfOneNodeAlone(t *testing.T) {
	s := newSea(t, 3)
	w, stop := s.watch(0, live.Filter{Kinds: live.Publish}, 100, "n2")
	defer stop()
	if s.ships[1].feed.Watched() || !s.ships[2].feed.Watched() {
		t.Error("it is n2 that was to be watched")
	}
	s.ships[2].feed.Tell(&live.Event{Kind: live.Publish, App: "1", Channel: "c"})
	s.pass(time.Second)
	if got := came(w); len(got) != 1 {
		t.Errorf("got %q", got)
	}
}

func TestAStreamHasItsRateOfAllNodesTogether(t *testing.T) {
	s := newSea(t, 3)
	w, stop := s.watch(0, live.Filter{}, 10, "")
	defer stop()
	for i := 1; i < 3; i++ {
		for range 500 {
			s.ships[i].feed.Tell(&live.Event{Kind: live.Publish, Data: []byte(`"x"`)})
		}
	}
	s.pass(time.Second)
	// Each sends the 10 of its first second and says that it left out 490.
	if got := len(came(w)); got != 10 || w.LeftOut() != 990 {
		t.Errorf("%d came and %d were left out, want 10 and 990", got, w.LeftOut())
	}
}

func TestLongEventsGoInSeveralMessages(t *testing.T) {
	s := newSea(t, 2)
	w, stop := s.watch(0, live.Filter{}, live.MaxRate, "")
	defer stop()
	data := append(append([]byte{'"'}, make([]byte, live.MaxData)...), '"')
	for i := range data[1 : len(data)-1] {
		data[i+1] = 'x'
	}
	for range live.MaxRate {
		s.ships[1].feed.Tell(&live.Event{Kind: live.Publish, Data: data})
	}
	s.pass(time.Second)
	if got := len(came(w)); got != live.MaxRate {
		t.Errorf("%d of %d came", got, live.MaxRate)
	}
}

func TestAWishEndsThatIsNotRepeated(t *testing.T) {
	s := newSea(t, 2)
	_, stop := s.watch(0, live.Filter{}, 10, "")
	defer stop()
	if s.ships[1].Taps() != 1 {
		t.Fatal("n1 is not watched")
	}
	s.pass(3*time.Second, 0)
	if s.ships[1].Taps() != 1 {
		t.Error("a wish must outlast the loss of some of its repetitions")
	}
	s.pass(2*time.Second, 0)
	if s.ships[1].Taps() != 0 || s.ships[1].feed.Watched() {
		t.Error("n0 has been silent for 5 s, and n1 goes on")
	}
	s.pass(2 * time.Second)
	if s.ships[1].Taps() != 1 {
		t.Error("n0 is back, and sees nothing of n1")
	}
}

func TestWishesAreBounded(t *testing.T) {
	s := newSea(t, 2)
	for range 20 {
		w, err := s.ships[0].feed.Watch(live.Filter{}, 1)
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		defer s.ships[0].Follow(w, new(live.Filter), 1, "")()
	}
	s.pass(time.Second)
	if got := s.ships[1].Taps(); got != 16 {
		t.Errorf("%d wishes are fulfilled, want 16", got)
	}
}

func TestEveryNodeKnowsHowTheOthersAre(t *testing.T) {
	s := newSea(t, 3)
	s.pass(2100 * time.Millisecond)
	nodes := s.ships[0].Nodes()
	if len(nodes) != 3 {
		t.Fatalf("%d nodes", len(nodes))
	}
	for _, n := range nodes {
		var i int
		if _, err := fmt.Sscanf(n.Name, "n%d", &i); err != nil || n.Vitals == nil || n.Connections != 10*(i+1) || n.Age > 2100*time.Millisecond {
			t.Errorf("%+v", n)
		}
	}
	s.pass(9*time.Second, 2)
	for _, n := range s.ships[0].Nodes() {
		if old := n.Age > 8*time.Second; old != (n.Name == "n2") {
			t.Errorf("%s was heard %v ago", n.Name, n.Age)
		}
	}
}

func TestANodeThatSaysNothingIsUnknown(t *testing.T) {
	s := newSea(t, 2)
	s.pass(time.Second, 1)
	nodes := s.ships[0].Nodes()
	if len(nodes) != 2 || nodes[0].Vitals == nil || nodes[1].Vitals != nil {
		t.Errorf("%+v", nodes)
	}
}

func TestASocketIDTellsItsNode(t *testing.T) {
	s := newSea(t, 3)
	s.pass(time.Second)
	for id, want := range map[string]string{
		fmt.Sprintf("%d.%d", 2<<32|12345, 6789): "n1", // 2 is the stamp of n1
		fmt.Sprintf("%d.%d", 3<<32, 6789):       "n2",
		fmt.Sprintf("%d.%d", 1<<32, 6789):       "", // its own
		fmt.Sprintf("%d.%d", 9<<32, 6789):       "",
		"12345":                                 "",
		"":                                      "",
		"18446744073709551616.1":                "",
	} {
		got := ""
		for _, n := range s.ships[0].Holding(id) {
			got += n.Name
		}
		if got != want {
			t.Errorf("%q is of %q, want %q", id, got, want)
		}
	}
}

func TestAConnectionIsClosedWhereverItIs(t *testing.T) {
	s := newSea(t, 2)
	wait := s.ships[0].Close("123.456", 4200)
	s.still()
	if wait != nil {
		if err := wait(); err != nil {
			t.Error(err)
		}
	}
	if got := fmt.Sprint(s.ships[0].closed, s.ships[1].closed); got != "[] [123.456 4200]" {
		t.Errorf("closed %s", got)
	}
}

func TestWhatIsNotUnderstoodIsLeftAlone(t *testing.T) {
	s := newSea(t, 1)
	for _, kind := range []cluster.Kind{cluster.KindSummary, cluster.KindWatch, cluster.KindShown, cluster.KindClose, 99} {
		for _, body := range []string{"", "{", "[]", `{"id":""}`, `{"watch":7,"events":[{}]}`, `{"to":"x","watch":1,"rate":-1}`, "null"} {
			for _, topic := range []string{cluster.ControlTopic, "!live/x", "!else"} {
				s.ships[0].Take(topic, &cluster.Envelope{Kind: kind, Body: []byte(body)})
			}
		}
	}
	if s.ships[0].Taps() != 0 || len(s.ships[0].closed) != 0 {
		t.Error("nonsense is followed")
	}
}

// FuzzTake holds that no message of another node can hurt this one.
func FuzzTake(f *testing.F) {
	for _, body := range []any{
		fleet.Summary{ID: "x", Name: "y"}, map[string]any{"to": "x", "watch": 1, "kinds": 65535, "rate": 100}, map[string]any{"watch": 1, "from": "x", "left_out": -5, "events": []any{map[string]any{"kind": 1, "data": "eA=="}}},
	} {
		text, _ := json.Marshal(body)
		for kind := byte(4); kind < 8; kind++ {
			f.Add(kind, text)
		}
	}
	f.Fuzz(func(_ *testing.T, kind byte, body []byte) {
		net := membus.NewStepped(rand.New(rand.NewPCG(1, 2)))
		defer net.Close()
		var feed live.Feed
		one := fleet.New(fleet.Config{Bus: net.Node("n"), Feed: &feed, Vitals: func() fleet.Vitals { return fleet.Vitals{} }, Close: func(string, int) {}, Now: net.Now})
		for _, topic := range []string{cluster.ControlTopic, "!live/n"} {
			one.Take(topic, &cluster.Envelope{Kind: cluster.Kind(kind), Body: body})
		}
		feed.Tell(&live.Event{Kind: live.Publish})
		one.Step()
		one.Stop()
	})
}
