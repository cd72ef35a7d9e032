package main

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/gannet-io/gannet/loadtest/plan"
)

// targets reads the server addresses. A host that is not this machine needs own.
func targets(urls string, own bool) (all []plan.Target, err error) {
	for text := range strings.SplitSeq(urls, ",") {
		t, loopback, err := target(strings.TrimSpace(text))
		if err != nil {
			return nil, err
		}
		if !loopback && !own {
			return nil, fmt.Errorf("%s is not on this machine; a load test can take a server down: say --i-own-this-server if you do", t.Host)
		}
		all = append(all, t)
	}
	return all, nil
}

func target(text string) (t plan.Target, loopback bool, err error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return t, false, fmt.Errorf("%q is not a URL such as http://127.0.0.1:6001", text)
	}
	port := u.Port()
	switch u.Scheme {
	case "http", "ws":
		port = or(port, "80")
	case "https", "wss":
		t.TLS, port = true, or(port, "443")
	default:
		return t, false, fmt.Errorf("%s: the scheme must be http, https, ws or wss", text)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	addresses, err := net.DefaultResolver.LookupNetIP(ctx, "ip4", u.Hostname())
	if err != nil || len(addresses) == 0 {
		return t, false, fmt.Errorf("%s: no IPv4 address for %s", text, u.Hostname())
	}
	address := addresses[0].Unmap()
	if _, err := netip.ParseAddrPort(address.String() + ":" + port); err != nil {
		return t, false, fmt.Errorf("%s: %w", text, err)
	}
	return plan.Target{
		TLS:     t.TLS,
		Address: net.JoinHostPort(address.String(), port),
		Host:    u.Host,
		Prefix:  strings.TrimSuffix(u.EscapedPath(), "/"),
	}, address.IsLoopback(), nil
}

const (
	// perProcess is how many conns a process takes unless told otherwise.
	perProcess = 19_000

	// perSource is how many come from one address to one server. The kernel has 28,000 ports to
	// give, tries the even ones first, and searches long for the last of them.
	perSource = 10_000

	// spareFDs are for what is not a conn of the plan.
	spareFDs = 200
)

// share chooses how many processes and source addresses the conns need.
func (o *options) share() error {
	p := &o.plan
	// Churning conns that are leaving still hold their descriptors.
	conns := p.Clients + p.Deaf + int(2*p.ChurnRate*(p.ChurnHold.Seconds()+1))
	if p.Via != plan.Members {
		conns += p.Publishers
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("read the limit of descriptors: %w", err)
	}
	room := max(int(min(limit.Cur, 1<<30))-spareFDs, 1)
	if p.Processes == 0 {
		p.Processes = max((conns+min(perProcess, room)-1)/min(perProcess, room), 1)
	}
	if each := (conns + p.Processes - 1) / p.Processes; each > room {
		return fmt.Errorf("%d connections per process need more than the %d descriptors that it may have; use --processes %d", each, limit.Cur, (conns+room-1)/room)
	}
	if p.Sources < 0 {
		p.Sources = 0
		if each := conns / len(p.Targets); each > perSource && allLoopback(p.Targets) {
			p.Sources = (each + perSource - 1) / perSource
		}
	}
	return nil
}

func allLoopback(targets []plan.Target) bool {
	for i := range targets {
		if !netip.MustParseAddrPort(targets[i].Address).Addr().IsLoopback() {
			return false
		}
	}
	return true
}
