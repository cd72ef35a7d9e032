package gateway_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/node"
)

// FuzzConversation has up to three clients say any lines to one server, and checks that
// somebody on the same channels is still there and served, that every answer is well formed,
// and that nothing is left once they have gone. A line is said by the client that its first
// byte names; "!" behind that is a correctly signed request, so that inputs get past the doors.
func FuzzConversation(f *testing.F) {
	for _, seed := range []string{
		"a!subscribe private-x\nb!subscribe private-x\na{\"event\":\"client-e\",\"channel\":\"private-x\",\"data\":{}}",
		"a!member presence-x {\"user_id\":1}\nb!member presence-x {\"user_id\":\"1\"}\na{\"event\":\"pusher:unsubscribe\",\"data\":{\"channel\":\"presence-x\"}}",
		"a!signin {\"id\":\"u\",\"watchlist\":[\"v\"]}\nb!signin {\"id\":\"v\"}\na!subscribe #server-to-user-u\n*terminate u",
		"a!subscribe cache-x\n*publish cache-x\nb!subscribe cache-x\nc!subscribe cache-x",
		"a{\"event\":\"pusher:subscribe\",\"data\":{\"channel\":\"x\"}}\na{\"event\":\"pusher:subscribe\",\"data\":{\"channel\":\"x\"}}",
		"a{}\nb[]\nc\x00\na\xff",
	} {
		f.Add(seed)
	}
	a := newApp(func(a *app.App) {
		a.SubscriptionCount, a.Watchlist = true, true
		a.Compat.ReacknowledgeSubscribe, a.Compat.SubscriptionErrorFrame, a.Compat.TerminateByPresence = true, true, true
		a.Limits.ClientEventsPerSecond, a.Limits.CacheTTL = 0, 1
	})
	s := newServer(f, options{}, a)
	watcher := s.join(a)
	watcher.say(subscribe(a, watcher.id, "observed", ""))
	s.settle()
	watcher.collect()

	f.Fuzz(func(t *testing.T, script string) {
		s.t, watcher.t = t, t
		clients := make(map[byte]*client)
		defer func() {
			for _, c := range clients {
				if !c.over {
					c.close()
				}
				s.shut(c.conn)
			}
			s.settle()
			watcher.collect()
			s.clock.Advance(1) // what is cached has expired
			if n := s.gauge("gannet_hub_subscriptions"); n != 1 {
				t.Errorf("%v subscriptions are left, want 1", n)
			}
			if n := s.gauge(`gannet_node_connections{app="shop"}`); n != 1 {
				t.Errorf("%v connections are left, want 1", n)
			}
		}()
		lines := strings.Split(script, "\n")
		for _, line := range lines[:min(len(lines), 40)] {
			if line == "" {
				continue
			}
			who, what := line[0], line[1:]
			if who == '*' {
				switch command, arg, _ := strings.Cut(what, " "); {
				case command == "terminate":
					_ = s.node.Terminate(a, arg)
				case command == "publish" && len(arg) < 200:
					_ = s.node.Publish(a, &node.Event{Channel: arg, Name: "e", Data: []byte(`"d"`)}) // cannot fail here
				}
				continue
			}
			who = 'a' + who%3
			c := clients[who]
			if c == nil {
				c = s.join(a)
				clients[who] = c
			}
			if c.over {
				continue
			}
			c.say(expand(a, c, what))
			for _, answer := range c.collect() {
				check(t, answer)
			}
		}
		if err := s.node.Publish(a, &node.Event{Channel: "observed", Name: "still", Data: []byte(`"here"`)}); err != nil {
			t.Fatal(err)
		}
		s.settle()
		if got := watcher.collect(); !slices.Contains(got, `{"event":"still","channel":"observed","data":"here"}`) {
			t.Errorf("somebody else got %q", got)
		}
	})
}

// expand makes a request of "!verb …".
func expand(a *app.App, c *client, line string) string {
	verb, rest, _ := strings.Cut(line, " ")
	switch verb {
	case "!subscribe":
		return subscribe(a, c.id, rest, "")
	case "!member":
		channel, data, _ := strings.Cut(rest, " ")
		return subscribe(a, c.id, channel, data)
	case "!signin":
		return signin(a, c.id, rest)
	}
	return line
}

// check sees to it that a frame is one that a client can read.
func check(t *testing.T, f string) {
	t.Helper()
	if strings.HasPrefix(f, "close ") {
		var code int
		if _, err := fmt.Sscanf(f, "close %d", &code); err != nil || code == 1011 || code >= 4300 {
			t.Errorf("%s", f)
		}
		return
	}
	checkFrame(t, f)
}

func checkFrame(t *testing.T, f string) {
	t.Helper()
	var m map[string]json.RawMessage
	if err := json.Unmarshal([]byte(f), &m); err != nil {
		t.Errorf("%q: %v", f, err)
		return
	}
	var event string
	if err := json.Unmarshal(m["event"], &event); err != nil {
		t.Errorf("%q has no event: %v", f, err)
	}
	// Everything but these two has a string for data; a client event may have none.
	object := event == "pusher:error" || event == "pusher:signin_success" || event == "pusher:subscription_error"
	switch data := m["data"]; {
	case object && (len(data) == 0 || data[0] != '{'):
		t.Errorf("%q: data is no object", f)
	case !object && (len(data) == 0 || data[0] != '"') && !strings.HasPrefix(event, "client-"):
		t.Errorf("%q: data is no string", f)
	}
}
