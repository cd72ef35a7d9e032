package app_test

import (
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gannet-io/gannet/pusher/app"
)

func good() *app.App {
	return &app.App{ID: "1", Keys: []app.Key{{Key: "old", Secret: "s1"}, {Key: "new", Secret: "s2"}}, Limits: app.DefaultLimits()}
}

func TestSecretBelongsToItsOwnKey(t *testing.T) {
	a := good()
	for _, test := range []struct {
		key, secret string
		ok          bool
	}{
		{"old", "s1", true},
		{"new", "s2", true},
		{"OLD", "", false},
		{"s1", "", false},
		{"", "", false},
	} {
		if secret, ok := a.Secret(test.key); secret != test.secret || ok != test.ok {
			t.Errorf("Secret(%q) = %q, %v, want %q, %v", test.key, secret, ok, test.secret, test.ok)
		}
	}
}

func TestCheckNamesWhatIsWrong(t *testing.T) {
	if err := good().Check(); err != nil {
		t.Errorf("good app: %v", err)
	}
	for want, spoil := range map[string]func(*app.App){
		"no id":                            func(a *app.App) { a.ID = "" },
		"no key":                           func(a *app.App) { a.Keys = nil },
		"empty key":                        func(a *app.App) { a.Keys[1].Key = "" },
		"empty secret":                     func(a *app.App) { a.Keys[0].Secret = "" },
		"twice":                            func(a *app.App) { a.Keys[1].Key = "old" },
		"colon":                            func(a *app.App) { a.Keys[1].Key = "a:b" },
		"limit connections is negative":    func(a *app.App) { a.Limits.Connections = -1 },
		"limit cache TTL is negative":      func(a *app.App) { a.Limits.CacheTTL = -time.Second },
		"limit presence members is negati": func(a *app.App) { a.Limits.PresenceMembers = -5 },
	} {
		a := good()
		spoil(a)
		err := a.Check()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Check = %v, want an error with %q", err, want)
		}
		if err != nil && (strings.Contains(err.Error(), "s1") || strings.Contains(err.Error(), "s2")) {
			t.Errorf("a secret is in the error: %v", err)
		}
	}
}

func TestEveryLimitIsCheckedForItsSign(t *testing.T) {
	typ := reflect.TypeFor[app.Limits]()
	for i := range typ.NumField() {
		a := good()
		reflect.ValueOf(&a.Limits).Elem().Field(i).SetInt(-1)
		if a.Check() == nil {
			t.Errorf("Limits.%s = -1 passed", typ.Field(i).Name)
		}
	}
}

// The numbers are those of the Pusher documentation, as limits of the vectors repeat them.
func TestDefaultLimitsAreThoseOfTheDocumentation(t *testing.T) {
	text, err := os.ReadFile("../testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors struct {
		Limits map[string]int `json:"limits"`
	}
	if err := json.Unmarshal(text, &vectors); err != nil {
		t.Fatal(err)
	}
	l := app.DefaultLimits()
	for name, got := range map[string]int{
		"channel_name_max":                        l.ChannelNameLength,
		"event_name_max":                          l.EventNameLength,
		"event_data_max_bytes":                    l.EventBytes,
		"channels_per_trigger":                    l.ChannelsPerEvent,
		"events_per_batch":                        l.BatchEvents,
		"presence_members":                        l.PresenceMembers,
		"presence_user_object_max_bytes":          l.MemberBytes,
		"user_id_max":                             l.UserIDLength,
		"watchlist_max":                           l.Watchlist,
		"client_events_per_second_per_connection": l.ClientEventsPerSecond,
		"cache_ttl_max_s":                         int(l.CacheTTL / time.Second),
	} {
		if want, ok := vectors.Limits[name]; !ok || got != want {
			t.Errorf("%s = %d, want %d", name, got, want)
		}
	}
}
