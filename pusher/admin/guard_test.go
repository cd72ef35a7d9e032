package admin_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/gannet-io/gannet/pusher/admin"
)

const (
	token    = "a-long-token-of-scripts"
	password = "pass word"
)

// A call is a request by hand: a Host header among the headers is the request's.
type call struct {
	method, path string
	headers      string // "Name: value" lines
	body         string
}

func (c call) do(t *testing.T, base string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest(c.method, base+c.path, strings.NewReader(c.body))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.SplitSeq(c.headers, "\n") {
		name, value, _ := strings.Cut(line, ": ")
		switch name {
		case "":
		case "Host":
			req.Host = value
		default:
			req.Header.Set(name, value)
		}
	}
	if c.body != "" && req.Header.Get("Content-Type") == "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

// logIn returns a cookie header.
func logIn(t *testing.T, base string) string {
	t.Helper()
	resp, body := call{"POST", "/api/session", "X-Gannet-Request: 1", `{"secret":"` + password + `"}`}.do(t, base)
	if resp.StatusCode != 200 || len(resp.Cookies()) != 1 {
		t.Fatalf("logging in: %d %s %v", resp.StatusCode, body, resp.Cookies())
	}
	c := resp.Cookies()[0]
	if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.MaxAge != 12*60*60 || len(c.Value) < 43 {
		t.Errorf("the cookie is %s", c)
	}
	return "Cookie: " + c.Name + "=" + c.Value
}

// code returns the member of that name in an answer of the API.
func code(body string) string {
	var said struct{ Code, Error string }
	if json.Unmarshal([]byte(body), &said) != nil || said.Error == "" {
		return "no error: " + body
	}
	return said.Code
}

func TestWhoMayAskForWhat(t *testing.T) {
	things := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "{}") })
	open := admin.Config{PublicHealth: true}
	both := admin.Config{Token: token, Password: password, PublicHealth: true}
	closed := admin.Config{Token: token, Password: password}
	public := admin.Config{Token: token, Password: password, PublicHealth: true, PublicMetrics: true}
	onlyToken := admin.Config{Token: token}
	onlyPassword := admin.Config{Password: password}
	const header = "\nX-Gannet-Request: 1"
	for i, tt := range []struct {
		cfg          admin.Config
		method, path string
		headers      string // COOKIE stands for that of a session
		want         int
	}{
		{open, "GET", "/api/things", "", 200},
		{open, "POST", "/api/things", "", 403},
		{open, "POST", "/api/things", header, 200},
		{open, "GET", "/metrics", "", 200},
		{open, "GET", "/debug/pprof/cmdline", "", 200},

		{both, "GET", "/api/things", "", 401},
		{both, "GET", "/api/version", "", 401},
		{both, "GET", "/api/nonesuch", "", 401},
		{both, "POST", "/api/things", header, 401},
		{both, "GET", "/metrics", "", 401},
		{both, "GET", "/debug/pprof/", "", 401},
		{both, "GET", "/debug/pprof/cmdline", "", 401},
		{both, "POST", "/debug/pprof/symbol", "", 401},
		{both, "GET", "/debug/pprof", "", 401},
		{both, "GET", "/healthz", "", 200},
		{both, "GET", "/readyz", "", 200},
		{both, "GET", "/api/session", "", 200},
		{both, "GET", "/", "", 200},
		{closed, "GET", "/healthz", "", 401},
		{closed, "GET", "/readyz", "", 401},
		{closed, "GET", "/healthz", "Authorization: Bearer " + token, 200},
		{public, "GET", "/metrics", "", 200},
		{public, "GET", "/metrics", "Host: prometheus.example", 200},
		{public, "GET", "/api/things", "", 401},

		{both, "GET", "/api/things", "Authorization: Bearer " + token, 200},
		{both, "GET", "/api/things", "authorization: bearer " + token, 200},
		{both, "POST", "/api/things", "Authorization: Bearer " + token, 200},
		{both, "GET", "/metrics", "Authorization: Bearer " + token, 200},
		{both, "GET", "/metrics", "Authorization: Bearer " + token + "\nHost: gannet.svc:9601", 200},
		{both, "GET", "/debug/pprof/cmdline", "Authorization: Bearer " + token, 200},
		{both, "GET", "/api/things", "Authorization: Bearer " + token[:len(token)-1], 401},
		{both, "GET", "/api/things", "Authorization: Bearer " + token + "x", 401},
		{both, "GET", "/api/things", "Authorization: Bearer", 401},
		{both, "GET", "/api/things", "Authorization: Bearer " + password, 401},
		{both, "GET", "/api/things", "Authorization: Basic " + token, 401},
		{onlyPassword, "GET", "/api/things", "Authorization: Bearer ", 401},
		{onlyPassword, "GET", "/api/things", "Authorization: Bearer " + token, 401},
		{onlyToken, "GET", "/api/things", "", 401},
		{onlyToken, "GET", "/api/things", "Authorization: Bearer " + token, 200},

		{both, "GET", "/api/things", "COOKIE", 200},
		{both, "POST", "/api/things", "COOKIE", 403},
		{both, "POST", "/api/things", "COOKIE" + header, 200},
		{both, "DELETE", "/api/things", "COOKIE" + header, 200},
		{both, "GET", "/metrics", "COOKIE", 200},
		{both, "GET", "/debug/pprof/cmdline", "COOKIE", 200},
		{both, "GET", "/api/things", "Cookie: gannet-session=", 401},
		{both, "GET", "/api/things", "Cookie: gannet-session=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", 401},
	} {
		cfg := tt.cfg
		cfg.API = map[string]http.Handler{"/api/things": things}
		base, _ := serve(t, cfg)
		if rest, ok := strings.CutPrefix(tt.headers, "COOKIE"); ok {
			tt.headers = logIn(t, base) + rest
		}
		resp, body := call{tt.method, tt.path, tt.headers, ""}.do(t, base)
		if resp.StatusCode != tt.want {
			t.Errorf("%d: %s %s %q: got %d %.100s, want %d", i, tt.method, tt.path, tt.headers, resp.StatusCode, body, tt.want)
		}
		if strings.Contains(body, token) || strings.Contains(body, password) {
			t.Errorf("%d: the answer has the secret: %s", i, body)
		}
	}
}

