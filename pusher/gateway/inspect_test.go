package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/gateway"
	"github.com/gannet-io/gannet/pusher/live"
	"github.com/gannet-io/gannet/pusher/node"
)

func patiently(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

func list(t *testing.T, s *server, q live.Query) live.Page {
	t.Helper()
	if q.Limit == 0 {
		q.Limit = 100
	}
	if q.Most == 0 {
		q.Most = 10_000
	}
	page, err := s.gateway.List(patiently(t), &q)
	if err != nil {
		t.Fatalf("%+v: %v", q, err)
	}
	return page
}

func ids(conns []live.Conn) (list []string) {
	for _, c := range conns {
		list = append(list, c.SocketID)
	}
	return list
}

func TestConnectionsAreFoundByWhatTheyAre(t *testing.T) {
	a := newApp(nil)
	other := newApp(func(a *app.App) { a.ID, a.Keys = "2", []app.Key{{Key: "key2", Secret: "s"}} })
	s := newServer(t, options{}, a, other)
	one, two, three := s.join(a), s.join(a), s.join(other)
	one.say(`{"event":"pusher:subscribe","data":{"channel":"news"}}`)
	one.read()
	for _, c := range []*client{one, two} {
		c.say(`{"event":"pusher:subscribe","data":{"channel":"sport"}}`)
		c.read()
	}
	for what, tt := range map[string]struct {
		q    live.Query
		want []*client
	}{
		"all":            {live.Query{}, []*client{one, two, three}},
		"slowest":        {live.Query{Slowest: true}, []*client{one, two, three}},
		"app":            {live.Query{App: "2"}, []*client{three}},
		"channel":        {live.Query{Channel: "news"}, []*client{one}},
		"no channel":     {live.Query{Channel: "new"}, nil},
		"address":        {live.Query{Address: "127."}, []*client{one, two, three}},
		"no address":     {live.Query{Address: "10."}, nil},
		"user":           {live.Query{User: "u"}, nil},
		"any id":         {live.Query{Any: two.id[:len(two.id)-2]}, []*client{two}},
		"any channel":    {live.Query{Any: "sport"}, []*client{one, two}},
		"any of another": {live.Query{Any: "sport", App: "2"}, nil},
	} {
		page := list(t, s, tt.q)
		got := strings.Join(ids(page.Conns), " ")
		for _, c := range tt.want {
			if !strings.Contains(got, c.id) {
				t.Errorf("%s: %q lacks %s", what, got, c.id)
			}
		}
		if len(page.Conns) != len(tt.want) || page.Next != "" || !page.Complete {
			t.Errorf("%s: %+v, want %d", what, page, len(tt.want))
		}
	}
	page := list(t, s, live.Query{Channel: "news"})
	c := page.Conns[0]
	if c.App != a.ID || c.Address != "127.0.0.1" || c.Subscriptions != 2 || c.BacklogBytes != 0 || !c.Connected.Equal(s.clock.Now()) || c.Secure {
		t.Errorf("%+v", c)
	}
	s.leave(one, two, three)
}

func TestConnectionsComeInPages(t *testing.T) {
	a := newApp(nil)
	s := newServer(t, options{}, a)
	const n = 25
	var all []*client
	for range n {
		all = append(all, s.join(a))
	}
	seen, cursor, pages := map[string]bool{}, "", 0
	for {
		page := list(t, s, live.Query{Limit: 10, Cursor: cursor})
		if len(page.Conns) > 10 {
			t.Fatalf("%d on a page of 10", len(page.Conns))
		}
		for _, id := range ids(page.Conns) {
			if seen[id] {
				t.Errorf("%s comes twice", id)
			}
			seen[id] = true
		}
		if pages++; page.Next == "" {
			break
		}
		cursor = page.Next
	}
	if len(seen) != n || pages < 3 || pages > 4 {
		t.Errorf("%d of %d on %d pages", len(seen), n, pages)
	}
	if page := list(t, s, live.Query{Limit: 10, Slowest: true}); len(page.Conns) != 10 || page.Next != "" {
		t.Errorf("the slowest: %d, next %q; want 10 and no more pages", len(page.Conns), page.Next)
	}
	for _, bad := range []string{"x", "1", "1.", ".1", "-1.2", "1.99999999999"} {
		if _, err := s.gateway.List(patiently(t), &live.Query{Limit: 1, Most: 1, Cursor: bad}); !errors.Is(err, live.ErrCursor) {
			t.Errorf("cursor %q: %v", bad, err)
		}
	}
	s.leave(all...)
}

func TestNoMoreConnectionsAreLookedAtThanAskedFor(t *testing.T) {
	a := newApp(nil)
	s := newServer(t, options{}, a)
	var all []*client
	for range 20 {
		all = append(all, s.join(a))
	}
	found, cursor := 0, ""
	for range 100 {
		page := list(t, s, live.Query{Channel: "none", Most: 1, Cursor: cursor})
		found += page.Examined
		if page.Examined > 20 || page.Complete != (page.Next == "") {
			t.Fatalf("%+v", page)
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	if found != 20 || cursor != "" {
		t.Errorf("all pages together have looked at %d of 20, and go on from %q", found, cursor)
	}
	s.leave(all...)
}

func TestTheSlowestComesFirst(t *testing.T) {
	s, a, fast, slow, told := slowServer(t, app.Rule{Slow: app.DropOldest, Key: app.ByEvent})
	rounds := ticks(t, s, a, fast, 5, "oldest")
	page := list(t, s, live.Query{Slowest: true})
	// One of the two may have missed all that was counted, while the other's socket still took everything.
	for len(page.Conns) == 3 && page.Conns[1].BacklogFrames == 0 && rounds < 100_000 {
		rounds++
		tickOnce(t, s, a, fast, 5, rounds)
		page = list(t, s, live.Query{Slowest: true})
	}
	if len(page.Conns) != 3 || page.Conns[2].SocketID != fast.id || page.Conns[0].BacklogBytes == 0 || page.Conns[1].BacklogFrames == 0 {
		t.Errorf("%+v; %s reads", page.Conns, fast.id)
	}
	if page := list(t, s, live.Query{Slowest: true, Limit: 1}); len(page.Conns) != 1 || page.Conns[0].BacklogBytes == 0 {
		t.Errorf("%+v", page.Conns)
	}
	d, err := s.gateway.Look(patiently(t), slow.id)
	if err != nil || d == nil || d.BacklogFrames == 0 || d.Channels[0].Channel != "ticker" {
		t.Errorf("%+v %v", d, err)
	}
	if s.gauge("gannet_engine_slowest_bytes") == 0 {
		t.Error("the metric says that nothing waits")
	}
	s.leave(fast, slow, told)
}

func TestOneConnectionIsLookedAtAndEnded(t *testing.T) {
	a := newApp(nil)
	s := newServer(t, options{}, a)
	c := s.join(a)
	c.say(`{"event":"pusher:subscribe","data":{"channel":"private-x"}}`)
	c.read() // the error
	for i := range 300 {
		c.say(fmt.Sprintf(`{"event":"pusher:subscribe","data":{"channel":"c-%03d"}}`, i))
		c.read()
	}
	s.clock.Advance(time.Minute)
	d, err := s.gateway.Look(patiently(t), c.id)
	if err != nil || d == nil {
		t.Fatal(d, err)
	}
	if d.SocketID != c.id || d.ChannelsTotal != 300 || len(d.Channels) != live.MaxChannels || d.Channels[0].Channel != "c-000" || d.Channels[199].Channel != "c-199" {
		t.Errorf("%+v", d)
	}
	if e := d.LastError; e == nil || e.Reason != "auth_required" && e.Message == "" || !e.At.Equal(s.clock.Now().Add(-time.Minute)) {
		t.Errorf("last error: %+v", e)
	}
	if want := s.clock.Now().Add(-time.Minute); !d.Connected.Equal(want) {
		t.Errorf("connected %v, want %v", d.Connected, want)
	}
	first, second, _ := strings.Cut(c.id, ".")
	for _, id := range []string{"", "1.2", "x", first + "1." + second, first + ".1", second + "." + first} {
		if d, err := s.gateway.Look(patiently(t), id); d != nil || err != nil {
			t.Errorf("%q: %+v %v", id, d, err)
		}
		if ended, err := s.gateway.End(patiently(t), id, 4009); ended || err != nil {
			t.Errorf("%q is ended: %v %v", id, ended, err)
		}
	}
	for code, text := range map[int]string{4009: "You got disconnected by the app.", 4100: "Over capacity", 4200: "Server is going away, reconnect immediately"} {
		one := s.join(a)
		if ended, err := s.gateway.End(patiently(t), one.id, code); !ended || err != nil {
			t.Errorf("%d: %v %v", code, ended, err)
		}
		if frame := one.read(); !strings.Contains(frame, fmt.Sprint(code)) || !strings.Contains(frame, text) {
			t.Errorf("%d: told %s", code, frame)
		}
		one.close()
		s.conns--
	}
	s.leave(c)
}

func TestWhatHappensIsTold(t *testing.T) {
	feed := new(live.Feed)
	a := newApp(func(a *app.App) { a.ClientEvents = true })
	s := newServer(t, options{gateway: gateway.Config{Feed: feed}, node: node.Config{Feed: feed}}, a)
	w, err := feed.Watch(live.Filter{}, live.MaxRate)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	next := func() *live.Event {
		select {
		case e := <-w.Events():
			return e
		case <-time.After(patience):
			t.Fatal("nothing is told")
			return nil
		}
	}
	c := s.join(a)
	c.say(`{"event":"pusher:subscribe","data":{"channel":"x"}}`)
	c.read()
	if err := s.node.Publish(a, &node.Event{Channel: "x", Name: "e", Data: []byte(`"1"`)}); err != nil {
		t.Fatal(err)
	}
	c.read()
	c.say(`{"event":"client-e","channel":"x","data":"1"}`)
	c.read() // not on public channels
	s.leave(c)
	for _, want := range []live.Event{
		{Kind: live.Connect},
		{Kind: live.Occupied, Channel: "x"},
		{Kind: live.Subscribe, Channel: "x", Receivers: 1},
		{Kind: live.Publish, Channel: "x", Event: "e", Receivers: 1, Size: 1},
		{Kind: live.Error},
		{Kind: live.Vacated, Channel: "x"},
		{Kind: live.Unsubscribe, Channel: "x"},
		{Kind: live.Disconnect},
	} {
		e := next()
		if e.Kind != want.Kind || e.App != a.ID || e.Channel != want.Channel || e.Event != want.Event || e.SocketID.String() != c.id && e.SocketID != (pusher.SocketID{}) || e.Receivers != want.Receivers {
			t.Errorf("got %v %+v, want %v %+v", e.Kind, e, want.Kind, want)
		}
	}
}

// Watchers that read nothing, as many as there may be, and a flood: every subscriber gets every event, in order.
func TestSubscribersMissNothingWhileOthersWatch(t *testing.T) {
	feed := new(live.Feed)
	a := newApp(nil)
	s := newServer(t, options{gateway: gateway.Config{Feed: feed}, node: node.Config{Feed: feed}}, a)
	var watchers []*live.Watcher
	for range live.MaxWatchers {
		w, err := feed.Watch(live.Filter{}, live.MaxRate)
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		watchers = append(watchers, w)
	}
	var clients []*client
	for range 3 {
		c := s.join(a)
		c.say(`{"event":"pusher:subscribe","data":{"channel":"x"}}`)
		c.read()
		clients = append(clients, c)
	}
	const n = 5000
	go func() {
		for i := range n {
			_ = s.node.Publish(a, &node.Event{Channel: "x", Name: "e", Data: []byte(fmt.Sprintf(`"%d"`, i))})
		}
	}()
	for _, c := range clients {
		for i := range n {
			if got, want := c.read(), fmt.Sprintf(`{"event":"e","channel":"x","data":"%d"}`, i); got != want {
				t.Fatalf("event %d: got %s", i, got)
			}
		}
	}
	for _, w := range watchers {
		// Of the others, those of three clients coming are a few.
		if got := len(w.Events()); got != live.MaxRate || w.LeftOut() < n-live.MaxRate {
			t.Errorf("a watcher that does not read has %d events waiting, and %d were left out", got, w.LeftOut())
		}
	}
	s.leave(clients...)
}
