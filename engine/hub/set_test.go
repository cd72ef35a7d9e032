package hub_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gannet-io/gannet/engine/hub"
)

// The set changes its shape at 32, 4,096 and back at half of those, in each part of 65,536
// slots; so it is filled and emptied across all of them, in three orders, beside a sorted list.
func TestSetAgreesWithAListThroughAllItsShapes(t *testing.T) {
	for _, order := range []string{"ascending", "descending", "random"} {
		t.Run(order, func(t *testing.T) {
			random := rand.New(rand.NewPCG(1, 2))
			var slots []uint32
			for i := range uint32(6000) {
				slots = append(slots, i*3, 1<<16-100+i, 5<<16+i*7) // across the bounds of parts
			}
			slices.Sort(slots)
			slots = slices.Compact(slots)
			want := slices.Clone(slots)
			switch order {
			case "descending":
				slices.Reverse(slots)
			case "random":
				random.Shuffle(len(slots), func(i, j int) { slots[i], slots[j] = slots[j], slots[i] })
			}
			var s hub.Set
			check := func(want []uint32) {
				t.Helper()
				if got := s.Slots(); s.Len() != len(want) || !slices.Equal(got, want) {
					t.Fatalf("%d slots, %d counted, want %d", len(got), s.Len(), len(want))
				}
			}
			for i, slot := range slots {
				if s.Has(slot) || s.Remove(slot) {
					t.Fatalf("%d is there before it was put in", slot)
				}
				if s.Add(slot); !s.Has(slot) {
					t.Fatalf("%d is not there", slot)
				}
				if i%997 == 0 || i < 70 {
					some := slices.Clone(slots[:i+1])
					slices.Sort(some)
					check(some)
				}
			}
			check(want)
			page := make([]uint32, 100)
			for range 300 {
				from := random.Uint32N(6 << 16)
				i, _ := slices.BinarySearch(want, from)
				expect := want[i:min(i+len(page), len(want))]
				if n := s.Page(from, page); !slices.Equal(page[:n], expect) {
					t.Fatalf("from %d: %v, want %v", from, page[:n], expect)
				}
			}
			random.Shuffle(len(slots), func(i, j int) { slots[i], slots[j] = slots[j], slots[i] })
			for i, slot := range slots {
				if !s.Remove(slot) || s.Has(slot) || s.Remove(slot) {
					t.Fatalf("%d does not go, or goes twice", slot)
				}
				if left := len(slots) - i - 1; left%997 == 0 || left < 70 {
					some := slices.Clone(slots[i+1:])
					slices.Sort(some)
					check(some)
				}
			}
		})
	}
}
