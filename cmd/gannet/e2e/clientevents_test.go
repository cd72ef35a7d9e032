//go:build e2e

package e2e

import (
	"strings"
	"testing"
)

func TestClientEventsAreRebuiltAndTheirDataBecomesText(t *testing.T) {
	channel := fresh("private-events")
	a, b := connect(t, chatty), connect(t, chatty)
	a.join(chatty, channel)
	b.join(chatty, channel)
	a.fence()
	for _, c := range []struct{ sent, want string }{
		{`"data":{"b": 1.50, "a":[ ]}`, `"data":"{\"b\": 1.50, \"a\":[ ]}"`},
		{`"data":"text \u00e9\/"`, `"data":"text \u00e9\/"`},
		{`"data":[1,"x"]`, `"data":"[1,\"x\"]"`},
		{`"data":1e400`, `"data":"1e400"`},
		{`"data":true`, `"data":"true"`},
		{`"data":null`, `"data":"null"`},
		{`"data":{},"user_id":"forged","socket_id":"1.1","event2":"x"`, `"data":"{}"`},
	} {
		a.send(`{"event":"client-e","channel":"` + channel + `",` + c.sent + `}`)
		want := `{"event":"client-e","channel":"` + channel + `",` + c.want + `}`
		if got := b.read(); !strings.Contains(got, c.want) || !sameMessage(t, got, want) {
			t.Errorf("sent %s: got %s, want %s", c.sent, got, want)
		}
	}
	a.send(`{"event":"client-e","channel":"` + channel + `"}`)
	b.expect(`{"event":"client-e","channel":"` + channel + `"}`)
	a.fence()
	b.fence()
}

func TestClientEventsOnPresenceCarryTheSignedUser(t *testing.T) {
	channel := fresh("presence-events")
	a, b := connect(t, chatty), connect(t, chatty)
	a.subscribe(chatty, channel, `{"user_id":1}`)
	a.read()
	b.subscribe(chatty, channel, `{"user_id":"b"}`)
	b.read()
	a.expect(internal("member_added", channel, `{"user_id":"b"}`))
	a.sendf(`{"event":"client-e","channel":%q,"data":{},"user_id":"b"}`, channel)
	b.expect(`{"event":"client-e","channel":"` + channel + `","data":"{}","user_id":"1"}`)
}

func TestClientEventsAreRefusedWhereTheyDoNotBelong(t *testing.T) {
	private, public, cached := fresh("private-no"), fresh("public-no"), fresh("cache-no")
	listener := connect(t, chatty)
	c := connect(t, chatty)
	for _, member := range []*client{c, listener} {
		member.join(chatty, public)
		member.join(chatty, cached)
		member.read() // cache_miss
	}
	listener.join(chatty, private)
	for _, channel := range []string{private, public, cached, "", "private-é", "#server-to-user-x"} {
		c.sendf(`{"event":"client-e","channel":%q,"data":{}}`, channel)
		c.expectError(0)
	}
	c.send(`{"event":"client-e","data":{}}`)
	c.expectError(0)
	c.join(chatty, private)
	c.sendf(`{"event":"client-e","channel":%q,"data":%q}`, private, strings.Repeat("x", 10241))
	c.expectError(0)
	c.sendf(`{"event":"client-%s","channel":%q,"data":{}}`, strings.Repeat("x", 200), private)
	c.expectError(0)
	for _, name := range []string{"clientx", "my-event", "pusher_internal:member_added", "pusher:subscription_succeeded"} {
		c.sendf(`{"event":%q,"channel":%q,"data":{}}`, name, private)
		c.expectError(0)
	}
	// Nothing of it reached anybody.
	c.sendf(`{"event":"client-fence","channel":%q,"data":""}`, private)
	listener.expect(`{"event":"client-fence","channel":"` + private + `","data":""}`)
	c.fence()
}

func TestTooManyClientEventsAreDroppedWith4301(t *testing.T) {
	channel := fresh("private-fast")
	a, b := connect(t, chatty), connect(t, chatty)
	a.join(chatty, channel)
	b.join(chatty, channel)
	const sent = 40
	one := `{"event":"client-e","channel":"` + channel + `","data":"x"}`
	for range sent {
		a.send(one)
	}
	refused := 0
	a.send(`{"event":"pusher:ping","data":{}}`)
	for {
		text := a.read()
		if strings.Contains(text, "pusher:pong") {
			break
		}
		if !strings.Contains(text, "4301") {
			t.Fatalf("got %s, want a pusher:error with code 4301", text)
		}
		refused++
	}
	for range sent - refused {
		b.expect(one)
	}
	b.fence()
	// A burst of ten is promised; a slow machine may earn a few more on the way.
	if delivered := sent - refused; delivered < 10 || delivered > 25 {
		t.Errorf("%d of %d were delivered, want 10 or little more", delivered, sent)
	}
}
