package gateway_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/node"
)

const (
	stormClients  = 12
	stormSteps    = 120
	stormChannels = 3 // of each kind
	stormUsers    = 5
)

// TestStormLosesNothing has clients come, join, leave, sign in and go on both loops, while
// others publish and terminate users, and checks of every client what no timing excuses:
//
//   - nothing of a channel comes before subscription_succeeded, and nothing after another join;
//   - of the numbers that one publisher sends, none is missing in between and none comes twice;
//   - the roster and the changes to it fit, and what client events claim about the sender does;
//   - and of all of them, that nothing is left once they have gone.
func TestStormLosesNothing(t *testing.T) {
	t.Parallel()
	a := newApp(func(a *app.App) {
		a.SubscriptionCount, a.Watchlist = true, true
		a.Limits.ClientEventsPerSecond = 0
		a.Compat.TerminateByPresence = true
	})
	s := newServer(t, options{}, a)
	stop := make(chan struct{})
	var clients, others sync.WaitGroup
	for _, kind := range []string{"public", "presence"} {
		for i := range stormChannels {
			others.Go(func() {
				for n := 0; ; n++ {
					select {
					case <-stop:
						return
					default:
					}
					ev := &node.Event{Channel: fmt.Sprintf("%s-%d", kind, i), Name: "n", Data: []byte(`"` + strconv.Itoa(n) + `"`)}
					if err := s.node.Publish(a, ev); err != nil {
						t.Error(err)
					}
					s.turn() // or the loops would do nothing else
				}
			})
		}
	}
	others.Go(func() {
		r := rand.New(rand.NewPCG(1, 0))
		for {
			select {
			case <-stop:
				return
			default:
			}
			if r.IntN(40) == 0 {
				_ = s.node.Terminate(a, user(r))
			}
			for name, c := range s.node.Channels(a, "p") {
				if !c.Occupied || c.Subscriptions < 1 || c.Users > stormUsers || c.Users > c.Subscriptions {
					t.Errorf("channel %s: %+v", name, c)
				}
			}
			s.turn()
		}
	})
	for i := range stormClients {
		clients.Go(func() { storm(t, s, a, uint64(i)) })
	}
	clients.Wait()
	close(stop)
	others.Wait()
	s.conns = 0
	s.until("everybody to be gone", func() bool { return s.engine.Conns() == 0 })
	s.settle()
	for _, thing := range s.leftovers() {
		t.Errorf("left behind: %s", thing)
	}
}

func user(r *rand.Rand) string { return "u" + strconv.Itoa(r.IntN(stormUsers)) }

// storm is one client after the other, on one connection each.
func storm(t *testing.T, s *server, a *app.App, seed uint64) {
	r := rand.New(rand.NewPCG(2, seed))
	var g *guest
	for range stormSteps {
		if g == nil {
			g = s.arrive(t, a)
		}
		channel := fmt.Sprintf("%s-%d", []string{"public", "presence"}[r.IntN(2)], r.IntN(stormChannels))
		switch r.IntN(10) {
		case 0, 1, 2, 3:
			data := ""
			if channel[:2] == "pr" {
				data = `{"user_id":"` + user(r) + `"}`
			}
			g.say(subscribe(a, g.id, channel, data))
		case 4, 5:
			g.say(message("pusher:unsubscribe", map[string]string{"channel": channel}))
			g.left[channel]++
		case 6:
			g.say(signin(a, g.id, `{"id":"`+user(r)+`","watchlist":["u0","u1"]}`))
		case 7:
			g.say(`{"event":"client-e","channel":"` + channel + `"}`)
		case 8:
			if r.IntN(4) > 0 {
				break
			}
			if r.IntN(2) == 0 {
				g.write(ws.OpClose, nil)
				g.hear(g.rest())
			}
			g.reset()
		}
		if !g.over {
			g.hear(g.collect())
		}
		if g.over {
			if err := g.conn.Close(); err != nil {
				t.Error(err)
			}
			g = nil
		}
	}
	if g != nil {
		g.write(ws.OpClose, nil)
		g.hear(g.rest())
		if err := g.conn.Close(); err != nil {
			t.Error(err)
		}
	}
}

// A guest is a client that keeps track of what it has been told.
type guest struct {
	*client
	t    *testing.T
	seen map[string]*seen // the channels it was let into
	left map[string]int   // how often it asked to leave a channel, less how often it was let in
}

type seen struct {
	last    int // number; -1: none yet
	members map[string]bool
}

