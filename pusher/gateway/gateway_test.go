package gateway_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/gannet-io/gannet/engine"
	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/gateway"
	"github.com/gannet-io/gannet/pusher/node"
)

func newApp(change func(a *app.App)) *app.App {
	a := &app.App{ID: "shop", Enabled: true, ClientEvents: true, Keys: []app.Key{{Key: "shop-key", Secret: "shop-secret"}}, Limits: app.DefaultLimits()}
	if change != nil {
		change(a)
	}
	return a
}

func expect(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("got  %q\nwant %q", got, want)
	}
}

// leave closes what is open, and checks that nothing is left.
func (s *server) leave(clients ...*client) {
	s.t.Helper()
	for _, c := range clients {
		if !c.over {
			c.close()
		}
		s.shut(c.conn)
	}
	s.settle()
	for _, thing := range s.leftovers() {
		s.t.Errorf("left behind: %s", thing)
	}
}

func TestSilentClientIsClosedWith4201(t *testing.T) {
	t.Parallel()
	a := newApp(nil)
	s := newServer(t, options{engine: engine.Config{PingInterval: 100 * time.Millisecond, PongWait: 100 * time.Millisecond}}, a)
	c := s.join(a)
	c.deaf = true
	expect(t, c.rest(), "ping ", `{"event":"pusher:error","data":{"code":4201,"message":"Pong reply not received in time"}}`,
		"close 4201 Pong reply not received in time")
	s.leave(c)
}

func TestSlowClientIsClosedWith4100(t *testing.T) {
	t.Parallel()
	a := newApp(nil)
	s := newServer(t, options{engine: engine.Config{BacklogBytes: 1 << 16, BacklogAge: -1}}, a)
	slow, quick := s.join(a), s.join(a)
	for _, c := range []*client{slow, quick} {
		c.say(subscribe(a, c.id, "news", ""))
		frames := c.collect()
		s.settle()
		expect(t, append(frames, c.collect()...), `{"event":"pusher_internal:subscription_succeeded","channel":"news","data":"{}"}`)
	}
	data := append(append([]byte{'"'}, bytes.Repeat([]byte{'x'}, 32<<10)...), '"')
	s.until("the slow client to be given up", func() bool {
		if err := s.node.Publish(a, &node.Event{Channel: "news", Name: "e", Data: data}); err != nil {
			t.Fatal(err)
		}
		s.settle()
		if got := len(quick.collect()); got != 1 {
			t.Fatalf("the quick client got %d events for one", got)
		}
		return s.node.Channel(a, "news").Subscriptions == 1
	})
	// It learns why, behind what had left in part.
	heard := slow.rest()
	expect(t, heard[len(heard)-2:], `{"event":"pusher:error","data":{"code":4100,"message":"Connection is too slow to keep up with its events"}}`,
		"close 4100 Connection is too slow to keep up with its events")
	s.leave(slow, quick)
}

// A counted clock tells how often it was read.
type counted struct {
	*clock
	reads atomic.Int64
}

func (c *counted) Now() time.Time {
	c.reads.Add(1)
	return c.clock.Now()
}

func TestSignInTimeoutOutlastsAClockSetBack(t *testing.T) {
	t.Parallel()
	a := newApp(func(a *app.App) { a.RequireSignIn, a.Limits.SignInTimeout = true, 100*time.Millisecond })
	now := &counted{clock: newClock()}
	s := newServer(t, options{gateway: gateway.Config{Now: now.Now}}, a)
	c := s.join(a)
	now.Advance(-50 * time.Millisecond)
	before := now.reads.Load()
	s.until("the timer", func() bool { return now.reads.Load() > before })
	expect(t, c.collect())
	now.Advance(time.Second)
	expect(t, c.rest(), `{"event":"pusher:error","data":{"code":4009,"message":"Connection not authorized within timeout"}}`,
		"close 4009 Connection not authorized within timeout")
	s.leave(c)
}

// A registry answers with a copy of its own each time, as one over a database does.
type registry struct {
	app *app.App
	err error
}

func (r *registry) ByKey(context.Context, string) (*app.App, error) {
	if r.err != nil {
		return nil, r.err
	}
	a := *r.app
	return &a, nil
}

func (r *registry) ByID(ctx context.Context, _ string) (*app.App, error) { return r.ByKey(ctx, "") }

func TestMembersAreTerminatedWhicheverCopyOfTheAppIsAsked(t *testing.T) {
	t.Parallel()
	a := newApp(func(a *app.App) { a.Compat.TerminateByPresence = true })
	s := newServer(t, options{gateway: gateway.Config{Apps: &registry{app: a}}}, a)
	c := s.join(a)
	c.say(subscribe(a, c.id, "presence-x", `{"user_id":"u1"}`))
	c.collect()
	_ = s.node.Terminate(a, "u1")
	heard := c.rest()
	expect(t, heard[len(heard)-1:], "close 4009 You got disconnected by the app.")
	s.leave(c)
}

func TestRegistryThatCannotTellSaysComeBack(t *testing.T) {
	t.Parallel()
	a := newApp(nil)
	s := newServer(t, options{gateway: gateway.Config{Apps: &registry{err: errors.New("database down")}}}, a)
	c := s.dial("/app/shop-key", "")
	expect(t, c.rest(), `{"event":"pusher:error","data":{"code":4100,"message":"Over capacity"}}`, "close 4100 Over capacity")
	s.leave(c)
}

func TestRefusalsAndGreetingsAreCounted(t *testing.T) {
	t.Parallel()
	a := newApp(func(a *app.App) { a.Limits.Connections = 1 })
	s := newServer(t, options{}, a)
	c := s.join(a)
	c.say("{}")
	c.collect()
	over, nobody := s.dial("/app/shop-key", ""), s.dial("/app/nobody", "")
	over.rest()
	nobody.rest()
	for name, want := range map[string]float64{
		"gannet_gateway_established_total":                          1,
		`gannet_gateway_refusals_total{reason="malformed_message"}`: 1,
		`gannet_gateway_refusals_total{reason="over_quota"}`:        1,
		`gannet_gateway_refusals_total{reason="app_not_found"}`:     1,
		`gannet_node_connections{app="shop"}`:                       1,
	} {
		if got := s.gauge(name); got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	s.leave(c, over, nobody)
}

// A message in fragments, with a ping in between, is one message.
func TestFragmentsAreOneMessage(t *testing.T) {
	t.Parallel()
	a := newApp(nil)
	s := newServer(t, options{}, a)
	c := s.join(a)
	for _, f := range []ws.Frame{
		ws.NewFrame(ws.OpText, false, []byte(`{"event":"pus`)),
		ws.NewFrame(ws.OpPing, true, []byte("x")),
		ws.NewFrame(ws.OpContinuation, true, []byte(`her:ping"}`)),
	} {
		if err := ws.WriteFrame(c.conn, ws.MaskFrameInPlace(f)); err != nil {
			t.Fatal(err)
		}
	}
	expect(t, c.collect(), "pong x", `{"event":"pusher:pong","data":"{}"}`)
	s.leave(c)
}
