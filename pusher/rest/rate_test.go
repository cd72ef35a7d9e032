package rest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/rest"
)

func TestAnAppMayAskSoOften(t *testing.T) {
	l := start(t, func(l *lab, _ *rest.Config) { l.app.Limits.RequestsPerSecond = 3 })
	body := `{"name":"ev","data":"x","channel":"a"}`
	ask := func(want int) answer {
		t.Helper()
		got := l.signed("POST", "/apps/3/events", body)
		if got.status != want {
			t.Fatalf("got %d %q, want %d", got.status, got.body, want)
		}
		return got
	}
	ask(200)
	ask(200)
	// Reading counts as well as publishing, and what is wrong with a signed request comes later.
	if got := l.signed("PATCH", "/apps/3/events", body); got.status != 405 {
		t.Fatalf("got %d, want 405", got.status)
	}
	got := ask(429)
	if want := "Too many requests: this app may make 3 a second"; got.body != want || got.header.Get("Retry-After") != "1" {
		t.Errorf("got %q, Retry-After %q; want %q, 1", got.body, got.header.Get("Retry-After"), want)
	}
	if got := l.signed("GET", "/apps/3/channels", ""); got.status != 429 {
		t.Errorf("GET: got %d, want 429", got.status)
	}
	// Strangers neither use it up nor learn of it, and other apps do not feel it.
	if got := l.send("POST", sign("POST", "/apps/3/events", body)+"0", body); got.status != 401 {
		t.Errorf("a bad signature: got %d, want 401", got.status)
	}
	if got := l.send("GET", signAs("otherkey", "othersecret", "GET", "/apps/4/channels", ""), ""); got.status != 200 {
		t.Errorf("another app: got %d %q, want 200", got.status, got.body)
	}
	l.now = l.now.Add(334 * time.Millisecond)
	ask(200)
	ask(429)
	if n := len(l.node.taken()); n != 3 {
		t.Errorf("%d events were published, want 3", n)
	}
	var b strings.Builder
	l.set.WritePrometheus(&b)
	for _, want := range []string{`gannet_rest_refusals_total{reason="request_rate"} 3`, `gannet_rest_requests_total{route="events",status="429"} 2`} {
		if !strings.Contains(b.String(), want+"\n") {
			t.Errorf("the metrics do not have %s", want)
		}
	}
}

// A key that runs wild leaves the app's other keys their share.
func TestEachKeyMayAskSoOften(t *testing.T) {
	l := start(t, func(l *lab, _ *rest.Config) {
		l.app.Limits.RequestsPerSecond, l.app.Limits.KeyRequestsPerSecond = 5, 2
		l.app.Keys = append(l.app.Keys, app.Key{Key: "second", Secret: "secret2"}, app.Key{Key: "third", Secret: "secret3"})
		l.app.Compat.JSONErrors = true
	})
	for i, tt := range []struct {
		key, secret string
		want        int
		body        string
	}{
		{key, secret, 200, ""}, {key, secret, 200, ""},
		{key, secret, 429, `{"error":"Too many requests: this key may make 2 a second","code":429}`},
		{"second", "secret2", 200, ""}, {"second", "secret2", 200, ""}, {"second", "secret2", 429, ""},
		// The refused ones have not used up what the app may have in all.
		{"third", "secret3", 200, ""},
		{"third", "secret3", 429, `{"error":"Too many requests: this app may make 5 a second","code":429}`},
	} {
		got := l.send("GET", signAs(tt.key, tt.secret, "GET", "/apps/3/channels", ""), "")
		if got.status != tt.want || tt.body != "" && got.body != tt.body {
			t.Errorf("%d: got %d %q, want %d %q", i, got.status, got.body, tt.want, tt.body)
		}
	}
}
