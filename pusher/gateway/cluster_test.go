package gateway_test

import (
	"context"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/gannet-io/gannet/engine/backbone"
	"github.com/gannet-io/gannet/engine/backbone/membus"
	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/node"
)

// A lan is what connects the nodes of a test: a stepped net, which moves when the test says so.
type lan struct {
	net     *membus.Net
	servers []*server
	frozen  bool // nothing moves, whatever is asked for
}

func newLan(t testing.TB, seed uint64) *lan {
	l := &lan{net: membus.NewStepped(rand.New(rand.NewPCG(seed, 1)))}
	l.net.TTL = 1000 * time.Hour // stories are about what happens while all nodes are there
	t.Cleanup(l.net.Close)
	return l
}

// A sink passes on to a node what its bus tells of topics.
type sink struct{ *node.Node }

func (sink) Up(backbone.Node)               {}
func (sink) Changed(string, backbone.Entry) {}
func (sink) Gone(string)                    {}
func (sink) At(backbone.Place)              {}

func (sink) Rejoin(backbone.Node) {}

// start puts a server on the net, of which it is the node called name.
func (l *lan) start(s *server, bus backbone.Bus) {
	s.t.Helper()
	l.net.Advance(s.clock.Now().Sub(l.net.Now()))
	if err := bus.Start(context.Background(), sink{s.node}); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = bus.Close(context.Background()) })
	l.servers = append(l.servers, s)
	s.lan = l
	l.move()
}

// move lets everything happen that can, and reports whether that was anything.
func (l *lan) move() (moved bool) {
	for !l.frozen && l.net.Step() {
		moved = true
	}
	return moved
}

// settle returns when everything that was done so far has had all its consequences on all nodes.
func (l *lan) settle() {
	for moved := true; moved; {
		for _, s := range l.servers {
			s.settleAlone()
		}
		moved = l.move()
	}
}

// publish publishes by s, and lets the net move until it is known what became of it.
func (s *server) publish(a *app.App, ev *node.Event) error {
	if s.lan == nil {
		return s.node.Publish(a, ev)
	}
	wait := s.node.Submit(a, ev)
	if wait == nil {
		return nil
	}
	return s.moved(wait)
}

// reach is the node's, while the net moves.
func (s *server) reach(a *app.App, channel string) error {
	if s.lan == nil {
		return s.node.Reach(a, channel)
	}
	return s.moved(func() error { return s.node.Reach(a, channel) })
}

// moved calls wait, and lets the net move until it has returned.
func (s *server) moved(wait func() error) error {
	outcome := make(chan error, 1)
	go func() { outcome <- wait() }()
	for deadline := time.Now().Add(patience); ; runtime.Gosched() {
		select {
		case err := <-outcome:
			return err
		default:
			if !s.lan.move() && time.Now().After(deadline) {
				s.t.Fatal("waited in vain for an outcome")
			}
		}
	}
}
