package peers_test

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"github.com/gannet-io/gannet/engine/peers"
)

const second = int64(1e9)

func ip(s string) netip.Addr { return netip.MustParseAddr(s) }

func TestAnAddressHoldsSoManySockets(t *testing.T) {
	p := peers.New(peers.Limits{Sockets: 2})
	a, b := ip("192.0.2.1"), ip("192.0.2.2")
	for i, step := range []struct {
		addr netip.Addr
		want peers.Verdict
	}{{a, peers.Admitted}, {a, peers.Admitted}, {a, peers.TooMany}, {b, peers.Admitted}} {
		if got := p.Admit(step.addr, 0); got != step.want {
			t.Errorf("step %d: %v, want %v", i, got, step.want)
		}
	}
	p.Leave(a, 0)
	if got := p.Admit(a, 0); got != peers.Admitted {
		t.Errorf("after one has left: %v", got)
	}
	p.Hold(a, 0) // is not asked
	p.Leave(a, 0)
	if got := p.Admit(a, 0); got != peers.TooMany {
		t.Errorf("with two and no more: %v", got)
	}
	p.Leave(a, 0)
	p.Leave(a, 0)
	p.Leave(b, 0)
	if n := p.Len(); n != 0 {
		t.Errorf("%d addresses are known when all have left", n)
	}
}

func TestAnAddressComesSoFast(t *testing.T) {
	p := peers.New(peers.Limits{PerSecond: 4})
	a := ip("192.0.2.1")
	for i, step := range []struct {
		at   int64 // in thousandths of a second
		want peers.Verdict
	}{
		// A second's worth from rest, then one more each quarter of a second, however many were refused meanwhile.
		{0, peers.Admitted}, {0, peers.Admitted}, {0, peers.Admitted}, {0, peers.Admitted}, {0, peers.TooFast},
		{249, peers.TooFast}, {250, peers.Admitted}, {250, peers.TooFast},
		{1250, peers.Admitted}, {1250, peers.Admitted}, {1250, peers.Admitted}, {1250, peers.Admitted}, {1250, peers.TooFast},
	} {
		if got := p.Admit(a, step.at*1e6); got != step.want {
			t.Errorf("at %d ms: %v, want %v", step.at, got, step.want)
		}
		other := netip.AddrFrom4([4]byte{198, 51, 100, byte(i)})
		if got := p.Admit(other, step.at*1e6); got != peers.Admitted {
			t.Errorf("at %d ms: another address: %v", step.at, got)
		}
	}
}

// Leaving at once does not make room for the next: it is the coming that costs.
func TestLeavingDoesNotForgetTheRate(t *testing.T) {
	p := peers.New(peers.Limits{PerSecond: 2, Sockets: 1})
	a := ip("192.0.2.1")
	for i, want := range []peers.Verdict{peers.Admitted, peers.Admitted, peers.TooFast} {
		if got := p.Admit(a, 0); got != want {
			t.Errorf("%d: %v, want %v", i, got, want)
		}
		if want == peers.Admitted {
			p.Leave(a, 0)
		}
	}
}

func TestAddressesAreCountedByTheirNetwork(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		same bool
	}{
		{"2001:db8:0:1::1", "2001:db8:0:1:ffff::2", true},
		{"2001:db8:0:1::1", "2001:db8:0:2::1", false},
		{"192.0.2.1", "::ffff:192.0.2.1", true},
		{"192.0.2.1", "192.0.2.2", false},
		{"::1", "192.0.2.1", false},
		{"fe80::1%eth0", "fe80::2%eth0", false},
		{"fe80::1%eth0", "fe80::1%eth0", true},
	} {
		p := peers.New(peers.Limits{Sockets: 1})
		p.Admit(ip(tt.a), 0)
		if got := p.Admit(ip(tt.b), 0) == peers.TooMany; got != tt.same {
			t.Errorf("%s and %s are counted as one: %v, want %v", tt.a, tt.b, got, tt.same)
		}
	}
}

// Who has many addresses must not fill our memory with them.
func TestMemoryIsBoundByTheSocketsThereAre(t *testing.T) {
	p := peers.New(peers.Limits{Sockets: 10, PerSecond: 10})
	net := func(i int) netip.Addr {
		var b [16]byte
		binary.BigEndian.PutUint64(b[:], 0x2001_0db8_0000_0000|uint64(i))
		return netip.AddrFrom16(b)
	}
	p.Admit(net(1<<31), 0) // stays
	now := int64(0)
	for i := range 1_000_000 {
		now += second / 10_000
		if v := p.Admit(net(i), now); v != peers.Admitted {
			t.Fatalf("address %d: %v", i, v)
		}
		p.Leave(net(i), now)
		// Each matters for a tenth of a second, in which 1000 come; some wait for the next sweep.
		if n := p.Len(); n > 3000 {
			t.Fatalf("%d addresses are known after %d", n, i)
		}
	}
	p.Leave(net(1<<31), now)
}

func TestLeavingTooOftenPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	peers.New(peers.Limits{Sockets: 1}).Leave(ip("192.0.2.1"), 0)
}
