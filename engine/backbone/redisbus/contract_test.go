package redisbus_test

import (
	"fmt"
	"net/url"
	"syscall"
	"testing"
	"time"

	"github.com/gannet-io/gannet/engine/backbone"
	"github.com/gannet-io/gannet/engine/backbone/backbonetest"
	"github.com/gannet-io/gannet/engine/backbone/redisbus"
)

const testLease = 2 * time.Second

func newBus(t testing.TB, c redisbus.Config) *redisbus.Bus {
	t.Helper()
	if c.Lease == 0 {
		c.Lease = testLease
	}
	if c.CheckEvery == 0 {
		c.CheckEvery = time.Second
	}
	b, err := redisbus.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// as returns the URL of a user with a password.
func as(scheme, addr, path string) string {
	u := url.URL{Scheme: scheme, User: url.UserPassword("gannet", password), Host: addr, Path: path}
	return u.String()
}

func TestBusKeepsTheContract(t *testing.T) {
	n := 0
	backbonetest.Run(t, func(t *testing.T) *backbonetest.Cluster {
		s := startServer(t)
		s.allow()
		n++
		prefix := fmt.Sprintf("gannet:test%d:", n)
		links := make(map[string]*link)
		return &backbonetest.Cluster{
			Bus: func(t *testing.T, name string) backbone.Bus {
				links[name] = newLink(t, s.addr())
				return newBus(t, redisbus.Config{URL: as("redis", links[name].addr(), "/3"), Prefix: prefix, Name: name})
			},
			Lease:   testLease,
			Kill:    func(name string) { links[name].set(true) },
			Cut:     func(name string) { links[name].set(true) },
			Restore: func(name string) { links[name].set(false) },
			// A Redis that starts again has lost what it may have had, so that is for Forget. One that hangs keeps everything.
			Stop:  func() { s.signal(syscall.SIGSTOP) },
			Start: func() { s.signal(syscall.SIGCONT) },
			Forget: func() {
				s.kill()
				s.again()
				s.allow()
			},
		}
	})
}
