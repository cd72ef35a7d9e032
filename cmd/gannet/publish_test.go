package main_test

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// A published request is what a stub server has seen.
type published struct {
	path, contentType string
	key               string // auth_key
	body              map[string]any
	problem           string // with the signature; empty: it is good
}

// hmacHex is the signature of auth.md, by hand.
func hmacHex(secret, message string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(message))
	return hex.EncodeToString(mac.Sum(nil))
}

// restStub answers every request with status and answer, and tells what came.
func restStub(t *testing.T, prefix, secret string, status int, answer string) (url string, seen <-chan published) {
	t.Helper()
	requests := make(chan published, 10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		p := published{path: r.URL.Path, contentType: r.Header.Get("Content-Type"), key: r.URL.Query().Get("auth_key")}
		if err := json.Unmarshal(body, &p.body); err != nil {
			p.problem = fmt.Sprintf("body %q: %v", body, err)
		}
		pairs := strings.Split(r.URL.RawQuery, "&")
		signature := ""
		pairs = slices.DeleteFunc(pairs, func(pair string) bool {
			value, ok := strings.CutPrefix(pair, "auth_signature=")
			if ok {
				signature = value
			}
			return ok
		})
		slices.Sort(pairs)
		query := strings.Join(pairs, "&")
		if want := hmacHex(secret, "POST\n"+strings.TrimPrefix(r.URL.Path, prefix)+"\n"+query); signature != want {
			p.problem = fmt.Sprintf("signature %s over %q, want %s", signature, query, want)
		}
		if sum := md5.Sum(body); !slices.Contains(pairs, "body_md5="+hex.EncodeToString(sum[:])) {
			p.problem = fmt.Sprintf("body_md5 in %q is not that of %q", query, body)
		}
		requests <- p
		w.WriteHeader(status)
		io.WriteString(w, answer)
	}))
	t.Cleanup(server.Close)
	return server.URL + prefix, requests
}

// closedPort returns a URL where nothing listens, and nothing can until the test ends: the
// port is that of a connection's other end.
func closedPort(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(nil)
	t.Cleanup(server.Close)
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return "http://" + conn.LocalAddr().String()
}

func TestPublishSendsOneSignedRequest(t *testing.T) {
	tests := []struct {
		name, in, prefix string
		args             []string
		want             map[string]any
		out              string
	}{
		{"text", "", "", []string{"c", "e", "hello"}, map[string]any{"name": "e", "channels": []any{"c"}, "data": "hello"}, ""},
		{"JSON goes as it is", "", "", []string{"c", "e", `{"a": 1}`}, map[string]any{"name": "e", "channels": []any{"c"}, "data": `{"a": 1}`}, ""},
		{"empty", "", "", []string{"c", "e", ""}, map[string]any{"name": "e", "channels": []any{"c"}, "data": ""}, ""},
		{"standard input", "one\ntwo\n", "", []string{"c", "e", "-"}, map[string]any{"name": "e", "channels": []any{"c"}, "data": "one\ntwo"}, ""},
		{"socket id", "", "", []string{"c", "e", "d", "--socket-id", "1.2"}, map[string]any{"name": "e", "channels": []any{"c"}, "data": "d", "socket_id": "1.2"}, ""},
		{"info", "", "", []string{"c", "e", "d", "--info", "user_count"}, map[string]any{"name": "e", "channels": []any{"c"}, "data": "d", "info": "user_count"}, "{\"x\":1}\n"},
		{"to a user", "", "", []string{"#server-to-user-7", "e", "d"}, map[string]any{"name": "e", "channels": []any{"#server-to-user-7"}, "data": "d"}, ""},
		{"below a prefix", "", "/realtime", []string{"c", "e", "d"}, map[string]any{"name": "e", "channels": []any{"c"}, "data": "d"}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			url, seen := restStub(t, tt.prefix, "se cret", 200, `{"x":1}`)
			args := append([]string{"publish", "--url", url, "--app-id", "12", "--key", "k", "--secret", "se cret"}, tt.args...)
			code, out, errOut := runCommand(t, tt.in, args...)
			if code != 0 || out != tt.out || errOut != "" {
				t.Fatalf("code %d, out %q, err %q; want 0, %q", code, out, errOut, tt.out)
			}
			got := <-seen
			if got.problem != "" || got.path != tt.prefix+"/apps/12/events" || got.contentType != "application/json" {
				t.Errorf("got %+v", got)
			}
			if fmt.Sprint(got.body) != fmt.Sprint(tt.want) {
				t.Errorf("body %v, want %v", got.body, tt.want)
			}
		})
	}
}

