// Package proxies decides whom to believe about where a client comes from.
//
// A proxy in front of us hides its clients: their connections come from its address. It names
// them in the header X-Forwarded-For or Forwarded, but so can every client by itself, and a proxy
// adds to what it was sent. So a name counts only when the one who gave it is a proxy that the
// operator has listed, and of several the last one that does not itself belong to such a
// proxy: what stands before it was said by a stranger.
//
// The package is pure: addresses and header values come in, an address goes out. Addresses are
// netip.Addr without zone, and IPv4 is never mapped into IPv6, so that they can be compared and
// be keys of a map. The zero Addr is a peer without address, on a Unix socket.
package proxies
