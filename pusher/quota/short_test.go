package quota_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/gannet-io/gannet/pusher/quota"
)

// Both kinds of bucket answer alike, but for what a hundred-thousandth of a second can hold.
func TestShortBucketAgreesWithBucket(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, perSecond := range []int{0, 1, 2, 5, 10, 1000, 10_000} {
		var long quota.Bucket
		var short quota.ShortBucket
		now := start
		for i := range 100_000 {
			want := long.Allow(now, perSecond)
			if got := short.Allow(now, perSecond); got != want {
				t.Fatalf("%d per second, call %d: %v, want %v", perSecond, i, got, want)
			}
			// Steps of whole tokens and halves: no rounding.
			step := time.Second / time.Duration(2*max(perSecond, 1))
			now = now.Add(time.Duration(random.IntN(4)) * step)
		}
	}
}

func TestShortBucketSurvivesTheEndOfItsTime(t *testing.T) {
	// 2^32 ticks are 42949.67296 s: from just before until just behind a multiple of that.
	wrap := time.Duration(1<<32) * 10 * time.Microsecond
	now := time.Unix(0, 0).Add(40_000 * wrap).Add(-500 * time.Millisecond)
	var b quota.ShortBucket
	for i := range 10 {
		if !b.Allow(now, 10) {
			t.Fatalf("number %d was refused", i)
		}
	}
	if b.Allow(now, 10) {
		t.Error("one more than a second's worth passed")
	}
	for i := range 20 {
		now = now.Add(100 * time.Millisecond)
		if !b.Allow(now, 10) || b.Allow(now, 10) {
			t.Fatalf("step %d: want one token each 100 ms", i)
		}
	}
}

func TestShortBucketRefillsWhenTheClockIsSetBack(t *testing.T) {
	var b quota.ShortBucket
	for range 10 {
		b.Allow(start, 10)
	}
	if !b.Allow(start.Add(-time.Hour), 10) {
		t.Error("refused for an hour after the clock was set back")
	}
}
