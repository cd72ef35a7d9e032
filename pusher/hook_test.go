package pusher_test

import (
	"testing"

	"github.com/gannet-io/gannet/pusher"
)

func TestHooksAreNamedAsPusherNamesThem(t *testing.T) {
	for name, want := range map[string]pusher.Hook{
		"channel_occupied": pusher.HookOccupied, "channel_vacated": pusher.HookVacated,
		"member_added": pusher.HookMemberAdded, "member_removed": pusher.HookMemberRemoved,
		"client_event": pusher.HookClientEvent, "cache_miss": pusher.HookCacheMiss, "subscription_count": pusher.HookCount,
	} {
		got, ok := pusher.ParseHook(name)
		if !ok || got != want || got.String() != name {
			t.Errorf("ParseHook(%q) = %d, %v and prints %q, want %d", name, got, ok, got, want)
		}
	}
	if got := len(pusher.HookNames()); got != 7 {
		t.Errorf("%d names, want 7", got)
	}
	for _, name := range []string{"", "channel_existence", "Channel_occupied", "channel_occupied,channel_vacated"} {
		if got, ok := pusher.ParseHook(name); ok {
			t.Errorf("ParseHook(%q) = %v", name, got)
		}
	}
	if got := (pusher.HookVacated | pusher.HookCount).String(); got != "channel_vacated,subscription_count" {
		t.Errorf("a set prints as %q", got)
	}
	if got := pusher.Hook(0).String(); got != "" {
		t.Errorf("the empty set prints as %q", got)
	}
}
