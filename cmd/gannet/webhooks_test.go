package main_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	main "github.com/gannet-io/gannet/cmd/gannet"
	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/app"
)

func TestWebhooksAreWhatTheFileSays(t *testing.T) {
	cfg, err := load(t, `
apps:
  - id: a
    key: k
    secret: s
    webhooks:
      - url: https://one.example:8443/hook?token=sesame
      - { url: "http://two.example", name: second, events: [member_added, cache_miss], headers: {B: x, A: y}, key: hk, secret: hs, batch: {events: 1},
          retry_for: 0, filter: {prefix: presence-, suffix: -x}, skip_encrypted: true, timeout: 1s, workers: 1 }
`)
	if err != nil {
		t.Fatal(err)
	}
	one := app.DefaultWebhook()
	one.Name, one.URL = "one.example:8443", "https://one.example:8443/hook?token=sesame"
	two := app.Webhook{
		Name: "second", URL: "http://two.example", Events: pusher.HookMemberAdded | pusher.HookCacheMiss,
		Headers: []app.Header{{Name: "A", Value: "y"}, {Name: "B", Value: "x"}}, Key: app.Key{Key: "hk", Secret: "hs"},
		BatchEvents: 1, BatchDelay: 250 * time.Millisecond, Prefix: "presence-", Suffix: "-x", SkipEncrypted: true, Timeout: time.Second, Workers: 1,
	}
	if got, want := cfg.Registered()[0].Webhooks, []app.Webhook{one, two}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	if text := fmt.Sprintf("%+v %#v", cfg, cfg.Apps); strings.Contains(text, "sesame") || strings.Contains(text, "hs") && !strings.Contains(text, "hash") {
		t.Errorf("a secret is printed: %s", text)
	}
}

func TestBadWebhooksAreNamedWithTheirPlace(t *testing.T) {
	const head = "apps: [{id: a, key: k, secret: s, webhooks: [\n"
	for name, tt := range map[string]struct{ text, want string }{
		"no URL":            {`{name: x}`, `gannet.yaml:2:1: apps[0].webhooks[0].url: must not be empty`},
		"a strange URL":     {`{url: "ftp://sesame"}`, `gannet.yaml:2:7: apps[0].webhooks[0].url: want a URL such as https://example.com/hook`},
		"a password":        {`{url: "http://u:sesame@h/"}`, `apps[0].webhooks[0].url: must not hold a password`},
		"an unknown event":  {`{url: "http://h", events: [channel_ocupied]}`, `gannet.yaml:2:28: apps[0].webhooks[0].events[0]: must be one of channel_occupied,`},
		"the nearest event": {`{url: "http://h", events: [channel_ocupied]}`, `did you mean "channel_occupied"?`},
		"headers as text":   {`{url: "http://h", headers: sesame}`, `gannet.yaml:2:28: apps[0].webhooks[0].headers: want names and values, got text`},
		"headers as list":   {`{url: "http://h", headers: [sesame]}`, `apps[0].webhooks[0].headers: want names and values, got a list`},
		"a header's value":  {`{url: "http://h", headers: {X: [sesame]}}`, `apps[0].webhooks[0].headers.X: want text, got a list`},
		"a header twice":    {"{url: \"http://h\", headers: {X: sesame, X: sesame}}", `X`},
		"a header of ours":  {`{url: "http://h", headers: {X-Pusher-Key: sesame}}`, `apps[0].webhooks[0].headers: X-Pusher-Key is for the server to set`},
		"empty headers":     {"{url: \"http://h\", headers: }", `apps[0].webhooks[0].headers has no value; write {} for none, or remove the key`},
		"half a key":        {`{url: "http://h", key: k2}`, `apps[0].webhooks[0].key: needs a secret`},
		"nobody to send":    {`{url: "http://h", workers: 0}`, `gannet.yaml:2:28: apps[0].webhooks[0].workers: must be from 1 to 256, got 0`},
		"no batch":          {`{url: "http://h", batch: {events: 0}}`, `apps[0].webhooks[0].batch.events: must be from 1`},
		"two of one name":   {`{url: "http://h/a"}, {url: "http://h/b"}`, `apps[0].webhooks[1].name: "h" is already the name of apps[0].webhooks[0] at gannet.yaml:2:1`},
		"no such file":      {`{url: "https://h", tls: {cert: none.pem, key: none.key}}`, `apps[0].webhooks[0].tls: client certificate: open none.pem: no such file`},
		"a certificate":     {`{url: "https://h", tls: {cert: none.pem}}`, `apps[0].webhooks[0].tls.cert: needs tls.key`},
		"a misspelt key":    {`{url: "http://h", retries: 5m}`, `unknown key "retries"`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := load(t, head+tt.text+"\n]}]\n")
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "sesame") {
				t.Errorf("got %v\nwant %s", err, tt.want)
			}
		})
	}
	for _, key := range []string{"allow", "deny"} {
		_, err := load(t, oneApp+"webhooks: {"+key+": [10.0.0.1/8]}\n")
		if err == nil || !strings.Contains(err.Error(), "webhooks."+key+`[0]: "10.0.0.1/8" has bits behind its mask`) {
			t.Errorf("%s: %v", key, err)
		}
	}
}

