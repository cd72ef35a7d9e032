package rest_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gannet-io/gannet/pusher/rest"
)

func TestReadsAnswerAsDocumented(t *testing.T) {
	l := start(t, nil)
	for _, tt := range []struct {
		path   string
		params []string
		status int
		want   string
	}{
		{"/channels", nil, 200, `{"channels":{"cache-x":{},"presence-a":{},"presence-b":{},"pub":{}}}`},
		{"/channels", []string{"filter_by_prefix", "presence-"}, 200, `{"channels":{"presence-a":{},"presence-b":{}}}`},
		{"/channels", []string{"filter_by_prefix", "presence-", "info", "user_count"}, 200, `{"channels":{"presence-a":{"user_count":2},"presence-b":{"user_count":1}}}`},
		{"/channels", []string{"filter_by_prefix", "p", "info", "subscription_count"}, 200,
			`{"channels":{"presence-a":{"subscription_count":3},"presence-b":{"subscription_count":1},"pub":{"subscription_count":1}}}`},
		{"/channels", []string{"filter_by_prefix", "__fish"}, 200, `{"channels":{}}`},
		{"/channels", []string{"filter_by_prefix", "a;b =+%Ω"}, 200, `{"channels":{}}`},
		{"/channels", []string{"filter_by_prefix", ""}, 200, `{"channels":{"cache-x":{},"presence-a":{},"presence-b":{},"pub":{}}}`},
		{"/channels", []string{"info", "user_count"}, 400, `user_count may only be requested with a filter_by_prefix beginning with "presence-"`},
		{"/channels", []string{"info", "user_count", "filter_by_prefix", "presence"}, 400, `user_count may only be requested with a filter_by_prefix beginning with "presence-"`},
		{"/channels", []string{"info", "foo"}, 400, "info should be a comma separated list of attributes"},
		{"/channels", []string{"info", "cache"}, 400, "info should be a comma separated list of attributes"},
		{"/channels", []string{"unknown", "parameter"}, 200, `{"channels":{"cache-x":{},"presence-a":{},"presence-b":{},"pub":{}}}`},

		{"/channels/pub", nil, 200, `{"occupied":true}`},
		{"/channels/nobody", nil, 200, `{"occupied":false}`},
		{"/channels/nobody", []string{"info", "subscription_count"}, 200, `{"occupied":false,"subscription_count":0}`},
		{"/channels/presence-nobody", []string{"info", "user_count"}, 200, `{"occupied":false,"user_count":0}`},
		{"/channels/presence-a", []string{"info", "user_count,subscription_count"}, 200, `{"occupied":true,"user_count":2,"subscription_count":3}`},
		// 59.001 s are left.
		{"/channels/cache-x", []string{"info", "cache,subscription_count"}, 200, `{"occupied":true,"subscription_count":4,"cache":{"data":"event data","ttl":60}}`},
		{"/channels/presence-cache-p", []string{"info", "cache,user_count"}, 200, `{"occupied":false,"user_count":0,"cache":{"data":"{\"n\":1}","ttl":60}}`},
		{"/channels/private-cache-empty", []string{"info", "cache"}, 200, `{"occupied":false,"cache":null}`},
		{"/channels/pub", []string{"info", "user_count"}, 400, "user_count may only be requested for presence channels"},
		{"/channels/pub", []string{"info", "cache"}, 400, "cache may only be requested for cache channels"},
		{"/channels/pub", []string{"info", "foo"}, 400, "info should be a comma separated list of attributes"},
		{"/channels/a b", nil, 400, "Invalid channel name: 'a b'"},
		{"/channels/a/b", nil, 404, "Not found"},
		{"/channels/" + strings.Repeat("c", 165), nil, 400, "Invalid channel name: '" + strings.Repeat("c", 165) + "'"},
		{"/channels/#server-to-user-u1", nil, 200, `{"occupied":true}`},
		{"/channels/a@b,c;d=e.f-g_h", nil, 200, `{"occupied":false}`},

		{"/channels/presence-a/users", nil, 200, `{"users":[{"id":"1"},{"id":"2"}]}`},
		{"/channels/presence-nobody/users", nil, 200, `{"users":[]}`},
		{"/channels/pub/users", nil, 400, "Users can only be retrieved for presence channels"},
		{"/channels/private-x/users", nil, 400, "Users can only be retrieved for presence channels"},
		{"/channels/presence-a b/users", nil, 400, "Invalid channel name: 'presence-a b'"},
	} {
		got := l.signed("GET", "/apps/3"+tt.path, "", tt.params...)
		if got.status != tt.status || got.body != tt.want && !sameJSON(got.body, tt.want) {
			t.Errorf("GET %s %q: got %d %s, want %d %s", tt.path, tt.params, got.status, got.body, tt.status, tt.want)
		}
		wantType := "text/plain; charset=utf-8"
		if tt.status == 200 {
			wantType = "application/json"
		}
		if ct := got.header.Get("Content-Type"); ct != wantType {
			t.Errorf("GET %s: Content-Type %q, want %q", tt.path, ct, wantType)
		}
	}
}

