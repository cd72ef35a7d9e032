package webhook_test

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/gannet-io/gannet/pusher/webhook"
)

func TestTargetsAllowThePublicInternetAlone(t *testing.T) {
	var targets webhook.Targets
	for _, address := range []string{"1.1.1.1", "8.8.8.8", "172.15.0.1", "172.32.0.1", "100.63.255.255", "100.128.0.0", "192.167.1.1",
		"168.63.129.15", "2606:4700::1111", "2a00::1", "64:ff9b::101:101", "::ffff:1.1.1.1"} {
		if err := targets.Check(netip.MustParseAddr(address)); err != nil {
			t.Errorf("%s: %v", address, err)
		}
	}
	for _, address := range []string{
		"127.0.0.1", "127.8.9.10", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254",
		"100.64.0.1", "100.100.100.200", "168.63.129.16", "192.0.0.192", "224.0.0.1", "255.255.255.255", "198.18.0.1",
		"::1", "::", "fe80::1", "fe80::1%eth0", "fd00:ec2::254", "fec0::1", "ff02::1", "2001:db8::1", "2002:7f00:1::",
		// The same in other clothes.
		"::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::a00:1",
	} {
		err := targets.Check(netip.MustParseAddr(address))
		var denied *webhook.DeniedError
		if !errors.As(err, &denied) {
			t.Errorf("%s: %v, want a refusal", address, err)
		}
	}
}

func TestTargetsAreAllowedAndDenied(t *testing.T) {
	prefixes := func(texts ...string) (list []netip.Prefix) {
		for _, text := range texts {
			list = append(list, netip.MustParsePrefix(text))
		}
		return list
	}
	for _, tt := range []struct {
		name    string
		targets webhook.Targets
		address string
		allowed bool
	}{
		{"allowed", webhook.Targets{Allow: prefixes("10.1.0.0/16")}, "10.1.2.3", true},
		{"beside what is allowed", webhook.Targets{Allow: prefixes("10.1.0.0/16")}, "10.2.2.3", false},
		{"allowed, in IPv6", webhook.Targets{Allow: prefixes("10.1.0.0/16")}, "::ffff:10.1.2.3", true},
		{"allowed, translated", webhook.Targets{Allow: prefixes("10.1.0.0/16")}, "64:ff9b::a01:203", true},
		{"denied", webhook.Targets{Deny: prefixes("1.1.1.0/24")}, "1.1.1.1", false},
		{"denied although allowed", webhook.Targets{Allow: prefixes("10.0.0.0/8"), Deny: prefixes("10.0.0.0/24")}, "10.0.0.1", false},
		{"development", webhook.Targets{Private: true}, "127.0.0.1", true},
		{"denied in development", webhook.Targets{Private: true, Deny: prefixes("127.0.0.0/8")}, "127.0.0.1", false},
		{"denied in development, translated", webhook.Targets{Private: true, Deny: prefixes("127.0.0.0/8")}, "64:ff9b::7f00:1", false},
	} {
		if err := tt.targets.Check(netip.MustParseAddr(tt.address)); (err == nil) != tt.allowed {
			t.Errorf("%s: %v, want allowed %v", tt.name, err, tt.allowed)
		}
	}
}
