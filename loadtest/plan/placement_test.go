package plan_test

import (
	"testing"

	"github.com/gannet-io/gannet/loadtest/plan"
)

func TestClientIsOnDistinctChannelsAndKnowsWhich(t *testing.T) {
	for _, tt := range []struct{ channels, per int }{{1, 1}, {7, 1}, {1000, 20}, {20, 20}, {6, 4}, {997, 3}} {
		p := plan.Plan{Channels: tt.channels, PerClient: tt.per}
		for client := range 300 {
			pl := p.Place(client)
			on := map[int]int{}
			for slot := range pl.Count() {
				on[pl.Channel(slot)] = slot
			}
			if len(on) != tt.per {
				t.Fatalf("client %d of %+v is on %d distinct channels", client, tt, len(on))
			}
			for channel := range tt.channels {
				want, ok := on[channel]
				if !ok {
					want = -1
				}
				if got := pl.Slot(channel); got != want {
					t.Fatalf("client %d of %+v: channel %d is in slot %d, want %d", client, tt, channel, got, want)
				}
			}
		}
	}
}

func TestSingleChannelsAreDealtInTurn(t *testing.T) {
	p := plan.Plan{Channels: 3, PerClient: 1}
	for client, want := range []int{0, 1, 2, 0, 1} {
		pl := p.Place(client)
		if got := pl.Channel(0); got != want {
			t.Errorf("client %d is on %d, want %d", client, got, want)
		}
	}
}

func TestChannelsArePopulatedEvenly(t *testing.T) {
	p := plan.Plan{Channels: 100, PerClient: 10}
	var population [100]int
	for client := range 10_000 {
		pl := p.Place(client)
		for slot := range pl.Count() {
			population[pl.Channel(slot)]++
		}
	}
	for channel, n := range population { // 1000 on average
		if n < 800 || n > 1200 {
			t.Errorf("channel %d has %d subscribers, want about 1000", channel, n)
		}
	}
}
