package peers_test

import (
	"testing"

	"github.com/gannet-io/gannet/engine/peers"
)

func BenchmarkAdmitAndLeave(b *testing.B) {
	p := peers.New(peers.Limits{Sockets: 10, PerSecond: 1 << 30})
	a := ip("192.0.2.1")
	b.ReportAllocs()
	for now := int64(0); b.Loop(); now += 1e5 {
		p.Admit(a, now)
		p.Leave(a, now)
	}
}
