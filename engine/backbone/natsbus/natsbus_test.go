package natsbus_test

import (
	"log/slog"
	"net"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/gannet-io/gannet/engine/backbone"
	"github.com/gannet-io/gannet/engine/backbone/backbonetest"
	"github.com/gannet-io/gannet/engine/backbone/natsbus"
)

// lease is short, and long enough for a machine that has other things to do.
const lease = 3 * time.Second

func logger() *slog.Logger {
	level := slog.LevelError
	if os.Getenv("NATSBUS_LOG") != "" {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
}

func open(t *testing.T, c natsbus.Config) *natsbus.Bus {
	t.Helper()
	if c.Lease == 0 {
		c.Lease = lease
	}
	c.Logger = logger().With("node", c.Name)
	b, err := natsbus.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// An outside is a nats-server that runs by itself.
type outside struct {
	t      *testing.T
	dir    string
	port   int
	server *server.Server

	options func(o *server.Options) // changes them; nil: as they are
}

func (o *outside) start() {
	o.t.Helper()
	options := &server.Options{
		ServerName: "outside", Host: "127.0.0.1", Port: o.port, JetStream: true, StoreDir: o.dir, NoSigs: true, NoLog: true, MaxPayload: 8 << 20,
	}
	if o.options != nil {
		o.options(options)
	}
	s, err := server.NewServer(options)
	if err != nil {
		o.t.Fatal(err)
	}
	s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		o.t.Fatal("the server is not ready")
	}
	o.server = s
	o.port = s.Addr().(*net.TCPAddr).Port
}

func (o *outside) stop() {
	o.server.Shutdown()
	o.server.WaitForShutdown()
}

// outsideCluster has every node reach one server through a proxy of its own.
func outsideCluster(t *testing.T) *backbonetest.Cluster {
	o := &outside{t: t, dir: t.TempDir(), port: server.RANDOM_PORT}
	o.start()
	t.Cleanup(func() { o.stop() })
	proxies := make(map[string]*proxy)
	return &backbonetest.Cluster{
		Lease: lease,
		Bus: func(t *testing.T, name string) backbone.Bus {
			p := newProxy(t)
			p.to(o.server.Addr().String())
			proxies[name] = p
			return open(t, natsbus.Config{Name: name, External: &natsbus.External{URLs: []string{"nats://" + p.address()}}})
		},
		Kill:    func(name string) { proxies[name].setCut(true) },
		Cut:     func(name string) { proxies[name].setCut(true) },
		Restore: func(name string) { proxies[name].setCut(false) },
		Stop:    o.stop,
		Start:   o.start,
		Forget: func() {
			o.stop()
			if err := os.RemoveAll(o.dir); err != nil {
				t.Fatal(err)
			}
			o.start()
		},
	}
}

func TestNodesOnAServerOfItsOwn(t *testing.T) { backbonetest.Run(t, outsideCluster) }

// threeServers starts the three servers that keep streams, without nodes, and returns their addresses.
func threeServers(t *testing.T) []*proxy {
	var doors []*proxy
	for range 3 {
		doors = append(doors, newProxy(t))
	}
	for i, p := range doors {
		// The address under which others are told of it leads nowhere, or they would come by a way on which they cannot be cut off.
		self := newProxy(t).address()
		var routes []string
		for j, other := range doors {
			if routes = append(routes, other.address()); i == j {
				routes[i] = self
			}
		}
		s, stop, err := natsbus.OpenServer(natsbus.Config{
			Name: "store" + string(rune('1'+i)), Logger: logger(),
			Embedded: &natsbus.Embedded{Dir: t.TempDir(), Routes: routes, Self: self, Listen: "127.0.0.1:0", Secret: "s3cret"},
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(stop)
		p.to(clusterAddress(s))
	}
	return doors
}

// clusterAddress returns where a server listens for others, once it does.
func clusterAddress(s *server.Server) string {
	for s.ClusterAddr() == nil {
		runtime.Gosched()
	}
	return s.ClusterAddr().String()
}

// joinedCluster has every node run a server that joins three others, which keep the streams. All ways to a node's server, from both sides, lead through
// proxies of its own.
func joinedCluster(t *testing.T) *backbonetest.Cluster {
	stores := threeServers(t)
	ways := make(map[string][]*proxy)
	cut := func(name string, cut bool) {
		for _, p := range ways[name] {
			p.setCut(cut)
		}
	}
	return &backbonetest.Cluster{
		Lease:    lease,
		Patience: time.Minute,
		Bus: func(t *testing.T, name string) backbone.Bus {
			in := newProxy(t)
			ways[name] = []*proxy{in}
			var routes []string
			for _, s := range stores {
				out := newProxy(t)
				out.to(s.address())
				ways[name] = append(ways[name], out)
				routes = append(routes, out.address())
			}
			b := open(t, natsbus.Config{Name: name, Embedded: &natsbus.Embedded{Routes: routes, Self: in.address(), Listen: "127.0.0.1:0", Secret: "s3cret"}})
			if err := b.Open(); err != nil {
				t.Fatal(err)
			}
			in.to(clusterAddress(b.Server()))
			return b
		},
		Kill:    func(name string) { cut(name, true) },
		Cut:     func(name string) { cut(name, true) },
		Restore: func(name string) { cut(name, false) },
	}
}

func TestNodesThatJoinThreeServers(t *testing.T) { backbonetest.Run(t, joinedCluster) }

// clientsCluster has the first node run the server alone, of which the others are clients.
func clientsCluster(t *testing.T) *backbonetest.Cluster {
	var first *natsbus.Bus
	proxies := make(map[string]*proxy)
	return &backbonetest.Cluster{
		Lease: lease,
		Bus: func(t *testing.T, name string) backbone.Bus {
			if first == nil {
				first = open(t, natsbus.Config{Name: name, Embedded: &natsbus.Embedded{Client: "127.0.0.1:0", Secret: "s3cret"}})
				return first
			}
			p := newProxy(t)
			p.to(first.Server().Addr().String())
			proxies[name] = p
			return open(t, natsbus.Config{Name: name, External: &natsbus.External{URLs: []string{"nats://" + p.address()}, Token: "s3cret"}})
		},
		Kill:    func(name string) { proxies[name].setCut(true) },
		Cut:     func(name string) { proxies[name].setCut(true) },
		Restore: func(name string) { proxies[name].setCut(false) },
	}
}

func TestNodesThatAreClientsOfTheFirst(t *testing.T) { backbonetest.Run(t, clientsCluster) }
