package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gannet-io/gannet/engine/backbone"
	"github.com/gannet-io/gannet/engine/backbone/natsbus"
	"github.com/gannet-io/gannet/engine/backbone/redisbus"
	"github.com/gannet-io/gannet/engine/certs"
	"github.com/gannet-io/gannet/pusher/node"
)

// openBus returns this node's end of the backbone, yet to be started; nil: there is none.
func (s *server) openBus() (backbone.Bus, error) {
	if !s.cfg.clustered() {
		return nil, nil
	}
	name, err := s.cfg.nodeName()
	if err != nil {
		return nil, err
	}
	open := s.openNATS
	if s.cfg.Cluster.Driver == driverRedis {
		open = s.openRedis
	}
	bus, err := open(name)
	if err != nil {
		return nil, err
	}
	return loggedBus{bus, s.log, &s.away}, nil
}

// A loggedBus writes to the log when the backbone goes away, and when it is back.
type loggedBus struct {
	backbone.Bus
	log  *slog.Logger
	away *atomic.Int64 // since when, in Unix nanoseconds; 0: it is not
}

type loggedSink struct {
	backbone.Sink
	log  *slog.Logger
	away *atomic.Int64
}

func (b loggedBus) Start(ctx context.Context, s backbone.Sink) error {
	return b.Bus.Start(ctx, loggedSink{s, b.log, b.away})
}

func (s loggedSink) State(up bool, reason string) {
	if up {
		s.away.Store(0)
		s.log.Info("the backbone can be reached")
	} else {
		s.away.CompareAndSwap(0, time.Now().UnixNano())
		s.log.Warn("the backbone cannot be reached", "reason", reason)
	}
	s.Sink.State(up, reason)
}

func (s loggedSink) Rejoin(self backbone.Node) {
	s.log.Info("on the board of the cluster", "node", self.Name, "id", self.ID)
	s.Sink.Rejoin(self)
}

func (s *server) openRedis(name string) (backbone.Bus, error) {
	c := &s.cfg.Cluster.Redis
	return redisbus.New(redisbus.Config{
		URL: string(c.URL), Password: string(c.Password), Prefix: c.Prefix, Name: name, Lease: s.cfg.Cluster.Lease, Log: s.log,
		CAFile: c.TLS.CA, CertFile: c.TLS.Cert, KeyFile: c.TLS.Key,
	})
}

// natsDir is the directory in the data directory in which the server inside keeps what it keeps.
const natsDir = "nats"

func (s *server) openNATS(name string) (backbone.Bus, error) {
	c := &s.cfg.Cluster.NATS
	secure, err := c.TLS.config(s.log)
	if err != nil {
		return nil, fmt.Errorf("cluster.nats.tls: %w", err)
	}
	config := natsbus.Config{
		Name: name, Prefix: c.Prefix, Replicas: c.Replicas, Shards: c.Shards, Lease: s.cfg.Cluster.Lease, Logs: s.cfg.natsLogs(), Logger: s.log,
	}
	if !s.cfg.embedded() {
		config.External = &natsbus.External{
			URLs: c.URLs, User: c.User, Password: string(c.Password), Token: string(c.Token), Credentials: c.Credentials, NKey: c.NKey, Domain: c.Domain, TLS: secure,
		}
		return natsbus.New(config)
	}
	inside := &natsbus.Embedded{Listen: c.Listen, Secret: string(c.Secret), TLS: secure, SyncAlways: c.Sync == syncAlways}
	if s.data != nil {
		inside.Dir = s.data.file(natsDir)
	}
	for _, text := range c.Routes {
		route, err := routeAddress(text)
		if err != nil {
			return nil, fmt.Errorf("cluster.nats.routes: %w", err)
		}
		inside.Routes = append(inside.Routes, route)
	}
	if inside.Self, err = c.findSelf(); err != nil {
		return nil, err
	}
	if len(c.Routes) > 0 {
		keeps := slices.Contains(inside.Routes, inside.Self)
		if keeps && s.data == nil && len(inside.Routes) > 1 {
			return nil, fmt.Errorf("data_dir: this node is %s of cluster.nats.routes, so it keeps data for the others and needs a directory", inside.Self)
		}
		s.log.Info("starting the NATS server inside", "node", name, "listen", c.Listen, "address", inside.Self, "keeps_data", keeps)
	}
	config.Embedded = inside
	return natsbus.New(config)
}

// findSelf returns which of the routes is this node. May block on the network, for names among them.
func (n *NATSConfig) findSelf() (string, error) {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return "", fmt.Errorf("cluster.nats.address: the addresses of this machine: %w", err)
	}
	return n.self(addresses, func(host string) ([]netip.Addr, error) {
		ctx, cancel := context.WithTimeout(context.Background(), lookupTime)
		defer cancel()
		return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	})
}

