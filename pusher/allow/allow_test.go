package allow_test

import (
	"testing"

	"github.com/gannet-io/gannet/pusher/allow"
)

func TestOriginsAreMatched(t *testing.T) {
	list := []string{
		"example.com", "*.example.org", "https://exact.net", "https://port.net:8443", "any-scheme.net:9000",
		"[::1]", "localhost", "https://*.wild.net", "http://*.wild.net:8080", "https://named.net:443", "capacitor://localhost",
	}
	for origin, want := range map[string]bool{
		"":                           true, // no browser
		"https://example.com":        true,
		"http://example.com":         true,
		"https://EXAMPLE.COM":        true,
		"https://example.com:444":    true,
		"https://example.com.":       false,
		"https://a.example.com":      false,
		"https://example.co":         false,
		"https://xexample.com":       false,
		"https://example.com.evil":   false,
		"https://evil/example.com":   false,
		"https://evil#example.com":   false,
		"https://evil@example.com":   false,
		"https://example.com@evil":   false,
		"https://a.example.org":      true,
		"https://a.b.example.org:1":  true,
		"https://example.org":        false,
		"https://.example.org":       false,
		"https://xexample.org":       false,
		"https://a.example.org.evil": false,
		"https://evil/x.example.org": false,
		"https://evil?x.example.org": false,
		"https://e\x00.example.org":  false,
		"https://exact.net":          true,
		"HTTPS://exact.net":          true,
		"https://exact.net:443":      true,
		"http://exact.net":           false,
		"https://exact.net:444":      false,
		"https://named.net":          true,
		"http://named.net:443":       false,
		"https://port.net:8443":      true,
		"https://port.net":           false,
		"http://any-scheme.net:9000": true,
		"http://any-scheme.net":      false,
		"http://[::1]":               true,
		"http://[::1]:3000":          true,
		"http://[::2]:3000":          false,
		"http://localhost:3000":      true,
		"capacitor://localhost":      true,
		"https://a.wild.net":         true,
		"http://a.wild.net":          false,
		"http://a.wild.net:8080":     true,
		"https://wild.net":           false,
		"example.com":                false, // no origin
		"null":                       false,
		"file://":                    false,
		"://":                        false,
		":":                          false,
		"https://":                   false,
		"https://example.com:":       false,
		"https://example.com:x":      false,
	} {
		if got := allow.Origin(list, origin); got != want {
			t.Errorf("origin %q: got %v, want %v", origin, got, want)
		}
	}
	if !allow.Origin(nil, "https://anything") || !allow.Origin([]string{"*"}, "null") || !allow.Origin([]string{"null"}, "null") || !allow.Origin([]string{"file://"}, "file://") {
		t.Error("no list, or *, allows everything, and null and file:// allow themselves")
	}
}

func TestHostsAreMatched(t *testing.T) {
	list := []string{"ws.example.com", "*.example.org", "port.net:6001", "127.0.0.1", "[::1]"}
	for host, want := range map[string]bool{
		"ws.example.com":         true,
		"WS.Example.com":         true,
		"ws.example.com:6001":    true,
		"ws.example.com.":        true,
		"ws.example.com.:6001":   true,
		"ws.example.com..":       false,
		"example.com":            false,
		"ws.example.com.evil":    false,
		"a.example.org":          true,
		"example.org":            false,
		"port.net:6001":          true,
		"port.net":               false,
		"port.net:6002":          false,
		"127.0.0.1:6001":         true,
		"127.0.0.2":              false,
		"[::1]:6001":             true,
		"[::1]":                  true,
		"::1":                    false,
		"":                       false,
		":6001":                  false,
		"http://ws.example.com":  false,
		"ws.example.com/":        false,
		"evil/a.example.org":     false,
		"ws.example.com:6001:80": false,
	} {
		if got := allow.Host(list, host); got != want {
			t.Errorf("host %q: got %v, want %v", host, got, want)
		}
	}
	if !allow.Host(nil, "") || !allow.Host([]string{"*"}, "anything:1") {
		t.Error("no list, or *, allows everything")
	}
}

func TestEntriesThatMatchNothingAreToldApart(t *testing.T) {
	for _, tt := range []struct{ entry, origin, host string }{
		{"*", "", ""},
		{"null", "", ""}, // as a host it is a name
		{"shop.example", "", ""},
		{"*.shop.example:8443", "", ""},
		{"[2001:db8::1]:80", "", ""},
		{"https://shop.example", "", `want a host without a scheme, such as "shop.example", got "https://shop.example"`},
		{"https://*.shop.example", "", `want a host without a scheme, such as "*.shop.example", got "https://*.shop.example"`},
		{"https://shop.example/", `want no path behind the host, got "https://shop.example/"`, `want no path behind the host, got "https://shop.example/"`},
		{"app-*.shop.example", `a "*" stands for sub-domains, as in "*.shop.example", or alone, got "app-*.shop.example"`, `a "*" stands for sub-domains, as in "*.shop.example", or alone, got "app-*.shop.example"`},
		{"*.*.example", `a "*" stands for sub-domains, as in "*.shop.example", or alone, got "*.*.example"`, `a "*" stands for sub-domains, as in "*.shop.example", or alone, got "*.*.example"`},
		{"bücher.example", `write the host as browsers send it, in ASCII (xn--…), got "bücher.example"`, `write the host as browsers send it, in ASCII (xn--…), got "bücher.example"`},
		{"", `want an origin such as "https://shop.example", a host or "*.shop.example", got ""`, `want a host such as "shop.example" or "*.shop.example", got ""`},
		{"a b", `want an origin such as "https://shop.example", a host or "*.shop.example", got "a b"`, `want a host such as "shop.example" or "*.shop.example", got "a b"`},
	} {
		for _, c := range []struct {
			err  error
			want string
		}{{allow.CheckOrigin(tt.entry), tt.origin}, {allow.CheckHost(tt.entry), tt.host}} {
			got := ""
			if c.err != nil {
				got = c.err.Error()
			}
			if got != c.want {
				t.Errorf("%q: got %s, want %s", tt.entry, got, c.want)
			}
		}
	}
}