func TestASessionIsBegunAndEnded(t *testing.T) {
	base, _ := serve(t, admin.Config{Password: password, Build: admin.Build{Version: "1.2.3"}})
	if _, body := (call{"GET", "/api/session", "", ""}).do(t, base); body != `{"required":true,"authenticated":false,"expires":null,"version":""}`+"\n" {
		t.Errorf("before: %s", body)
	}
	for _, secret := range []string{"", "pass", "pass word ", "PASS WORD"} {
		resp, body := call{"POST", "/api/session", "X-Gannet-Request: 1", `{"secret":"` + secret + `"}`}.do(t, base)
		if resp.StatusCode != 401 || code(body) != "wrong_secret" || len(resp.Cookies()) > 0 {
			t.Errorf("%q: %d %s %v", secret, resp.StatusCode, body, resp.Cookies())
		}
	}
	cookie := logIn(t, base)
	_, body := call{"GET", "/api/session", cookie, ""}.do(t, base)
	var who struct {
		Authenticated bool
		Expires       time.Time
		Version       string
	}
	if err := json.Unmarshal([]byte(body), &who); err != nil || !who.Authenticated || who.Version != "1.2.3" || time.Until(who.Expires) > 12*time.Hour || time.Until(who.Expires) < 11*time.Hour {
		t.Errorf("in: %s %v", body, err)
	}
	if resp, _ := (call{"DELETE", "/api/session", cookie + "\nX-Gannet-Request: 1", ""}).do(t, base); resp.StatusCode != 200 || resp.Cookies()[0].MaxAge >= 0 {
		t.Errorf("logging out: %d %v", resp.StatusCode, resp.Cookies())
	}
	if resp, _ := (call{"GET", "/api/version", cookie, ""}).do(t, base); resp.StatusCode != 401 {
		t.Errorf("after logging out: %d", resp.StatusCode)
	}
}

func TestTwoSessionsHaveDifferentIDs(t *testing.T) {
	base, _ := serve(t, admin.Config{Password: password})
	if a, b := logIn(t, base), logIn(t, base); a == b {
		t.Errorf("both are %s", a)
	}
}

