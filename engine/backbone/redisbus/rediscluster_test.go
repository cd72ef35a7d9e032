package redisbus_test

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gannet-io/gannet/engine/backbone"
	"github.com/gannet-io/gannet/engine/backbone/backbonetest"
	"github.com/gannet-io/gannet/engine/backbone/redisbus"
)

// primaries starts a Redis Cluster of three.
func primaries(t *testing.T, more ...string) (all []*server) {
	t.Helper()
	for range 3 {
		all = append(all, startMember(t, more...))
	}
	slots := []string{"0", "5460", "5461", "10922", "10923", "16383"}
	for i, s := range all {
		s.do("CLUSTER", "ADDSLOTSRANGE", slots[2*i], slots[2*i+1])
		s.do("CLUSTER", "SET-CONFIG-EPOCH", strconv.Itoa(i+1))
	}
	for _, s := range all[1:] {
		s.do("CLUSTER", "MEET", "127.0.0.1", strconv.Itoa(all[0].port), all[0].option("--cluster-port"))
	}
	for _, s := range all {
		s.formed(3)
		s.allow()
	}
	return all
}

// startMember starts a server that is to be one of a Redis Cluster.
func startMember(t *testing.T, more ...string) *server {
	t.Helper()
	return startServer(t, append([]string{"--cluster-enabled", "yes", "--cluster-port", strconv.Itoa(freePort(t)), "--cluster-node-timeout", "30000"}, more...)...)
}

// option returns what an option of the server was given.
func (s *server) option(name string) string {
	for i, a := range s.args {
		if a == name {
			return s.args[i+1]
		}
	}
	return ""
}

// formed waits until the server sees its cluster whole.
func (s *server) formed(nodes int) {
	s.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	late := time.After(patience)
	for {
		m := s.do("CLUSTER", "INFO")
		info, err := m.ToString()
		if err == nil && strings.Contains(info, "cluster_state:ok") && strings.Contains(info, fmt.Sprint("cluster_known_nodes:", nodes)) {
			return
		}
		select {
		case <-tick.C:
		case <-late:
			s.t.Fatalf("no cluster after %v: %s %v", patience, info, err)
		}
	}
}

// A door is a way to all servers that can be shut.
type door struct {
	mu    sync.Mutex
	shut  bool
	conns []net.Conn
}

func (d *door) dial(ctx context.Context, addr string) (net.Conn, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.shut {
		return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	}
	c, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err == nil {
		d.conns = append(d.conns, c)
	}
	return c, err
}

func (d *door) set(shut bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.shut = shut
	if shut {
		for _, c := range d.conns {
			c.Close()
		}
		d.conns = nil
	}
}

func TestBusKeepsTheContractOnARedisCluster(t *testing.T) {
	all := primaries(t)
	n := 0
	backbonetest.Run(t, func(t *testing.T) *backbonetest.Cluster {
		n++
		prefix := fmt.Sprintf("gannet:test%d:", n)
		doors := make(map[string]*door)
		set := func(shut bool) func(string) { return func(name string) { doors[name].set(shut) } }
		return &backbonetest.Cluster{
			Bus: func(t *testing.T, name string) backbone.Bus {
				d := new(door)
				doors[name] = d
				b := newBus(t, redisbus.Config{URL: as("redis+cluster", all[0].addr()+","+all[1].addr(), ""), Prefix: prefix, Name: name})
				b.Dial(d.dial)
				return b
			},
			Lease: testLease, Kill: set(true), Cut: set(true), Restore: set(false),
			Stop: func() {
				for _, s := range all {
					s.signal(syscall.SIGSTOP)
				}
			},
			Start: func() {
				for _, s := range all {
					s.signal(syscall.SIGCONT)
				}
			},
			Forget: func() {
				for _, s := range all {
					s.kill()
				}
				for _, s := range all {
					s.again()
				}
				for _, s := range all {
					s.formed(3)
					s.allow()
				}
			},
		}
	})
}
