package node_test

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gannet-io/gannet/engine/history"
	"github.com/gannet-io/gannet/engine/history/historytest"
	"github.com/gannet-io/gannet/engine/history/memstream"
	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/node"
	"github.com/gannet-io/gannet/pusher/wire"
)

// ruled gives an app one rule for all channels.
func ruled(r app.Rule) func(*app.App) {
	r.Match = "*"
	return func(a *app.App) { a.Rules = []app.Rule{r} }
}

// resume has c subscribe from a position, and returns what it has been sent.
func (h *house) resume(a *app.App, c *conn, name, from string) (frames []string) {
	h.t.Helper()
	in := &node.Arrival{Recall: &wire.Recall{HasResume: true, Resume: from}, Room: 1 << 20}
	if _, err := h.Node.Subscribe(a, c.id, name, pusher.KindOf(name), nil, in); err != nil {
		h.t.Fatal(err)
	}
	return h.heard(c)
}

// outcome returns what the success among frames says of resuming: "true", "false epoch".
func outcome(frames []string) string {
	_, rest, _ := strings.Cut(frames[0], `"recovered":`)
	return strings.NewReplacer(`,"reason":`, " ", `"`, "", "}", "").Replace(rest)
}

// serialOf returns the position in a frame.
func serialOf(frame string) string {
	_, rest, _ := strings.Cut(frame, `"serial":"`)
	serial, _, _ := strings.Cut(rest, `"`)
	return serial
}

// A channel that nobody is on any more is remembered for the ttl after its last event and after its last subscriber,
// and then it is gone, with its epoch.
func TestAnEmptyStreamIsRememberedForItsTTL(t *testing.T) {
	h, a := newHouse(t, node.Config{}), newApp(ruled(app.Rule{History: app.History{TTL: time.Minute}}))
	c := h.enter()
	first := h.resume(a, c, "x", "none-0")
	if got := outcome(first); got != "false epoch" {
		t.Fatalf("%q", first)
	}
	at := serialOf(first[0])
	h.clock.Advance(10 * time.Minute)
	h.DoChores()
	h.Unsubscribe(a, c.id, "x", "")
	if got := h.keys(); len(got) != 1 {
		t.Fatalf("topics %q after the last one has left", got)
	}
	h.clock.Advance(50 * time.Second)
	h.DoChores()
	h.publish(a, "x", `"1"`) // while nobody is there
	h.clock.Advance(50 * time.Second)
	h.DoChores()
	if got := h.resume(a, c, "x", at); outcome(got) != "true" || len(got) != 2 || serialOf(got[1]) != strings.Replace(at, "-0", "-1", 1) {
		t.Errorf("resumed with %q", got)
	}
	h.Unsubscribe(a, c.id, "x", "")
	h.clock.Advance(50 * time.Second)
	h.DoChores() // the event is gone, the channel is not
	if got := h.resume(a, c, "x", strings.Replace(at, "-0", "-1", 1)); outcome(got) != "true" || len(got) != 1 {
		t.Errorf("resumed with %q", got)
	}
	h.Unsubscribe(a, c.id, "x", "")
	h.clock.Advance(time.Minute + time.Second)
	h.DoChores()
	if got := h.keys(); len(got) != 0 || h.Pending() != 0 {
		t.Errorf("topics %q, %d chores when all is forgotten", got, h.Pending())
	}
	if bytes, events, streams := h.Past(a); bytes+events+streams != 0 {
		t.Errorf("%d bytes, %d events, %d streams are accounted", bytes, events, streams)
	}
	if got := h.resume(a, c, "x", at); outcome(got) != "false epoch" {
		t.Errorf("resumed with %q", got)
	}
}