func TestWithoutASecretThereIsNothingToLogInWith(t *testing.T) {
	base, _ := serve(t, admin.Config{})
	resp, body := call{"POST", "/api/session", "X-Gannet-Request: 1", `{"secret":""}`}.do(t, base)
	if resp.StatusCode != 409 || code(body) != "not_required" {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	if _, body := (call{"GET", "/api/session", "", ""}).do(t, base); !strings.HasPrefix(body, `{"required":false,"authenticated":true,"expires":null,`) {
		t.Errorf("%s", body)
	}
}

// A clock that a test sets.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Unix(1_700_000_000, 0)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func TestSessionsEnd(t *testing.T) {
	time0 := newClock()
	base, _ := serve(t, admin.Config{Password: password, Now: time0.now})
	status := func(cookie string) int {
		resp, _ := call{"GET", "/api/version", cookie, ""}.do(t, base)
		return resp.StatusCode
	}
	idle := logIn(t, base)
	time0.pass(2*time.Hour - time.Second)
	if got := status(idle); got != 200 {
		t.Errorf("1 s before it has idled for 2 h: %d", got)
	}
	time0.pass(2 * time.Hour)
	if got := status(idle); got != 401 {
		t.Errorf("2 h after its last request: %d", got)
	}
	busy := logIn(t, base)
	for range 11 {
		time0.pass(time.Hour)
		if got := status(busy); got != 200 {
			t.Fatalf("in use: %d", got)
		}
	}
	time0.pass(time.Hour)
	if got := status(busy); got != 401 {
		t.Errorf("12 h after logging in: %d", got)
	}
}

func TestGuessingIsHeldBack(t *testing.T) {
	time0 := newClock()
	base, _ := serve(t, admin.Config{Password: password, Now: time0.now})
	try := func(secret string) (int, string) {
		resp, _ := call{"POST", "/api/session", "X-Gannet-Request: 1", `{"secret":"` + secret + `"}`}.do(t, base)
		return resp.StatusCode, resp.Header.Get("Retry-After")
	}
	for range 5 {
		if got, _ := try("guess"); got != 401 {
			t.Fatalf("one of the first five: %d", got)
		}
	}
	for _, secret := range []string{"guess", password} {
		if got, retry := try(secret); got != 429 || retry != "30" {
			t.Errorf("%q after five: %d, Retry-After %q; want 429, 30", secret, got, retry)
		}
	}
	time0.pass(30 * time.Second)
	if got, _ := try("guess"); got != 401 {
		t.Errorf("after 30 s: %d", got)
	}
	if got, _ := try("guess"); got != 429 {
		t.Errorf("once more: %d", got)
	}
	time0.pass(30 * time.Second)
	if got, _ := try(password); got != 200 {
		t.Errorf("the right one: %d", got)
	}
}

func TestGuessingATokenIsHeldBack(t *testing.T) {
	time0 := newClock()
	base, _ := serve(t, admin.Config{Token: token, Now: time0.now, PublicHealth: true})
	try := func(path, secret string) (int, string) {
		resp, _ := call{"GET", path, "Authorization: Bearer " + secret, ""}.do(t, base)
		return resp.StatusCode, resp.Header.Get("Retry-After")
	}
	// Who has one that was right once guesses at nothing.
	for range 10 {
		if got, _ := try("/metrics", "an-old-token-of-scripts"); got != 401 {
			t.Fatalf("an old one again: %d", got)
		}
	}
	for i := range 4 {
		if got, _ := try("/api/version", fmt.Sprint("guess-", i)); got != 401 {
			t.Fatalf("one of the first five: %d", got)
		}
	}
	for _, path := range []string{"/api/version", "/api/session", "/metrics", "/debug/pprof/cmdline"} {
		for _, secret := range []string{"guess", token} {
			if got, retry := try(path, secret); got != 429 || retry != "30" {
				t.Errorf("%s with %q after five: %d, Retry-After %q; want 429, 30", path, secret, got, retry)
			}
		}
	}
	if got, _ := try("/healthz", "guess"); got != 200 {
		t.Errorf("health: %d", got)
	}
	time0.pass(30 * time.Second)
	if got, _ := try("/api/version", token); got != 200 {
		t.Errorf("the right one after 30 s: %d", got)
	}
}

