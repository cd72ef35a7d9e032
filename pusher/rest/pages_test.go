package rest_test

import (
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/gannet-io/gannet/pusher/rest"
)

// echoPages says what it is asked.
func echoPages(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/demo/panic" {
		panic("a page fails")
	}
	body, _ := io.ReadAll(r.Body)
	fmt.Fprintf(w, "%s %s %s from %s", r.Method, r.URL, body, r.Host)
}

func TestPagesAreForBrowsersAndBelowTheirPath(t *testing.T) {
	for _, prefix := range []string{"", "/realtime"} {
		l := start(t, func(_ *lab, c *rest.Config) { c.Pages, c.PathPrefix = http.HandlerFunc(echoPages), prefix })
		const html = "Accept: text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"
		for _, tt := range []struct{ method, path, body, accept, want string }{
			{"GET", "/", "", html, "GET /  from api.test"},
			{"GET", "/", "", "Accept: */*", "OK"},
			{"GET", "/", "", "X: no Accept", "OK"},
			{"GET", "/up", "", html, `{"health":"OK"}`},
			{"GET", "/demo/chat?x=1&y=%2F", "", html, "GET /demo/chat?x=1&y=%2F  from api.test"},
			{"POST", "/demo/auth", "a=b", "Accept: */*", "POST /demo/auth a=b from api.test"},
		} {
			got := l.send(tt.method, prefix+tt.path, tt.body, tt.accept)
			if got.status != 200 || got.body != tt.want {
				t.Errorf("%s %s with %s: %d %q, want %q", tt.method, prefix+tt.path, tt.accept, got.status, got.body, tt.want)
			}
			if tt.path == "/" && got.header.Get("Vary") != "Accept" {
				t.Errorf("%s: Vary is %q", tt.accept, got.header.Get("Vary"))
			}
			if origin := got.header.Get("Access-Control-Allow-Origin"); origin != "" {
				t.Errorf("%s: pages of %s may read it", tt.path, origin)
			}
		}
		for _, path := range []string{"/demo", "/demos/", "/apps/3/demo/x"} {
			if got := l.send("GET", prefix+path, "", html); got.status == 200 {
				t.Errorf("GET %s: 200 %q", path, got.body)
			}
		}
		if got := l.send("GET", prefix+"/demo/panic", ""); got.status != 500 {
			t.Errorf("a page that panics: %d, want 500", got.status)
		}
	}
}

func TestPagesNeedTheirSlash(t *testing.T) {
	l := start(t, func(_ *lab, c *rest.Config) { c.Pages, c.PathPrefix = http.HandlerFunc(echoPages), "/realtime" })
	l.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	got := l.send("GET", "/realtime", "", "Accept: text/html")
	if got.status != 308 || got.header.Get("Location") != "/realtime/" {
		t.Errorf("GET /realtime: %d to %q, want 308 to /realtime/", got.status, got.header.Get("Location"))
	}
}

func TestPagesObeyTheHost(t *testing.T) {
	l := start(t, func(_ *lab, c *rest.Config) { c.Pages, c.Hosts = http.HandlerFunc(echoPages), []string{"ws.example"} })
	for _, path := range []string{"/", "/demo/chat"} {
		if got := l.send("GET", path, "", "Accept: text/html"); got.status != 421 {
			t.Errorf("GET %s by another host's name: %d, want 421", path, got.status)
		}
	}
}

func TestWithoutPagesThereAreNone(t *testing.T) {
	l := start(t, nil)
	if got := l.send("GET", "/", "", "Accept: text/html"); got.body != "OK" {
		t.Errorf("GET /: %q, want OK", got.body)
	}
	if got := l.send("GET", "/demo/chat", "", "Accept: text/html"); got.status != 404 {
		t.Errorf("GET /demo/chat: %d, want 404", got.status)
	}
}
