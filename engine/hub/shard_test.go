package hub_test

import (
	"slices"
	"testing"

	"github.com/gannet-io/gannet/engine/hub"
)

// FuzzShardAgreesWithMaps runs byte-coded sequences of operations on a shard and on a map.
// Each step is three bytes: operation, list, slot.
func FuzzShardAgreesWithMaps(f *testing.F) {
	f.Add([]byte{0, 1, 1, 0, 1, 2, 0, 2, 1, 1, 1, 1, 2, 0, 1})
	f.Add([]byte("\x00aa\x00ab\x00ba\x00ca\x00da\x00ea\x02.a\x00ab\x03a."))
	long := make([]byte, 0, 3000)
	for i := range 1000 {
		long = append(long, byte(i*i%7), byte(i*31%9), byte(i*17%23))
	}
	f.Add(long)
	f.Fuzz(func(t *testing.T, steps []byte) {
		var s hub.Shard
		model := make(map[byte]map[uint32]bool) // topic to slots
		lists := make(map[byte]uint32)          // topic to list
		drop := func(topic byte) {
			s.FreeList(lists[topic])
			delete(lists, topic)
			delete(model, topic)
		}
		for ; len(steps) >= 3; steps = steps[3:] {
			topic, slot := steps[1]%16, uint32(steps[2]%32)
			switch steps[0] % 4 {
			case 0, 1: // join
				if model[topic][slot] {
					continue
				}
				if model[topic] == nil {
					model[topic] = make(map[uint32]bool)
					lists[topic] = s.NewList()
				}
				model[topic][slot] = true
				s.Add(lists[topic], slot)
			case 2: // leave
				if model[topic] == nil {
					continue
				}
				if got := s.Remove(lists[topic], slot); got != model[topic][slot] {
					t.Fatalf("Remove says %v", got)
				}
				if delete(model[topic], slot); len(model[topic]) == 0 {
					drop(topic)
				}
			case 3: // close
				var empty []uint32
				s.RemoveAll(slot, func(i uint32) { empty = append(empty, i) })
				for topic, slots := range model {
					if !slots[slot] {
						continue
					}
					if delete(slots, slot); len(slots) == 0 {
						i := slices.Index(empty, lists[topic])
						if i < 0 {
							t.Fatalf("list %d is empty and was not reported", lists[topic])
						}
						empty = slices.Delete(empty, i, i+1)
						drop(topic)
					}
				}
				if len(empty) != 0 {
					t.Fatalf("lists %v are reported empty", empty)
				}
			}
			if err := s.Check(); err != nil {
				t.Fatal(err)
			}
		}
		for topic, slots := range model {
			subs := s.Subscribers(lists[topic])
			if len(subs) != len(slots) {
				t.Fatalf("topic %d has %v, want %v", topic, subs, slots)
			}
			for slot := range uint32(32) {
				if s.Has(lists[topic], slot) != slots[slot] || slices.Contains(subs, slot) != slots[slot] {
					t.Fatalf("topic %d, slot %d: want %v, list %v", topic, slot, slots[slot], subs)
				}
			}
		}
	})
}

// The memory of a slot with many subscriptions must serve the next one.
func TestShardReusesItsMemory(t *testing.T) {
	var s hub.Shard
	lists := make([]uint32, 1000)
	for i := range lists {
		lists[i] = s.NewList()
	}
	cycle := func() {
		for _, i := range lists {
			s.Add(i, 5)
			s.Add(i, 6)
		}
		for _, i := range lists {
			s.Remove(i, 5)
		}
		s.RemoveAll(6, func(uint32) {})
	}
	cycle()
	if got := testing.AllocsPerRun(20, cycle); got > 0 {
		t.Errorf("%v allocations in a cycle of the same joins and leaves", got)
	}
	if err := s.Check(); err != nil {
		t.Error(err)
	}
}
