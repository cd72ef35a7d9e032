package rest_test

import (
	"bufio"
	"io"
	"strings"
	"testing"

	"github.com/gannet-io/gannet/engine/proxies"
	"github.com/gannet-io/gannet/pusher/rest"
)

func trust(t *testing.T, header proxies.Header, networks ...string) *proxies.Trust {
	t.Helper()
	tr, err := proxies.NewTrust(networks, header)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func TestPlainRequestsAreRefusedWhereTLSIsRequired(t *testing.T) {
	here := trust(t, proxies.XForwardedFor, "127.0.0.1")
	rfc := trust(t, proxies.Forwarded, "127.0.0.1")
	channels := sign("GET", "/apps/3/channels", "")
	for name, tt := range map[string]struct {
		trust  *proxies.Trust
		target string
		header []string
		status int
	}{
		"plain":                      {nil, channels, nil, 403},
		"plain, and no such path":    {nil, "/nowhere", nil, 403},
		"a preflight":                {nil, "OPTIONS " + channels, nil, 403},
		"a stranger says it was TLS": {nil, channels, []string{"X-Forwarded-Proto: https"}, 403},
		"a proxy says it was TLS":    {here, channels, []string{"X-Forwarded-Proto: https"}, 200},
		"a proxy says it was plain":  {here, channels, []string{"X-Forwarded-Proto: http"}, 403},
		"two do":                     {here, channels, []string{"X-Forwarded-Proto: https", "X-Forwarded-Proto: http"}, 403},
		"another header":             {here, channels, []string{"Forwarded: for=203.0.113.7;proto=https"}, 403},
		"RFC 7239":                   {rfc, channels, []string{"Forwarded: for=203.0.113.7;proto=https"}, 200},
		"health":                     {nil, "/healthz", nil, 200},
		"readiness":                  {nil, "/readyz", nil, 200},
	} {
		t.Run(name, func(t *testing.T) {
			l := start(t, func(_ *lab, c *rest.Config) { c.RequireTLS, c.Trust = true, tt.trust })
			method, target, other := strings.Cut(tt.target, " ")
			if !other {
				method, target = "GET", tt.target
			}
			got := l.send(method, target, "", tt.header...)
			if got.status != tt.status || tt.status == 403 && got.body != "TLS is required here, use https" {
				t.Errorf("got %d %q, want %d", got.status, got.body, tt.status)
			}
		})
	}
}

// A proxy sends the requests of many clients on one connection.
func TestEachRequestOfAConnectionHasItsOwnCaller(t *testing.T) {
	l := start(t, func(_ *lab, c *rest.Config) { c.RequireTLS, c.Trust = true, trust(t, 0, "127.0.0.1") })
	c := l.dial()
	defer c.Close()
	r := bufio.NewReader(c)
	for _, tt := range []struct {
		proto  string
		status int
	}{{"https", 200}, {"http", 403}, {"https", 200}} {
		io.WriteString(c, head("GET", sign("GET", "/apps/3/channels", ""), "", "X-Forwarded-Proto: "+tt.proto))
		if got := read(t, r, "GET"); got.status != tt.status {
			t.Errorf("X-Forwarded-Proto: %s: got %d, want %d", tt.proto, got.status, tt.status)
		}
	}
}

func TestOtherHostsAreMisdirected(t *testing.T) {
	l := start(t, func(_ *lab, c *rest.Config) { c.Hosts = []string{"api.test", "*.api.test", "[::1]"} })
	for _, tt := range []struct {
		host, target string
		status       int
	}{
		{"api.test", "", 200},
		{"API.TEST:6001", "", 200},
		{"eu.api.test", "", 200},
		{"[::1]:6001", "", 200},
		{"evil.test", "", 421},
		{"api.test.evil", "", 421},
		{"", "", 400},
		// RFC 9112 §3.2.2: the target's host counts.
		{"evil.test", "http://api.test", 200},
		{"api.test", "http://evil.test", 421},
		{"10.0.0.1:6001", "/healthz", 200},
		{"evil.test", "/nowhere", 421},
	} {
		target := tt.target
		if !strings.HasPrefix(target, "/") {
			target += sign("GET", "/apps/3/channels", "")
		}
		c := l.dial()
		io.WriteString(c, "GET "+target+" HTTP/1.1\r\nHost: "+tt.host+"\r\n\r\n")
		got := read(t, bufio.NewReader(c), "GET")
		c.Close()
		if got.status != tt.status || tt.status == 421 && got.body != "This server does not answer for that host" {
			t.Errorf("Host: %s, %q: got %d %q, want %d", tt.host, tt.target, got.status, got.body, tt.status)
		}
	}
}
