package outbox

import (
	"testing"
	"time"
)

func TestPausesDoubleUpToAMinute(t *testing.T) {
	for n, seconds := range map[int]time.Duration{1: 1, 2: 2, 3: 4, 4: 8, 5: 16, 6: 32, 7: 60, 8: 60, 1000: 60} {
		if got, want := pause(n, 0.5), seconds*time.Second; got != want {
			t.Errorf("pause %d is %v, want %v", n, got, want)
		}
		if got, want := pause(n, 0), seconds*time.Second*3/4; got != want {
			t.Errorf("shortest pause %d is %v, want %v", n, got, want)
		}
		if got, limit := pause(n, 0.999), seconds*time.Second*5/4; got >= limit || got < limit*99/100 {
			t.Errorf("longest pause %d is %v, want nearly %v", n, got, limit)
		}
	}
}
