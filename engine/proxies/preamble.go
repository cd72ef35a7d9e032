package proxies

import (
	"bufio"
	"bytes"
	"errors"
	"net/netip"

	"github.com/pires/go-proxyproto"
	"github.com/pires/go-proxyproto/tlvparse"
)

// A Preamble is what a header of the PROXY protocol says, which a proxy sends before the bytes of
// its client (https://www.haproxy.org/download/3.4/doc/proxy-protocol.txt).
type Preamble struct {
	// Client is the address that connected to the proxy. The zero Addr: the proxy speaks for
	// itself, as in a health check, or its client has no IP address.
	Client netip.Addr
	// Secure says that the client came to the proxy over TLS. Version 2 alone can tell.
	Secure bool
}

var (
	// ErrNoPreamble says that the bytes are no PROXY header and no beginning of one.
	ErrNoPreamble = errors.New("proxies: no PROXY header")
	// ErrMalformed says that what begins as a PROXY header is none.
	ErrMalformed = errors.New("proxies: malformed PROXY header")
)

// maxV1Header is the longest header of version 1 with its CRLF (§2.1). That of version 2 is bounded
// by proxyproto.MaxV2HeaderSize: 4 KiB behind the first 16 bytes.
const maxV1Header = 107

var (
	v1Start = []byte("PROXY ")
	v2Start = proxyproto.SIGV2
)

// ParsePreamble reads the PROXY header, version 1 or 2, at the start of b; n is its size. n is 0 and
// err nil while it may still become one. err is otherwise ErrNoPreamble or ErrMalformed. b is borrowed.
// Any goroutine.
func ParsePreamble(b []byte) (p Preamble, n int, err error) {
	size, err := preambleSize(b)
	if err != nil || size == 0 {
		return Preamble{}, 0, err
	}
	// The library wants a reader that blocks for what is missing: nothing is.
	h, err := proxyproto.Read(bufio.NewReaderSize(bytes.NewReader(b[:size]), size))
	if err != nil {
		return Preamble{}, 0, ErrMalformed
	}
	tlvs, err := h.TLVs()
	if err != nil {
		return Preamble{}, 0, ErrMalformed
	}
	if h.Command.IsLocal() {
		return Preamble{}, size, nil
	}
	if ip, _, ok := h.IPs(); ok {
		client, _ := netip.AddrFromSlice(ip)
		p.Client = client.Unmap()
	}
	if ssl, ok := tlvparse.FindSSL(tlvs); ok {
		p.Secure = ssl.ClientSSL()
	}
	return p, size, nil
}

// preambleSize returns the size of the header at the start of b, 0 while that cannot be told or b is
// shorter.
func preambleSize(b []byte) (int, error) {
	switch {
	case startsLike(b, v1Start):
		line := b[:min(len(b), maxV1Header)]
		if i := bytes.IndexByte(line, '\n'); i >= 0 {
			return i + 1, nil
		}
		if len(line) == maxV1Header {
			return 0, ErrMalformed
		}
		return 0, nil
	case startsLike(b, v2Start):
		if len(b) < 16 {
			return 0, nil
		}
		length := uint16(b[14])<<8 | uint16(b[15])
		if length > proxyproto.MaxV2HeaderSize {
			return 0, ErrMalformed
		}
		if size := 16 + int(length); len(b) >= size {
			return size, nil
		}
		return 0, nil
	}
	return 0, ErrNoPreamble
}

// startsLike reports whether b starts with start, as far as it goes.
func startsLike(b, start []byte) bool {
	n := min(len(b), len(start))
	return bytes.Equal(b[:n], start[:n])
}
