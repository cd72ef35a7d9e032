package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"time"

	"github.com/gannet-io/gannet/engine/backbone"
	"github.com/gannet-io/gannet/engine/backbone/redisbus"
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
	return loggedBus{bus, s.log}, nil
}

// A loggedBus writes to the log when the backbone goes away, and when it is back.
type loggedBus struct {
	backbone.Bus
	log *slog.Logger
}

type loggedSink struct {
	backbone.Sink
	log *slog.Logger
}

func (b loggedBus) Start(ctx context.Context, s backbone.Sink) error {
	return b.Bus.Start(ctx, loggedSink{s, b.log})
}

func (s loggedSink) State(up bool, reason string) {
	if up {
		s.log.Info("the backbone can be reached")
	} else {
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
	at := string(c.URL)
	if c.Password != "" {
		u, err := url.Parse(at)
		if err != nil {
			return nil, fmt.Errorf("cluster.redis.url cannot be read") // err would show it
		}
		u.User = url.UserPassword(u.User.Username(), string(c.Password))
		at = u.String()
	}
	return redisbus.New(redisbus.Config{
		URL: at, Prefix: c.Prefix, Name: name, Lease: s.cfg.Cluster.Lease, Log: s.log,
		CAFile: c.TLS.CA, CertFile: c.TLS.Cert, KeyFile: c.TLS.Key,
	})
}

func (s *server) openNATS(string) (backbone.Bus, error) {
	return nil, fmt.Errorf("cluster.driver: nats is not part of this build")
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
		err := s.node.Start(ctx)
		close(joined)
		<-told
		if err != nil {
			return fmt.Errorf("cluster: %w", err)
		}
		status := s.bus.Status()
		s.log.Info("joined the cluster", "driver", status.Driver, "node", status.Self.Name, "nodes", len(status.Nodes))
	}
	s.joined.Store(true)
	return nil
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
