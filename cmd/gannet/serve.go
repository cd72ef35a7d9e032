package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/coreos/go-systemd/v22/daemon"

	"github.com/gannet-io/gannet/engine"
	"github.com/gannet-io/gannet/engine/backbone"
	"github.com/gannet-io/gannet/engine/certs"
	"github.com/gannet-io/gannet/engine/certs/acmecerts"
	"github.com/gannet-io/gannet/engine/hub"
	"github.com/gannet-io/gannet/engine/peers"
	"github.com/gannet-io/gannet/engine/proxies"
	"github.com/gannet-io/gannet/frame"
	"github.com/gannet-io/gannet/frame/handshake"
	"github.com/gannet-io/gannet/pusher/admin"
	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/app/appstatic"
	"github.com/gannet-io/gannet/pusher/cluster"
	"github.com/gannet-io/gannet/pusher/console"
	"github.com/gannet-io/gannet/pusher/demo"
	"github.com/gannet-io/gannet/pusher/fleet"
	"github.com/gannet-io/gannet/pusher/gateway"
	"github.com/gannet-io/gannet/pusher/live"
	"github.com/gannet-io/gannet/pusher/node"
	"github.com/gannet-io/gannet/pusher/rest"
	"github.com/gannet-io/gannet/pusher/trace/otlp"
	"github.com/gannet-io/gannet/pusher/webhook"
	"github.com/gannet-io/gannet/pusher/wire"
)

// A server is the assembled process: the one place where the parts meet.
type server struct {
	cfg      *Config
	log      *slog.Logger
	draining atomic.Bool
	away     atomic.Int64 // since when the backbone is, in Unix nanoseconds; 0: it is not
	joined   atomic.Bool  // the node is part of its cluster, or alone

	data  *dataDir           // nil without data_dir
	certs *certs.Store       // nil without TLS
	acme  *acmecerts.Manager // nil without ACME

	restCerts, adminCerts *certs.Store // nil without TLS there

	engine    *engine.Engine
	reclaimer reclaimer
	trust     *proxies.Trust
	rush      rush
	webhooks  *webhook.Sender
	bus       backbone.Bus // nil: there are no other nodes
	node      *node.Node
	rest      *rest.Server
	demos     *demo.Site     // nil unless they are served
	traces    *otlp.Exporter // nil unless publishes are traced
	admin     *admin.Server
	fleet     *fleet.Fleet // nil: there are no other nodes
	closers   closers

	public              []listener
	restOnly, adminOnly []net.Listener
	http                *engine.HTTPListener

	failed chan error // the first listener that ended unasked
	quit   chan struct{}

	watched chan struct{} // closed when systemd is told no more and no file is read again
	tidied  chan struct{} // closed when reclaimer and rush have ended
}

// serve runs the server until ctx is done, then drains it. It prints where it listens to out,
// a line each, once connections are accepted.
func serve(ctx context.Context, cfg *Config, log *slog.Logger, out io.Writer) error {
	s := &server{cfg: cfg, log: log, failed: make(chan error, 4), quit: make(chan struct{}), tidied: make(chan struct{}), watched: make(chan struct{})}
	if err := cfg.applyMemory(log); err != nil {
		return err
	}
	data, err := openDataDir(cfg.DataDir)
	if err != nil {
		return err
	}
	// The last to go: nothing of this process uses it any more when another may have it.
	defer data.close()
	if data != nil && data.shared() {
		log.Warn("others than its owner may look into the data directory", "data_dir", data.path, "better", "chmod 700")
	}
	s.data = data
	if err := s.listen(); err != nil {
		return err
	}
	if err := cfg.Admin.checkReach(s.adminOnly); err != nil {
		s.closeListeners()
		return err
	}
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	if err := s.assemble(); err != nil {
		s.closeListeners()
		return err
	}
	s.startInside()
	if err := s.join(ctx); err != nil {
		s.closeListeners()
		err = errors.Join(err, s.stop())
		if ctx.Err() != nil {
			return nil // somebody did not want to wait
		}
		return err
	}
	s.start()
	if s.acme != nil {
		defer s.acme.Stop()
		if err := s.acme.Start(); err != nil {
			return errors.Join(err, s.stop())
		}
	}
	if err := s.announce(out); err != nil {
		return errors.Join(err, s.stop())
	}
	s.tell(daemon.SdNotifyReady)
	alive, end := context.WithCancel(context.Background())
	defer func() { end(); <-s.watched }()
	go func() {
		defer close(s.watched)
		var both sync.WaitGroup
		both.Go(func() { s.followFiles(alive, hangups) })
		s.watch(alive)
		both.Wait()
	}()
	select {
	case <-ctx.Done():
	case err := <-s.failed:
		return errors.Join(err, s.stop())
	}
	return s.stop()
}