// Who looks at names that nobody has heard of must not drive out what others need.
func TestNamesWithoutEventsGoFirst(t *testing.T) {
	h, a := newHouse(t, node.Config{}), newApp(ruled(app.Rule{History: app.History{Events: 10}}))
	a.Limits.HistoryBytes = 10 << 10
	c := h.enter()
	h.publish(a, "precious", `"1"`)
	for i := range 100 {
		h.subscribe(a, c, fmt.Sprint("x-", i), "")
		h.Unsubscribe(a, c.id, fmt.Sprint("x-", i), "")
	}
	bytes, events, streams := h.Past(a)
	if bytes > 10<<10 || events != 1 || streams < 5 {
		t.Errorf("%d bytes, %d events, %d streams are kept", bytes, events, streams)
	}
	if keys := h.keys(); !slices.Contains(keys, a.ID+"/precious") || !slices.Contains(keys, a.ID+"/x-99") || slices.Contains(keys, a.ID+"/x-0") {
		t.Errorf("topics %q", keys)
	}
}

// One channel that outgrows the budget loses its oldest events and not all of them.
func TestOneChannelKeepsHalfTheBudget(t *testing.T) {
	h, a := newHouse(t, node.Config{}), newApp(ruled(app.Rule{History: app.History{TTL: time.Hour}}))
	a.Limits.HistoryBytes = 100 << 10
	for i := range 1000 {
		h.publish(a, "x", fmt.Sprintf(`"%01000d"`, i))
		if bytes, events, _ := h.Past(a); bytes > 52<<10 || events < min(i+1, 40) {
			t.Fatalf("%d bytes, %d events after %d", bytes, events, i+1)
		}
	}
}

func TestEvictionIsCountedAndSeen(t *testing.T) {
	h, a := newHouse(t, node.Config{}), newApp(ruled(app.Rule{History: app.History{Events: 10}}))
	a.Limits.HistoryBytes = 5 << 10
	c := h.enter()
	h.subscribe(a, c, "watched", "")
	h.publish(a, "watched", `"1"`)
	for i := range 10 {
		h.publish(a, fmt.Sprint("x-", i), `"1"`)
	}
	h.publish(a, "watched", `"2"`)
	frames := h.heard(c)
	one, two := serialOf(frames[1]), serialOf(frames[2])
	if strings.TrimSuffix(one, "-1") != strings.TrimSuffix(two, "-2") {
		t.Errorf("a subscriber sees the epoch change: %s, then %s", one, two)
	}
	var exported strings.Builder
	h.metrics.WritePrometheus(&exported)
	if want := "gannet_node_history_evictions_total 8\n"; !strings.Contains(exported.String(), want) {
		t.Errorf("want %q in\n%s", want, exported.String())
	}
}

// late is a stream whose places are given elsewhere: it delivers later, from another goroutine.
type late struct {
	history.Stream
	w     history.Wiring
	queue chan func()
}

// newLate returns one that delivers what release lets it.
func newLate(w history.Wiring) *late {
	return &late{Stream: memstream.New("late", w), w: w, queue: make(chan func(), 100)}
}

func (l *late) Append(d *history.Draft, now int64) (wait func() error) {
	kept := &history.Draft{Body: d.Body, Except: strings.Clone(d.Except), Key: d.Key, Void: d.Void}
	done := make(chan struct{})
	l.queue <- func() {
		l.w.Lock(func() { l.Stream.Append(kept, now) })
		close(done)
	}
	return func() error {
		<-done
		return nil
	}
}

// A stream may deliver late: then a publisher is answered late, and whoever subscribes meanwhile misses nothing and gets
// nothing twice.
func TestAStreamMayDeliverLate(t *testing.T) {
	var mu sync.Mutex
	streams := make(map[string]*late)
	open := func(topic string, w history.Wiring) history.Stream {
		mu.Lock()
		defer mu.Unlock()
		streams[topic] = newLate(w)
		return streams[topic]
	}
	h, a := newHouse(t, node.Config{Streams: open}), newApp(ruled(app.Rule{History: app.History{Events: 10}}))
	early, between := h.enter(), h.enter()
	h.subscribe(a, early, "x", "")
	published := make(chan error, 2)
	for i := range 2 {
		go func() {
			published <- h.Publish(a, &node.Event{Channel: "x", Name: "e", Data: []byte(`"1"`)})
		}()
		release := <-streams[a.ID+"/x"].queue
		select {
		case err := <-published:
			t.Fatalf("answered before the event had its place: %v", err)
		default:
		}
		if i == 1 {
			h.subscribe(a, between, "x", "")
		}
		release()
		if err := <-published; err != nil {
			t.Fatal(err)
		}
	}
	e := func(n int) string { return fmt.Sprintf(`{"event":"e","channel":"x","data":"1","serial":"late-%d"}`, n) }
	const succeeded = `{"event":"pusher_internal:subscription_succeeded","channel":"x","data":"{}"}`
	h.expect(early, succeeded, e(1), e(2))
	h.expect(between, succeeded, e(2))
	if _, events, _ := h.Past(a); events != 2 {
		t.Errorf("%d events are accounted", events)
	}
}