func TestPagesOfOtherSitesAreRefused(t *testing.T) {
	things := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "{}") })
	for _, secret := range []string{"", password} {
		base, _ := serve(t, admin.Config{Password: secret, API: map[string]http.Handler{"/api/things": things}})
		host := strings.TrimPrefix(base, "http://")
		cookie := ""
		if secret != "" {
			cookie = logIn(t, base)
		}
		for _, tt := range []struct {
			method, headers string
			want            int
		}{
			{"POST", "X-Gannet-Request: 1\nSec-Fetch-Site: same-origin", 200},
			{"POST", "X-Gannet-Request: 1\nSec-Fetch-Site: none", 200},
			{"POST", "X-Gannet-Request: 1\nOrigin: http://" + host, 200},
			{"POST", "Sec-Fetch-Site: same-origin", 403},
			{"POST", "X-Gannet-Request: 1\nSec-Fetch-Site: cross-site", 403},
			{"POST", "X-Gannet-Request: 1\nSec-Fetch-Site: same-site", 403},
			{"POST", "X-Gannet-Request: 1\nSec-Fetch-Site: same-origin-not", 403},
			{"POST", "X-Gannet-Request: 1\nOrigin: https://evil.example", 403},
			{"POST", "X-Gannet-Request: 1\nOrigin: http://127.0.0.1:1", 403},
			{"POST", "X-Gannet-Request: 1\nOrigin: null", 403},
			{"DELETE", "X-Gannet-Request: 1\nSec-Fetch-Site: cross-site", 403},
			{"GET", "Sec-Fetch-Site: cross-site", 403},
			{"GET", "Sec-Fetch-Site: same-origin", 200},
		} {
			if resp, body := (call{tt.method, "/api/things", cookie + "\n" + tt.headers, ""}).do(t, base); resp.StatusCode != tt.want {
				t.Errorf("%s %q: %d %s, want %d", tt.method, tt.headers, resp.StatusCode, body, tt.want)
			}
		}
		for _, path := range []string{"/metrics", "/debug/pprof/cmdline"} {
			if resp, _ := (call{"GET", path, cookie + "\nSec-Fetch-Site: cross-site", ""}).do(t, base); resp.StatusCode != 403 {
				t.Errorf("%s: %d", path, resp.StatusCode)
			}
		}
		if resp, _ := (call{"GET", "/", "Sec-Fetch-Site: cross-site", ""}).do(t, base); resp.StatusCode != 200 {
			t.Errorf("a link to the console: %d", resp.StatusCode)
		}
		if resp, _ := (call{"OPTIONS", "/api/things", "Origin: https://evil.example\nAccess-Control-Request-Method: POST", ""}).do(t, base); resp.StatusCode != 403 || resp.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("a preflight: %d %v", resp.StatusCode, resp.Header)
		}
	}
}

func TestNamesThatAreNotOursAreRefused(t *testing.T) {
	base, _ := serve(t, admin.Config{Hosts: []string{"console.example", "*.inner.example"}, PublicHealth: true})
	for host, want := range map[string]int{
		"127.0.0.1": 200, "127.0.0.1:9601": 200, "10.1.2.3:9601": 200, "[::1]:9601": 200, "[::1]": 200,
		"localhost": 200, "LOCALHOST:9601": 200, "console.example": 200, "console.example:9601": 200, "a.inner.example": 200,
		"evil.example": 421, "evil.example:9601": 421, "localhost.evil.example": 421, "127.0.0.1.evil.example": 421, "console.example.evil.example": 421, "127.1": 421, "0x7f000001": 421,
	} {
		for _, path := range []string{"/api/version", "/metrics", "/", "/debug/pprof/cmdline"} {
			resp, body := call{"GET", path, "Host: " + host, ""}.do(t, base)
			if resp.StatusCode != want || want == 421 && code(body) != "host_not_allowed" {
				t.Errorf("%s for %s: %d %.100s, want %d", path, host, resp.StatusCode, body, want)
			}
		}
		if resp, _ := (call{"GET", "/healthz", "Host: " + host, ""}).do(t, base); resp.StatusCode != 200 {
			t.Errorf("/healthz for %s: %d", host, resp.StatusCode)
		}
	}
}