func (s *server) assemble() error {
	cfg, set := s.cfg, metrics.NewSet()
	registered := cfg.Registered()
	demos := cfg.demoApp(registered)
	if demos != nil {
		demos.Rules = append(demo.Rules(), demos.Rules...)
	}
	apps, err := appstatic.New(registered)
	if err != nil {
		return err
	}
	cpus, err := cfg.Tuning.cpus(cfg.Loops)
	if err != nil {
		return fmt.Errorf("tuning.cpu_affinity: %w", err)
	}
	if s.trust, err = cfg.Proxies.trust(); err != nil {
		return err
	}
	if s.acme, err = s.newACME(s.log, set); err != nil {
		return err
	}
	if s.certs, err = cfg.openCerts(s.acme, s.log, set); err != nil {
		return err
	}
	if err := s.openDoors(set); err != nil {
		return err
	}
	token, password, err := cfg.Admin.secrets()
	if err != nil {
		return err
	}
	if s.bus, err = s.openBus(); err != nil {
		return err
	}
	start := time.Now()
	h := hub.New(set, func() int64 { return int64(time.Since(start)) })
	if s.webhooks, err = s.newWebhooks(registered, set); err != nil {
		return err
	}
	tracer, err := s.openTraces(set)
	if err != nil {
		return err
	}
	feed := new(live.Feed)
	var desk cluster.Desk
	if s.bus != nil {
		backbone.Export(set, s.bus.Status)
		s.fleet = fleet.New(fleet.Config{Bus: s.bus, Feed: feed, Vitals: s.vitals, Close: s.closeFor})
		desk = s.fleet
	}
	s.node = node.New(node.Config{Hub: h, Bus: s.bus, Apps: apps, Desk: desk, Notifier: s.webhooks, Feed: feed, Tracer: tracer, Metrics: set})
	s.node.Owe(func(yield func(string, wire.HookEvent) bool) {
		for _, o := range s.webhooks.Owed() {
			if !yield(o.App, o.Event) {
				return
			}
		}
	}, s.webhooks.Settle)
	s.closers.slots = make(chan struct{}, maxClosers)
	door := gateway.New(gateway.Config{
		Node:            s.node,
		Hub:             h,
		Feed:            feed,
		Apps:            apps,
		PathPrefix:      cfg.PathPrefix,
		ActivityTimeout: cfg.ActivityTimeout,
		StrictProtocol:  cfg.StrictProtocol,
		Hosts:           cfg.Hosts,
		RequireTLS:      cfg.TLS.Require,
		MaxConns:        cfg.Limits.Connections,
		ReplayBytes:     cfg.replayBytes(),
		Log:             s.log,
		Metrics:         set,
	})
	s.http = engine.NewHTTPListener(s.public[0].Addr())
	s.engine, err = engine.New(engine.Config{
		Handler:      door,
		Loops:        cfg.Loops,
		HeadTimeout:  orForever(cfg.Limits.HandshakeTimeout),
		AcceptRate:   cfg.Limits.AcceptsPerSecond,
		Handshakes:   cfg.Limits.Handshakes,
		Peers:        peers.Limits{Sockets: cfg.Limits.ConnectionsPerAddress, PerSecond: cfg.Limits.ConnectsPerSecondPerAddress},
		Head:         headLimits(cfg.Limits),
		MessageTime:  cfg.Limits.MessageTime,
		Message:      frame.Limits{MessageBytes: cfg.Limits.MessageBytes, Fragments: cfg.Limits.Fragments},
		PingInterval: orForever(cfg.PingInterval),
		PongWait:     orForever(cfg.PongWait),
		BacklogBytes: orNone(cfg.Limits.BacklogBytes),
		BacklogTotal: cfg.Limits.BacklogTotalBytes,
		BacklogAge:   time.Duration(orNone(int(cfg.Limits.BacklogAge))),
		CPUs:         cpus,
		BatchWindow:  cfg.Tuning.BatchWindow,
		SendBuffer:   cfg.Tuning.SendBuffer,
		NotSentLowat: cfg.Tuning.NotSentLowat,
		UserTimeout:  time.Duration(orNone(int(cfg.Tuning.UserTimeout))),
		Trust:        s.trust,
		TLS:          cfg.engineTLS(s.certs),
		HTTP:         s.http,
		Log:          s.log,
		Metrics:      set,
	})
	if err != nil {
		s.node.Close()
		return errors.Join(err, s.webhooks.Close(context.Background()))
	}
	s.reclaimer = reclaimer{conns: s.engine.Conns, read: readMemory, free: func() {
		s.engine.Trim(time.Second, h.Trim)
		debug.FreeOSMemory()
		s.log.Debug("gave memory back to the system", "connections", s.engine.Conns())
	}}
	s.rush = rush{conns: s.engine.Conns, set: func(percent int) { debug.SetGCPercent(percent) }}
	if !cfg.goGC {
		s.rush.normal = cfg.Tuning.GCPercent
	}
	s.closers.conns = door
	h.Bind(s.engine.Loops())
	door.Bind(s.engine.Loops())
	s.node.Bind(door)
	var challenge func(host, path string) ([]byte, bool)
	if s.acme != nil {
		challenge = s.acme.Answer
	}
	var pages http.Handler
	if demos != nil {
		s.demos = demo.New(demo.Config{App: demos, Node: s.node, Hosts: cfg.Hosts, Path: cfg.PathPrefix, Logger: s.log, Clustered: s.bus != nil})
		pages = s.demos
	}
	s.rest = rest.New(rest.Config{
		Node:         s.node,
		Apps:         apps,
		Tracer:       tracer,
		Ready:        s.ready,
		Trust:        s.trust,
		Hosts:        cfg.Hosts,
		RequireTLS:   cfg.TLS.Require,
		HSTS:         cfg.TLS.HSTS,
		Challenge:    challenge,
		Upgrade:      s.engine.Adopt,
		Pages:        pages,
		Metrics:      set,
		Logger:       s.log,
		PathPrefix:   cfg.PathPrefix,
		MaxHeadBytes: headLimits(cfg.Limits).Bytes,
		MaxBodyBytes: orNone(cfg.Limits.RESTBodyBytes),

		TimestampWindow: time.Duration(orNone(int(cfg.Limits.TimestampWindow))),
	})
	var loops []admin.Loop
	for _, l := range s.engine.Loops() {
		loops = append(loops, l)
	}
	s.admin = admin.New(admin.Config{
		Sets: []*metrics.Set{set}, Ready: s.ready, Logger: s.log, Metrics: set,
		SoketiPrefix: cfg.Admin.SoketiPrefix, SoketiPort: portOf(s.public[0].Addr()),
		API:   map[string]http.Handler{"/api/webhooks": s.webhooks.API(), "/api/cluster": http.HandlerFunc(s.serveCluster)},
		Token: token, Password: password, Hosts: cfg.Admin.Hosts, TLS: tlsOf(s.adminCerts), HSTS: cfg.TLS.HSTS,
		PublicHealth: cfg.Admin.public(publicHealth), PublicMetrics: cfg.Admin.public(publicMetrics),
		Console: console.Files(), Build: s.build(),
		Apps: registered, Node: s.node, Conns: door, Feed: feed, Fleet: s.fleet, Host: hostname(), Publish: s.publishFor,
		Loops: loops, Waiting: h.Letters,
	})
	return nil
}

