package proxies_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/gannet-io/gannet/engine/proxies"
)

func trust(t testing.TB, header proxies.Header, networks ...string) *proxies.Trust {
	t.Helper()
	tr, err := proxies.NewTrust(networks, header)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// addr reads an address; "" is that of a peer on a Unix socket.
func addr(s string) netip.Addr {
	if s == "" {
		return netip.Addr{}
	}
	return netip.MustParseAddr(s)
}

func TestTheRightmostStrangerInXForwardedForIsTheClient(t *testing.T) {
	tr := trust(t, proxies.XForwardedFor, "10.0.0.0/8", "2001:db8:1::/48", "unix")
	for _, c := range []struct{ peer, list, want string }{
		{"10.0.0.1", "203.0.113.7", "203.0.113.7"},
		{"10.0.0.1", "198.51.100.1, 203.0.113.7", "203.0.113.7"}, // the first is what the client says
		{"10.0.0.1", "203.0.113.7, 10.0.0.2", "203.0.113.7"},     // two proxies
		{"10.0.0.1", "198.51.100.1,203.0.113.7,10.0.0.2,10.9.9.9", "203.0.113.7"},
		{"10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"}, // a client inside
		{"10.0.0.1", "", "10.0.0.1"},
		{"10.0.0.1", " , ,", "10.0.0.1"},
		{"10.0.0.1", "203.0.113.7,", "203.0.113.7"},
		{"10.0.0.1", "203.0.113.7:5123", "203.0.113.7"},
		{"10.0.0.1", "2001:db8::7", "2001:db8::7"},
		{"10.0.0.1", "[2001:db8::7]", "2001:db8::7"},
		{"10.0.0.1", "[2001:db8::7]:5123", "2001:db8::7"},
		{"10.0.0.1", "203.0.113.7, 2001:db8:1::5", "203.0.113.7"},
		{"10.0.0.1", "::ffff:203.0.113.7", "203.0.113.7"},
		{"10.0.0.1", "203.0.113.7, ::ffff:10.0.0.2", "203.0.113.7"},
		{"2001:db8:1::9", "203.0.113.7", "203.0.113.7"},
		{"", "203.0.113.7", "203.0.113.7"},
		{"", "", ""},
		// Who wrote what is no address is known, and nothing before it is.
		{"10.0.0.1", "unknown", "10.0.0.1"},
		{"10.0.0.1", "203.0.113.7, unknown", "10.0.0.1"},
		{"10.0.0.1", "203.0.113.7, unknown, 10.0.0.2", "10.0.0.2"},
		{"10.0.0.1", "203.0.113.7, fe80::1%eth0", "10.0.0.1"},
		{"10.0.0.1", "203.0.113.7, 1.2.3", "10.0.0.1"},
		{"10.0.0.1", "203.0.113.7, 010.0.0.2", "10.0.0.1"},
		{"10.0.0.1", "203.0.113.7, [2001:db8:1::1", "10.0.0.1"},
		{"10.0.0.1", "203.0.113.7, [2001:db8:1::1]x", "10.0.0.1"},
		{"10.0.0.1", "203.0.113.7, :80", "10.0.0.1"},
		{"10.0.0.1", "garbage, 203.0.113.7", "203.0.113.7"},
		// Strangers may say what they like.
		{"203.0.113.9", "198.51.100.1", "203.0.113.9"},
		{"203.0.113.9", "10.0.0.1", "203.0.113.9"},
	} {
		h := proxies.Head{For: []byte(c.list), Forwarded: []byte("for=192.0.2.99")}
		if got, secure := tr.Client(addr(c.peer), h); got != addr(c.want) || secure {
			t.Errorf("peer %q, X-Forwarded-For: %s: got %v %v, want %q false", c.peer, c.list, got, secure, c.want)
		}
	}
}

func TestForwardedIsReadFromTheRight(t *testing.T) {
	tr := trust(t, proxies.Forwarded, "10.0.0.0/8")
	for _, c := range []struct {
		list, want string
		secure     bool
	}{
		{"for=203.0.113.7", "203.0.113.7", false},
		{"for=203.0.113.7;proto=https", "203.0.113.7", true},
		{"For=203.0.113.7;Proto=HTTPS;by=10.0.0.1", "203.0.113.7", true},
		{`for="203.0.113.7:5123"; proto=https`, "203.0.113.7", true},
		{`for="[2001:db8:cafe::17]:4711"`, "2001:db8:cafe::17", false}, // RFC 7239 §4
		{`for="[2001:db8:cafe::17]"`, "2001:db8:cafe::17", false},
		{"for=192.0.2.60;proto=http;by=203.0.113.43", "192.0.2.60", false}, // RFC 7239 §4
		{"for=192.0.2.43, for=198.51.100.17", "198.51.100.17", false},      // RFC 7239 §4
		{"for=203.0.113.7;proto=https, for=10.0.0.2;proto=http", "203.0.113.7", true},
		{"for=198.51.100.1;proto=https, for=203.0.113.7;proto=http", "203.0.113.7", false},
		{"for=10.0.0.3;proto=https,for=10.0.0.2", "10.0.0.3", true},
		{"", "10.0.0.1", false},
		{", ,", "10.0.0.1", false},
		{"proto=https", "10.0.0.1", true},
		{"for=unknown;proto=https", "10.0.0.1", true},
		{"for=_hidden, for=10.0.0.2", "10.0.0.2", false},
		{`for="_gazonk"`, "10.0.0.1", false},
		{"for=203.0.113.7, for=198.51.100.1 for=10.0.0.2", "10.0.0.1", false},
		{"for=203.0.113.7, for=10.0.0.2;for=10.0.0.3", "10.0.0.1", false},
		{"for=203.0.113.7, for=", "10.0.0.1", false},
		{"for=203.0.113.7, for", "10.0.0.1", false},
		{`for=203.0.113.7, for="10.0.0.2`, "10.0.0.1", false},
		// Whatever a stranger begins, a proxy's element stands by itself.
		{`for="198.51.100.1, for=203.0.113.7;proto=https`, "203.0.113.7", true},
		{`for="198.51.100.1\, for=203.0.113.7`, "203.0.113.7", false},
		{`host="a,b\",c";for=203.0.113.7`, "203.0.113.7", false},
		{`for=198.51.100.1, host="a,b\"";for=203.0.113.7`, "203.0.113.7", false},
	} {
		h := proxies.Head{Forwarded: []byte(c.list), For: []byte("192.0.2.99"), Proto: []byte("https")}
		if got, secure := tr.Client(addr("10.0.0.1"), h); got != addr(c.want) || secure != c.secure {
			t.Errorf("Forwarded: %s: got %v %v, want %s %v", c.list, got, secure, c.want, c.secure)
		}
	}
}

func TestTheLastProxySaysWhetherItWasTLS(t *testing.T) {
	tr := trust(t, proxies.XForwardedFor, "10.0.0.1")
	for proto, want := range map[string]bool{
		"https": true, "HTTPS": true, "wss": true, "http": false, "ws": false, "": false,
		"https, http": false, "http, https": true, "http,wss ": true, "httpsx": false, "https,": false,
	} {
		if _, secure := tr.Client(addr("10.0.0.1"), proxies.Head{Proto: []byte(proto)}); secure != want {
			t.Errorf("X-Forwarded-Proto: %s: got %v, want %v", proto, secure, want)
		}
		if _, secure := tr.Client(addr("10.0.0.2"), proxies.Head{Proto: []byte(proto)}); secure {
			t.Errorf("X-Forwarded-Proto: %s of a stranger is believed", proto)
		}
	}
}

// FuzzClient holds what the rest relies on: nobody is believed whom no trusted proxy vouches for,
// and what is put before a list never matters once its last entry is a stranger.
func FuzzClient(f *testing.F) {
	for _, s := range []string{"", "203.0.113.7", "1.2.3.4, 10.0.0.2", `for="[2001:db8::1]:80";proto=https`, `for="a\",b`, "[::", "a=\"\\"} {
		f.Add(s)
	}
	xff, fwd := trust(f, proxies.XForwardedFor, "10.0.0.0/8"), trust(f, proxies.Forwarded, "10.0.0.0/8")
	peer, stranger := addr("10.0.0.1"), addr("203.0.113.9")
	f.Fuzz(func(t *testing.T, s string) {
		h := proxies.Head{For: []byte(s), Forwarded: []byte(s), Proto: []byte(s)}
		for _, tr := range []*proxies.Trust{xff, fwd, nil} {
			if got, secure := tr.Client(stranger, h); got != stranger || secure {
				t.Fatalf("%q of a stranger makes %v %v", s, got, secure)
			}
			got, _ := tr.Client(peer, h)
			if !got.IsValid() || got.Zone() != "" || got.Is4In6() {
				t.Fatalf("%q: got %v", s, got)
			}
			if got != peer && !strings.ContainsAny(s, ".:") {
				t.Fatalf("%q: got %v", s, got)
			}
		}
		h.For, h.Forwarded = []byte(s+",198.51.100.1"), []byte(s+",for=198.51.100.1")
		for _, tr := range []*proxies.Trust{xff, fwd} {
			if got, _ := tr.Client(peer, h); got != addr("198.51.100.1") {
				t.Fatalf("%q before a proxy's word makes %v", s, got)
			}
		}
	})
}