func TestPublishTakesItsTargetFromTheEnvironment(t *testing.T) {
	url, seen := restStub(t, "", "env-secret", 200, "{}")
	t.Setenv("GANNET_URL", strings.Replace(url, "http://", "ws://", 1))
	t.Setenv("GANNET_APP_ID", "env-app")
	publish := func(name string) {
		t.Helper()
		if code, _, errOut := runCommand(t, "", "publish", "c", "e", "d"); code != 0 {
			t.Fatalf("%s: code %d, %s", name, code, errOut)
		}
		if got := <-seen; got.problem != "" || got.path != "/apps/env-app/events" || got.key != "env-key" {
			t.Errorf("%s: got %+v", name, got)
		}
	}
	// Those that the server was started with.
	t.Setenv("GANNET_APP_KEY", "env-key")
	t.Setenv("GANNET_APP_SECRET", "env-secret")
	publish("the server's")
	// The client's own win.
	t.Setenv("GANNET_APP_KEY", "server-key")
	t.Setenv("GANNET_APP_SECRET", "server-secret")
	t.Setenv("GANNET_KEY", "env-key")
	t.Setenv("GANNET_SECRET", "env-secret")
	publish("the client's")
}

func TestPublishSaysWhatTheServerSaid(t *testing.T) {
	for _, tt := range []struct {
		status       int
		answer, want string
	}{
		{401, "Unknown auth_key\n", "gannet: the server answered 401 Unauthorized: Unknown auth_key\nCheck --app-id, --key and --secret (GANNET_APP_ID, GANNET_KEY, GANNET_SECRET), and that both clocks agree.\n"},
		{404, "", "gannet: the server answered 404 Not Found: (no text)\nCheck --app-id (GANNET_APP_ID) and the path in --url.\n"},
		{413, "too large", "gannet: the server answered 413 Request Entity Too Large: too large\n"},
	} {
		url, _ := restStub(t, "", "s", tt.status, tt.answer)
		if code, out, errOut := runCommand(t, "", "publish", "--url", url, "c", "e", "d"); code != 1 || out != "" || errOut != tt.want {
			t.Errorf("%d: code %d, out %q, err %q; want 1, %q", tt.status, code, out, errOut, tt.want)
		}
	}
}

func TestClientsAdviseWhenNothingListens(t *testing.T) {
	url := closedPort(t)
	want := "gannet: nothing listens at " + url + "; start a server with \"gannet serve --dev\", or say where it is with --url or GANNET_URL\n"
	for _, args := range [][]string{{"publish", "--url", url, "c", "e", "d"}, {"subscribe", "--url", url, "c"}} {
		if code, _, errOut := runCommand(t, "", args...); code != 1 || errOut != want {
			t.Errorf("%q: code %d, %q; want 1, %q", args, code, errOut, want)
		}
	}
}

func TestClientsRefuseWhatIsNoURL(t *testing.T) {
	for url, want := range map[string]string{
		"localhost:6001": `gannet: "localhost:6001" is not a URL such as http://127.0.0.1:6001` + "\n",
		"ftp://x":        `gannet: "ftp://x": the scheme must be http, https, ws or wss` + "\n",
	} {
		for _, args := range [][]string{{"publish", "--url", url, "c", "e", "d"}, {"subscribe", "--url", url, "c"}} {
			if code, _, errOut := runCommand(t, "", args...); code != 1 || errOut != want {
				t.Errorf("%q: code %d, %q; want 1, %q", args, code, errOut, want)
			}
		}
	}
}