// publishFor publishes for an operator.
func (s *server) publishFor(a *app.App, body []byte) ([]string, *admin.Refusal) {
	channels, refused := s.rest.Publish(a, body)
	if refused == nil {
		return channels, nil
	}
	return nil, (*admin.Refusal)(refused)
}

// build says what is running.
func (s *server) build() admin.Build {
	v, c := buildVersion()
	return admin.Build{Version: v, Commit: c, Started: time.Now(), Dev: s.cfg.Dev}
}

// headLimits returns the limits of request heads; no limit on their bytes is the largest there is.
func headLimits(l ServerLimits) handshake.Limits {
	if l.HandshakeBytes == 0 {
		l.HandshakeBytes = handshake.LargestBytes
	}
	return handshake.Limits{Bytes: l.HandshakeBytes, Headers: l.HandshakeHeaders}
}

// replayBytes is how much of a channel's past a client is sent at a time: little enough to leave room in its backlog.
func (c *Config) replayBytes() int {
	const most = 32 << 10
	if c.Limits.BacklogBytes == 0 {
		return most
	}
	return min(most, max(c.Limits.BacklogBytes/4, 1))
}

// orForever and orNone translate the configuration's "0 means no limit" for parts where 0
// means their default.
func orForever(d time.Duration) time.Duration {
	if d == 0 {
		return math.MaxInt64 / 2
	}
	return d
}

func orNone(n int) int {
	if n == 0 {
		return -1
	}
	return n
}

