package node_test

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/gannet-io/gannet/engine"
	"github.com/gannet-io/gannet/engine/hub"
	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/node"

	"github.com/VictoriaMetrics/metrics"
)

const idBits = 52 // of an engine.ID

func newNode(t testing.TB) *node.Node {
	n := node.New(node.Config{Hub: hub.New(metrics.NewSet(), func() int64 { return 0 })})
	t.Cleanup(n.Close)
	return n
}

func TestPermutationIsOneToOne(t *testing.T) {
	n := newNode(t)
	check := func(x uint64) {
		y := n.Permute(x)
		if y >= 1<<idBits {
			t.Fatalf("permute(%d) is %d, which is out of range", x, y)
		}
		if back := n.Restore(y); back != x {
			t.Fatalf("restore(permute(%d)) is %d", x, back)
		}
		if there := n.Permute(n.Restore(x)); there != x {
			t.Fatalf("permute(restore(%d)) is %d", x, there)
		}
	}
	for bit := range idBits {
		check(1 << bit)
		check(1<<(bit+1) - 1)
	}
	check(0)
	for range 20000 {
		check(rand.Uint64N(1 << idBits))
	}
}

func TestSocketIDNamesItsConn(t *testing.T) {
	n := newNode(t)
	seen := make(map[string]bool)
	for i := range 10000 {
		id := engine.ID(rand.Uint64N(1 << idBits))
		if i < 100 {
			id = 17 // the same conn's ids differ as well: those of others cannot be told from them
		}
		s := n.SocketID(id).String()
		if !pusher.ValidSocketID(s) {
			t.Fatalf("%q is no socket id", s)
		}
		if seen[s] {
			t.Fatalf("%q was given out twice", s)
		}
		seen[s] = true
		if got := n.Parse(s); got != id {
			t.Fatalf("parse(%q) is %d, want %d", s, got, id)
		}
		// Both halves are exact as numbers of JavaScript.
		for half := range strings.SplitSeq(s, ".") {
			if x, err := strconv.ParseUint(half, 10, 64); err != nil || x >= 1<<53 || half != strconv.FormatUint(x, 10) {
				t.Fatalf("%q: %q, %v", s, half, err)
			}
		}
	}
}

func TestNeighboursHaveUnlikeSocketIDs(t *testing.T) {
	n := newNode(t)
	// One bit of the conn's id should turn half of the bits.
	turned, pairs := 0, 0
	for range 2000 {
		x := rand.Uint64N(1 << idBits)
		d := n.Permute(x) ^ n.Permute(x^1<<rand.IntN(idBits))
		for ; d != 0; d &= d - 1 {
			turned++
		}
		pairs++
	}
	if mean := float64(turned) / float64(pairs); mean < 24 || mean > 28 {
		t.Errorf("%.1f of 52 bits turn, want 26", mean)
	}
}

func TestForeignSocketIDNamesNobody(t *testing.T) {
	n, other := newNode(t), newNode(t)
	// The first conns of each loop are the ones that are alive.
	alive := make(map[engine.ID]bool)
	for loop := range 4 {
		for slot := range 1000 {
			alive[engine.ID(loop<<44|1<<24|slot)] = true
		}
	}
	for id := range alive {
		if got := n.Parse(other.SocketID(id).String()); alive[got] {
			t.Errorf("the conn %d of another node is %d here", id, got)
		}
	}
	for _, s := range []string{"", ".", "1", "1.", ".1", "1.2.3", "1.-1", "1.+1", "1.x", "1. 1", "1.4503599627370496", "1.18446744073709551616", "1,2"} {
		want := engine.ID(0)
		if s == ".1" { // the first half only makes an id new
			want = n.Parse("9.1")
		}
		if got := n.Parse(s); got != want && s != "1.4503599627370496" {
			t.Errorf("parse(%q) is %d, want %d", s, got, want)
		}
	}
	if got := n.Parse("1." + strconv.FormatUint(1<<idBits, 10)); got != 0 {
		t.Errorf("an id that is too large is %d", got)
	}
}

func BenchmarkSocketID(b *testing.B) {
	n := newNode(b)
	b.ReportAllocs()
	for b.Loop() {
		n.SocketID(12345)
	}
}
