package rest_test

import (
	"testing"
	"time"

	"github.com/gannet-io/gannet/pusher/node"
)

func TestHistoryIsShownAsItWasSent(t *testing.T) {
	l := start(t, nil)
	l.node.past = node.Past{Kept: true, Head: "E-3", More: true, Events: []node.PastEvent{
		{Serial: "E-2", At: time.UnixMilli(1700000000123), JSON: []byte(`{"event":"e","channel":"c","data":"{\"a\":1}","serial":"E-2"}`)},
		{Serial: "E-3", At: time.UnixMilli(1700000000456), JSON: []byte(`{"event":"f","channel":"c","data":"","serial":"E-3"}`)},
	}}
	got := l.signed("GET", "/apps/3/channels/c/events", "")
	want := `{"events":[{"time":1700000000123,"event":"e","channel":"c","data":"{\"a\":1}","serial":"E-2"},` +
		`{"time":1700000000456,"event":"f","channel":"c","data":"","serial":"E-3"}],"head":"E-3","more":true,"complete":true}`
	if got.status != 200 || got.body != want || got.header.Get("Content-Type") != "application/json" {
		t.Errorf("got %d %s\nwant 200 %s", got.status, got.body, want)
	}
	l.node.past = node.Past{Kept: true, Gap: "epoch"}
	got = l.signed("GET", "/apps/3/channels/private-c/events", "", "since", "E-2")
	if want = `{"events":[],"head":null,"more":false,"complete":false,"reason":"epoch"}`; got.status != 200 || got.body != want {
		t.Errorf("got %d %s\nwant 200 %s", got.status, got.body, want)
	}
}

func TestHistoryIsAskedForWhatTheQuerySays(t *testing.T) {
	l := start(t, nil)
	l.node.past = node.Past{Kept: true}
	for _, tt := range []struct {
		params []string
		want   node.PastQuery
	}{
		{nil, node.PastQuery{Limit: 100}},
		{[]string{"since", "E-12"}, node.PastQuery{Since: "E-12", Limit: 100}},
		{[]string{"since", "E-12", "before", "E-40", "limit", "1000", "order", "newest"}, node.PastQuery{Since: "E-12", Before: "E-40", Limit: 1000, Newest: true}},
		{[]string{"limit", "1", "order", "oldest"}, node.PastQuery{Limit: 1}},
	} {
		l.node.asked = nil
		if got := l.signed("GET", "/apps/3/channels/c/events", "", tt.params...); got.status != 200 {
			t.Errorf("%q: got %d %s", tt.params, got.status, got.body)
			continue
		}
		tt.want.Room = 4 << 20
		if len(l.node.asked) != 1 || l.node.asked[0] != tt.want {
			t.Errorf("%q: asked %+v, want %+v", tt.params, l.node.asked, tt.want)
		}
	}
}

func TestHistoryIsRefused(t *testing.T) {
	l := start(t, nil)
	for _, tt := range []struct {
		method, path string
		params       []string
		status       int
		body         string
	}{
		{"GET", "/apps/3/channels/plain/events", nil, 400, "No rule of the app gives this channel a history"},
		{"GET", "/apps/3/channels/c/events", []string{"since", "12"}, 400, "since and before should be serials of events"},
		{"GET", "/apps/3/channels/c/events", []string{"before", "E-x"}, 400, "since and before should be serials of events"},
		{"GET", "/apps/3/channels/c/events", []string{"limit", "0"}, 400, "limit should be a number from 1 to 1000"},
		{"GET", "/apps/3/channels/c/events", []string{"limit", "1001"}, 400, "limit should be a number from 1 to 1000"},
		{"GET", "/apps/3/channels/c/events", []string{"limit", "ten"}, 400, "limit should be a number from 1 to 1000"},
		{"GET", "/apps/3/channels/c/events", []string{"order", "asc"}, 400, "order should be oldest or newest"},
		{"GET", "/apps/3/channels/a%2Fb/events", nil, 400, "Invalid channel name: 'a%2Fb'"},
		{"POST", "/apps/3/channels/c/events", nil, 405, "Method not allowed"},
	} {
		if got := l.signed(tt.method, tt.path, "", tt.params...); got.status != tt.status || got.body != tt.body {
			t.Errorf("%s %s %q: got %d %q, want %d %q", tt.method, tt.path, tt.params, got.status, got.body, tt.status, tt.body)
		}
	}
	if got := l.send("GET", "/apps/3/channels/c/events", ""); got.status != 401 {
		t.Errorf("unsigned: got %d", got.status)
	}
}
