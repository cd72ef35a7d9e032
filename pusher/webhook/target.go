package webhook

import (
	"fmt"
	"net/netip"
	"slices"
	"syscall"
)

// Targets says which addresses webhooks may go to. The zero value allows what is on the public internet alone, since whoever
// configures a webhook could otherwise have the server ask its neighbours, or the metadata service of its cloud.
//
// It is asked when a socket is about to connect, with the address that was resolved: a name that points elsewhere by then
// gets nowhere.
type Targets struct {
	Allow   []netip.Prefix // allowed, whatever they are
	Deny    []netip.Prefix // never allowed, not even by Allow
	Private bool           // allow what is not public, too; for development
}

// special are the addresses that are not public (the special-purpose registries of IANA), each with the word for it.
var special = func() (list []specialRange) {
	for _, s := range []struct{ what, prefix string }{
		{"a loopback", "127.0.0.0/8"}, {"a loopback", "::1/128"},
		{"an unspecified", "0.0.0.0/8"}, {"an unspecified", "::/128"},
		{"a private", "10.0.0.0/8"}, {"a private", "172.16.0.0/12"}, {"a private", "192.168.0.0/16"}, {"a private", "fc00::/7"}, {"a private", "fec0::/10"},
		{"a shared", "100.64.0.0/10"},                                     // where Alibaba's metadata service is, too
		{"a link-local", "169.254.0.0/16"}, {"a link-local", "fe80::/10"}, // metadata services of most clouds
		{"a metadata", "168.63.129.16/32"}, // Azure's, on a public address
		{"a reserved", "192.0.0.0/24"}, {"a reserved", "240.0.0.0/4"}, {"a reserved", "64:ff9b:1::/48"}, {"a reserved", "100::/64"},
		{"a reserved", "2001::/23"}, {"a reserved", "2002::/16"}, {"a reserved", "192.88.99.0/24"}, {"a reserved", "5f00::/16"},
		{"a documentation", "192.0.2.0/24"}, {"a documentation", "198.51.100.0/24"}, {"a documentation", "203.0.113.0/24"},
		{"a documentation", "2001:db8::/32"}, {"a documentation", "3fff::/20"},
		{"a benchmarking", "198.18.0.0/15"},
		{"a multicast", "224.0.0.0/4"}, {"a multicast", "ff00::/8"},
	} {
		list = append(list, specialRange{s.what, netip.MustParsePrefix(s.prefix)})
	}
	return list
}()

type specialRange struct {
	what string
	netip.Prefix
}

// translated holds IPv4 addresses that a gateway translates, the last 32 bits (RFC 6052).
var translated = netip.MustParsePrefix("64:ff9b::/96")

// A DeniedError says that a webhook leads to where it may not.
type DeniedError struct {
	Address netip.Addr
	what    string // kind of address; "": denied by name
}

func (e *DeniedError) Error() string {
	if e.what == "" {
		return fmt.Sprintf("webhook: %s is denied by webhooks.deny", e.Address)
	}
	return fmt.Sprintf("webhook: %s is %s address; webhooks.allow can allow it", e.Address, e.what)
}

// Check returns a *DeniedError unless a webhook may go to that address.
func (t *Targets) Check(address netip.Addr) error {
	address = address.Unmap().WithZone("")
	within := func(p netip.Prefix) bool { return p.Contains(address) }
	switch {
	case slices.ContainsFunc(t.Deny, within):
		return &DeniedError{Address: address}
	case slices.ContainsFunc(t.Allow, within):
		return nil
	case translated.Contains(address):
		b := address.As16()
		return t.Check(netip.AddrFrom4([4]byte(b[12:])))
	case t.Private:
		return nil
	}
	for i := range special {
		if special[i].Contains(address) {
			return &DeniedError{address, special[i].what}
		}
	}
	return nil
}

// control is for net.Dialer: it is called with the resolved address before the socket connects.
func (t *Targets) control(_, address string, _ syscall.RawConn) error {
	a, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	return t.Check(a.Addr())
}
