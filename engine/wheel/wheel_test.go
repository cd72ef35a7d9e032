package wheel_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gannet-io/gannet/engine/wheel"
)

func expired(w *wheel.Wheel, now uint32) []uint32 {
	var ids []uint32
	w.Advance(now, func(id uint32) { ids = append(ids, id) })
	slices.Sort(ids)
	return ids
}

func TestDeadlineExpiresOnceAndNotEarly(t *testing.T) {
	w := wheel.New(0)
	w.Set(7, 10)
	if got := expired(w, 9); got != nil {
		t.Fatalf("at tick 9 expired %v, want nothing", got)
	}
	if got := expired(w, 10); !slices.Equal(got, []uint32{7}) {
		t.Fatalf("at tick 10 expired %v, want [7]", got)
	}
	if got := expired(w, 5000); got != nil {
		t.Fatalf("expired again: %v", got)
	}
	if w.Len() != 0 {
		t.Fatalf("Len is %d after the last expiry, want 0", w.Len())
	}
}

func TestSetReplacesAndClearRemoves(t *testing.T) {
	w := wheel.New(100)
	w.Set(1, 110)
	w.Set(1, 120)
	w.Set(2, 110)
	w.Clear(2)
	w.Clear(99) // never seen
	if got := expired(w, 119); got != nil {
		t.Fatalf("expired %v, want nothing before 120", got)
	}
	if got := expired(w, 120); !slices.Equal(got, []uint32{1}) {
		t.Fatalf("expired %v, want [1]", got)
	}
}

func TestDeadlineBeyondOneTurnWaitsForItsTurn(t *testing.T) {
	w := wheel.New(0)
	w.Set(1, 1024+5)
	if got := expired(w, 5); got != nil {
		t.Fatalf("expired %v one turn early", got)
	}
	if got := expired(w, 1028); got != nil {
		t.Fatalf("expired %v one tick early", got)
	}
	if got := expired(w, 1029); !slices.Equal(got, []uint32{1}) {
		t.Fatalf("expired %v, want [1]", got)
	}
}

func TestLongSuspensionExpiresAllThatIsDue(t *testing.T) {
	w := wheel.New(0)
	w.Set(1, 10)
	w.Set(2, 3000)
	w.Set(3, 9000)
	if got := expired(w, 5000); !slices.Equal(got, []uint32{1, 2}) {
		t.Fatalf("expired %v, want [1 2]", got)
	}
	if got := expired(w, 9000); !slices.Equal(got, []uint32{3}) {
		t.Fatalf("expired %v, want [3]", got)
	}
}

func TestTickCounterMayWrap(t *testing.T) {
	w := wheel.New(math.MaxUint32 - 2)
	w.Set(4, 3) // five ticks ahead
	if got := expired(w, 2); got != nil {
		t.Fatalf("expired %v before the wrapped deadline", got)
	}
	if got := expired(w, 3); !slices.Equal(got, []uint32{4}) {
		t.Fatalf("expired %v, want [4]", got)
	}
}

func TestExpireMaySetAndClear(t *testing.T) {
	w := wheel.New(0)
	for id := range uint32(200) {
		w.Set(id, 5)
	}
	calls, called := 0, map[uint32]bool{}
	w.Advance(5, func(id uint32) {
		calls++
		called[id] = true
		if other := id ^ 1; !called[other] {
			w.Clear(other) // due at this very tick: must not be called any more
		}
		w.Set(id, 6)
	})
	if calls != 100 || w.Len() != calls {
		t.Fatalf("%d calls left %d deadlines", calls, w.Len())
	}
	if got := len(expired(w, 6)); got != calls {
		t.Fatalf("tick 6 expired %d, want %d", got, calls)
	}
}

// TestAgainstNaiveModel holds the wheel against a map of deadlines.
func TestAgainstNaiveModel(t *testing.T) {
	seed := rand.Uint64()
	rnd := rand.New(rand.NewPCG(seed, 1))
	w, model, now := wheel.New(0), map[uint32]uint32{}, uint32(0)
	for step := range 20000 {
		switch id := rnd.Uint32N(64); rnd.IntN(4) {
		case 0, 1:
			at := now + 1 + rnd.Uint32N(3000)
			w.Set(id, at)
			model[id] = at
		case 2:
			w.Clear(id)
			delete(model, id)
		case 3:
			now += rnd.Uint32N(40)
			if rnd.IntN(50) == 0 {
				now += 5000
			}
			var want []uint32
			for id, at := range model {
				if at <= now {
					want = append(want, id)
					delete(model, id)
				}
			}
			slices.Sort(want)
			if got := expired(w, now); !slices.Equal(got, want) {
				t.Fatalf("seed %d step %d tick %d: expired %v, want %v", seed, step, now, got, want)
			}
		}
		if w.Len() != len(model) {
			t.Fatalf("seed %d step %d: Len %d, want %d", seed, step, w.Len(), len(model))
		}
	}
}

func BenchmarkSet(b *testing.B) {
	w := wheel.New(0)
	b.ReportAllocs()
	for i := range b.N {
		w.Set(uint32(i)&0xffff, uint32(i)>>8)
	}
}
