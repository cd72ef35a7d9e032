//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const adminToken = "a-token-for-the-tests"

// An operator asks the admin API of a server.
type operator struct {
	t *testing.T
	s *server
}

// ask returns the status and the answer, decoded.
func (o *operator) ask(method, path, body string) (int, map[string]any) {
	o.t.Helper()
	req, err := http.NewRequest(method, "http://"+o.s.admin+path, strings.NewReader(body))
	check(o.t, err)
	req.Header.Set("Authorization", "Bearer "+adminToken)
	req.Header.Set("X-Gannet-Request", "1")
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(req)
	check(o.t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	check(o.t, err)
	if strings.Contains(string(text), full.Secret) && !strings.HasSuffix(path, "/reveal") {
		o.t.Errorf("%s %s shows the secret of an app", method, path)
	}
	var answer map[string]any
	if err := json.Unmarshal(text, &answer); err != nil {
		o.t.Fatalf("%s %s: %d %.200s: %v", method, path, resp.StatusCode, text, err)
	}
	return resp.StatusCode, answer
}

// get is ask for what must be there.
func (o *operator) get(path string) map[string]any {
	o.t.Helper()
	status, answer := o.ask("GET", path, "")
	if status != 200 {
		o.t.Fatalf("GET %s: %d %v", path, status, answer)
	}
	return answer
}

// at returns what is at a path of names and indices in an answer.
func at(answer any, path ...any) any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			m, _ := answer.(map[string]any)
			answer = m[step]
		case int:
			list, _ := answer.([]any)
			if step >= len(list) {
				return nil
			}
			answer = list[step]
		}
	}
	return answer
}

func (o *operator) want(answer any, want any, path ...any) {
	o.t.Helper()
	if got := at(answer, path...); got != want {
		o.t.Errorf("%v is %v, want %v", path, got, want)
	}
}

func newOperator(t *testing.T) (*operator, *server) {
	t.Helper()
	folder := t.TempDir()
	file := filepath.Join(folder, "token")
	check(t, os.WriteFile(file, []byte(adminToken+"\n"), 0o600))
	settings := strings.Replace(configured("drain_window: 100ms\n"), `admin: { listen: "127.0.0.1:0" }`, `admin: { listen: "0.0.0.0:0", token_file: "`+file+`" }`, 1)
	config := filepath.Join(folder, "gannet.yaml")
	check(t, os.WriteFile(config, []byte(settings), 0o600))
	s, err := serve(binary, "--config", config)
	if err == nil {
		s.secure = overTLS
		s.admin = strings.Replace(s.admin, "[::]", "127.0.0.1", 1)
	}
	return &operator{t, s}, supervise(t, s, err)
}

