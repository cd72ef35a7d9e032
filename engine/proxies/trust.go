package proxies

import (
	"fmt"
	"net/netip"
	"strings"
)

// A Header is the header in which trusted proxies name their clients. There is one, since what
// a proxy does not write it passes on as the client wrote it.
type Header uint8

const (
	XForwardedFor Header = iota // X-Forwarded-For, and X-Forwarded-Proto
	Forwarded                   // RFC 7239
)

// A Trust is the list of proxies that are believed. A nil *Trust believes nobody. Immutable.
// Any goroutine.
type Trust struct {
	networks []netip.Prefix
	unix     bool // peers on Unix sockets
	header   Header
}

// Unix is the entry of a Trust that stands for all peers on Unix sockets, which have no
// address: who may connect is up to the socket's file mode.
const Unix = "unix"

// NewTrust returns a Trust in the given networks: "10.0.0.0/8", "fd00::/8", a single address,
// or [Unix]. Without any it returns nil. The error names the first entry that is none of these.
func NewTrust(trusted []string, header Header) (*Trust, error) {
	if len(trusted) == 0 {
		return nil, nil
	}
	t := &Trust{header: header}
	for _, entry := range trusted {
		if entry == Unix {
			t.unix = true
			continue
		}
		network, err := ParseNetwork(entry)
		if err != nil {
			return nil, err
		}
		t.networks = append(t.networks, network)
	}
	return t, nil
}

// ParseNetwork reads a network, "10.0.0.0/8", or a single address. Bits behind the mask must be
// 0: with "10.1.2.3/8" one of two things was meant, and it is not for us to guess which.
func ParseNetwork(s string) (netip.Prefix, error) {
	if !strings.Contains(s, "/") {
		addr, err := netip.ParseAddr(s)
		if err != nil || addr.Zone() != "" {
			return netip.Prefix{}, fmt.Errorf("want a network such as 10.0.0.0/8 or an address, got %q", s)
		}
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil || p.Addr().Is4In6() {
		return netip.Prefix{}, fmt.Errorf("want a network such as 10.0.0.0/8 or an address, got %q", s)
	}
	if p != p.Masked() {
		return netip.Prefix{}, fmt.Errorf("%q has bits behind its mask; the network is %s, the address %s", s, p.Masked(), p.Addr())
	}
	return p, nil
}

// Proxy reports whether the peer with this address is believed about its clients. The zero Addr
// is a peer on a Unix socket.
func (t *Trust) Proxy(peer netip.Addr) bool {
	if t == nil {
		return false
	}
	if !peer.IsValid() {
		return t.unix
	}
	for _, n := range t.networks {
		if n.Contains(peer) {
			return true
		}
	}
	return false
}
