package redisbus_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gannet-io/gannet/engine/backbone"
	"github.com/gannet-io/gannet/engine/backbone/redisbus"
)

// connections returns how many connections the server has taken so far.
func (s *server) connections() int {
	s.t.Helper()
	m := s.do("INFO", "stats")
	text, _ := m.ToString()
	for line := range strings.Lines(text) {
		if n, ok := strings.CutPrefix(strings.TrimSpace(line), "total_connections_received:"); ok {
			count, _ := strconv.Atoi(n)
			return count
		}
	}
	s.t.Fatalf("no connections in %q", text)
	return 0
}

func TestAUserWhoIsRefusedIsSaidAtTheStart(t *testing.T) {
	s := startServer(t)
	s.allow()
	for name, config := range map[string]redisbus.Config{
		"WRONGPASS": {URL: "redis://gannet@" + s.addr(), Password: "sesame-2"},
		"NOPERM":    {URL: as("redis", s.addr(), ""), Prefix: "other:"},
	} {
		config.Name = "a"
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		err := newBus(t, config).Start(ctx, newWitness(t, nil))
		cancel()
		if err == nil || errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), s.addr()) ||
			strings.Contains(err.Error(), "sesame") || strings.Contains(err.Error(), password) {
			t.Errorf("Start: %v, want %s at once", err, name)
		}
	}
}

func TestAUserWhoIsTakenAwayIsSaidAndComesBackByItself(t *testing.T) {
	s := startServer(t)
	s.allow()
	a := join(t, newBus(t, redisbus.Config{URL: as("redis", s.addr(), ""), Name: "a"}))
	keep := &backbone.Retention{Events: 10}
	a.attach("t", keep)
	for name, take := range map[string]func(){
		"another password": func() {
			s.do("ACL", "SETUSER", "gannet", "resetpass", ">sesame-2")
			s.do("CLIENT", "KILL", "TYPE", "normal")
			s.do("CLIENT", "KILL", "TYPE", "pubsub")
		},
		"disabled": func() {
			s.do("ACL", "SETUSER", "gannet", "off")
			s.do("CLIENT", "KILL", "TYPE", "normal")
			s.do("CLIENT", "KILL", "TYPE", "pubsub")
		},
		"renamed":      func() { s.do("ACL", "DELUSER", "gannet") },
		"fewer rights": func() { s.do("ACL", "SETUSER", "gannet", "-evalsha") },
	} {
		take()
		a.until(name+": State down", func() bool { return !a.up })
		why := "WRONGPASS"
		if name == "fewer rights" {
			why = "NOPERM"
		}
		s.waitFor(name+": the reason", func() bool { return strings.Contains(a.Status().Reason, why) })
		if r := a.Status().Reason; strings.Contains(r, password) || strings.Contains(r, "sesame") {
			t.Errorf("the reason has the password: %s", r)
		}
		if why == "WRONGPASS" {
			// Attempts go on, and are few.
			begin, before := time.Now(), s.connections()
			s.waitFor("attempts", func() bool { return s.connections() > before+20 })
			if took := time.Since(begin); took < 100*time.Millisecond {
				t.Errorf("%s: 20 connections within %v", name, took)
			}
		}
		s.allow()
		a.until(name+": State up", func() bool { return a.up })
		a.eventually("Append", func() func() error { return a.Append("t", keep, []byte("x")) })
	}
}
