package proxies_test

import (
	"bufio"
	"bytes"
	"errors"
	"net"
	"strings"
	"testing"

	"github.com/pires/go-proxyproto"

	"github.com/gannet-io/gannet/engine/proxies"
)

const (
	sig = "\r\n\r\n\x00\r\nQUIT\n" // of version 2

	// By hand, after §2.2: PROXY, TCP over IPv4, 12 bytes; 203.0.113.7:51234 to 10.0.0.1:443.
	v4    = "\x21\x11\x00\x0c"
	addr4 = "\xcb\x00\x71\x07\x0a\x00\x00\x01\xc8\x22\x01\xbb"
	// PROXY, TCP over IPv6, 36 bytes; 2001:db8::7 to 2001:db8::1.
	v6    = "\x21\x21\x00\x24"
	addr6 = "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x07" +
		"\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\xc8\x22\x01\xbb"
	// PP2_TYPE_SSL (§2.2.6) of 15 bytes: PP2_CLIENT_SSL, verify 0, PP2_SUBTYPE_SSL_VERSION "TLSv1.3".
	ssl = "\x20\x00\x0f\x01\x00\x00\x00\x00\x21\x00\x07TLSv1.3"
	// The same without the bit PP2_CLIENT_SSL.
	noSSL = "\x20\x00\x05\x00\x00\x00\x00\x00"
)

func TestPROXYHeadersAreRead(t *testing.T) {
	for name, c := range map[string]struct {
		in, client string
		secure     bool
	}{
		"v1 IPv4":           {"PROXY TCP4 203.0.113.7 10.0.0.1 51234 443\r\n", "203.0.113.7", false},
		"v1 IPv4, longest":  {"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", "255.255.255.255", false}, // §2.1
		"v1 IPv6":           {"PROXY TCP6 2001:db8::7 2001:db8::1 51234 443\r\n", "2001:db8::7", false},
		"v1 IPv6, mapped":   {"PROXY TCP6 ::ffff:203.0.113.7 ::1 51234 443\r\n", "203.0.113.7", false},
		"v1 unknown":        {"PROXY UNKNOWN\r\n", "", false}, // §2.1
		"v1 unknown, long":  {"PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n", "", false},
		"v2 IPv4":           {sig + v4 + addr4, "203.0.113.7", false},
		"v2 IPv6":           {sig + v6 + addr6, "2001:db8::7", false},
		"v2 TLS":            {sig + "\x21\x11\x00\x1e" + addr4 + ssl, "203.0.113.7", true},
		"v2 plain":          {sig + "\x21\x11\x00\x14" + addr4 + noSSL, "203.0.113.7", false},
		"v2 TLS after NOOP": {sig + "\x21\x11\x00\x23" + addr4 + "\x04\x00\x02\x00\x00" + ssl, "203.0.113.7", true},
		"v2 local":          {sig + "\x20\x00\x00\x00", "", false},
		// §2.2: what is behind LOCAL is skipped, whatever it is.
		"v2 local with address": {sig + "\x20\x11\x00\x0c" + addr4, "", false},
		"v2 Unix":               {sig + "\x21\x31\x00\xd8" + strings.Repeat("\x00", 216), "", false},
	} {
		t.Run(name, func(t *testing.T) {
			p, n, err := proxies.ParsePreamble([]byte(c.in + "GET / HTTP/1.1\r\n"))
			if err != nil || n != len(c.in) || p.Client != addr(c.client) || p.Secure != c.secure {
				t.Fatalf("got %+v, %d, %v; want %s %v, %d", p, n, err, c.client, c.secure, len(c.in))
			}
			for cut := range len(c.in) {
				if _, n, err := proxies.ParsePreamble([]byte(c.in[:cut])); n != 0 || err != nil {
					t.Fatalf("cut to %d bytes: %d, %v; want to wait", cut, n, err)
				}
			}
		})
	}
}