func TestWebhooksThatLeadNowhereAreWarnedAbout(t *testing.T) {
	const text = "apps: [{id: a, key: k, secret: s, webhooks: [{url: \"http://localhost:8000/hook\"}, {url: \"http://10.1.2.3/\"}]}]\n"
	cfg, err := load(t, text)
	if err != nil || len(cfg.Warnings) != 2 || !strings.Contains(cfg.Warnings[0], "127.0.0.1 is a loopback address; webhooks.allow can allow it") {
		t.Errorf("%v, %q", err, cfg.Warnings)
	}
	if cfg, err = load(t, text+"webhooks: {allow: [127.0.0.1, 10.1.0.0/16]}\n"); err != nil || len(cfg.Warnings) > 0 {
		t.Errorf("allowed: %v, %q", err, cfg.Warnings)
	}
	cfg, err = main.Load(main.Sources{File: write(t, text), Dev: true})
	if err != nil || len(cfg.Warnings) > 0 {
		t.Errorf("in development: %v, %q", err, cfg.Warnings)
	}
}

// office is a stub of the admin listener: it answers a method and path with a text, and writes down the bodies.
func office(t *testing.T, answers map[string]string) (url string, asked *[]string) {
	t.Helper()
	asked = new([]string)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		*asked = append(*asked, r.Method+" "+r.URL.RequestURI()+" "+string(body))
		text, ok := answers[r.Method+" "+r.URL.Path]
		if status, rest, cut := strings.Cut(text, " "); cut && len(status) == 3 {
			var code int
			fmt.Sscan(status, &code)
			w.WriteHeader(code)
			text = rest
		}
		if !ok {
			w.WriteHeader(404)
		}
		io.WriteString(w, text)
	}))
	t.Cleanup(s.Close)
	return s.URL, asked
}

