package seldom_test

import (
	"testing"
	"time"

	"github.com/gannet-io/gannet/engine/seldom"
)

func TestAFloodIsToldSeldom(t *testing.T) {
	var teller seldom.Teller
	start := time.Unix(1_700_000_000, 0)
	said := 0
	for i := range 1000 {
		if say, unsaid := teller.Tell(start.Add(time.Duration(i) * time.Millisecond)); say {
			if said++; unsaid != 0 {
				t.Errorf("%d were not told before number %d", unsaid, i)
			}
		}
	}
	if said != 3 {
		t.Errorf("%d of 1000 in a second were told, want 3", said)
	}
	if say, unsaid := teller.Tell(start.Add(20 * time.Second)); !say || unsaid != 997 {
		t.Errorf("after 20 s: %v, %d before it; want true, 997", say, unsaid)
	}
	if say, _ := teller.Tell(start.Add(39 * time.Second)); say {
		t.Error("told again after 19 s")
	}
	said = 0
	for range 10 {
		if say, _ := teller.Tell(start.Add(time.Hour)); say {
			said++
		}
	}
	if said != 3 {
		t.Errorf("%d were told at once after a rest, want 3", said)
	}
}

func TestAClockThatGoesBackwardsDoesNoHarm(t *testing.T) {
	var teller seldom.Teller
	now := time.Unix(1_700_000_000, 0)
	for range 5 {
		teller.Tell(now)
	}
	if say, _ := teller.Tell(now.Add(-time.Hour)); say {
		t.Error("told because the clock was set back")
	}
	if say, _ := teller.Tell(now.Add(20 * time.Second)); !say {
		t.Error("not told 20 s later")
	}
}
