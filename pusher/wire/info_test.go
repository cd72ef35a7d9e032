package wire_test

import (
	"testing"

	"github.com/gannet-io/gannet/pusher/wire"
)

func users(n int) wire.Info { return wire.Info{UserCount: n, HasUserCount: true} }

func subscriptions(n int) wire.Info {
	return wire.Info{SubscriptionCount: n, HasSubscriptionCount: true}
}

func both(u, s int) wire.Info {
	return wire.Info{UserCount: u, HasUserCount: true, SubscriptionCount: s, HasSubscriptionCount: true}
}

func TestAnswersHaveTheShapesOfTheVectors(t *testing.T) {
	made := map[string]string{}
	for _, b := range [][]byte{
		wire.AppendTriggerResult(nil, []wire.ChannelInfo{{"presence-a", both(2, 3)}, {"pub", subscriptions(1)}, {"other", wire.Info{}}}),
		wire.AppendBatchResult(nil, []wire.Info{users(2), {}, subscriptions(1)}),
		wire.AppendChannels(nil, nil),
		wire.AppendChannels(nil, []wire.ChannelInfo{{"presence-a", users(2)}}),
		wire.AppendChannel(nil, false, wire.Info{}, false, nil),
		wire.AppendChannel(nil, true, both(1, 2), false, nil),
		wire.AppendChannel(nil, true, wire.Info{}, true, &wire.CacheInfo{Data: []byte(`"event data"`), TTL: 60}),
		wire.AppendChannel(nil, true, wire.Info{}, true, nil),
		wire.AppendUsers(nil, nil),
		wire.AppendUsers(nil, []string{"1", "2"}),
	} {
		made[string(b)] = string(b)
	}
	made["{}"] = "{}" // written by the caller
	for _, shape := range load(t).Shapes {
		for _, good := range shape.Good {
			if _, ok := made[good]; !ok {
				t.Errorf("%s: nothing makes %s", shape.Endpoint, good)
			}
			delete(made, good)
			made["{}"] = "{}"
		}
	}
	delete(made, "{}")
	for got := range made {
		t.Errorf("%s is in no vector", got)
	}
}

func TestZeroCountsAreTold(t *testing.T) {
	if got, want := string(wire.AppendChannel(nil, false, both(0, 0), false, nil)), `{"occupied":false,"user_count":0,"subscription_count":0}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := string(wire.AppendBatchResult(nil, nil)), `{"batch":[]}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
