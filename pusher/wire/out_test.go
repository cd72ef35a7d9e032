package wire_test

import (
	"encoding/json"
	"iter"
	"testing"

	"github.com/gannet-io/gannet/pusher/wire"
)

type person struct {
	id   string
	info []byte
}

func roster(people ...person) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for _, p := range people {
			if !yield(p.id, p.info) {
				return
			}
		}
	}
}

func TestFramesToClientsAreThoseOfTheVectors(t *testing.T) {
	made := map[string][]byte{
		"connection_established": wire.AppendConnectionEstablished(nil, "123.456", 120),
		"pong":                   wire.AppendPong(nil),
		"error":                  wire.AppendError(nil, 4301, "Client event rejected due to rate limit"),
		"error_without_code":     wire.AppendError(nil, 0, "Existing subscription to channel my-channel"),
		"subscription_succeeded": wire.AppendSubscriptionSucceeded(nil, "my-channel"),
		"subscription_succeeded_presence": wire.AppendPresenceSucceeded(nil, "presence-a", 2,
			roster(person{"u1", []byte(`{"name":"A"}`)}, person{"u2", nil})),
		"member_added":             wire.AppendMemberAdded(nil, "presence-a", "u1", []byte(`{"name":"A"}`)),
		"member_removed":           wire.AppendMemberRemoved(nil, "presence-a", "u1"),
		"subscription_count":       wire.AppendSubscriptionCount(nil, "my-channel", 3),
		"cache_miss":               wire.AppendCacheMiss(nil, "cache-a"),
		"channel_event":            wire.AppendEvent(nil, "my-event", "my-channel", []byte(`"{\"a\":1}"`)),
		"channel_event_plain_text": wire.AppendEvent(nil, "my-event", "my-channel", []byte(`"hello"`)),
		"client_event_private":     wire.AppendClientEvent(nil, "client-x", "private-a", []byte(`{"a":1}`), false, ""),
		"client_event_presence":    wire.AppendClientEvent(nil, "client-x", "presence-a", []byte(`{"a":1}`), false, "u1"),
		"signin_success":           wire.AppendSigninSuccess(nil, `{"id":"u1"}`),
		"watchlist_events":         wire.AppendWatchlist(nil, []string{"2"}, []string{"3"}),
		"send_to_user":             wire.AppendEvent(nil, "my-event", "#server-to-user-u1", []byte(`"{\"a\":1}"`)),
	}
	out := load(t).Wire.Out
	// The vectors also have the ping event; Gannet pings with control frames, which all SDKs answer.
	if len(out) != len(made)+1 {
		t.Errorf("%d frames in the vectors, %d made here and the ping", len(out), len(made))
	}
	for _, c := range out {
		if c.ID == "ping" {
			continue
		}
		if got := string(made[c.ID]); got != c.Text {
			t.Errorf("%s\ngot  %s\nwant %s", c.ID, got, c.Text)
		}
	}
}

// What the vectors leave out, by hand.
func TestOtherFramesToClients(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{string(wire.AppendSubscriptionError(nil, "private-a", "AuthError", `say "no"`, 401)),
			`{"event":"pusher:subscription_error","channel":"private-a","data":{"type":"AuthError","error":"say \"no\"","status":401}}`},
		{string(wire.AppendMemberAdded(nil, "presence-a", "u1", nil)),
			`{"event":"pusher_internal:member_added","channel":"presence-a","data":"{\"user_id\":\"u1\"}"}`},
		{string(wire.AppendPresenceSucceeded(nil, "presence-a", 0, roster())),
			`{"event":"pusher_internal:subscription_succeeded","channel":"presence-a","data":"{\"presence\":{\"count\":0,\"ids\":[],\"hash\":{}}}"}`},
		{string(wire.AppendWatchlist(nil, nil, []string{"3", "4"})),
			`{"event":"pusher_internal:watchlist_events","data":"{\"events\":[{\"name\":\"offline\",\"user_ids\":[\"3\",\"4\"]}]}"}`},
		{string(wire.AppendWatchlist(nil, []string{"3"}, nil)),
			`{"event":"pusher_internal:watchlist_events","data":"{\"events\":[{\"name\":\"online\",\"user_ids\":[\"3\"]}]}"}`},
		{string(wire.AppendWatchlist(nil, nil, nil)),
			`{"event":"pusher_internal:watchlist_events","data":"{\"events\":[]}"}`},
		{string(wire.AppendClientEvent(nil, "client-x", "private-a", nil, false, "")),
			`{"event":"client-x","channel":"private-a"}`},
		{string(wire.AppendClientEvent(nil, "client-x", "private-a", []byte(`"str"`), false, "")),
			`{"event":"client-x","channel":"private-a","data":"str"}`},
		{string(wire.AppendClientEvent(nil, "client-x", "private-a", []byte(`null`), false, "")),
			`{"event":"client-x","channel":"private-a","data":"null"}`},
		{string(wire.AppendClientEvent(nil, "client-x", "private-a", []byte("{ \"a\":\n1e3}"), false, "")),
			`{"event":"client-x","channel":"private-a","data":"{ \"a\":\n1e3}"}`},
		{string(wire.AppendClientEvent(nil, "client-x", "presence-a", []byte(`{"a":1}`), true, `u"1`)),
			`{"event":"client-x","channel":"presence-a","data":{"a":1},"user_id":"u\"1"}`},
		{string(wire.AppendEvent(nil, `App\Events\X<"&é`, "c", []byte(`"\u003c\ud800"`))),
			`{"event":"App\\Events\\X<\"&é","channel":"c","data":"\u003c\ud800"}`},
	} {
		if c.got != c.want {
			t.Errorf("\ngot  %s\nwant %s", c.got, c.want)
		}
	}
}

// Ids and infos are JSON inside a string inside JSON, with line breaks between tokens if the app likes.
func TestNestedTextsSurviveBothEncodings(t *testing.T) {
	id, info := "u\"\\\n\x01é🎉", "{\n\t\"a\": \"\\\"\\\\\\u0001\",\r\n \"b\": [1]}"
	frames := map[string][]byte{
		"succeeded": wire.AppendPresenceSucceeded([]byte("kept"), "c", 1, roster(person{id, []byte(info)})),
		"added":     wire.AppendMemberAdded([]byte("kept"), "c", id, []byte(info)),
		"removed":   wire.AppendMemberRemoved([]byte("kept"), "c", id),
	}
	var data struct {
		UserID   string          `json:"user_id"`
		UserInfo json.RawMessage `json:"user_info"`
		Presence struct {
			IDs  []string
			Hash map[string]json.RawMessage
		}
	}
	for name, b := range frames {
		if string(b[:4]) != "kept" {
			t.Fatalf("%s: dst was written to", name)
		}
		var outer struct{ Data string }
		if err := json.Unmarshal(b[4:], &outer); err != nil {
			t.Fatalf("%s: %v in %s", name, err, b)
		}
		if err := json.Unmarshal([]byte(outer.Data), &data); err != nil {
			t.Fatalf("%s: %v in %s", name, err, outer.Data)
		}
	}
	if data.UserID != id || string(data.UserInfo) != info || data.Presence.IDs[0] != id || string(data.Presence.Hash[id]) != info {
		t.Errorf("got %+v", data)
	}
}
