package plan_test

import (
	"testing"
	"time"

	"github.com/gannet-io/gannet/loadtest/plan"
)

func TestPublishersTakeTurnsOnOneSchedule(t *testing.T) {
	p := plan.Plan{Publishers: 2, Rate: 100, Burst: 1} // a message every 10 ms, publishers alternating
	for _, tt := range []struct {
		publisher int
		n         uint64
		want      time.Duration
	}{{0, 0, 0}, {1, 0, 10 * time.Millisecond}, {0, 1, 20 * time.Millisecond}, {1, 1, 30 * time.Millisecond}, {0, 500, 10 * time.Second}} {
		if got := p.Due(tt.publisher, tt.n); got != tt.want {
			t.Errorf("message %d of publisher %d is due at %v, want %v", tt.n, tt.publisher, got, tt.want)
		}
	}
}

func TestBurstFallsDueTogether(t *testing.T) {
	p := plan.Plan{Publishers: 2, Rate: 10, Burst: 5} // 5 at 0 s, 5 at 0.5 s, …
	want := []time.Duration{0, 0, 0, 0, 0, 500 * time.Millisecond, 500 * time.Millisecond, 500 * time.Millisecond, 500 * time.Millisecond, 500 * time.Millisecond, time.Second}
	for m, want := range want {
		if got := p.Due(m%2, uint64(m/2)); got != want {
			t.Errorf("message %d of all is due at %v, want %v", m, got, want)
		}
	}
}

func TestStreamsAreNumberedWithoutGaps(t *testing.T) {
	for _, tt := range []struct{ publishers, channels, streams int }{{1, 1, 1}, {4, 1, 4}, {2, 7, 1}, {5, 5, 1}, {7, 3, 3}} {
		p := plan.Plan{Publishers: tt.publishers, Channels: tt.channels}
		if got := p.Streams(); got != tt.streams {
			t.Errorf("%+v: %d streams a channel", tt, got)
		}
		next := map[[2]int]uint32{} // by channel and stream
		for n := range uint64(50) {
			for publisher := range tt.publishers {
				channel, seq := p.Message(publisher, n)
				key := [2]int{channel, p.Stream(publisher)}
				if channel < 0 || channel >= tt.channels || key[1] >= tt.streams {
					t.Fatalf("%+v: message %d of %d goes to channel %d, stream %d", tt, n, publisher, channel, key[1])
				}
				if seq != next[key] {
					t.Fatalf("%+v: message %d of %d is number %d of its stream, want %d", tt, n, publisher, seq, next[key])
				}
				next[key]++
				if back := p.Number(publisher, channel, seq); back != n {
					t.Fatalf("%+v: message %d of %d came back as %d", tt, n, publisher, back)
				}
			}
		}
		served := map[int]bool{}
		for key := range next {
			served[key[0]] = true
		}
		if len(served) != tt.channels {
			t.Errorf("%+v: only %d channels get messages", tt, len(served))
		}
	}
}