func (s *server) arrive(t *testing.T, a *app.App) *guest {
	c, err := open(t, s.addr, "/app/"+a.Keys[0].Key, "")
	if err != nil {
		t.Error(err)
		runtime.Goexit()
	}
	g := &guest{client: c, t: t, seen: make(map[string]*seen), left: make(map[string]int)}
	g.read()
	return g
}

func (g *guest) hear(frames []string) {
	for _, f := range frames {
		if f[0] == '{' {
			g.heard(f)
		}
	}
}

func (g *guest) heard(text string) {
	var f struct {
		Event, Channel string
		Data           json.RawMessage
		UserID         string `json:"user_id"`
	}
	if err := json.Unmarshal([]byte(text), &f); err != nil {
		g.t.Errorf("%s: %v", text, err)
		return
	}
	if f.Channel == "" {
		return
	}
	at := g.seen[f.Channel]
	wrong := func(why string) { g.t.Errorf("%s: %s (%+v)", text, why, at) }
	if at == nil && f.Event != "pusher_internal:subscription_succeeded" {
		wrong("came before the subscription succeeded")
		return
	}
	var inner string
	if f.Data != nil {
		if err := json.Unmarshal(f.Data, &inner); err != nil {
			wrong(err.Error())
			return
		}
	}
	var data struct {
		Presence struct {
			Count int
			IDs   []string
			Hash  map[string]any
		}
		UserID string `json:"user_id"`
		Count  int    `json:"subscription_count"`
	}
	if f.Event != "n" && inner != "" {
		if err := json.Unmarshal([]byte(inner), &data); err != nil {
			wrong(err.Error())
		}
	}
	switch f.Event {
	case "pusher_internal:subscription_succeeded":
		if g.left[f.Channel]--; g.left[f.Channel] < -1 {
			wrong("succeeded twice")
		}
		at = &seen{last: -1, members: make(map[string]bool)}
		g.seen[f.Channel] = at
		for _, id := range data.Presence.IDs {
			at.members[id] = true
		}
		if n := len(at.members); n != data.Presence.Count || n != len(data.Presence.Hash) || n != len(data.Presence.IDs) {
			wrong("the roster does not add up")
		}
	case "pusher_internal:member_added":
		if at.members[data.UserID] {
			wrong("is a member already")
		}
		at.members[data.UserID] = true
	case "pusher_internal:member_removed":
		if !at.members[data.UserID] {
			wrong("is no member")
		}
		delete(at.members, data.UserID)
	case "pusher_internal:subscription_count":
		if data.Count < 1 || data.Count > stormClients {
			wrong("cannot be")
		}
	case "client-e":
		if !at.members[f.UserID] {
			wrong("is from nobody")
		}
	case "n":
		n, err := strconv.Atoi(inner)
		if err != nil || at.last >= 0 && n != at.last+1 {
			wrong("is not the next number")
		}
		at.last = n
	default:
		wrong("is unknown")
	}
}

// Subscribing while the frames of the last subscription are still on their way is the one race
// a client cannot see through, so it waits for the end of the first; here it is provoked on a
// channel that is never quiet.
func TestLeavingAndJoiningAgainKeepsTheOrder(t *testing.T) {
	t.Parallel()
	a := newApp(nil)
	s := newServer(t, options{}, a)
	c := s.join(a)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			default:
				_ = s.node.Publish(a, &node.Event{Channel: "news", Name: "n", Data: []byte(`"` + strconv.Itoa(n) + `"`)}) // cannot fail here
				s.turn()
			}
		}
	}()
	const times = 50
	join, part := subscribe(a, c.id, "news", ""), message("pusher:unsubscribe", map[string]string{"channel": "news"})
	for range times {
		c.say(join)
		c.say(part)
	}
	c.say(join)
	succeeded, last := 0, -1
	for deadline := time.Now().Add(patience); succeeded <= times && time.Now().Before(deadline); {
		for _, f := range c.collect() {
			var m struct{ Event, Data string }
			if err := json.Unmarshal([]byte(f), &m); err != nil {
				t.Fatal(err)
			}
			switch m.Event {
			case "pusher_internal:subscription_succeeded":
				succeeded++
			case "n":
				n, err := strconv.Atoi(m.Data)
				if err != nil || n <= last {
					t.Fatalf("%d after %d", n, last)
				}
				last = n
			default:
				t.Fatal(f)
			}
		}
	}
	close(stop)
	<-stopped
	if succeeded != times+1 {
		t.Errorf("succeeded %d times, want %d", succeeded, times+1)
	}
	s.leave(c)
}
