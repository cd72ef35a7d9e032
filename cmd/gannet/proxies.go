package main

import (
	"net"

	"github.com/gannet-io/gannet/engine"
	"github.com/gannet-io/gannet/engine/proxies"
	"github.com/gannet-io/gannet/pusher/rest"
)

// The words of proxies.header and proxies.proxy_protocol.
var (
	forwardingHeader = map[string]proxies.Header{"x-forwarded-for": proxies.XForwardedFor, "forwarded": proxies.Forwarded}
	proxyProtocol    = map[string]engine.ProxyProtocol{"off": engine.ProxyOff, "optional": engine.ProxyOptional, "required": engine.ProxyRequired}
)

// trust returns whom the engine and the HTTP API are to believe.
func (p *ProxiesConfig) trust() (*proxies.Trust, error) {
	return proxies.NewTrust(p.Trusted, forwardingHeader[p.Header])
}

// listener returns ln, a listener of the HTTP API, with PROXY headers read if they may come.
func (p *ProxiesConfig) listener(ln net.Listener, trust *proxies.Trust) net.Listener {
	mode := proxyProtocol[p.ProxyProtocol]
	if mode == engine.ProxyOff {
		return ln
	}
	return rest.Proxied(ln, trust, mode == engine.ProxyRequired)
}