func TestAdminAPIShowsWhatThereIs(t *testing.T) {
	o, s := newOperator(t)
	c := connectTo(t, s, full)
	room, news := fresh("presence-room"), fresh("news")
	member := `{"user_id":"u1","user_info":{"name":"Ann"}}`
	c.sendf(`{"event":"pusher:subscribe","data":{"channel":%q,"auth":%q,"channel_data":%q}}`, room, full.sign(c.socketID+":"+room+":"+member), member)
	c.read()
	c.sendf(`{"event":"pusher:subscribe","data":{"channel":%q}}`, news)
	c.read()
	c.read() // the count

	status, answer := o.ask("POST", "/api/apps/id-full/events", `{"name":"e","channels":["`+news+`"],"data":{"a":"<&>"}}`)
	if status != 200 {
		t.Fatalf("publishing: %d %v", status, answer)
	}
	o.want(answer, 1.0, "channels", news, "receivers")
	if got, want := c.read(), event("e", news, `{"a":"<&>"}`); got != want {
		t.Errorf("published: got %s, want %s", got, want)
	}

	app := o.get("/api/apps/id-full")
	o.want(app, "id-full", "app", "id")
	o.want(app, 1.0, "app", "connections")
	o.want(app, 2.0, "app", "channels")
	o.want(app, 1.0, "app", "traffic", "published")
	o.want(app, 1.0, "app", "traffic", "deliveries")
	o.want(app, "key-full", "app", "keys", 0, "key")
	if apps, _ := o.get("/api/apps")["apps"].([]any); len(apps) != len(accounts) {
		t.Errorf("%d apps, want %d", len(apps), len(accounts))
	}
	_, keys := o.ask("POST", "/api/apps/id-full/reveal", "{}")
	o.want(keys, full.Secret, "keys", 0, "secret")

	list := o.get("/api/apps/id-full/channels")
	o.want(list, 2.0, "total")
	o.want(list, news, "channels", 0, "name")
	o.want(list, room, "channels", 1, "name")
	o.want(list, 1.0, "channels", 1, "members")
	o.want(o.get("/api/apps/id-full/channels?kind=presence"), 1.0, "total")
	o.want(o.get("/api/apps/id-full/channels?contains=oom-"), room, "channels", 0, "name")
	o.want(o.get("/api/apps/id-full/channels?prefix=x"), 0.0, "total")
	page := o.get("/api/apps/id-full/channels?limit=1")
	o.want(page, news, "next")
	page = o.get("/api/apps/id-full/channels?limit=1&after=" + url.QueryEscape(news))
	o.want(page, room, "channels", 0, "name")
	o.want(page, nil, "next")
	o.want(o.get("/api/apps/id-full/channels?order=subscribers&limit=1"), 1.0, "channels", 0, "subscribers")

	channel := o.get("/api/apps/id-full/channels/" + room)
	o.want(channel, "u1", "members", "members", 0, "id")
	o.want(channel, 1.0, "members", "members", 0, "connections")
	o.want(channel, "Ann", "members", "members", 0, "info", "name")
	o.want(channel, nil, "events")
	o.want(o.get("/api/apps/id-full/channels/"+room+"/members"), "u1", "members", 0, "id")
	o.want(o.get("/api/apps/id-full/channels/nobody"), 0.0, "channel", "subscribers")

	for _, query := range []string{"", "?app=id-full", "?q=u1", "?user=u1", "?channel=" + news, "?address=127.", "?socket_id=" + c.socketID, "?order=any"} {
		o.want(o.get("/api/connections"+query), c.socketID, "connections", 0, "socket_id")
	}
	conn := o.get("/api/connections/" + c.socketID)
	o.want(conn, "u1", "connection", "user")
	o.want(conn, 2.0, "connection", "channels_total")
	o.want(conn, nil, "connection", "last_error")
	o.want(conn, "127.0.0.1", "connection", "address")

	over := o.get("/api/overview")
	o.want(over, 1.0, "totals", "connections")
	o.want(over, 1.0, "totals", "published_rest")
	o.want(over, true, "ready")
	if _, ok := at(over, "timeline", "at").([]any); !ok {
		t.Errorf("no time line: %v", over["timeline"])
	}
	o.want(o.get("/api/cluster"), "none", "driver")
	o.want(o.get("/api/health"), true, "live")

	if status, _ := o.ask("POST", "/api/connections/"+c.socketID+"/close", `{"code":4200}`); status != 200 {
		t.Errorf("closing: %d", status)
	}
	c.read() // the pusher:error
	c.expectClose(4200)
}

func TestAdminAPIShowsThePast(t *testing.T) {
	o, _ := newOperator(t)
	name := fresh("past")
	for n := range 60 {
		if status, answer := o.ask("POST", "/api/apps/id-lasting/events", trigger(name, fmt.Sprint(n))); status != 200 {
			t.Fatalf("%d %v", status, answer)
		}
	}
	channel := o.get("/api/apps/id-lasting/channels/" + name)
	o.want(channel, "59", "events", "events", 0, "message", "data")
	o.want(channel, "40", "events", "events", 19, "message", "data")
	head, _ := at(channel, "channel", "history", "head").(string)
	if !strings.HasSuffix(head, "-60") {
		t.Errorf("head is %q", head)
	}
	next, _ := at(channel, "events", "next").(string)
	page := o.get("/api/apps/id-lasting/channels/" + name + "/events?limit=50&before=" + next)
	o.want(page, "39", "events", 0, "message", "data")
	o.want(page, "0", "events", 39, "message", "data")
	o.want(page, nil, "next")
}

