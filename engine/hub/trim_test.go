package hub_test

import (
	"testing"

	"github.com/gannet-io/gannet/engine/hub"
)

// Blocks grow by at most a half, so that a slot wastes a third of its block at worst, and
// what it has outgrown serves others.
func TestASlotPaysForLittleMoreThanItsSubscriptions(t *testing.T) {
	var s hub.Shard
	const slots, lists = 1000, 20
	for range lists {
		s.NewList()
	}
	for slot := range uint32(slots) {
		for i := range uint32(lists) {
			s.Add(i, slot)
		}
	}
	if err := s.Check(); err != nil {
		t.Fatal(err)
	}
	// 24 for each, and once 1+2+3+4+6+8+12+16 outgrown.
	if n := s.Refs(); n > slots*24+52 {
		t.Errorf("%d refs for %d subscriptions", n, slots*lists)
	}
	s.Trim()
	if err := s.Check(); err != nil {
		t.Fatal(err)
	}
	for slot := range uint32(slots) {
		if !s.Has(7, slot) {
			t.Fatalf("slot %d lost a subscription by Trim", slot)
		}
	}
}