func TestWhatIsNoPROXYHeaderIsToldFromABadOne(t *testing.T) {
	for in, want := range map[string]error{
		"GET / HTTP/1.1\r\n":                                  proxies.ErrNoPreamble,
		"POST /apps":                                          proxies.ErrNoPreamble,
		"PROXX":                                               proxies.ErrNoPreamble,
		"PROXY\r\n":                                           proxies.ErrNoPreamble,
		"proxy TCP4":                                          proxies.ErrNoPreamble,
		"\x16\x03\x01":                                        proxies.ErrNoPreamble,
		"\r\nGET":                                             proxies.ErrNoPreamble,
		"\r\n\r\n\x00\r\nQUIT\r":                              proxies.ErrNoPreamble,
		"PROXY \r\n":                                          proxies.ErrMalformed,
		"PROXY TCP4\r\n":                                      proxies.ErrMalformed,
		"PROXY UDP4 1.2.3.4 1.2.3.4 1 1\r\n":                  proxies.ErrMalformed,
		"PROXY TCP4 1.2.3.4 1.2.3.4 1 1\n":                    proxies.ErrMalformed,
		"PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n":              proxies.ErrMalformed,
		"PROXY TCP4 1.2.3.4 1.2.3.4 1 1 1\r\n":                proxies.ErrMalformed,
		"PROXY TCP4 1.2.3.4  1.2.3.4 1 1\r\n":                 proxies.ErrMalformed,
		"PROXY TCP4 ::1 ::1 1 1\r\n":                          proxies.ErrMalformed,
		"PROXY TCP6 fe80::1%lo ::1 1 1\r\n":                   proxies.ErrMalformed,
		"PROXY TCP4 1.2.3 1.2.3.4 1 1\r\n":                    proxies.ErrMalformed,
		"PROXY " + strings.Repeat("x", 101):                   proxies.ErrMalformed,
		sig + "\x11\x11\x00\x0c" + addr4:                      proxies.ErrMalformed, // version 1
		sig + "\x22\x11\x00\x0c" + addr4:                      proxies.ErrMalformed, // no such command
		sig + "\x21\x13\x00\x0c" + addr4:                      proxies.ErrMalformed, // no such transport
		sig + "\x21\x11\x00\x0b" + addr4:                      proxies.ErrMalformed, // too short for two addresses
		sig + "\x21\x00\x00\x00":                              proxies.ErrMalformed, // of a client without family
		sig + "\x21\x11\x00\x0e" + addr4 + "\x20\x00":         proxies.ErrMalformed, // half a TLV
		sig + "\x21\x11\x00\x10" + addr4 + "\x20\x00\x02\x00": proxies.ErrMalformed, // a TLV beyond the end
		sig + "\x21\x11\xff\xff":                              proxies.ErrMalformed, // not waited for
	} {
		if p, n, err := proxies.ParsePreamble([]byte(in)); !errors.Is(err, want) || n != 0 || p != (proxies.Preamble{}) {
			t.Errorf("%q: got %+v, %d, %v; want %v", in, p, n, err, want)
		}
	}
}

// FuzzPreamble compares with the library's own reader, and holds that what has once been
// decided about the beginning of some bytes is not changed by what follows them.
func FuzzPreamble(f *testing.F) {
	for _, s := range []string{"GET / HTTP/1.1\r\n", "PROXY TCP4 203.0.113.7 10.0.0.1 51234 443\r\nGET", "PROXY UNKNOWN\r\n", sig + v4 + addr4,
		sig + v6 + addr6 + "x", sig + "\x21\x11\x00\x1e" + addr4 + ssl, sig + "\x20\x00\x00\x00", sig + "\x21\x31\x00\xd8" + strings.Repeat("a", 216)} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, n, err := proxies.ParsePreamble(b)
		if n < 0 || n > len(b) || err != nil && n != 0 {
			t.Fatalf("%q: %d, %v", b, n, err)
		}
		if p.Client.Is4In6() || p.Client.Zone() != "" {
			t.Fatalf("%q: client %v", b, p.Client)
		}
		if n > 0 || err != nil {
			if again, m, err2 := proxies.ParsePreamble(append(bytes.Clone(b), "PROXY \x00"...)); again != p || m != n || !errors.Is(err2, err) {
				t.Fatalf("%q: %+v %d %v, with more bytes %+v %d %v", b, p, n, err, again, m, err2)
			}
		}
		if n == 0 {
			return
		}
		h, err := proxyproto.Read(bufio.NewReader(bytes.NewReader(b[:n])))
		if err != nil {
			t.Fatalf("%q: the library says %v", b[:n], err)
		}
		if ip, ok := h.SourceAddr.(*net.TCPAddr); ok && !h.Command.IsLocal() && ip.IP.String() != p.Client.String() {
			t.Fatalf("%q: client %v, the library says %v", b[:n], p.Client, ip)
		}
	})
}
