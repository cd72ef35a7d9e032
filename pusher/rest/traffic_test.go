package rest_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/gannet-io/gannet/pusher/rest"
)

func TestBodiesAndRefusalsAreCountedByApp(t *testing.T) {
	l := start(t, func(l *lab, _ *rest.Config) { l.app.Limits.EventBytes = 4 })
	good := `{"name":"ev","data":"x","channel":"a"}`      // 38 bytes, answered by {}
	large := `{"name":"ev","data":"large","channel":"a"}` // 42 bytes
	in, out := 0, 0
	ask := func(target, body string, want int) {
		t.Helper()
		got := l.send("POST", target, body)
		if got.status != want {
			t.Fatalf("%d %q, want %d", got.status, got.body, want)
		}
		in, out = in+len(body), out+len(got.body)
	}
	ask(sign("POST", "/apps/3/events", good), good, 200)
	ask(sign("POST", "/apps/3/events", good), good, 200)
	if in != 2*38 || out != 2*2 {
		t.Fatalf("in %d, out %d: the test's own figures are wrong", in, out)
	}
	ask(sign("POST", "/apps/3/events", large), large, 413)
	ask(sign("POST", "/apps/3/events", good)+"0", good, 401) // it has named a key of the app
	got := l.send("GET", sign("GET", "/apps/3/channels", ""), "")
	if got.status != 200 || !strings.HasPrefix(got.body, `{"channels":`) {
		t.Fatalf("%d %q", got.status, got.body)
	}
	out += len(got.body) // made as it is sent
	// Of nobody's app, and of another one.
	if got := l.send("POST", signAs("nobody", "x", "POST", "/apps/3/events", good), good); got.status != 401 {
		t.Fatalf("got %d", got.status)
	}
	if got := l.send("GET", signAs("otherkey", "othersecret", "GET", "/apps/4/nothing", ""), ""); got.status != 404 {
		t.Fatalf("got %d", got.status)
	}
	var b strings.Builder
	l.set.WritePrometheus(&b)
	for _, want := range []string{
		`gannet_rest_app_body_bytes_in_total{app="3"} ` + strconv.Itoa(in),
		`gannet_rest_app_body_bytes_out_total{app="3"} ` + strconv.Itoa(out),
		`gannet_rest_app_refusals_total{app="3",class="size",reason="data_too_large"} 1`,
		`gannet_rest_app_refusals_total{app="3",class="auth",reason="bad_signature"} 1`,
	} {
		if !strings.Contains(b.String(), want+"\n") {
			t.Errorf("the metrics do not have %s", want)
		}
	}
	if n := strings.Count(b.String(), "gannet_rest_app_refusals_total{"); n != 2 {
		t.Errorf("%d series of refusals, want 2", n)
	}
}
