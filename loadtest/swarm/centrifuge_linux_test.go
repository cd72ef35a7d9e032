package swarm_test

import (
	"slices"
	"testing"

	"github.com/gannet-io/gannet/loadtest/plan"
	"github.com/gannet-io/gannet/loadtest/swarm"
)

// The messages in these tests are those of Centrifugo 6.9.

func TestCentrifugeIsUnderstood(t *testing.T) {
	d := swarm.Speak(&plan.Plan{Protocol: plan.Centrifuge})
	for message, want := range map[string]any{
		`{"id":1,"connect":{"client":"6f0cd9c5-2206-4a62-8276-8564d004abb1","version":"6.9.0 OSS","ping":25,"pong":true}}`: swarm.EventEstablished,
		`{"id":2,"subscribe":{}}`:                                      swarm.EventSubscribed,
		`{"id":2,"error":{"code":105,"message":"already subscribed"}}`: swarm.EventError,
		`{"id":3,"publish":{}}`:                                        swarm.EventOther,
		`{}`:                                                           swarm.EventPing,
	} {
		if got := any(d.Event(message)); got != want {
			t.Errorf("%s: %v, want %v", message, got, want)
		}
	}
	if got, want := d.ErrorText(`{"id":2,"error":{"code":105,"message":"already subscribed"}}`), "centrifuge: error 105: already subscribed"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestCentrifugeIsSpoken(t *testing.T) {
	got := swarm.Speak(&plan.Plan{Protocol: plan.Centrifuge}).Say("load-x-0", plan.Stamp{At: 10, Seq: 11, Publisher: 12, Channel: 13})
	want := []string{
		`{"id":1,"connect":{"name":"loadtest"}}`,
		`{"id":2,"subscribe":{"channel":"load-x-0"}}`,
		`{"id":3,"publish":{"channel":"load-x-0","data":"@lt:000000000000000a0000000b00000c00000d"}}`,
		`{}`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
