package gateway_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/node"
)

// exposed reports whether the metrics have a line.
func (s *server) exposed(line string) bool {
	var b strings.Builder
	s.metrics.WritePrometheus(&b)
	return strings.Contains("\n"+b.String(), "\n"+line+"\n")
}

// wireBytes returns what text frames take on the wire (RFC 6455 §5.2): the header is of 2 bytes up to 125 of payload, of 4 up to 65535.
func wireBytes(frames []string) (n int) {
	for _, f := range frames {
		switch {
		case !strings.HasPrefix(f, "{"): // a control frame
		case len(f) <= 125:
			n += 2 + len(f)
		case len(f) <= 65535:
			n += 4 + len(f)
		}
	}
	return n
}

func TestBytesAreCountedByApp(t *testing.T) {
	a := newApp(func(a *app.App) { a.ID = "a" })
	b := newApp(func(a *app.App) { a.ID, a.Keys = "b", []app.Key{{Key: "b-key", Secret: "s"}} })
	s := newServer(t, options{}, a, b)
	one, two, three := s.join(a), s.join(a), s.join(b)
	for _, c := range []*client{one, two, three} {
		c.say(`{"event":"pusher:subscribe","data":{"channel":"news"}}`) // 54 bytes
		c.read()
	}
	before := s.node.Traffic(a)
	if before.BytesIn != 108 || s.node.Traffic(b).BytesIn != 54 {
		t.Errorf("%d and %d bytes came, want 108 and 54", before.BytesIn, s.node.Traffic(b).BytesIn)
	}
	// {"event":"e","channel":"news","data":"hello"} has 45 bytes, its frame 47.
	for range 3 {
		if err := s.node.Publish(a, &node.Event{Channel: "news", Name: "e", Data: []byte(`"hello"`)}); err != nil {
			t.Fatal(err)
		}
	}
	s.settle()
	if got := s.node.Traffic(a).BytesOut - before.BytesOut; got != 2*3*47 {
		t.Errorf("%d bytes were queued for two subscribers of three events, want 282", got)
	}
	one.collect()
	two.collect()
	bBefore := s.node.Traffic(b)
	three.say(`{"event":"pusher:ping","data":{}}`)                    // 33 bytes
	expect(t, three.collect(), `{"event":"pusher:pong","data":"{}"}`) // 35 bytes, and 2 before them
	if now := s.node.Traffic(b); now.BytesIn-bBefore.BytesIn != 33 || now.BytesOut-bBefore.BytesOut != 37 {
		t.Errorf("of b: %+v, and then %+v", bBefore, now)
	}
	if !s.exposed(`gannet_node_app_message_bytes_in_total{app="b"} 87`) {
		t.Error("the metrics do not have b's 87 bytes")
	}
	s.leave(one, two, three)
}

// Whatever is sent, and by whatever way, what the server says that it has queued for an app's clients is what these have received.
func TestAnAppsBytesAreThoseItsClientsReceive(t *testing.T) {
	a := newApp(func(a *app.App) {
		a.Watchlist, a.SubscriptionCount = true, true
		a.Rules = []app.Rule{{Match: "kept-*", History: app.History{Events: 100}}, {Match: "ticks-*", Slow: app.Conflate}}
	})
	s := newServer(t, options{}, a)
	const clients = 70 // more than a fan-out that counts as bulk
	got, all := 0, make([]*client, clients)
	for i := range all {
		c := s.dial("/app/"+a.Keys[0].Key+"?resume=1", "")
		c.app = a
		got += wireBytes([]string{c.read()})
		all[i] = c
	}
	take := func() {
		for _, c := range all {
			got += wireBytes(c.collect()) // the server has read all that they have said
		}
		s.settle()
		for _, c := range all {
			got += wireBytes(c.collect())
		}
	}
	for i, c := range all {
		user := string(rune('a' + i%7))
		c.say(signin(a, c.id, `{"id":"`+user+`","watchlist":["a","b"]}`))
		c.say(`{"event":"pusher:subscribe","data":{"channel":"news"}}`)
		c.say(`{"event":"pusher:subscribe","data":{"channel":"kept-1"}}`)
		c.say(`{"event":"pusher:subscribe","data":{"channel":"ticks-1"}}`)
		c.say(subscribe(a, c.id, "presence-x", `{"user_id":"`+user+`"}`))
		c.say(`{"event":"pusher:subscribe","data":{"channel":"news"}}`) // refused
	}
	take()
	for _, channel := range []string{"news", "kept-1", "ticks-1", "presence-x"} {
		for _, data := range []string{"x", strings.Repeat("y", 3000)} {
			if err := s.node.Publish(a, &node.Event{Channel: channel, Name: "e", Data: []byte(`"` + data + `"`), Except: all[3].id}); err != nil {
				t.Fatal(err)
			}
		}
		take()
	}
	all[0].say(`{"event":"client-hello","channel":"presence-x","data":{"n":1}}`)
	all[0].say(`{"event":"client-hello","channel":"news","data":{"n":1}}`) // refused
	take()
	if now := s.node.Traffic(a); now.BytesOut != got {
		t.Errorf("%d bytes were counted, %d received", now.BytesOut, got)
	}
	s.leave(all...)
}

