package quota_test

import (
	"testing"

	"github.com/gannet-io/gannet/pusher/quota"
)

func TestUsageStopsAtItsCeiling(t *testing.T) {
	var u quota.Usage
	for i, want := range []bool{true, true, false, false} {
		if got := u.Take(2); got != want {
			t.Errorf("take %d of 2: %v, want %v", i+1, got, want)
		}
	}
	if u.Count() != 2 {
		t.Errorf("Count = %d, want 2: a refused take must not count", u.Count())
	}
	u.Give()
	if !u.Take(2) {
		t.Error("no room after one was given back")
	}
}

func TestUsageWithoutLimitStillCounts(t *testing.T) {
	var u quota.Usage
	for range 5 {
		if !u.Take(0) {
			t.Fatal("limit 0 refused")
		}
	}
	if u.Count() != 5 {
		t.Errorf("Count = %d, want 5", u.Count())
	}
	if u.Take(3) {
		t.Error("a limit lowered below the count let one more in")
	}
}

func TestUsagePanicsWhenMoreIsGivenBackThanTaken(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	var u quota.Usage
	u.Give()
}
