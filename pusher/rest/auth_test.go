package rest_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/rest"
)

// vectors are the parts of the shared vectors that concern the HTTP API.
type vectors struct {
	Signing []struct {
		ID, Method, Body, Expect string
		Target                   string `json:"request_target"`
		ServerTime               int64  `json:"server_time"`
		Status                   int    `json:"expect_status"`
		Text                     string `json:"official_error_text"`
	} `json:"http_request_signing"`
	Shapes []struct {
		Endpoint string
		Good     []string
		Bad      []struct{ Body string }
	} `json:"http_response_shapes"`
}

func readVectors(t *testing.T) (v vectors) {
	t.Helper()
	text, err := os.ReadFile("../testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestServerJudgesRequestsAsTheVectorsSay(t *testing.T) {
	v := readVectors(t)
	if len(v.Signing) < 34 {
		t.Fatalf("only %d vectors", len(v.Signing))
	}
	for _, vector := range v.Signing {
		t.Run(vector.ID, func(t *testing.T) {
			l := start(t, func(l *lab, cfg *rest.Config) {
				l.now = time.Unix(vector.ServerTime, 0)
				if strings.HasPrefix(vector.Target, "/realtime/") {
					cfg.PathPrefix = "/realtime"
				}
			})
			got := l.send(vector.Method, vector.Target, vector.Body)
			switch vector.Expect {
			case "accept":
				// Some are well signed and ask for what there is not, such as user_count without a filter.
				if got.status != 200 && got.status != 400 {
					t.Errorf("got %d %q, want it accepted", got.status, got.body)
				}
			case "reject":
				if got.status != vector.Status {
					t.Errorf("got %d %q, want %d", got.status, got.body, vector.Status)
				}
				if vector.Text != "" && got.body != vector.Text {
					t.Errorf("got %q, want %q", got.body, vector.Text)
				}
				if sent := l.node.taken(); len(sent) != 0 {
					t.Errorf("published %v", sent)
				}
			default:
				t.Fatalf("expect is %q", vector.Expect)
			}
		})
	}
}

func TestPHPArraysAreUnderstood(t *testing.T) {
	v := readVectors(t)
	for _, vector := range v.Signing {
		if vector.ID != "get-array-brackets" && vector.ID != "get-array-php" {
			continue
		}
		// user_count without a filter, so 400 says that the values were read.
		l := start(t, nil)
		got := l.send(vector.Method, vector.Target, vector.Body)
		if got.status != 400 || !strings.HasPrefix(got.body, "user_count may only") {
			t.Errorf("%s: got %d %q", vector.ID, got.status, got.body)
		}
	}
}

func TestKeysOpenTheirOwnAppOnly(t *testing.T) {
	l := start(t, nil)
	for _, tt := range []struct {
		name, target string
		status       int
		want         string
	}{
		{"other app's key on this app", signAs("otherkey", "othersecret", "GET", "/apps/3/channels", ""), 401, "Unknown auth_key"},
		{"this app's key on the other", sign("GET", "/apps/4/channels", ""), 401, "Unknown auth_key"},
		{"no such app", sign("GET", "/apps/999/channels", ""), 401, "Unknown auth_key"},
		{"no such app, unsigned", "/apps/999/channels", 401, "Missing parameter: auth_key"},
		{"this app, unsigned", "/apps/3/channels", 401, "Missing parameter: auth_key"},
		{"the key as app id", sign("GET", "/apps/"+key+"/channels", ""), 401, "Unknown auth_key"},
		{"app id with other letters", sign("GET", "/apps/3%20/channels", ""), 401, "Unknown auth_key"},
		{"right", sign("GET", "/apps/3/channels", "", "filter_by_prefix", "none"), 200, `{"channels":{}}`},
		{"right, other app", signAs("otherkey", "othersecret", "GET", "/apps/4/channels", "", "filter_by_prefix", "none"), 200, `{"channels":{}}`},
	} {
		if got := l.send("GET", tt.target, ""); got.status != tt.status || got.body != tt.want {
			t.Errorf("%s: got %d %q, want %d %q", tt.name, got.status, got.body, tt.status, tt.want)
		}
	}
}

func TestExpectedSignatureIsNeverTold(t *testing.T) {
	l := start(t, nil)
	target := sign("GET", "/apps/3/channels", "")
	cut := len(target) - 64
	want := target[cut:]
	got := l.send("GET", target[:cut]+strings.Repeat("0", 64), "")
	if got.status != 401 || !strings.HasPrefix(got.body, `Invalid signature: you should have sent HmacSHA256Hex("GET\n/apps/3/channels\nauth_key=`+key) {
		t.Errorf("got %d %q", got.status, got.body)
	}
	if !strings.HasSuffix(got.body, `", your_secret_key), but you sent "`+strings.Repeat("0", 64)+`"`) {
		t.Errorf("got %q", got.body)
	}
	for _, s := range []string{want, secret} {
		if strings.Contains(got.body, s) || strings.Contains(l.log.String(), s) {
			t.Errorf("%q is in the answer %q or the log %q", s, got.body, l.log)
		}
	}
	if got := l.send("GET", target[:cut]+strings.ToUpper(want), ""); got.status != 401 && strings.ToUpper(want) != want {
		t.Errorf("upper-case signature: got %d, want 401", got.status)
	}
}

func TestTimestampWindowIsConfigured(t *testing.T) {
	target := sign("GET", "/apps/3/channels/pub", "") // at moment
	for _, tt := range []struct {
		window time.Duration
		late   int64
		status int
		want   string
	}{
		{0, 599, 200, ""},
		{0, 600, 401, "within 600s"},
		{time.Minute, 59, 200, ""},
		{time.Minute, 60, 401, "within 60s"},
		{-1, 1 << 30, 200, ""},
	} {
		l := start(t, func(l *lab, cfg *rest.Config) {
			l.now, cfg.TimestampWindow = time.Unix(moment+tt.late, 0), tt.window
		})
		if got := l.send("GET", target, ""); got.status != tt.status || !strings.Contains(got.body, tt.want) {
			t.Errorf("window %v, %d s late: got %d %q, want %d %q", tt.window, tt.late, got.status, got.body, tt.status, tt.want)
		}
	}
}

func TestKeysRotate(t *testing.T) {
	l := start(t, func(l *lab, _ *rest.Config) {
		l.app.Keys = append(l.app.Keys, app.Key{Key: "newkey", Secret: "newsecret"})
	})
	for _, k := range []app.Key{{Key: key, Secret: secret}, {Key: "newkey", Secret: "newsecret"}} {
		if got := l.send("GET", signAs(k.Key, k.Secret, "GET", "/apps/3/channels/pub", ""), ""); got.status != 200 {
			t.Errorf("key %s: got %d %q", k.Key, got.status, got.body)
		}
	}
	if got := l.send("GET", signAs("newkey", secret, "GET", "/apps/3/channels/pub", ""), ""); got.status != 401 {
		t.Errorf("one key with the other's secret: got %d", got.status)
	}
}

func TestChecksComeInTheirOrder(t *testing.T) {
	l := start(t, func(l *lab, _ *rest.Config) { l.app.Enabled = false })
	const bad = "not JSON"
	for _, tt := range []struct {
		name   string
		got    answer
		status int
	}{
		{"no path before no signature", l.send("POST", "/apps/3/nonesuch", bad), 404},
		{"no signature before disabled", l.send("POST", "/apps/3/events", bad), 401},
		{"no signature before the method", l.send("PUT", "/apps/3/events", bad), 401},
		{"the method before disabled", l.signed("PUT", "/apps/3/events", bad), 405},
		{"disabled before a bad body", l.signed("POST", "/apps/3/events", bad), 403},
		{"disabled, by key", l.signed("POST", "/users/1/terminate_connections", "{}"), 403},
	} {
		if tt.got.status != tt.status {
			t.Errorf("%s: got %d %q, want %d", tt.name, tt.got.status, tt.got.body, tt.status)
		}
		if tt.status == 403 && tt.got.body != "Application disabled" {
			t.Errorf("%s: got %q", tt.name, tt.got.body)
		}
	}
}

// brokenRegistry cannot tell.
type brokenRegistry struct{}

func (brokenRegistry) ByKey(context.Context, string) (*app.App, error) {
	return nil, errors.New("sql: no connection")
}
func (brokenRegistry) ByID(context.Context, string) (*app.App, error) {
	return nil, errors.New("sql: no connection")
}

func TestRegistryFailureIsNotAnUnknownApp(t *testing.T) {
	l := start(t, func(_ *lab, cfg *rest.Config) { cfg.Apps = brokenRegistry{} })
	for _, path := range []string{"/apps/3/events", "/users/1/terminate_connections"} {
		got := l.signed("POST", path, "{}")
		if got.status != 503 || got.body != "The app cannot be looked up at the moment" {
			t.Errorf("%s: got %d %q, want 503", path, got.status, got.body)
		}
	}
	if n := strings.Count(l.log.String(), "sql: no connection"); n != 2 {
		t.Errorf("logged %d times, want 2: %s", n, l.log)
	}
}