func TestTheConsoleIsServedWithItsPolicy(t *testing.T) {
	files := fstest.MapFS{
		"index.html":        {Data: []byte("<!doctype html><title>console</title>")},
		"assets/app-1a2.js": {Data: []byte("1")},
		"icon.svg":          {Data: []byte("<svg/>")},
	}
	base, _ := serve(t, admin.Config{Console: files, Password: password})
	for _, tt := range []struct {
		path       string
		status     int
		kind, keep string
	}{
		{"/", 200, "text/html; charset=utf-8", "no-cache"},
		{"/index.html", 200, "text/html; charset=utf-8", "no-cache"},
		{"/channels/presence-a", 200, "text/html; charset=utf-8", "no-cache"},
		{"/assets/app-1a2.js", 200, "text/javascript; charset=utf-8", "public, max-age=31536000, immutable"},
		{"/icon.svg", 200, "image/svg+xml", "no-cache"},
		{"/assets/gone.js", 404, "text/plain; charset=utf-8", "no-store"},
		{"/assets/", 404, "text/plain; charset=utf-8", "no-store"},
		{"/gone.png", 404, "text/plain; charset=utf-8", "no-store"},
		{"/a/..%2f..%2fetc/passwd", 200, "text/html; charset=utf-8", "no-cache"},
	} {
		resp, body := call{"GET", tt.path, "", ""}.do(t, base)
		h := resp.Header
		if resp.StatusCode != tt.status || h.Get("Content-Type") != tt.kind || h.Get("Cache-Control") != tt.keep {
			t.Errorf("%s: %d %q %q %.50q; want %d %q %q", tt.path, resp.StatusCode, h.Get("Content-Type"), h.Get("Cache-Control"), body, tt.status, tt.kind, tt.keep)
		}
		policy := h.Get("Content-Security-Policy")
		for _, part := range []string{"default-src 'none'", "script-src 'self';", "frame-ancestors 'none'", "base-uri 'none'"} {
			if !strings.Contains(policy, part) {
				t.Errorf("%s: the policy %q lacks %q", tt.path, policy, part)
			}
		}
		if strings.Contains(policy, "unsafe") || strings.Contains(policy, "http") || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("X-Frame-Options") != "DENY" {
			t.Errorf("%s: %v", tt.path, h)
		}
	}
	if resp, _ := (call{"POST", "/", "X-Gannet-Request: 1", ""}).do(t, base); resp.StatusCode != 401 {
		t.Errorf("POST /: %d", resp.StatusCode)
	}
}

func TestBodiesAreBoundedJSON(t *testing.T) {
	base, _ := serve(t, admin.Config{Password: password})
	for _, tt := range []struct {
		headers, body string
		status        int
		code          string
	}{
		{"Content-Type: text/plain", `{"secret":"x"}`, 415, "not_json"},
		{"Content-Type: application/x-www-form-urlencoded", `secret=x`, 415, "not_json"},
		{"Content-Type: application/json; charset=utf-8", `{"secret":"x"}`, 401, "wrong_secret"},
		{"", `{"secret":"x","more":1}`, 400, "bad_body"},
		{"", `{"secret":1}`, 400, "bad_body"},
		{"", `{"secret":"x"}{}`, 400, "bad_body"},
		{"", `{`, 400, "bad_body"},
		{"", `{"secret":"` + strings.Repeat("x", 1<<20) + `"}`, 413, "body_too_large"},
	} {
		resp, body := call{"POST", "/api/session", "X-Gannet-Request: 1\n" + tt.headers, tt.body}.do(t, base)
		if resp.StatusCode != tt.status || code(body) != tt.code {
			t.Errorf("%q %.40q: %d %s; want %d %s", tt.headers, tt.body, resp.StatusCode, body, tt.status, tt.code)
		}
	}
	if resp, body := (call{"PATCH", "/api/session", "X-Gannet-Request: 1", ""}).do(t, base); resp.StatusCode != 405 || code(body) != "method_not_allowed" || resp.Header.Get("Allow") != "GET, POST, DELETE" {
		t.Errorf("PATCH: %d %s %q", resp.StatusCode, body, resp.Header.Get("Allow"))
	}
}