func TestSubscriptionCountNeedsTheSetting(t *testing.T) {
	l := start(t, func(l *lab, _ *rest.Config) { l.app.SubscriptionCount = false })
	for _, path := range []string{"/apps/3/channels", "/apps/3/channels/pub"} {
		got := l.signed("GET", path, "", "info", "subscription_count")
		if got.status != 400 || got.body != "subscription_count is not enabled for this app" {
			t.Errorf("%s: got %d %q", path, got.status, got.body)
		}
	}
}

func TestTTLIsRoundedUp(t *testing.T) {
	for ttl, want := range map[time.Duration]string{
		time.Nanosecond:                      `{"occupied":true,"cache":{"data":"event data","ttl":1}}`,
		time.Second:                          `{"occupied":true,"cache":{"data":"event data","ttl":1}}`,
		30*time.Minute - 10*time.Millisecond: `{"occupied":true,"cache":{"data":"event data","ttl":1800}}`,
	} {
		l := start(t, func(l *lab, _ *rest.Config) { l.node.ttl = ttl })
		if got := l.signed("GET", "/apps/3/channels/cache-x", "", "info", "cache"); !sameJSON(got.body, want) {
			t.Errorf("%v left: got %s, want %s", ttl, got.body, want)
		}
	}
}

func TestManyChannelsAreListedWhole(t *testing.T) {
	const n = 20000
	l := start(t, func(l *lab, _ *rest.Config) {
		l.node.counts = make(map[string]rest.Counts, n)
		for i := range n {
			l.node.counts["channel-"+strings.Repeat("0", 20)+string(rune('a'+i%26))+time.Duration(i).String()] = rest.Counts{Occupied: true}
		}
	})
	for range 2 { // the second must not find anything of the first in the pooled state
		got := l.signed("GET", "/apps/3/channels", "")
		if c := strings.Count(got.body, `"channel-`); got.status != 200 || c != n || !strings.HasSuffix(got.body, "}}") {
			t.Errorf("got %d, %d channels in %d bytes, want %d", got.status, c, len(got.body), n)
		}
	}
	if got := l.signed("GET", "/apps/3/channels", "", "filter_by_prefix", "none"); got.body != `{"channels":{}}` {
		t.Errorf("after a long list: got %s", got.body)
	}
}

// Neither the list of an app with many channels is made before it is sent, nor what nobody reads.
func TestALongListIsMadeAsItIsRead(t *testing.T) {
	const n = 200_000 // more than sockets hold
	l := start(t, func(l *lab, _ *rest.Config) {
		l.node.counts = make(map[string]rest.Counts, n)
		for i := range n {
			l.node.counts[fmt.Sprintf("channel-%0100d", i)] = rest.Counts{Occupied: true}
		}
	})
	c := l.dial()
	io.WriteString(c, head("GET", sign("GET", "/apps/3/channels", ""), ""))
	first := make([]byte, 1000)
	if _, err := io.ReadFull(c, first); err != nil || !bytes.Contains(first, []byte("Transfer-Encoding: chunked")) {
		t.Fatalf("%v, %.300q; want an answer in chunks", err, first)
	}
	if got := l.node.visited.Load(); got == n {
		t.Error("all channels were listed before anything was read")
	}
	_ = c.Close()
	// HTTP/1.0 knows no chunks. A HEAD has no body to make.
	old := l.dial()
	io.WriteString(old, strings.Replace(head("GET", sign("GET", "/apps/3/channels", ""), ""), "HTTP/1.1", "HTTP/1.0", 1))
	if got := read(t, bufio.NewReader(old), "GET"); got.status != 200 || strings.Count(got.body, `"channel-`) != n || got.header.Get("Content-Length") != strconv.Itoa(len(got.body)) {
		t.Errorf("HTTP/1.0: %d, %d bytes, Content-Length %s", got.status, len(got.body), got.header.Get("Content-Length"))
	}
	_ = old.Close()
	l.node.visited.Store(0)
	if got := l.signed("HEAD", "/apps/3/channels", ""); got.status != 200 || got.body != "" || l.node.visited.Load() == n {
		t.Errorf("HEAD: %d, %d bytes, %d channels listed", got.status, len(got.body), l.node.visited.Load())
	}
	if got := l.signed("GET", "/apps/3/channels", ""); strings.Count(got.body, `"channel-`) != n || !json.Valid([]byte(got.body)) {
		t.Errorf("%d bytes, valid %v", len(got.body), json.Valid([]byte(got.body)))
	}
}

func TestHeadAnswersLikeGetWithoutTheBody(t *testing.T) {
	l := start(t, nil)
	got := l.signed("HEAD", "/apps/3/channels/pub", "")
	if got.status != 200 || got.body != "" || got.header.Get("Content-Length") != "17" {
		t.Errorf(`got %d %q, Content-Length %s, want 200 and the length of {"occupied":true}`, got.status, got.body, got.header.Get("Content-Length"))
	}
}
