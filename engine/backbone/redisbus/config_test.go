package redisbus_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/gannet-io/gannet/engine/backbone/redisbus"
)

func TestConfigurationsThatMakeNoSenseAreRefused(t *testing.T) {
	for _, tt := range []struct {
		config redisbus.Config
		want   string
	}{
		{redisbus.Config{URL: "redis://h:1"}, "needs a name"},
		{redisbus.Config{Name: "a", URL: "redis://h:1", Prefix: "a{b}"}, "braces"},
		{redisbus.Config{Name: "a"}, "scheme"},
		{redisbus.Config{Name: "a", URL: "http://u:sesame@h"}, "scheme"},
		{redisbus.Config{Name: "a", URL: "redis+proxy://u:sesame@h"}, "scheme"},
		{redisbus.Config{Name: "a", URL: "redis://u:sesame@h:port"}, "cannot be read"},
		{redisbus.Config{Name: "a", URL: "redis://:sesame@"}, "lacks a host"},
		{redisbus.Config{Name: "a", URL: "redis://:sesame@h:1,h:2"}, "several hosts"},
		{redisbus.Config{Name: "a", URL: "redis://:sesame@h/x"}, `"x" is no number`},
		{redisbus.Config{Name: "a", URL: "redis://:sesame@h/1/2"}, "path"},
		{redisbus.Config{Name: "a", URL: "redis://:sesame@h/?db=1"}, `unknown parameter "db"`},
		{redisbus.Config{Name: "a", URL: "redis+cluster://:sesame@h/1"}, "database 0"},
		{redisbus.Config{Name: "a", URL: "redis+sentinel://:sesame@h"}, "names no master"},
		{redisbus.Config{Name: "a", URL: "redis://h", CAFile: "ca.pem"}, "rediss"},
		{redisbus.Config{Name: "a", URL: "rediss://h", CAFile: "/nowhere/ca.pem"}, "/nowhere/ca.pem"},
		{redisbus.Config{Name: "a", URL: "rediss://h", CertFile: "/nowhere/a.pem", KeyFile: "/nowhere/a.key"}, "/nowhere/a.pem"},
	} {
		_, err := redisbus.New(tt.config)
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "sesame") {
			t.Errorf("%+v: %v, want %q", tt.config, err, tt.want)
		}
	}
	for _, u := range []string{"redis://h", "rediss://u:p@[::1]:7/15", "redis+sentinel://:p@h:1,h2:26380/master/2?sentinel_password=q", "rediss+cluster://h:1,h2"} {
		if _, err := redisbus.New(redisbus.Config{Name: "a", URL: u}); err != nil {
			t.Errorf("%s: %v", u, err)
		}
	}
}

func TestStartSaysWhatRedisRefuses(t *testing.T) {
	s := startServer(t, "--requirepass", password)
	b := newBus(t, redisbus.Config{URL: "redis://" + s.addr(), Password: "another", Name: "a"})
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	err := b.Start(ctx, newWitness(t, b))
	if err == nil || !strings.Contains(err.Error(), "WRONGPASS") || strings.Contains(err.Error(), "another") || ctx.Err() != nil {
		t.Errorf("Start: %v", err)
	}
	if err := b.Close(ctx); err != nil {
		t.Errorf("Close: %v", err)
	}
	join(t, newBus(t, redisbus.Config{URL: "redis://" + s.addr(), Password: password, Name: "a"}))
}

func TestStartTriesUntilItsTimeIsUp(t *testing.T) {
	b := newBus(t, redisbus.Config{URL: "redis://127.0.0.1:1", Name: "a"})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- b.Start(ctx, newWitness(t, b)) }()
	cancel()
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "127.0.0.1:1") {
		t.Errorf("Start: %v", err)
	}
	if err := b.Close(context.Background()); err != nil {
		t.Errorf("Close: %v", err)
	}
}

func TestAUserWithoutRightsIsNamed(t *testing.T) {
	s := startServer(t)
	s.do("ACL", "SETUSER", "gannet", "on", ">"+password, "~gannet:*", "+ping", "+hello", "+info", "+eval", "+evalsha")
	b := newBus(t, redisbus.Config{URL: as("redis", s.addr(), ""), Name: "a"})
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := b.Start(ctx, newWitness(t, b)); err == nil || ctx.Err() != nil || !strings.Contains(err.Error(), "can't run this command") {
		t.Errorf("Start: %v", err)
	}
}

func TestARedisThatThrowsThingsAwayIsComplainedOf(t *testing.T) {
	s := startServer(t)
	for policy, want := range map[string]bool{"noeviction": false, "allkeys-lru": true} {
		s.do("CONFIG", "SET", "maxmemory-policy", policy)
		var log bytes.Buffer
		w := join(t, newBus(t, redisbus.Config{URL: "redis://" + s.addr(), Name: "a", Log: slog.New(slog.NewTextHandler(&log, nil))}))
		if got := strings.Contains(log.String(), "maxmemory_policy=allkeys-lru"); got != want {
			t.Errorf("%s: the log says %q", policy, log.String())
		}
		w.leave()
	}
}
