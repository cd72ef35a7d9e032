package webhook_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"go.uber.org/goleak"

	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/auth"
	"github.com/gannet-io/gannet/pusher/webhook"
	"github.com/gannet-io/gannet/pusher/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	key    = "278d425bdf160c739803"
	secret = "7ad3773142a6692b25b8"
)

func hook(name, url string, change func(*app.Webhook)) app.Webhook {
	w := app.DefaultWebhook()
	w.Name, w.URL = name, url
	if change != nil {
		change(&w)
	}
	return w
}

func newApp(t *testing.T, hooks ...app.Webhook) *app.App {
	t.Helper()
	a := &app.App{ID: "shop", Keys: []app.Key{{Key: key, Secret: secret}, {Key: "newer", Secret: "other"}}, Webhooks: hooks}
	if err := a.Check(); err != nil {
		t.Fatal(err)
	}
	return a
}

// A log may be written to by several goroutines.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer // guarded by mu
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// A post is one request that a world has seen.
type post struct {
	at       time.Duration // since the world began
	host     string
	delivery string
	attempt  string
	millis   int64
	events   []map[string]any
}

// text abridges what was told.
func (p *post) text() string {
	var parts []string
	for _, e := range p.events {
		part := fmt.Sprint(e["name"], " ", e["channel"])
		for _, more := range []string{"user_id", "subscription_count", "data"} {
			if v, ok := e[more]; ok {
				part += fmt.Sprint(" ", v)
			}
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, ", ")
}

// A world is a Sender whose receivers are a function, for synctest: nothing in it waits for a real clock or socket.
type world struct {
	*webhook.Sender
	t       *testing.T
	app     *app.App
	began   time.Time
	log     *log
	metrics *metrics.Set

	mu      sync.Mutex
	posts   []post                                // guarded by mu
	respond func(p *post) (status int, err error) // nil: 200; guarded by mu
}

func newWorld(t *testing.T, cfg webhook.Config, hooks ...app.Webhook) *world {
	t.Helper()
	w := &world{t: t, app: newApp(t, hooks...), began: time.Now(), log: &log{}, metrics: metrics.NewSet()}
	cfg.Apps, cfg.Metrics, cfg.Log = []*app.App{w.app}, w.metrics, slog.New(slog.NewTextHandler(w.log, nil))
	s, err := webhook.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	w.Sender = s
	s.SetTransport(w.roundTrip)
	s.Start()
	return w
}

func (w *world) roundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	if got := r.Header.Get("X-Pusher-Signature"); got != auth.WebhookSignature(secret, body) || r.Header.Get("X-Pusher-Key") != key {
		w.t.Errorf("signed %q with %q: %s", got, r.Header.Get("X-Pusher-Key"), body)
	}
	var parsed struct {
		TimeMS int64 `json:"time_ms"`
		Events []map[string]any
	}
	if err := json.Unmarshal(body, &parsed); err != nil {
		w.t.Errorf("%s: %v", body, err)
	}
	p := post{at: time.Since(w.began), host: r.URL.Host, delivery: r.Header.Get("X-Gannet-Delivery"), attempt: r.Header.Get("X-Gannet-Attempt"),
		millis: parsed.TimeMS, events: parsed.Events}
	w.mu.Lock()
	w.posts = append(w.posts, p)
	respond := w.respond
	w.mu.Unlock()
	status := 200
	if respond != nil {
		if status, err = respond(&p); err != nil {
			return nil, err
		}
	}
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("thanks")), Request: r}, nil
}

// answers has receivers answer as f says from now on.
func (w *world) answers(f func(p *post) (status int, err error)) {
	w.mu.Lock()
	w.respond = f
	w.mu.Unlock()
}

// take returns the requests since the last call.
func (w *world) take() []post {
	w.mu.Lock()
	defer w.mu.Unlock()
	posts := w.posts
	w.posts = nil
	return posts
}

func (w *world) tell(e wire.HookEvent) { w.Notify(w.app, e) }

func (w *world) occupied(channel string) {
	w.tell(wire.HookEvent{Hook: pusher.HookOccupied, Channel: channel})
}

func (w *world) vacated(channel string) {
	w.tell(wire.HookEvent{Hook: pusher.HookVacated, Channel: channel})
}

func (w *world) count(channel string, n int) {
	w.tell(wire.HookEvent{Hook: pusher.HookCount, Channel: channel, Count: n})
}

// page returns the metrics.
func (w *world) page() string {
	var b bytes.Buffer
	w.metrics.WritePrometheus(&b)
	return b.String()
}

func (w *world) wantMetrics(lines ...string) {
	w.t.Helper()
	page := w.page()
	for _, line := range lines {
		if !strings.Contains(page, line+"\n") {
			name, _, _ := strings.Cut(line, " ")
			name, _, _ = strings.Cut(name, "{")
			var have []string
			for l := range strings.Lines(page) {
				if strings.HasPrefix(l, name) {
					have = append(have, strings.TrimSpace(l))
				}
			}
			w.t.Errorf("metrics lack %q, and have %q", line, have)
		}
	}
}
