package quota_test

import (
	"testing"
	"time"

	"github.com/gannet-io/gannet/pusher/quota"
)

var start = time.Unix(1_700_000_000, 0)

func TestBucketLetsOneSecondsWorthThroughAtOnce(t *testing.T) {
	for _, perSecond := range []int{1, 3, 7, 10, 1000} {
		var b quota.Bucket
		for i := range perSecond {
			if !b.Allow(start, perSecond) {
				t.Fatalf("%d per second: number %d at once was refused", perSecond, i+1)
			}
		}
		if b.Allow(start, perSecond) {
			t.Errorf("%d per second: number %d at once was let through", perSecond, perSecond+1)
		}
	}
}

func TestBucketRefillsOneTokenATime(t *testing.T) {
	var b quota.Bucket
	for range 10 {
		b.Allow(start, 10)
	}
	// Emptied at 0; a token of 10 a second takes 100 ms.
	for _, step := range []struct {
		at   time.Duration
		want bool
	}{
		{99 * time.Millisecond, false},
		{100 * time.Millisecond, true},
		{100 * time.Millisecond, false},
		{350 * time.Millisecond, true},
		{350 * time.Millisecond, true},
		{350 * time.Millisecond, false},
	} {
		if got := b.Allow(start.Add(step.at), 10); got != step.want {
			t.Errorf("at %v: Allow = %v, want %v", step.at, got, step.want)
		}
	}
}

func TestBucketTellsHowLongToWait(t *testing.T) {
	var b quota.Bucket
	for i := range 4 {
		if got := b.Wait(start, 4); got != 0 {
			t.Errorf("before number %d: %v", i+1, got)
		}
		b.Allow(start, 4)
	}
	for after, want := range map[time.Duration]time.Duration{
		0: 250 * time.Millisecond, 100 * time.Millisecond: 150 * time.Millisecond, 250 * time.Millisecond: 0, time.Hour: 0, -time.Hour: 0,
	} {
		if got := b.Wait(start.Add(after), 4); got != want {
			t.Errorf("%v later: %v, want %v", after, got, want)
		}
	}
	if got := b.Wait(start, 0); got != 0 {
		t.Errorf("without a limit: %v", got)
	}
}

func TestBucketNeverHoldsMoreThanOneSecond(t *testing.T) {
	var b quota.Bucket
	b.Allow(start, 10)
	let := 0
	for range 100 {
		if b.Allow(start.Add(time.Hour), 10) {
			let++
		}
	}
	if let != 10 {
		t.Errorf("after an hour of rest %d passed at once, want 10", let)
	}
}

func TestBucketAcceptsASteadyStreamAtTheDocumentedRate(t *testing.T) {
	var b quota.Bucket
	for i := range 1000 {
		if !b.Allow(start.Add(time.Duration(i)*100*time.Millisecond), 10) {
			t.Fatalf("event %d of one every 100 ms was refused", i)
		}
	}
}

func TestBucketWithoutLimitAllowsEverything(t *testing.T) {
	var b quota.Bucket
	for range 1000 {
		if !b.Allow(start, 0) {
			t.Fatal("limit 0 refused")
		}
	}
	if !b.Allow(start, 1) {
		t.Error("unlimited calls used up tokens")
	}
}

func TestBucketRefillsWhenTheClockIsSetBack(t *testing.T) {
	var b quota.Bucket
	for range 10 {
		b.Allow(start, 10)
	}
	if !b.Allow(start.Add(-time.Hour), 10) {
		t.Error("refused for an hour after the clock was set back")
	}
}

func TestBucketDoesNotAllocate(t *testing.T) {
	var b quota.Bucket
	if n := testing.AllocsPerRun(100, func() { b.Allow(start, 10) }); n != 0 {
		t.Errorf("Allow: %v allocations, want 0", n)
	}
}
