package node_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gannet-io/gannet/engine/backbone"
	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/node"
)

// exported returns the value of a metric without labels, as text.
func (h *house) exported(name string) string {
	var buf bytes.Buffer
	h.metrics.WritePrometheus(&buf)
	for line := range strings.Lines(buf.String()) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func keeping(a *app.App) {
	a.Rules = []app.Rule{{Match: "kept", History: app.History{Events: 10}}}
}

// connected waits until every node knows that it reaches the backbone.
func (w *town) connected() *town {
	for _, h := range w.houses {
		w.until("a node to be connected", func() bool { return h.Admit(w.app, slices.Values([]string{})) == nil })
	}
	return w
}

func TestALogIsFollowedForAWhileAfterTheLastSubscriber(t *testing.T) {
	w := newTown(t, 2, keeping).connected()
	h := w.houses[0]
	c := h.enter()
	for _, name := range []string{"kept", "cache-x", "plain"} {
		w.subscribe(h, c.id, name, "")
	}
	for _, name := range []string{"kept", "cache-x"} {
		if err := w.houses[1].Publish(w.app, &node.Event{Channel: name, Name: "e", Data: []byte(`"1"`)}); err != nil {
			t.Fatal(err)
		}
	}
	w.until("both events", func() bool {
		_, _, ok := h.Cached(w.app, "cache-x")
		_, events, _ := h.Past(w.app)
		return ok && events == 1
	})
	for _, name := range []string{"kept", "cache-x", "plain"} {
		h.Unsubscribe(w.app, c.id, name, "")
	}
	if got := h.exported("gannet_node_attached_channels"); got != "2" {
		t.Errorf("%s channels are attached, want the two with a log", got)
	}
	h.clock.Advance(9 * time.Second)
	h.DoChores()
	w.subscribe(h, c.id, "kept", "")
	h.Unsubscribe(w.app, c.id, "kept", "")
	h.clock.Advance(time.Second)
	h.DoChores()
	if got := h.exported("gannet_node_attached_channels"); got != "1" {
		t.Errorf("%s channels are attached, want the one that was used since", got)
	}
	h.clock.Advance(10 * time.Second)
	h.DoChores()
	bytes, events, streams := h.Past(w.app)
	if got := h.exported("gannet_node_attached_channels"); got != "0" || bytes+events+streams+h.CacheBytes(w.app) != 0 {
		t.Errorf("%s channels are attached, %d bytes of %d events in %d channels, %d bytes of cache", got, bytes, events, streams, h.CacheBytes(w.app))
	}
	if keys := h.keys(); len(keys) > 0 {
		t.Errorf("topics %v are left", keys)
	}
}

func TestReadingTheLogOfANodeWithoutSubscribers(t *testing.T) {
	w := newTown(t, 2, keeping).connected()
	if err := w.houses[0].Publish(w.app, &node.Event{Channel: "kept", Name: "e", Data: []byte(`"1"`)}); err != nil {
		t.Fatal(err)
	}
	h := w.houses[1]
	done := make(chan error, 8)
	for range cap(done) {
		go func() { done <- h.Reach(w.app, "kept") }()
	}
	for range cap(done) {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	past := h.History(w.app, "kept", &node.PastQuery{Limit: 10, Room: 1000})
	if len(past.Events) != 1 {
		t.Errorf("%d events, want 1", len(past.Events))
	}
	if err := h.Reach(w.app, "plain"); err != nil || slices.Contains(h.keys(), w.app.ID+"/plain") {
		t.Errorf("a channel without a log: %v, topics %v", err, h.keys())
	}
	h.clock.Advance(10 * time.Second)
	h.DoChores()
	if keys := h.keys(); len(keys) > 0 {
		t.Errorf("topics %v are left", keys)
	}
	w.net.Cut("b")
	w.until("the node to notice", func() bool { return h.Admit(w.app, slices.Values([]string{})) != nil })
	if err := h.Reach(w.app, "kept"); !errors.Is(err, node.ErrAway) {
		t.Errorf("Reach while the backbone is away: %v", err)
	}
}

func TestNothingIsPublishedWhileTheWayToTheOthersIsFull(t *testing.T) {
	w := newTown(t, 2, func(a *app.App) { a.ClientEvents = true }).connected()
	h := w.houses[0]
	c, other := h.enter(), h.enter()
	w.subscribe(h, c.id, "private-x", "")
	w.subscribe(h, other.id, "private-x", "")
	h.heard(other)
	w.net.Refuse("a", backbone.ErrFull)
	ev := &node.Event{Channel: "private-x", Name: "e", Data: []byte(`"1"`)}
	if err := h.Publish(w.app, ev); !errors.Is(err, node.ErrBusy) {
		t.Errorf("Publish: %v", err)
	}
	if err := h.Admit(w.app, slices.Values([]string{"private-x"})); !errors.Is(err, node.ErrBusy) {
		t.Errorf("Admit: %v", err)
	}
	client := &node.ClientEvent{Channel: "private-x", Name: "client-e", Data: []byte(`{}`)}
	if err := h.ClientEvent(w.app, c.id, client); err != pusher.ErrBusy {
		t.Errorf("ClientEvent: %v", err)
	}
	if got := h.heard(other); len(got) > 0 {
		t.Errorf("somebody heard %q", got)
	}
	w.net.Refuse("a", nil)
	if err := errors.Join(h.Admit(w.app, slices.Values([]string{"private-x"})), h.Publish(w.app, ev)); err != nil {
		t.Error(err)
	}
	if err := h.ClientEvent(w.app, c.id, client); err != nil {
		t.Error(err)
	}
	if got := h.heard(other); len(got) != 2 {
		t.Errorf("heard %q, want both", got)
	}
	w.net.Cut("a")
	w.until("the node to notice", func() bool { return errors.Is(h.Admit(w.app, slices.Values([]string{})), node.ErrAway) })
	if err := h.Publish(w.app, ev); !errors.Is(err, node.ErrAway) {
		t.Errorf("Publish while the backbone is away: %v", err)
	}
	if err := h.ClientEvent(w.app, c.id, client); err != nil {
		t.Errorf("ClientEvent while the backbone is away: %v", err)
	}
	if got := h.heard(other); len(got) != 1 || !strings.Contains(got[0], "client-e") {
		t.Errorf("heard %q, want what another client of the node sent", got)
	}
}

func TestWhatCannotBeReadKeepsItsPlace(t *testing.T) {
	w := newTown(t, 2, keeping).connected()
	h := w.houses[0]
	c := h.enter()
	w.subscribe(h, c.id, "kept", "")
	h.heard(c)
	stranger := w.net.Node("stranger")
	if err := stranger.Start(t.Context(), deaf{}); err != nil {
		t.Fatal(err)
	}
	if err := stranger.Append(w.app.ID+"/kept", &backbone.Retention{Events: 10}, []byte{9, 9})(); err != nil {
		t.Fatal(err)
	}
	if err := w.houses[1].Publish(w.app, &node.Event{Channel: "kept", Name: "e", Data: []byte(`"1"`)}); err != nil {
		t.Fatal(err)
	}
	w.until("the event behind it", func() bool { _, events, _ := h.Past(w.app); return events == 2 })
	got := h.heard(c)
	if len(got) != 2 || !strings.Contains(got[0], `"pusher_internal:gannet_position"`) || !strings.Contains(got[0], `-1"}`) || !strings.Contains(got[1], `-2"}`) {
		t.Errorf("heard %q", got)
	}
	if n := h.exported("gannet_node_unreadable_envelopes_total"); n != "1" {
		t.Errorf("%s unreadable", n)
	}
	if past := h.History(w.app, "kept", &node.PastQuery{Limit: 10, Room: 1000}); len(past.Events) != 1 || !strings.HasSuffix(past.Events[0].Serial, "-2") {
		t.Errorf("the HTTP API shows %v", past.Events)
	}
}

// deaf is a sink that takes no notice.
type deaf struct{}

func (deaf) Message(string, []byte)         {}
func (deaf) Attached(string, backbone.Tail) {}
func (deaf) Stored(string, backbone.Stored) {}
func (deaf) Up(backbone.Node)               {}
func (deaf) Changed(string, backbone.Entry) {}
func (deaf) Gone(string)                    {}
func (deaf) At(backbone.Place)              {}
func (deaf) Rejoin(backbone.Node)           {}
func (deaf) State(bool, string)             {}

// A lame bus takes no notice of a wish to attach a channel.
type lame struct {
	backbone.Bus
	topic string
}

func (l lame) Attach(topic string, keep *backbone.Retention) {
	if topic != l.topic {
		l.Bus.Attach(topic, keep)
	}
}

func TestASubscriptionDoesNotWaitForeverForABackboneThatIsThere(t *testing.T) {
	w := newTown(t, 1, nil).connected()
	h := newHouse(t, node.Config{Bus: lame{w.net.Node("lame"), w.app.ID + "/plain"}, Apps: only{w.app}, Notifier: &witness{}})
	if err := h.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Leave(t.Context()) })
	w.until("the node to be connected", func() bool { return h.Admit(w.app, slices.Values([]string{})) == nil })
	later := func(c *conn, again bool) bool {
		got, err := h.Node.Subscribe(w.app, c.id, "plain", pusher.KindOf("plain"), nil, &node.Arrival{Room: 1 << 20, Again: again})
		if err != nil {
			t.Fatal(err)
		}
		return got.Later
	}
	c, other := h.enter(), h.enter()
	if !later(c, false) {
		t.Fatal("a subscription does not wait for the backbone")
	}
	h.clock.Advance(9 * time.Second)
	h.DoChores()
	if !later(c, true) {
		t.Error("after 9 s it does not wait any more")
	}
	h.clock.Advance(time.Second)
	h.DoChores()
	if later(c, true) {
		t.Error("after 10 s it still waits")
	}
	if later(other, false) {
		t.Error("the next one waits again")
	}
}
