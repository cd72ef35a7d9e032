package wire_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/wire"
)

// hookVector is one entry of the vectors' webhook part.
type hookVector struct {
	ID, Body, Expect string
	Headers          map[string]string
}

func hookVectors(t *testing.T) map[string]hookVector {
	t.Helper()
	text, err := os.ReadFile("../testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var all struct{ Webhook []hookVector }
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	vectors := make(map[string]hookVector)
	for _, v := range all.Webhook {
		vectors[v.ID] = v
	}
	return vectors
}

func TestWebhookBodiesAreThoseOfTheVectors(t *testing.T) {
	vectors := hookVectors(t)
	socket := pusher.SocketID{First: 1234, Second: 1234}
	for id, events := range map[string][]wire.HookEvent{
		"channel_occupied": {{Hook: pusher.HookOccupied, Channel: "my-channel"}},
		"channel_vacated":  {{Hook: pusher.HookVacated, Channel: "my-channel"}},
		"member_added":     {{Hook: pusher.HookMemberAdded, Channel: "presence-room", UserID: "10"}},
		"member_removed":   {{Hook: pusher.HookMemberRemoved, Channel: "presence-room", UserID: "10"}},
		"client_event_private": {{Hook: pusher.HookClientEvent, Channel: "private-room", Event: "client-typing",
			Data: []byte(`{"a":1}`), SocketID: socket}},
		"client_event_presence": {{Hook: pusher.HookClientEvent, Channel: "presence-room", Event: "client-typing",
			Data: []byte(`"{\"a\":1}"`), SocketID: socket, UserID: "10"}},
		"cache_miss":         {{Hook: pusher.HookCacheMiss, Channel: "cache-room"}},
		"subscription_count": {{Hook: pusher.HookCount, Channel: "my-channel", Count: 42}},
		"batch_of_three": {
			{Hook: pusher.HookOccupied, Channel: "presence-room"},
			{Hook: pusher.HookMemberAdded, Channel: "presence-room", UserID: "10"},
			{Hook: pusher.HookCount, Channel: "my-channel", Count: 1},
		},
		"unicode": {{Hook: pusher.HookClientEvent, Channel: "private-room", Event: "client-typing",
			Data: []byte(`{"t":"Zoë ✓"}`), SocketID: socket}},
	} {
		want, ok := vectors[id]
		if !ok || want.Expect != "accept" {
			t.Errorf("no vector %s to accept", id)
			continue
		}
		var list []byte
		for i := range events {
			if i > 0 {
				list = append(list, ',')
			}
			list = wire.AppendHookEvent(list, &events[i])
		}
		if got := string(wire.AppendWebhook(nil, 1327078148132, list)); got != want.Body {
			t.Errorf("%s\n got %s\nwant %s", id, got, want.Body)
		}
	}
}

func TestClientEventWithoutDataHasNone(t *testing.T) {
	e := wire.HookEvent{Hook: pusher.HookClientEvent, Channel: "private-a", Event: "client-\"x", SocketID: pusher.SocketID{First: 1, Second: 2}}
	const want = `{"name":"client_event","channel":"private-a","event":"client-\"x","socket_id":"1.2"}`
	if got := string(wire.AppendHookEvent(nil, &e)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