func TestRefusalsAreCountedByAppAndReason(t *testing.T) {
	a := newApp(func(a *app.App) { a.ID, a.Limits.Connections, a.Origins = "a", 2, []string{"good.example"} })
	b := newApp(func(a *app.App) { a.ID, a.Keys, a.Enabled = "b", []app.Key{{Key: "b-key", Secret: "s"}}, false })
	s := newServer(t, options{}, a, b)
	one, two := s.join(a), s.join(a)
	three := s.dial("/app/shop-key", "")
	three.rest()
	four := s.dial("/app/shop-key", "https://bad.example")
	four.rest()
	five := s.dial("/app/b-key", "")
	five.rest()
	six := s.dial("/app/nobody", "") // of no app
	six.rest()
	for range 3 {
		one.say(`{"event":"client-x","channel":"news","data":1}`)
		two.say(`{"event":"client-x","channel":"news","data":1}`)
	}
	two.say(`{"event":"pusher:subscribe","data":{"channel":"private-x","auth":"shop-key:00"}}`)
	one.collect()
	two.collect()
	for _, want := range []string{
		`gannet_gateway_app_refusals_total{app="a",class="request",reason="client_event_refused"} 6`,
		`gannet_gateway_app_refusals_total{app="a",class="auth",reason="bad_signature"} 1`,
		`gannet_gateway_app_refusals_total{app="a",class="quota",reason="over_quota"} 1`,
		`gannet_gateway_app_refusals_total{app="a",class="auth",reason="origin_not_allowed"} 1`,
		`gannet_gateway_app_refusals_total{app="b",class="auth",reason="app_disabled"} 1`,
	} {
		if !s.exposed(want) {
			t.Errorf("the metrics do not have %s", want)
		}
	}
	var text strings.Builder
	s.metrics.WritePrometheus(&text)
	if n := strings.Count(text.String(), "\ngannet_gateway_app_refusals_total{"); n != 5 {
		t.Errorf("%d series, want 5:\n%s", n, text.String())
	}
	s.leave(one, two, three, four, five, six)
}

// Whoever scrapes reads while loops count, and nothing is lost.
func TestRefusalsAreReadWhileTheyAreCounted(t *testing.T) {
	a := newApp(func(a *app.App) { a.ID = "a" })
	s := newServer(t, options{}, a)
	clients := []*client{s.join(a), s.join(a), s.join(a), s.join(a)}
	const each = 50
	stop := make(chan struct{})
	var scraping sync.WaitGroup
	scraping.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				var b strings.Builder
				s.metrics.WritePrometheus(&b)
			}
		}
	})
	for _, c := range clients {
		for range each {
			c.say(`{"event":"client-x","channel":"news","data":1}`)
		}
	}
	for _, c := range clients {
		if n := len(c.collect()); n != each {
			t.Errorf("%d answers, want %d", n, each)
		}
	}
	close(stop)
	scraping.Wait()
	if !s.exposed(`gannet_gateway_app_refusals_total{app="a",class="request",reason="client_event_refused"} 200`) {
		t.Error("not all of 4 × 50 were counted")
	}
	s.leave(clients...)
}
