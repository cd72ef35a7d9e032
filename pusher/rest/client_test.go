package rest_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	pusherhttp "github.com/pusher/pusher-http-go/v5"

	"github.com/gannet-io/gannet/pusher/rest"
)

// The official Go library, its answers parsed by itself.
func TestOfficialGoLibrary(t *testing.T) {
	l := start(t, func(l *lab, cfg *rest.Config) {
		cfg.Now = time.Now // the library signs with the real time
		l.node.counts["semi;colon@x,y"] = rest.Counts{Occupied: true, Subscriptions: 1}
	})
	client := pusherhttp.Client{AppID: appID, Key: key, Secret: secret, Host: l.addr, HTTPClient: l.client}

	data := map[string]string{"message": "héllo <&> \u2713"}
	if err := client.Trigger("ch-1", "ev", data); err != nil {
		t.Errorf("Trigger: %v", err)
	}
	socketID := "1.2"
	if _, err := client.TriggerWithParams("ch-1", "ev", "plain", pusherhttp.TriggerParams{SocketID: &socketID}); err != nil {
		t.Errorf("TriggerWithParams: %v", err)
	}
	if err := client.TriggerMulti([]string{"a", "b"}, "ev", 1); err != nil {
		t.Errorf("TriggerMulti: %v", err)
	}
	if err := client.SendToUser("u1", "ev", "x"); err != nil {
		t.Errorf("SendToUser: %v", err)
	}
	want := []published{
		{"3", "ch-1", "ev", `"{\"message\":\"héllo \\u003c\\u0026\\u003e ✓\"}"`, ""},
		{"3", "ch-1", "ev", `"plain"`, "1.2"},
		{"3", "a", "ev", `"1"`, ""}, {"3", "b", "ev", `"1"`, ""},
		{"3", "#server-to-user-u1", "ev", `"x"`, ""},
	}
	if sent := l.node.taken(); !reflect.DeepEqual(sent, want) {
		t.Errorf("published %q, want %q", sent, want)
	}

	info := "user_count,subscription_count"
	triggered, err := client.TriggerMultiWithParams([]string{"presence-a", "pub", "nobody"}, "ev", "x", pusherhttp.TriggerParams{Info: &info})
	if err != nil {
		t.Fatalf("TriggerMultiWithParams: %v", err)
	}
	if a := triggered.Channels["presence-a"]; len(triggered.Channels) != 3 || a.UserCount == nil || *a.UserCount != 2 || *a.SubscriptionCount != 3 ||
		triggered.Channels["pub"].UserCount != nil || *triggered.Channels["nobody"].SubscriptionCount != 0 {
		t.Errorf("TriggerMultiWithParams: %+v", triggered)
	}

	for _, batchInfo := range []*string{nil, &info} {
		batch, err := client.TriggerBatch([]pusherhttp.Event{
			{Channel: "presence-a", Name: "ev", Data: "x", Info: batchInfo}, {Channel: "b", Name: "ev", Data: data, SocketID: &socketID}})
		if err != nil {
			t.Fatalf("TriggerBatch: %v", err)
		}
		if batchInfo == nil && len(batch.Batch) != 0 || batchInfo != nil && (len(batch.Batch) != 2 || *batch.Batch[0].UserCount != 2 || batch.Batch[1].UserCount != nil) {
			t.Errorf("TriggerBatch: %+v", batch)
		}
	}

	for _, tt := range []struct {
		prefix, info string
		want         []string
	}{
		{"presence-", "user_count", []string{"presence-a", "presence-b"}},
		{"semi;colon", "", []string{"semi;colon@x,y"}},
		{"none", "", nil},
	} {
		params := pusherhttp.ChannelsParams{FilterByPrefix: &tt.prefix}
		if tt.info != "" {
			params.Info = &tt.info
		}
		list, err := client.Channels(params)
		if err != nil {
			t.Fatalf("Channels %q: %v", tt.prefix, err)
		}
		if len(list.Channels) != len(tt.want) {
			t.Errorf("Channels %q: %v", tt.prefix, list)
		}
		for _, name := range tt.want {
			if _, ok := list.Channels[name]; !ok {
				t.Errorf("Channels %q: no %s in %v", tt.prefix, name, list)
			}
		}
	}

	channel, err := client.Channel("presence-a", pusherhttp.ChannelParams{Info: &info})
	if err != nil || !channel.Occupied || channel.UserCount != 2 || channel.SubscriptionCount != 3 {
		t.Errorf("Channel: %+v, %v", channel, err)
	}
	if channel, err = client.Channel("semi;colon@x,y", pusherhttp.ChannelParams{}); err != nil || !channel.Occupied {
		t.Errorf("Channel: %+v, %v", channel, err)
	}
	users, err := client.GetChannelUsers("presence-a")
	if err != nil || len(users.List) != 2 || users.List[1].ID != "2" {
		t.Errorf("GetChannelUsers: %+v, %v", users, err)
	}
	if users, err = client.GetChannelUsers("presence-nobody"); err != nil || len(users.List) != 0 {
		t.Errorf("GetChannelUsers of an empty channel: %+v, %v", users, err)
	}

	// Errors reach the caller with our text.
	if _, err := client.GetChannelUsers("pub"); err == nil || !strings.Contains(err.Error(), "Users can only be retrieved for presence channels") {
		t.Errorf("GetChannelUsers of a public channel: %v", err)
	}
	client.Secret = "wrong"
	if err := client.Trigger("ch-1", "ev", "x"); err == nil || !strings.Contains(err.Error(), "Invalid signature") {
		t.Errorf("wrong secret: %v", err)
	}
}
