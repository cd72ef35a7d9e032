package main

import (
	"context"
	"os"
	"sync"
	"time"

	"github.com/gannet-io/gannet/pusher/fleet"
	"github.com/gannet-io/gannet/pusher/live"
)

// hostname returns the name of this machine, "" when it has none.
func hostname() string {
	name, _ := os.Hostname()
	return name
}

// vitals says how this node is, for the others.
func (s *server) vitals() fleet.Vitals {
	v := s.admin.Vitals()
	build := s.admin.Build()
	v.Version, v.Started = build.Version, build.Started.UnixMilli()
	v.Host, v.Stamp, v.Draining = hostname(), s.node.Stamp(), s.draining.Load()
	v.Console, v.Local = s.consoleURL()
	return v
}

// closers end connections for operators of other nodes, a few at a time.
type closers struct {
	// Set once by assemble.
	conns live.Conns
	slots chan struct{}

	all sync.WaitGroup
}

const (
	maxClosers   = 16
	closeTimeout = 5 * time.Second
)

// closeFor ends a connection, if it is here, as an operator of another node wishes. It does not block.
func (s *server) closeFor(socketID string, code int) {
	c := &s.closers
	select {
	case c.slots <- struct{}{}:
	default:
		s.log.Warn("left undone: another node wants more connections closed than can be at once", "socket_id", socketID)
		return
	}
	c.all.Go(func() {
		defer func() { <-c.slots }()
		ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
		defer cancel()
		if ended, err := c.conns.End(ctx, socketID, code); ended && err == nil {
			s.log.Info("closed a connection for an operator of another node", "socket_id", socketID, "code", code)
		}
	})
}
