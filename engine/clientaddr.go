package engine

import (
	"net"
	"net/netip"

	"github.com/gannet-io/gannet/engine/proxies"
	"github.com/gannet-io/gannet/frame/handshake"
)

// ClientAddr returns the address of the client, which limits and logs should mean: the peer's,
// or what a proxy in Config.Trust says instead; the zero Addr for a Unix socket on which none
// said anything. IPv4 is never mapped into IPv6. Loop-only.
//
// As long as Config.Trust.Proxy holds for it, it may be that of a proxy with many clients, and
// change: when a PROXY header has been read, and once more before Handler.Upgrade, by the head.
// From then on, and before as soon as Proxy does not hold for it, it stays. So what counts conns
// by address counts one when it first sees an address for which Proxy does not hold, and
// counts it out at the end if the address is still of that kind; it needs to remember nothing
// about the conn. A client for whose address Proxy still holds has it from the operator's own
// network.
//
// It costs no memory: it is kept in place of the peer's address.
func (c *Conn) ClientAddr() netip.Addr {
	return addrOf(c.RemoteAddr())
}

// setClientAddr changes the address in place: it lives as long as the conn and is nobody else's.
func (c *Conn) setClientAddr(addr netip.Addr) {
	before := c.ClientAddr()
	setAddr(c.gc.RemoteAddr(), addr)
	c.countClient(before)
}

// restoreClientAddr is setClientAddr for a conn that comes back: it was let in already.
func (c *Conn) restoreClientAddr(addr netip.Addr) {
	setAddr(c.gc.RemoteAddr(), addr)
	c.loop.eng.holdPeer(addr)
}

// identify finds out who sent the request r, now that it is known.
func (c *Conn) identify(r *handshake.Request) {
	trust, peer := c.loop.eng.cfg.Trust, c.ClientAddr()
	if !trust.Proxy(peer) {
		if len(r.ForwardedFor) > 0 || len(r.Forwarded) > 0 {
			c.loop.eng.hintAtProxy(peer)
		}
		return
	}
	client, secure := trust.Client(peer, proxies.Head{For: r.ForwardedFor, Proto: r.ForwardedProto, Forwarded: r.Forwarded})
	if client != peer {
		c.setClientAddr(client)
	}
	if secure {
		c.flags |= flagVouched
	}
}

// hintAtProxy tells the operator, once, of a peer next to us that looks like a forgotten proxy. What strangers say of
// themselves is no news.
func (e *Engine) hintAtProxy(peer netip.Addr) {
	if peer.IsValid() && !peer.IsPrivate() && !peer.IsLoopback() {
		return
	}
	e.hinted.Do(func() {
		from := "a Unix socket"
		if peer.IsValid() {
			from = peer.String()
		}
		e.cfg.Log.Warn("a peer that is not a trusted proxy names its clients, which is ignored; if it is yours, trust it", "peer", from)
	})
}

// addrOf returns the IP address in a. The one of a Unix socket is what setAddr has put there.
func addrOf(a net.Addr) netip.Addr {
	switch a := a.(type) {
	case *net.TCPAddr:
		addr, _ := netip.AddrFromSlice(a.IP)
		return addr.Unmap()
	case *net.UnixAddr:
		if a.Net == viaProxy {
			addr, _ := netip.ParseAddr(a.Name) // setAddr wrote it
			return addr
		}
	}
	return netip.Addr{}
}

// viaProxy is the network of a Unix socket's address that holds a client's instead of a path. Peers
// have no paths of use: they seldom bind their sockets.
const viaProxy = "unix, via proxy"

func setAddr(a net.Addr, addr netip.Addr) {
	switch a := a.(type) {
	case *net.TCPAddr:
		a.IP, a.Zone, a.Port = addr.AsSlice(), "", 0
	case *net.UnixAddr:
		a.Name, a.Net = addr.String(), viaProxy
	}
}
