package node_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gannet-io/gannet/engine"
	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/channel"
	"github.com/gannet-io/gannet/pusher/node"
	"github.com/gannet-io/gannet/pusher/wire"
)

// TestEverythingAtOnceAddsUp has many goroutines do all that conns and publishers do, each with
// conns of its own, since one conn's calls come one after the other. Every answer must be
// possible, and when all have gone nothing may be left.
func TestEverythingAtOnceAddsUp(t *testing.T) {
	const goroutines, conns, steps = 8, 6, 1500
	h := newHouse(t, node.Config{OfflineDelay: time.Millisecond})
	var apps []*app.App
	for i := range 2 {
		apps = append(apps, newApp(func(a *app.App) {
			a.ID = fmt.Sprintf("app%d", i)
			a.Watchlist, a.SubscriptionCount, a.Compat.TerminateByPresence = true, true, true
			a.Limits.PresenceMembers, a.Limits.Connections = 4, goroutines*conns/3
		}))
	}
	names := []string{"public", "private-x", "presence-x", "presence-cache-x", "cache-x", "private-encrypted-x"}
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(3, uint64(g)))
			type state struct {
				id      engine.ID
				app     *app.App
				counted bool
				user    string
				in      map[string]string // channel to user id
			}
			var mine []*state
			for i := range conns {
				slot := g*conns + i
				mine = append(mine, &state{id: engine.ID(slot%2<<44 | 1<<24 | 100 + slot), app: apps[r.IntN(2)], in: make(map[string]string)})
			}
			leave := func(c *state) {
				for name, user := range c.in {
					h.Unsubscribe(c.app, c.id, name, user)
				}
				clear(c.in)
				if c.user != "" {
					h.SignOut(c.app, c.id, c.user)
					c.user = ""
				}
				if c.counted {
					h.Disconnect(c.app)
					c.counted = false
				}
			}
			for range steps {
				c, name, user := mine[r.IntN(conns)], names[r.IntN(len(names))], fmt.Sprintf("u%d", r.IntN(6))
				switch r.IntN(12) {
				case 0, 1, 2, 3:
					if _, in := c.in[name]; in {
						h.Acknowledge(c.app, c.id, name)
						break
					}
					kind := pusher.KindOf(name)
					var m *channel.Member
					if kind&pusher.Presence == 0 {
						user = ""
					} else {
						m = &channel.Member{ID: user}
					}
					if _, err := h.Subscribe(c.app, c.id, name, kind, m); err != nil {
						if m == nil || err.Reason != "presence_full" {
							t.Errorf("%s: %v", name, err)
						}
						break
					}
					c.in[name] = user
					if got := h.Channel(c.app, name); !got.Occupied || got.Subscriptions < 1 || got.Subscriptions > goroutines*conns || got.Users > 4 {
						t.Errorf("%s: %+v", name, got)
					}
					if m != nil && !slices.Contains(h.Users(c.app, name), user) {
						t.Errorf("%s: %s is in, and not among the members", name, user)
					}
				case 4, 5:
					if user, in := c.in[name]; in {
						delete(c.in, name)
						h.Unsubscribe(c.app, c.id, name, user)
					}
				case 6:
					ev := &node.Event{Channel: name, Name: "e", Data: []byte(`"d"`), Except: h.SocketID(c.id).String()}
					if err := h.Publish(c.app, ev); err != nil {
						t.Error(err)
					}
				case 7:
					if user, in := c.in[name]; in {
						h.ClientEvent(c.app, c.id, &node.ClientEvent{Channel: name, Name: "client-e", UserID: user})
					}
				case 8:
					if c.user == "" {
						c.user = user
					}
					online, offline := h.SignIn(c.app, c.id, &wire.User{ID: c.user, Watchlist: []string{"u0", "u1", c.user}})
					if !slices.Contains(online, c.user) || len(online)+len(offline) > 3 {
						t.Errorf("%s signed in: online %q, offline %q", c.user, online, offline)
					}
				case 9:
					_ = h.Terminate(c.app, user)
					for name, got := range h.Channels(c.app, "") {
						if !got.Occupied || !slices.Contains(names, name) {
							t.Errorf("%s: %+v", name, got)
						}
					}
				case 10:
					if !c.counted {
						c.counted = h.Connect(c.app)
					}
				case 11:
					leave(c)
					h.clock.Advance(time.Microsecond)
				}
			}
			for _, c := range mine {
				leave(c)
			}
		})
	}
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
				h.DoChores()
			}
		}
	}()
	wg.Wait()
	close(stop)
	<-done

	h.clock.Advance(time.Hour) // what is cached has expired, and nobody is waited for
	h.DoChores()
	if got := h.keys(); len(got) != 0 {
		t.Errorf("topics %q are left", got)
	}
	if n := h.Pending(); n != 0 {
		t.Errorf("%d chores are left", n)
	}
	for _, a := range apps {
		for _, name := range names {
			if got, ids := h.Channel(a, name), h.Users(a, name); got != (node.Counts{}) || len(ids) != 0 {
				t.Errorf("%s: %+v %q", name, got, ids)
			}
		}
		if n := h.Leaving(a.ID); n != 0 {
			t.Errorf("%d users of %s are still leaving", n, a.ID)
		}
		if n := h.Known(a.ID, "u0", "u1", "u2", "u3", "u4", "u5"); n != 0 {
			t.Errorf("%d users of %s are remembered", n, a.ID)
		}
	}
	var buf bytes.Buffer
	h.metrics.WritePrometheus(&buf)
	for _, want := range []string{`gannet_node_connections{app="app0"} 0`, `gannet_node_connections{app="app1"} 0`, "gannet_hub_topics 0", "gannet_hub_subscriptions 0"} {
		if !strings.Contains(buf.String(), want+"\n") {
			t.Errorf("metrics lack %q:\n%s", want, buf.String())
		}
	}
}