func TestAdminAPIRefusesWhatIsWrong(t *testing.T) {
	o, _ := newOperator(t)
	for _, tt := range []struct {
		method, path, body string
		status             int
		code               string
	}{
		{"GET", "/api/apps/none", "", 404, "no_such_app"},
		{"GET", "/api/apps/none/channels", "", 404, "no_such_app"},
		{"GET", "/api/apps?x=1", "", 400, "unknown_parameter"},
		{"GET", "/api/apps/id-full/channels?limit=0", "", 400, "bad_limit"},
		{"GET", "/api/apps/id-full/channels?limit=501", "", 400, "bad_limit"},
		{"GET", "/api/apps/id-full/channels?kind=x", "", 400, "bad_kind"},
		{"GET", "/api/apps/id-full/channels?order=x", "", 400, "bad_order"},
		{"GET", "/api/apps/id-full/channels/a%20b", "", 400, "bad_channel"},
		{"GET", "/api/apps/id-full/channels/a/members", "", 400, "not_presence"},
		{"GET", "/api/apps/id-full/channels/a/events", "", 400, "no_history"},
		{"GET", "/api/apps/id-lasting/channels/a/events?before=x", "", 400, "bad_before"},
		{"GET", "/api/connections?limit=x", "", 400, "bad_limit"},
		{"GET", "/api/connections?order=any&cursor=x", "", 400, "bad_cursor"},
		{"GET", "/api/connections/1.2", "", 404, "no_such_connection"},
		{"POST", "/api/connections/1.2/close", "{}", 404, "no_such_connection"},
		{"POST", "/api/connections/1.2/close", `{"code":1000}`, 400, "bad_code"},
		{"POST", "/api/apps/none/users/u/terminate_connections", "{}", 404, "no_such_app"},
		{"POST", "/api/apps/id-full/users/a%00b/terminate_connections", "{}", 400, "bad_user"},
		{"POST", "/api/apps/id-full/users/u/terminate_connections", "", 415, "not_json"},
		{"POST", "/api/apps/id-full/users/u/terminate_connections", `{"code":4200}`, 400, "bad_body"},
		{"POST", "/api/apps/id-full/reveal", "", 415, "not_json"},
		{"GET", "/api/apps/id-full/reveal", "", 405, "method_not_allowed"},
		{"POST", "/api/apps/id-disabled/events", `{"name":"e","channels":["a"],"data":"x"}`, 403, "app_disabled"},
		{"POST", "/api/apps/id-full/events", `{"name":"e","channels":["a b"],"data":"x"}`, 400, "bad_channel"},
		{"POST", "/api/apps/id-full/events", `{"name":"pusher:e","channels":["a"],"data":"x"}`, 400, "reserved_event"},
		{"POST", "/api/apps/id-full/events", `{"name":"e","channels":["a"],"data":"` + strings.Repeat("x", 11000) + `"}`, 413, "data_too_large"},
		{"POST", "/api/apps/id-full/events", `{"name":"e","channels":["a"]}`, 400, "no_data"},
		{"POST", "/api/apps/id-full/events", `{"name":"e","channels":["a"],"data":"x","more":1}`, 400, "bad_body"},
		{"GET", "/api/overview?since=x", "", 400, "bad_since"},
		{"GET", "/api/nonesuch", "", 404, "not_found"},
	} {
		status, answer := o.ask(tt.method, tt.path, tt.body)
		if status != tt.status || answer["code"] != tt.code || answer["error"] == "" {
			t.Errorf("%s %s %.60s: %d %v, want %d %s", tt.method, tt.path, tt.body, status, answer, tt.status, tt.code)
		}
	}
}
