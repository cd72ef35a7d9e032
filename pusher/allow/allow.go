// Package allow matches what browsers send in Origin and Host against lists of what is allowed.
//
// An entry of a list is a host, "shop.example"; every sub-domain of one, "*.shop.example", at any
// depth but not the domain itself; either with a port, "shop.example:8443"; or "*" for
// anything. Without a port it stands for every port. For origins it may have a scheme, too:
// "https://shop.example" is that scheme and port alone, the port being the scheme's own when
// none is written. Letters are compared without case.
//
// The package is pure.
package allow

import (
	"fmt"
	"net/netip"
	"strings"
)

// An authority is a host with its port, and the scheme of an origin.
type authority struct {
	scheme, host, port string
}

// Origin reports whether a page of this origin, as RFC 6454 §6.2 writes it, may connect. An
// empty list lets everybody in. So does an empty origin: clients that are no browsers send
// none, and could send any. The origins of pages that came from no host, "null" and "file://",
// match themselves and "*". Any goroutine.
func Origin(list []string, origin string) bool {
	if len(list) == 0 || origin == "" {
		return true
	}
	have, ok := split(origin)
	for _, entry := range list {
		if entry == "*" || placeless(entry) && entry == origin {
			return true
		}
		if ok && have.scheme != "" && matches(entry, have) {
			return true
		}
	}
	return false
}

func placeless(origin string) bool { return origin == "null" || origin == "file://" }

// Host reports whether a request with this Host header is meant for us. An empty list lets all
// in, any other none without Host. A dot behind the name, which makes it absolute, is not
// looked at. Any goroutine.
func Host(list []string, host string) bool {
	if len(list) == 0 {
		return true
	}
	have, ok := split(host)
	if !ok || have.scheme != "" {
		return false
	}
	have.host = strings.TrimSuffix(have.host, ".")
	for _, entry := range list {
		if entry == "*" || matches(entry, have) {
			return true
		}
	}
	return false
}

// Own reports whether a request with this Host header is surely for us: for a bare address, for localhost, or for what is in list. A page
// whose own name was made to point to this machine (DNS rebinding) has none of these. Any goroutine.
func Own(list []string, host string) bool {
	have, ok := split(host)
	if !ok || have.scheme != "" {
		return false
	}
	name := strings.TrimSuffix(strings.TrimPrefix(have.host, "["), "]")
	if _, err := netip.ParseAddr(name); err == nil || strings.EqualFold(name, "localhost") {
		return true
	}
	return len(list) > 0 && Host(list, host)
}

// matches reports whether have is what entry stands for.
func matches(entry string, have authority) bool {
	want, ok := split(entry)
	if !ok || want.scheme != "" && !strings.EqualFold(want.scheme, have.scheme) {
		return false
	}
	if want.port == "" {
		want.port = standardPort(want.scheme)
	}
	if have.port == "" {
		have.port = standardPort(have.scheme)
	}
	if want.port != "" && want.port != have.port {
		return false
	}
	if domain, wild := strings.CutPrefix(want.host, "*."); wild {
		i := len(have.host) - len(domain) - 1
		return i > 0 && have.host[i] == '.' && strings.EqualFold(have.host[i+1:], domain)
	}
	return strings.EqualFold(want.host, have.host)
}

func standardPort(scheme string) string {
	switch {
	case strings.EqualFold(scheme, "http"), strings.EqualFold(scheme, "ws"):
		return "80"
	case strings.EqualFold(scheme, "https"), strings.EqualFold(scheme, "wss"):
		return "443"
	}
	return ""
}

// split takes scheme://host:port apart. ok is false when the host is none, whose letters might be
// misread by a comparison of their ends.
func split(s string) (a authority, ok bool) {
	if scheme, rest, found := strings.Cut(s, "://"); found {
		if scheme == "" {
			return authority{}, false
		}
		a.scheme, s = scheme, rest
	}
	a.host = s
	if i := strings.LastIndexByte(s, ':'); i >= 0 && !strings.HasSuffix(s, "]") {
		if a.host, a.port = s[:i], s[i+1:]; a.port == "" || strings.Trim(a.port, "0123456789") != "" {
			return authority{}, false
		}
	}
	return a, validHost(a.host)
}

// validHost accepts names, with "*." before them, and addresses; IPv6 in brackets.
func validHost(h string) bool {
	if inner, ok := strings.CutPrefix(h, "["); ok {
		inner, ok = strings.CutSuffix(inner, "]")
		return ok && inner != "" && strings.Trim(inner, "0123456789abcdefABCDEF:.") == ""
	}
	h = strings.TrimPrefix(h, "*.")
	const legal = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-._"
	return h != "" && h[0] != '.' && strings.Trim(h, legal) == ""
}

// CheckOrigin says what is wrong with an entry of a list for Origin: nil, or a phrase.
func CheckOrigin(entry string) error {
	if entry == "*" || placeless(entry) {
		return nil
	}
	return check(entry, true)
}

// CheckHost says what is wrong with an entry of a list for Host: nil, or a phrase.
func CheckHost(entry string) error {
	if entry == "*" {
		return nil
	}
	return check(entry, false)
}

func check(entry string, origin bool) error {
	a, ok := split(entry)
	switch {
	case ok && a.scheme != "" && !origin:
		return fmt.Errorf("want a host without a scheme, such as %q, got %q", strings.TrimPrefix(entry, a.scheme+"://"), entry)
	case ok:
		return nil
	case strings.ContainsFunc(entry, func(c rune) bool { return c > 0x7e }):
		return fmt.Errorf("write the host as browsers send it, in ASCII (xn--…), got %q", entry)
	case strings.Contains(strings.TrimPrefix(a.host, "*."), "*"):
		return fmt.Errorf(`a "*" stands for sub-domains, as in "*.shop.example", or alone, got %q`, entry)
	case strings.Contains(a.host, "/"):
		return fmt.Errorf("want no path behind the host, got %q", entry)
	case origin:
		return fmt.Errorf(`want an origin such as "https://shop.example", a host or "*.shop.example", got %q`, entry)
	}
	return fmt.Errorf(`want a host such as "shop.example" or "*.shop.example", got %q`, entry)
}