func TestWebhooksCommands(t *testing.T) {
	url, asked := office(t, map[string]string{
		"GET /api/webhooks": `{"webhooks":[{"app":"a","webhook":"w","url":"http://h/","events":["cache_miss"],"queued_events":7,"oldest":null,"failing":true}],"dead_letters":3}`,
		"GET /api/webhooks/dead": `{"dead":[{"id":"x-1","app":"a","webhook":"w","reason":"5xx","tries":9,"created":"2026-05-04T03:02:01Z","died":"2026-05-04T03:07:01Z",` +
			`"events":[{"name":"client_event","channel":"private-c","data":"\u009b2J"}]}],"next":"x-1"}`,
		"POST /api/webhooks/replay":  `{"letters":2,"error":"x-3: its queue is full"}`,
		"POST /api/webhooks/discard": `400 {"error":"say which"}`,
		"POST /api/webhooks/test":    `{"webhook":"w","ok":false,"sent":"{}","status":500,"body":"oh\u001b[31m no","took_ms":12}`,
	})
	for _, tt := range []struct {
		args             []string
		code             int
		out, errOut, ask string
	}{
		{[]string{"list"}, 0, "a    w        failing  7       -       http://h/\n3 dead letters\n", "", "GET /api/webhooks "},
		{[]string{"list", "--json"}, 0, `{"webhooks":[{"app":"a"`, "", "GET /api/webhooks "},
		{[]string{"dead", "a", "w", "--limit", "1", "--before", "x-9"}, 0, `5xx`, "there may be more: --before x-1", "GET /api/webhooks/dead?app=a&before=x-9&limit=1&webhook=w "},
		{[]string{"dead"}, 0, `[{"name":"client_event","channel":"private-c","data":"\u009b2J"}]`, "", "GET /api/webhooks/dead?limit=50 "},
		{[]string{"replay", "x-1", "x-2"}, 1, "2 sent again\n", "the rest are dead letters still: x-3: its queue is full", `POST /api/webhooks/replay {"ids":["x-1","x-2"]}`},
		{[]string{"replay", "--app", "a", "--webhook", "w"}, 1, "", "", `POST /api/webhooks/replay {"app":"a","webhook":"w"}`},
		{[]string{"discard", "--all"}, 1, "", "gannet: say which", `POST /api/webhooks/discard {"all":true}`},
		{[]string{"test", "a", "--event", "cache_miss"}, 1, "answered after 12 ms: 500 Internal Server Error\n", "500 is not 2XX", `POST /api/webhooks/test {"app":"a","event":"cache_miss"}`},
	} {
		*asked = nil
		args := append([]string{"webhooks"}, tt.args...)
		code, out, errOut := runCommand(t, "", append(args, "--admin", url)...)
		if code != tt.code || !strings.Contains(out, tt.out) || !strings.Contains(errOut, tt.errOut) || len(*asked) != 1 || (*asked)[0] != tt.ask {
			t.Errorf("%q: code %d\n%s\n%s\nasked %q, want %q", tt.args, code, out, errOut, *asked, tt.ask)
		}
		if strings.Contains(out, "\x1b") {
			t.Errorf("%q: a receiver can steer the terminal: %q", tt.args, out)
		}
	}
	for name, tt := range map[string]struct {
		admin, want string
	}{
		"nobody":         {"http://127.0.0.1:1", "no server has its admin listener at http://127.0.0.1:1; say where it is with --admin"},
		"no socket":      {"unix:/nonexistent/x", "no server has its admin listener at unix:/nonexistent/x"},
		"not a URL":      {"somewhere", `"somewhere" is not a URL such as`},
		"somebody else":  {url + "/elsewhere", "it is no admin listener of Gannet"},
		"another scheme": {"ftp://x", "is not a URL"},
	} {
		if code, _, errOut := runCommand(t, "", "webhooks", "list", "--admin", tt.admin); code != 1 || !strings.Contains(errOut, tt.want) {
			t.Errorf("%s: code %d, %q; want %q", name, code, errOut, tt.want)
		}
	}
}

func TestWebhooksTestSendsWithoutAServer(t *testing.T) {
	bodies := make(chan string, 1)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		bodies <- r.Header.Get("X-Pusher-Key") + " " + string(body)
		io.WriteString(w, "thanks")
	}))
	defer s.Close()
	file := write(t, "apps: [{id: a, key: k, secret: s, webhooks: [{url: \""+s.URL+"\", name: w}]}]\n")
	code, out, errOut := runCommand(t, "", "webhooks", "test", "a", "--config", file, "--dev", "--event", "member_added")
	if code != 0 || !strings.Contains(out, "200 OK\nthanks\n") {
		t.Fatalf("code %d, %s%s", code, out, errOut)
	}
	if got := <-bodies; !strings.HasPrefix(got, "k {") || !strings.Contains(got, `"name":"member_added"`) {
		t.Errorf("got %s", got)
	}
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"a", "--config", file}, "(denied): 127.0.0.1 is a loopback address; webhooks.allow can allow it"},
		{[]string{"b", "--config", file}, `there is no app "b"`},
		{[]string{"a", "x", "--config", file}, `say which webhook of app "a": w`},
		{[]string{"a", "--config", file, "--event", "x"}, `there is no event "x"`},
	} {
		if code, _, errOut := runCommand(t, "", append([]string{"webhooks", "test"}, tt.args...)...); code != 1 || !strings.Contains(errOut, tt.want) {
			t.Errorf("%q: code %d, %q; want %q", tt.args, code, errOut, tt.want)
		}
	}
}