func (s *server) ready() (ok bool, reason string) {
	if s.draining.Load() {
		return false, "draining"
	}
	return s.inCluster()
}

// startInside starts what needs no clients, and what people look at to see why the rest does not start.
func (s *server) startInside() {
	s.webhooks.Start()
	go func() {
		defer close(s.tidied)
		var both sync.WaitGroup
		both.Go(func() { s.rush.run(s.quit) })
		s.reclaimer.run(s.quit)
		both.Wait()
	}()
	for _, ln := range s.adminOnly {
		s.run("admin listener", func() error { return s.admin.Serve(ln) })
	}
}

func (s *server) start() {
	for _, l := range s.public {
		s.run("public listener", func() error { return s.engine.ServeWith(l.Listener, l.engine(s.cfg)) })
	}
	s.run("HTTP on the public listeners", func() error { return s.rest.ServeShared(s.http) })
	for _, ln := range s.restOnly {
		s.run("HTTP listener", func() error { return s.rest.Serve(sealed(s.cfg.Proxies.listener(ln, s.trust), s.restCerts)) })
	}
}

func (s *server) run(what string, serve func() error) {
	go func() {
		err := serve()
		if err != nil && !s.draining.Load() && !errors.Is(err, net.ErrClosed) {
			select {
			case s.failed <- fmt.Errorf("%s: %w", what, err):
			default:
			}
		}
	}()
}

// announce prints the addresses, for people and for programs that start with port 0.
func (s *server) announce(out io.Writer) error {
	var err error
	say := func(what, address string) {
		if err == nil {
			_, err = fmt.Fprintf(out, "gannet: %s %s\n", what, address)
		}
	}
	for _, l := range s.public {
		say("listening on", l.name())
	}
	for _, ln := range s.restOnly {
		say("HTTP API on", nameOf(ln.Addr()))
	}
	for _, ln := range s.adminOnly {
		say("admin on", nameOf(ln.Addr()))
	}
	// The SDKs cannot connect to a Unix socket: the banner is about the first address that is none.
	i := slices.IndexFunc(s.public, func(l listener) bool { return l.Addr().Network() == "tcp" })
	if s.cfg.Dev && err == nil && i >= 0 {
		err = writeBanner(out, s.cfg, s.public[i].Addr())
	}
	return err
}

// stopGrace is what the last conns get after the drain window to close properly, requestGrace
// what requests that are running then get to end, leaveGrace what leaving the cluster may take, hookGrace what webhooks get that were not sent by then, traceGrace what
// traces get, meanwhile.
const (
	leaveGrace   = 8 * time.Second
	stopGrace    = 10 * time.Second
	requestGrace = 6 * time.Second
	hookGrace    = 5 * time.Second
	traceGrace   = 3 * time.Second
)

// stop drains and ends everything, doors first.
func (s *server) stop() error {
	s.draining.Store(true)
	s.tell(daemon.SdNotifyStopping)
	close(s.quit)
	<-s.tidied
	s.rest.Retire()
	s.log.Info("draining", "window", s.cfg.DrainWindow, "connections", s.engine.Conns())
	var err error
	// Parts that wait for peers get a time limit each. A peer that does not end by then is cut
	// off, which is no failure of ours.
	patiently := func(what string, limit time.Duration, end func(context.Context) error) {
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		switch e := end(ctx); {
		case errors.Is(e, context.DeadlineExceeded):
			s.log.Warn("cut off what had not ended", "part", what, "connections", s.engine.Conns())
		case e != nil:
			err = errors.Join(err, e)
		}
	}
	patiently("websockets", s.cfg.DrainWindow+stopGrace, func(ctx context.Context) error {
		return s.engine.Drain(ctx, s.cfg.DrainWindow)
	})
	patiently("requests", requestGrace, s.rest.Shutdown)
	err = errors.Join(err, s.http.Close(), s.engine.Stop())
	if s.demos != nil {
		s.demos.Close()
	}
	// Nothing is published any more. That their receiver hangs is to cost no time.
	traced := s.closeTraces()
	defer traced()
	// Channels are empty now, which is told to the others, and by webhooks, before this node is off the board.
	if s.fleet != nil {
		s.fleet.Stop()
	}
	patiently("cluster", leaveGrace, s.node.Quiet)
	patiently("webhooks", hookGrace, s.webhooks.Close)
	patiently("cluster", leaveGrace, s.node.Leave) // with what webhooks were told, so that nobody tells it again
	s.closers.all.Wait()
	s.node.Close()
	patiently("admin", requestGrace, s.admin.Shutdown)
	return err
}
