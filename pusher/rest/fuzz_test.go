package rest_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/app/appstatic"
	"github.com/gannet-io/gannet/pusher/rest"
)

// handler returns a server without a listener, for what needs no network.
func handler(tb testing.TB) (*rest.Server, *fakeNode) {
	apps, err := appstatic.New([]*app.App{newApp(), otherApp()})
	if err != nil {
		tb.Fatal(err)
	}
	node := newNode()
	s := rest.New(rest.Config{Node: node, Apps: apps, Now: func() time.Time { return time.Unix(moment, 0) }})
	tb.Cleanup(func() { s.Shutdown(context.Background()) })
	return s, node
}

// FuzzHandler sends any target and body to the handler; with signed, the target's path and the body get a
// good signature first, so that what lies behind it is reached.
func FuzzHandler(f *testing.F) {
	for _, target := range []string{
		"/", "/up", "/readyz", "*", "", "?", "http://x", "//", "/%", "/apps/3/events?a=%zz&&=&;",
		"/apps/3/events", "/apps/3/batch_events", "/apps/3/channels?info=user_count&filter_by_prefix=presence-", "/apps/3/channels/presence-a?info[]=user_count",
		"/apps/3/channels/cache-x?info=cache", "/apps/3/channels/presence-a/users", "/apps/3/users/u1/terminate_connections",
		"/users/u1/terminate_connections?auth_key=" + key, "/apps/%33/channels/%70ub",
	} {
		for _, body := range []string{
			"", "{}", `{"name":"ev","data":"x","channels":["a","b"],"socket_id":"1.2","info":"user_count"}`,
			`{"batch":[{"name":"ev","data":"x","channel":"presence-a","info":"user_count"}]}`, "\xff", "[[[[",
		} {
			f.Add("POST", target, body, true)
			f.Add("GET", target, body, false)
		}
	}
	statuses := []int{200, 204, 400, 401, 403, 404, 405, 413, 415}
	s, node := handler(f)
	f.Fuzz(func(t *testing.T, method, target, body string, signed bool) {
		if signed {
			path, query, _ := strings.Cut(target, "?")
			var params []string
			for pair := range strings.SplitSeq(query, "&") {
				if name, value, ok := strings.Cut(pair, "="); ok && name != "" && strings.ToLower(name) == name {
					params = append(params, name, value)
				}
			}
			target = sign(method, path, body, params...)
		}
		var ctx fasthttp.RequestCtx
		ctx.Request.Header.SetMethod(method)
		ctx.Request.Header.SetRequestURI(target)
		ctx.Request.SetBodyString(body)
		s.Handle(&ctx)
		status := ctx.Response.StatusCode()
		if !slices.Contains(statuses, status) {
			t.Errorf("%q %q %q: status %d %q", method, target, body, status, ctx.Response.Body())
		}
		if sent := node.taken(); len(sent) > 0 && (status != 200 || !signed && !strings.Contains(target, "auth_signature")) {
			t.Errorf("%q %q %q: status %d, and published %v", method, target, body, status, sent)
		}
		if status == http.StatusOK && strings.HasPrefix(target, "/apps/") && (len(ctx.Response.Body()) < 2 || ctx.Response.Body()[0] != '{') {
			t.Errorf("%q %q: 200 with %q", method, target, ctx.Response.Body())
		}
	})
}
