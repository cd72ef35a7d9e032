package proxies_test

import (
	"testing"

	"github.com/gannet-io/gannet/engine/proxies"
)

func TestOnlyListedPeersAreProxies(t *testing.T) {
	tr := trust(t, 0, "10.0.0.0/8", "192.0.2.1", "2001:db8::/32", "::ffff:198.51.100.1")
	for peer, want := range map[string]bool{
		"10.0.0.0": true, "10.255.255.255": true, "9.255.255.255": false, "11.0.0.0": false,
		"192.0.2.1": true, "192.0.2.2": false, "198.51.100.1": true,
		"2001:db8::1": true, "2001:db9::1": false, "::1": false, "": false,
	} {
		if got := tr.Proxy(addr(peer)); got != want {
			t.Errorf("%q: got %v, want %v", peer, got, want)
		}
	}
	for _, entry := range []string{"0.0.0.0/0", "::/0"} {
		if trust(t, 0, entry).Proxy(addr("")) {
			t.Errorf("%s takes a peer without address in", entry)
		}
	}
	if !trust(t, 0, "unix").Proxy(addr("")) || trust(t, 0, "unix").Proxy(addr("127.0.0.1")) {
		t.Error("unix stands for peers on Unix sockets, and for them alone")
	}
	var nobody *proxies.Trust
	if nobody.Proxy(addr("127.0.0.1")) || nobody.Proxy(addr("")) {
		t.Error("no Trust, and somebody is believed")
	}
	if tr := trust(t, 0); tr != nil {
		t.Error("an empty list makes a Trust")
	}
}

func TestWhatIsNoNetworkIsRefused(t *testing.T) {
	for entry, want := range map[string]string{
		"":                    `want a network such as 10.0.0.0/8 or an address, got ""`,
		"localhost":           `want a network such as 10.0.0.0/8 or an address, got "localhost"`,
		"10.0.0.0/33":         `want a network such as 10.0.0.0/8 or an address, got "10.0.0.0/33"`,
		"10.0.0/8":            `want a network such as 10.0.0.0/8 or an address, got "10.0.0/8"`,
		"fe80::1%eth0":        `want a network such as 10.0.0.0/8 or an address, got "fe80::1%eth0"`,
		"::ffff:10.0.0.0/104": `want a network such as 10.0.0.0/8 or an address, got "::ffff:10.0.0.0/104"`,
		"10.1.2.3/8":          `"10.1.2.3/8" has bits behind its mask; the network is 10.0.0.0/8, the address 10.1.2.3`,
	} {
		if _, err := proxies.NewTrust([]string{"127.0.0.1", entry}, 0); err == nil || err.Error() != want {
			t.Errorf("%q: got %v, want %s", entry, err, want)
		}
	}
}