// The suite holds for it as well.
func TestALateStreamKeepsTheContract(t *testing.T) {
	historytest.Run(t, func(t *testing.T, w history.Wiring) history.Stream {
		l := newLate(w)
		go func() {
			for {
				select {
				case deliver := <-l.queue:
					deliver()
				case <-t.Context().Done():
					return
				}
			}
		}()
		return l
	})
}

// A publish to a channel with history makes the frame and its buffer, and nothing else; one that leaves a connection out
// makes the frame that takes the event's place as well.
func TestPublishToHistoryAllocatesTheFrameOnly(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	h, a := newHouse(t, node.Config{}), newApp(ruled(app.Rule{History: app.History{Events: 100, TTL: time.Minute}, KeyedCache: true, CacheKeys: 10}))
	c := h.enter()
	except := h.SocketID(c.id).String()
	data := []byte(`"` + strings.Repeat("x", 200) + `"`)
	publish := func(except string) {
		_ = h.Publish(a, &node.Event{Channel: "x", Name: "e", Data: data, Except: except}) // cannot fail here
	}
	for range 200 {
		publish("")
	}
	if got := testing.AllocsPerRun(200, func() { publish("") }); got > 2 {
		t.Errorf("%v allocations, want 2 at most", got)
	}
	h.subscribe(a, c, "x", "")
	go func() {
		for {
			if _, err := c.conn.Read(make([]byte, 1<<16)); err != nil {
				return
			}
		}
	}()
	if got := testing.AllocsPerRun(200, func() { publish(except) }); got > 7 {
		t.Errorf("%v allocations with a connection left out, want 7 at most", got)
	}
}

func BenchmarkPublishToHistory(b *testing.B) {
	h, a := newHouse(b, node.Config{}), newApp(ruled(app.Rule{History: app.History{Events: 1000, TTL: time.Minute}}))
	data := []byte(`"` + strings.Repeat("x", 200) + `"`)
	b.ReportAllocs()
	for b.Loop() {
		_ = h.Publish(a, &node.Event{Channel: "news", Name: "e", Data: data}) // cannot fail here
	}
}

// What an event takes of the heap is what the accounts say, to a fifth.
func TestAnEventCostsItsFrameAndLittleMore(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector takes memory")
	}
	const events = 50_000
	h, a := newHouse(t, node.Config{}), newApp(ruled(app.Rule{History: app.History{Events: events}}))
	a.Limits.HistoryBytes = 0
	data := []byte(`"` + strings.Repeat("x", 100) + `"`)
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	for range events {
		_ = h.Publish(a, &node.Event{Channel: "x", Name: "price", Data: data}) // cannot fail here
	}
	each := float64(heap()-before) / events
	bytes, _, _ := h.Past(a)
	last := h.History(a, "x", &node.PastQuery{Newest: true, Limit: 1, Room: 1}).Events[0]
	size := len(last.JSON)
	t.Logf("%.0f bytes an event of %d, %d in the accounts", each, size, bytes/events)
	if each > float64(size)+160 || each > 1.2*float64(bytes)/events {
		t.Errorf("%.0f bytes an event of %d, %d in the accounts", each, size, bytes/events)
	}
	runtime.KeepAlive(h)
}