// lookupTime is what looking up the name of another node may take.
const lookupTime = 5 * time.Second

// config returns what the files say; nil: there is none. May block on files.
func (t *LinkTLSConfig) config(log *slog.Logger) (*tls.Config, error) {
	if *t == (LinkTLSConfig{}) {
		return nil, nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if t.CA != "" {
		pem, err := os.ReadFile(t.CA)
		if err != nil {
			return nil, fmt.Errorf("%s: %s", t.CA, reasonOf(err))
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s: holds no certificate", t.CA)
		}
		// Of the nodes, each is the other's client.
		c.ClientCAs = c.RootCAs
	}
	if t.Cert != "" {
		own := &linkPair{pair: certs.Pair{Cert: t.Cert, Key: t.Key}, log: log}
		first, err := own.pair.Load()
		if err != nil {
			return nil, err
		}
		own.last = &first.Certificate
		c.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return own.current(), nil }
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return own.current(), nil }
		c.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return c, nil
}

// A linkPair is this node's certificate, which is read anew for each connection: they are few, and so files can change while it runs.
type linkPair struct {
	pair certs.Pair
	log  *slog.Logger

	mu   sync.Mutex
	last *tls.Certificate // that could be read
	said string           // why the newest could not
}

// current returns the certificate of a new connection. May block on files.
func (l *linkPair) current() *tls.Certificate {
	loaded, err := l.pair.Load()
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		if text := err.Error(); text != l.said {
			l.said = text
			l.log.Error("the certificate for the cluster cannot be read; the one before stays in use", "error", err)
		}
		return l.last
	}
	l.last, l.said = &loaded.Certificate, ""
	return l.last
}

// natsLogs says how much the backbone has to keep for all histories that are configured.
func (c *Config) natsLogs() natsbus.Logs {
	logs := natsbus.Logs{Events: 1000, Age: 2 * time.Hour, Bytes: int64(c.Cluster.NATS.HistoryBytes / c.Cluster.NATS.Shards)}
	for i := range c.Apps {
		logs.Age = max(logs.Age, c.Apps[i].Limits.CacheTTL)
		for j := range c.Apps[i].Channels {
			rule := &c.Apps[i].Channels[j]
			h := &rule.History
			logs.Events, logs.Age = max(logs.Events, h.Events), max(logs.Age, h.TTL)
			if h.Events == 0 && h.TTL > 0 {
				logs.Events = max(logs.Events, node.MostKept)
			}
			if rule.Cache == "keyed" {
				logs.Events = max(logs.Events, rule.CacheKeys)
			}
		}
	}
	return logs
}

// sayWaiting is how often it is said that the backbone is waited for.
const sayWaiting = 10 * time.Second

// join makes this node part of its cluster, if it is to be. May block, until ctx ends.
func (s *server) join(ctx context.Context) error {
	if s.bus != nil {
		joined := make(chan struct{})
		told := make(chan struct{})
		go func() {
			defer close(told)
			tick := time.NewTicker(sayWaiting)
			defer tick.Stop()
			for {
				select {
				case <-tick.C:
					s.log.Warn("waiting for the backbone", "driver", s.cfg.Cluster.Driver, "reason", s.bus.Status().Reason)
				case <-joined:
					return
				}
			}
		}()
		room := openRoom(s.doors(), s.cfg.PathPrefix, s.ready)
		err := s.node.Start(ctx)
		room.close()
		close(joined)
		<-told
		if err != nil {
			return fmt.Errorf("cluster: %w", err)
		}
		s.fleet.Start()
		status := s.bus.Status()
		s.log.Info("joined the cluster", "driver", status.Driver, "node", status.Self.Name, "nodes", len(status.Nodes))
	}
	s.joined.Store(true)
	return nil
}

// doors returns the listeners for clients and backends.
func (s *server) doors() (doors []net.Listener) {
	for _, l := range s.public {
		doors = append(doors, l.Listener)
	}
	return append(doors, s.restOnly...)
}

// inCluster reports whether the backbone can be reached, if there is one.
func (s *server) inCluster() (ok bool, reason string) {
	if s.bus == nil {
		return true, ""
	}
	status := s.bus.Status()
	if !s.joined.Load() {
		if status.Reason == "" {
			return false, "joining the cluster"
		}
		return false, "joining the cluster: " + status.Reason
	}
	if !status.Up {
		return false, "the backbone is away: " + status.Reason
	}
	return true, ""
}
