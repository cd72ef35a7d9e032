package rest_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

func TestTerminateReachesTheNode(t *testing.T) {
	l := start(t, nil)
	for _, tt := range []struct{ path, body, want string }{
		{"/apps/3/users/12345/terminate_connections", "{}", "3/12345"},
		{"/apps/3/users/12345/terminate_connections", "", "3/12345"},
		{"/apps/3/users/12345/terminate_connections", "not JSON, and nobody minds", "3/12345"},
		{"/apps/3/users/a_-=@,.;z/terminate_connections", "{}", "3/a_-=@,.;z"},
		{"/apps/3/users/" + strings.Repeat("u", 128) + "/terminate_connections", "{}", "3/" + strings.Repeat("u", 128)},
		{"/users/12345/terminate_connections", "{}", "3/12345"},
	} {
		l.node.terminated = nil
		got := l.signed("POST", tt.path, tt.body)
		if got.status != 200 || got.body != "{}" || got.header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: got %d %q, want 200 {}", tt.path, got.status, got.body)
		}
		if want := []string{tt.want}; !reflect.DeepEqual(l.node.terminated, want) {
			t.Errorf("%s: terminated %q, want %q", tt.path, l.node.terminated, want)
		}
	}
}

func TestTerminateAliasFindsTheAppByItsKey(t *testing.T) {
	l := start(t, nil)
	const path = "/users/u1/terminate_connections"
	got := l.send("POST", signAs("otherkey", "othersecret", "POST", path, "{}"), "{}")
	if got.status != 200 || !reflect.DeepEqual(l.node.terminated, []string{"4/u1"}) {
		t.Errorf("got %d %q, terminated %q, want user u1 of app 4", got.status, got.body, l.node.terminated)
	}
	l.node.terminated = nil
	for _, tt := range []struct{ target, want string }{
		{signAs("nokey", "othersecret", "POST", path, "{}"), "Unknown auth_key"},
		{path, "Missing parameter: auth_key"},
	} {
		if got := l.send("POST", tt.target, "{}"); got.status != 401 || got.body != tt.want {
			t.Errorf("%s: got %d %q, want 401 %q", tt.target, got.status, got.body, tt.want)
		}
	}
	if got := l.send("POST", signAs("otherkey", secret, "POST", path, "{}"), "{}"); got.status != 401 || !strings.HasPrefix(got.body, "Invalid signature: ") {
		t.Errorf("another app's secret: got %d %q", got.status, got.body)
	}
	if len(l.node.terminated) != 0 {
		t.Errorf("terminated %q", l.node.terminated)
	}
}

func TestTerminateRefusesIDsNobodyCanHave(t *testing.T) {
	l := start(t, nil)
	for _, id := range []string{"a b", "a/b", "ü", strings.Repeat("u", 129), "a\n"} {
		target := sign("POST", "/apps/3/users/"+id+"/terminate_connections", "{}")
		if id == "a/b" {
			// The slash must be escaped here; it stays inside of the one segment.
			target = strings.Replace(target, "users/a/b/", "users/a%2Fb/", 1)
		}
		if got := l.send("POST", target, "{}"); got.status != 400 || got.body != "Invalid user id" {
			t.Errorf("%q: got %d %q, want 400", id, got.status, got.body)
		}
	}
	if got := l.signed("POST", "/apps/3/users//terminate_connections", "{}"); got.status != 404 {
		t.Errorf("empty id: got %d, want 404", got.status)
	}
	if len(l.node.terminated) != 0 {
		t.Errorf("terminated %q", l.node.terminated)
	}
}

func TestTerminateSaysWhenOtherNodesWereNotTold(t *testing.T) {
	l := start(t, nil)
	l.node.publishErr = errors.New("the backbone is away")
	got := l.signed("POST", "/apps/3/users/u1/terminate_connections", "{}")
	if got.status != 503 || strings.Contains(got.body, "backbone") || !reflect.DeepEqual(l.node.terminated, []string{"3/u1"}) {
		t.Errorf("got %d %q, terminated %q", got.status, got.body, l.node.terminated)
	}
}
