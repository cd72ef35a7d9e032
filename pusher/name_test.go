package pusher_test

import (
	"strings"
	"testing"

	"github.com/gannet-io/gannet/pusher"
)

func TestChannelNamesAreJudgedAsTheVectorsSay(t *testing.T) {
	for _, c := range load(t).Channels {
		if got := pusher.ValidChannel(c.Name, pusher.DefaultChannelNameLength); got != c.Valid {
			t.Errorf("ValidChannel(%q) = %v, want %v", c.Name, got, c.Valid)
		}
		if !c.Valid {
			continue
		}
		kind := pusher.KindOf(c.Name)
		for what, pair := range map[string][2]bool{
			"needs auth":    {kind.NeedsAuth(), c.NeedsAuth},
			"presence":      {kind&pusher.Presence != 0, c.Presence},
			"encrypted":     {kind&pusher.Encrypted != 0, c.Encrypted},
			"cache":         {kind&pusher.Cache != 0, c.Cache},
			"client events": {kind.ClientEvents(), c.ClientEvents},
		} {
			if pair[0] != pair[1] {
				t.Errorf("KindOf(%q): %s is %v, want %v", c.Name, what, pair[0], pair[1])
			}
		}
	}
}

func TestKindIsExactlyItsBits(t *testing.T) {
	for name, want := range map[string]pusher.Kind{
		"a":                         pusher.Public,
		"private-a":                 pusher.Private,
		"private-encrypted-a":       pusher.Private | pusher.Encrypted,
		"private-encrypted-cache-a": pusher.Private | pusher.Encrypted | pusher.Cache,
		"private-cache-encrypted-a": pusher.Private | pusher.Cache,
		"presence-a":                pusher.Presence,
		"presence-cache-a":          pusher.Presence | pusher.Cache,
		"cache-a":                   pusher.Cache,
		"#server-to-user-cache-1":   pusher.ServerToUser,
		"#server-to-user":           pusher.Public,
	} {
		if got := pusher.KindOf(name); got != want {
			t.Errorf("KindOf(%q) = %b, want %b", name, got, want)
		}
	}
}

func TestChannelWithoutMaximumMayBeLong(t *testing.T) {
	if !pusher.ValidChannel(strings.Repeat("a", 5000), 0) {
		t.Error("ValidChannel of 5000 letters with max 0 = false, want true")
	}
}

func TestServerToUserChannelNeedsALegalUser(t *testing.T) {
	for _, name := range []string{"#server-to-user-", "#server-to-user-a b", "#server-to-user-#server-to-user-a", "#a", "##server-to-user-a", "#server-to-user-a\n"} {
		if pusher.ValidChannel(name, 0) {
			t.Errorf("ValidChannel(%q) = true, want false", name)
		}
	}
}

func TestEventNamesAreJudgedAsTheVectorsSay(t *testing.T) {
	for _, e := range load(t).Events {
		if e.HTTP != nil {
			got := pusher.ValidEvent(e.Name, pusher.DefaultEventNameLength) && !pusher.ReservedEvent(e.Name)
			if got != *e.HTTP {
				t.Errorf("event %q over HTTP: %v, want %v", e.Name, got, *e.HTTP)
			}
		}
		if e.WS != nil {
			if got := pusher.ClientEvent(e.Name); got != *e.WS {
				t.Errorf("ClientEvent(%q) = %v, want %v", e.Name, got, *e.WS)
			}
		}
	}
}

// The vectors have no name of the prefix alone: such an event says nothing, and no client library sends it.
func TestAClientEventNeedsANameBehindItsPrefix(t *testing.T) {
	for name, want := range map[string]bool{"client-": false, "client-a": true, "client": false, "Client-a": false} {
		if got := pusher.ClientEvent(name); got != want {
			t.Errorf("ClientEvent(%q) = %v, want %v", name, got, want)
		}
	}
}

func TestEventLengthCountsCharactersNotBytes(t *testing.T) {
	name := strings.Repeat("é", 200)
	if !pusher.ValidEvent(name, 200) || pusher.ValidEvent(name+"é", 200) {
		t.Error("200 characters of two bytes must fit into 200, 201 must not")
	}
}

func TestSocketIDsAreJudgedAsTheVectorsSay(t *testing.T) {
	ids := load(t).SocketID
	for _, s := range ids.Valid {
		if !pusher.ValidSocketID(s) {
			t.Errorf("ValidSocketID(%q) = false, want true", s)
		}
	}
	for _, s := range ids.Invalid {
		if pusher.ValidSocketID(s) {
			t.Errorf("ValidSocketID(%q) = true, want false", s)
		}
	}
}

func TestUserIDsAreJudgedAsTheVectorsSay(t *testing.T) {
	ids := load(t).UserID
	for _, s := range append(ids.Valid, strings.Repeat("u", ids.Max)) {
		if !pusher.ValidUserID(s, ids.Max) {
			t.Errorf("ValidUserID(%q) = false, want true", s)
		}
	}
	for _, s := range append(ids.Invalid, strings.Repeat("u", ids.Max+1), "a\n", "a#") {
		if pusher.ValidUserID(s, ids.Max) {
			t.Errorf("ValidUserID(%q) = true, want false", s)
		}
	}
}

func TestDefaultLimitsAreThoseOfTheVectors(t *testing.T) {
	limits := load(t).Limits
	for name, got := range map[string]int{
		"channel_name_max":                        pusher.DefaultChannelNameLength,
		"event_name_max":                          pusher.DefaultEventNameLength,
		"event_data_max_bytes":                    pusher.DefaultEventBytes,
		"channels_per_trigger":                    pusher.DefaultChannelsPerEvent,
		"events_per_batch":                        pusher.DefaultBatchEvents,
		"presence_members":                        pusher.DefaultPresenceMembers,
		"presence_user_object_max_bytes":          pusher.DefaultMemberBytes,
		"user_id_max":                             pusher.DefaultUserIDLength,
		"watchlist_max":                           pusher.DefaultWatchlist,
		"client_events_per_second_per_connection": pusher.DefaultClientEventsPerSecond,
		"cache_ttl_max_s":                         int(pusher.DefaultCacheTTL.Seconds()),
		"subscription_count_throttle_above":       pusher.SubscriptionCountEager,
		"subscription_count_throttle_s":           int(pusher.SubscriptionCountEvery.Seconds()),
	} {
		if want, ok := limits[name]; !ok || got != want {
			t.Errorf("%s = %d, want %d", name, got, want)
		}
	}
}

func TestSocketIDsAreReadAsTheyAreWritten(t *testing.T) {
	for _, s := range []string{"0.0", "1234.5678", "18446744073709551615.1"} {
		if id, ok := pusher.ParseSocketID(s); !ok || id.String() != s {
			t.Errorf("ParseSocketID(%q) = %v, %v", s, id, ok)
		}
	}
	for _, s := range []string{"", ".", "1", "1.", ".1", "1.2.3", "01.2", "1.-2", "+1.2", "1. 2", "18446744073709551616.1"} {
		if id, ok := pusher.ParseSocketID(s); ok {
			t.Errorf("ParseSocketID(%q) = %v", s, id)
		}
	}
}
