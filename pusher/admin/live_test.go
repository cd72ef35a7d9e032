package admin_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gannet-io/gannet/pusher/admin"
	"github.com/gannet-io/gannet/pusher/live"
)

// A watcher reads a stream of events.
type watcher struct {
	t    *testing.T
	in   *bufio.Reader
	stop func()
}

func watch(t *testing.T, url, headers string) *watcher {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	req, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if name, value, ok := strings.Cut(headers, ": "); ok {
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%d %v", resp.StatusCode, resp.Header)
	}
	end := func() { stop(); resp.Body.Close() }
	t.Cleanup(end)
	return &watcher{t, bufio.NewReader(resp.Body), end}
}

// next returns the next event, "stats" or "", and its data.
func (w *watcher) next() (event string, data map[string]any) {
	w.t.Helper()
	for {
		line, err := w.in.ReadString('\n')
		if err != nil {
			w.t.Fatalf("the stream ends: %v", err)
		}
		line = strings.TrimSuffix(line, "\n")
		if name, ok := strings.CutPrefix(line, "event: "); ok {
			event = name
		}
		if text, ok := strings.CutPrefix(line, "data: "); ok {
			if err := json.Unmarshal([]byte(text), &data); err != nil {
				w.t.Fatalf("%q: %v", text, err)
			}
			return event, data
		}
	}
}

// until returns the first event of a name.
func (w *watcher) until(event string) map[string]any {
	w.t.Helper()
	for {
		if name, data := w.next(); name == event {
			return data
		}
	}
}

func TestTheStreamShowsWhatHappens(t *testing.T) {
	feed := new(live.Feed)
	base, _ := serve(t, admin.Config{Feed: feed})
	w := watch(t, base+"/api/live?app=1&types=publish,error", "")
	if w.until("stats")["left_out"] != 0.0 {
		t.Error("something is left out at the beginning")
	}
	for _, e := range []live.Event{
		{Kind: live.Subscribe, App: "1", Channel: "c"},
		{Kind: live.Publish, App: "2", Channel: "c"},
		{Kind: live.Publish, App: "1", Channel: "c", Event: "e", Data: []byte(`"<b>\n"`), Receivers: 0},
	} {
		feed.Tell(&e)
	}
	got := w.until("")
	for name, want := range map[string]any{"type": "publish", "app": "1", "channel": "c", "event": "e", "data": "<b>\n", "size": 4.0, "receivers": 0.0} {
		if got[name] != want {
			t.Errorf("%s is %v, want %v", name, got[name], want)
		}
	}
	if _, there := got["socket_id"]; there {
		t.Errorf("a publish has a socket id: %v", got)
	}
	if stats := w.until("stats"); stats["shown"] != 1.0 {
		t.Errorf("%v", stats)
	}
}

func TestAFloodIsSampledAndCountedInTheStream(t *testing.T) {
	feed := new(live.Feed)
	base, _ := serve(t, admin.Config{Feed: feed})
	w := watch(t, base+"/api/live?rate=10", "")
	w.until("stats")
	for range 10_000 {
		feed.Tell(&live.Event{Kind: live.Publish, App: "1", Channel: "c", Data: []byte(`"x"`)})
	}
	shown := 0
	for deadline := time.Now().Add(time.Minute); ; {
		event, data := w.next()
		if event == "" {
			shown++
			continue
		}
		if total := data["shown"].(float64) + data["left_out"].(float64); total == 10_000 {
			if data["shown"] != float64(shown) || shown < 10 || shown > 200 {
				t.Errorf("%v, and %d came", data, shown)
			}
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%v", data)
		}
	}
}

func TestStreamsEndWithTheirReadersSessionsAndServer(t *testing.T) {
	feed := new(live.Feed)
	clock := newClock()
	base, s := serve(t, admin.Config{Feed: feed, Password: password, Now: clock.now})
	gone := func(what string) {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); feed.Watched(); runtime.Gosched() {
			if time.Now().After(deadline) {
				t.Fatalf("%s, and the stream goes on", what)
			}
		}
	}
	w := watch(t, base+"/api/live", logIn(t, base))
	w.until("stats")
	w.stop()
	gone("the reader has gone")

	w = watch(t, base+"/api/live", logIn(t, base))
	w.until("stats")
	clock.pass(3 * time.Hour)
	gone("the session has ended")

	w = watch(t, base+"/api/live", logIn(t, base))
	w.until("stats")
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	gone("the server has")
}

func TestStreamsAreBounded(t *testing.T) {
	base, _ := serve(t, admin.Config{Feed: new(live.Feed)})
	for range 16 {
		watch(t, base+"/api/live", "").until("stats")
	}
	if resp, body := (call{"GET", "/api/live", "", ""}).do(t, base); resp.StatusCode != 503 || code(body) != "too_many_streams" {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	for _, query := range []string{"rate=0", "rate=501", "rate=x", "types=nonesuch", "other=1", "app=1&app=2"} {
		if resp, body := (call{"GET", "/api/live?" + query, "", ""}).do(t, base); resp.StatusCode != 400 {
			t.Errorf("%s: %d %s", query, resp.StatusCode, body)
		}
	}
}
