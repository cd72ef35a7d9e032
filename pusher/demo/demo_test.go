package demo_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"iter"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/demo"
	"github.com/gannet-io/gannet/pusher/node"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, goleak.IgnoreCurrent()) }

// A sent is what a fake node was given to publish.
type sent struct {
	channel, name, data string // data decoded from its token
	at                  time.Time
}

// A fakeNode has the subscribers that a test says.
type fakeNode struct {
	mu       sync.Mutex
	occupied bool
	busy     bool
	second   bool // there is another node that has been there for longer
	sent     []sent
}

func (n *fakeNode) Admit(*app.App, iter.Seq[string]) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.busy {
		return node.ErrBusy
	}
	return nil
}

func (n *fakeNode) Publish(_ *app.App, ev *node.Event) error {
	var data string
	if err := json.Unmarshal(ev.Data, &data); err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.sent = append(n.sent, sent{ev.Channel, ev.Name, data, time.Now()})
	return nil
}

func (n *fakeNode) First() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return !n.second
}

func (n *fakeNode) Channel(*app.App, string) (c node.Counts) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.occupied {
		c.Subscriptions = 1
	}
	return c
}

func (n *fakeNode) set(change func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	change()
}

func (n *fakeNode) taken() (all []sent) {
	n.set(func() { all, n.sent = n.sent, nil })
	return all
}

func newSite(path string) (*demo.Site, *fakeNode) {
	n := &fakeNode{occupied: true}
	a := &app.App{ID: "app-id", Keys: []app.Key{{Key: "app-key", Secret: "app-secret"}}, Enabled: true, ClientEvents: true, Limits: app.DefaultLimits()}
	return demo.New(demo.Config{App: a, Node: n, Path: path, Hosts: []string{"example.com"}}), n
}

// post sends a form as a page of the site does.
func post(s *demo.Site, path string, fields ...string) *httptest.ResponseRecorder {
	form := url.Values{}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	r := httptest.NewRequest("POST", path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func get(s *demo.Site, path string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", path, nil)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func mac(text string) string {
	h := hmac.New(sha256.New, []byte("app-secret"))
	h.Write([]byte(text))
	return "app-key:" + hex.EncodeToString(h.Sum(nil))
}

func TestAuthorizeSignsWhatTheProtocolSigns(t *testing.T) {
	s, _ := newSite("")
	defer s.Close()
	for _, tt := range []struct {
		path string
		form []string
		want map[string]string
	}{
		{"/demo/auth", []string{"socket_id", "12.34", "channel_name", "private-demo-answer-1"},
			map[string]string{"auth": mac("12.34:private-demo-answer-1")}},
		{"/demo/auth", []string{"socket_id", "12.34", "channel_name", "presence-demo-chat", "user", "v-1", "name", " <b>\"Ann\"\x00\n "},
			map[string]string{
				"auth":         mac(`12.34:presence-demo-chat:{"user_id":"v-1","user_info":{"name":"\u003cb\u003e\"Ann\""}}`),
				"channel_data": `{"user_id":"v-1","user_info":{"name":"\u003cb\u003e\"Ann\""}}`,
			}},
		{"/demo/user-auth", []string{"socket_id", "12.34", "user", "demo-bo"},
			map[string]string{
				"auth":      mac(`12.34::user::{"id":"demo-bo","user_info":{"id":"demo-bo","name":"Bo"},"watchlist":["demo-ada","demo-chidi","demo-dana","demo-emil"]}`),
				"user_data": `{"id":"demo-bo","user_info":{"id":"demo-bo","name":"Bo"},"watchlist":["demo-ada","demo-chidi","demo-dana","demo-emil"]}`,
			}},
	} {
		w := post(s, tt.path, tt.form...)
		var got map[string]string
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != 200 || fmt.Sprint(got) != fmt.Sprint(tt.want) {
			t.Errorf("%s %q: %d %s, want %v", tt.path, tt.form, w.Code, w.Body, tt.want)
		}
	}
}

func TestFormsAreRefusedThatNoPageSends(t *testing.T) {
	s, n := newSite("")
	defer s.Close()
	long := strings.Repeat("x", 300)
	for _, tt := range []struct {
		path   string
		form   []string
		status int
	}{
		{"/demo/auth", nil, 400},
		{"/demo/auth", []string{"socket_id", "1.2\n", "channel_name", "private-demo-x"}, 400},
		{"/demo/auth", []string{"socket_id", "1.2", "channel_name", "private-orders"}, 403}, // of somebody else's
		{"/demo/auth", []string{"socket_id", "1.2", "channel_name", "presence-room"}, 403},
		{"/demo/auth", []string{"socket_id", "1.2", "channel_name", "demo-ticker"}, 403},
		{"/demo/auth", []string{"socket_id", "1.2", "channel_name", "private-demo-a:b"}, 403},
		{"/demo/auth", []string{"socket_id", "1.2", "channel_name", "private-encrypted-demo-x"}, 403},
		{"/demo/auth", []string{"socket_id", "1.2", "channel_name", "private-demo-" + long}, 403},
		{"/demo/auth", []string{"socket_id", "1.2", "channel_name", "presence-demo-x", "user", "v-1"}, 400},
		{"/demo/auth", []string{"socket_id", "1.2", "channel_name", "presence-demo-x", "user", "v 1", "name", "x"}, 400},
		{"/demo/auth", []string{"socket_id", "1.2", "channel_name", "presence-demo-x", "user", long, "name", "x"}, 400},
		{"/demo/auth", []string{"socket_id", "1.2", "channel_name", "presence-demo-x", "user", "v-1", "name", "1234567890123456789012345"}, 400},
		{"/demo/auth", []string{"socket_id", "1.2", "channel_name", "presence-demo-x", "user", "v-1", "name", "\xff"}, 400},
		{"/demo/user-auth", []string{"socket_id", "1.2", "user", "root"}, 403},
		{"/demo/user-auth", []string{"socket_id", "x", "user", "demo-bo"}, 400},
		{"/demo/answers", []string{"question", "-1"}, 400},
		{"/demo/answers", []string{"question", "99"}, 400},
		{"/demo/answers", nil, 400},
		{"/demo/notices", []string{"from", "demo-bo", "to", "demo-bo"}, 400},
		{"/demo/notices", []string{"from", "demo-bo", "to", "somebody", "text", "x"}, 400},
		{"/demo/notices", []string{"from", "demo-bo", "to", "demo-ada", "text", long}, 400},
		{"/demo/ticker", []string{"x", strings.Repeat("x", 5000)}, 400},
		{"/demo/nothing", nil, 405},
	} {
		if w := post(s, tt.path, tt.form...); w.Code != tt.status {
			t.Errorf("POST %s %.120q: %d %s, want %d", tt.path, tt.form, w.Code, w.Body, tt.status)
		}
	}
	if got := n.taken(); len(got) > 0 {
		t.Errorf("published %v", got)
	}
}

func TestAnotherSitesPageStartsNothing(t *testing.T) {
	s, n := newSite("")
	defer s.Close()
	for _, header := range []string{"Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site", "Origin: https://evil.example"} {
		name, value, _ := strings.Cut(header, ": ")
		r := httptest.NewRequest("POST", "/demo/notices", strings.NewReader("from=demo-bo&to=demo-ada&text=x"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set(name, value)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != 403 {
			t.Errorf("%s: %d, want 403", header, w.Code)
		}
	}
	if got := n.taken(); len(got) > 0 {
		t.Errorf("published %v", got)
	}
}

func TestNamesThatPointHereStartNothing(t *testing.T) {
	s, n := newSite("")
	defer s.Close()
	for host, want := range map[string]int{
		"127.0.0.1:6001": 200, "10.1.2.3": 200, "[::1]:6001": 200, "localhost:6001": 200, "example.com:6001": 200,
		"evil.example:6001": 421, "evil.example": 421, "127.0.0.1.evil.example": 421, "": 421,
	} {
		r := httptest.NewRequest("POST", "/demo/notices", strings.NewReader("from=demo-bo&to=demo-ada&text=x"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin") // which it is, by its own name
		r.Host = host
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if got := len(n.taken()); w.Code != want || (got > 0) != (want == 200) {
			t.Errorf("Host %q: %d and %d events, want %d", host, w.Code, got, want)
		}
	}
}

func TestTickerTicksOnceAndWhileSomebodyLooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, n := newSite("")
		defer s.Close()
		for range 3 {
			if w := post(s, "/demo/ticker"); w.Code != 200 {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
		}
		time.Sleep(950 * time.Millisecond) // of the bubble: ten beats, the first at once
		synctest.Wait()
		got := n.taken()
		if len(got) != 600 {
			t.Fatalf("%d quotes in ten beats, want 600", len(got))
		}
		var quote struct {
			Open float64
			At   int64
			Line []float64
		}
		for _, each := range got {
			if err := json.Unmarshal([]byte(each.data), &quote); err != nil || each.channel != "demo-ticker" || len(each.name) != 4 ||
				len(quote.Line) != 16 || quote.Open < 1 || slices.Min(quote.Line) < 1 || quote.At == 0 {
				t.Fatalf("%+v: %v", each, err)
			}
		}
		// Nobody can be sent anything: it waits.
		n.set(func() { n.busy = true })
		time.Sleep(time.Second)
		synctest.Wait()
		if got := n.taken(); len(got) > 0 {
			t.Errorf("%d quotes while the node is behind", len(got))
		}
		n.set(func() { n.busy, n.occupied = false, false })
		time.Sleep(59 * time.Second)
		synctest.Wait()
		if got := n.taken(); len(got) < 50*600 {
			t.Errorf("%d quotes in the minute after the last one left, want some 35,000", len(got))
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		n.taken()
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if got := n.taken(); len(got) > 0 {
			t.Errorf("%d quotes though nobody has looked for more than a minute", len(got))
		}
		post(s, "/demo/ticker")
		synctest.Wait()
		if got := n.taken(); len(got) != 60 {
			t.Errorf("%d quotes at once when somebody looks again, want 60", len(got))
		}
	})
}

func TestOneNodeOfAClusterTicks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &fakeNode{second: true}
		a := &app.App{ID: "app-id", Keys: []app.Key{{Key: "app-key", Secret: "app-secret"}}, Enabled: true, Limits: app.DefaultLimits()}
		s := demo.New(demo.Config{App: a, Node: n, Clustered: true})
		defer s.Close()
		after := func(change func()) int {
			n.set(change)
			n.taken()
			time.Sleep(2 * time.Second)
			synctest.Wait()
			return len(n.taken())
		}
		if got := after(func() { n.occupied = true }); got != 0 {
			t.Errorf("%d quotes, and it is another node that ticks", got)
		}
		post(s, "/demo/ticker")
		if got := after(func() {}); got != 0 {
			t.Errorf("%d quotes when somebody looks here", got)
		}
		if got := after(func() { n.second = false }); got < 600 {
			t.Errorf("%d quotes in two seconds when the other node has gone, want a thousand or so", got)
		}
		if got := after(func() { n.second = true }); got > 60 {
			t.Errorf("%d quotes when there is another", got)
		}
	})
}

func TestTickerHasSymbolsOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, n := newSite("")
		defer s.Close()
		post(s, "/demo/ticker")
		time.Sleep(20 * time.Second)
		synctest.Wait()
		names := map[string]bool{}
		for _, each := range n.taken() {
			names[each.name] = true
		}
		if len(names) != 240 {
			t.Errorf("%d symbols, want 240", len(names))
		}
	})
}

// ask returns the id of an answer that was asked for.
func ask(t *testing.T, s *demo.Site) string {
	t.Helper()
	w := post(s, "/demo/answers", "question", "0")
	var got struct{ ID string }
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != 200 || len(got.ID) != 16 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	return got.ID
}

func TestAnswerIsWrittenTokenByToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, n := newSite("")
		defer s.Close()
		start := time.Now()
		id := ask(t, s)
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		got := n.taken()
		if len(got) < 100 || got[0].name != "question" || got[len(got)-1].name != "end" {
			t.Fatalf("%d events, from %+v to %+v", len(got), got[0], got[len(got)-1])
		}
		if took := got[len(got)-1].at.Sub(start); took > time.Minute {
			t.Errorf("it took %v, want a minute at most", took)
		}
		var text strings.Builder
		for i, each := range got[1 : len(got)-1] {
			var token struct {
				N    int
				Text string
				At   int64
			}
			if err := json.Unmarshal([]byte(each.data), &token); err != nil || each.name != "token" || token.N != i || token.At != each.at.UnixMilli() {
				t.Fatalf("event %d is %+v: %v", i, each, err)
			}
			text.WriteString(token.Text)
		}
		file, err := os.ReadFile("answers.txt")
		if err != nil {
			t.Fatal(err)
		}
		if text.Len() < 500 || !strings.Contains(string(file), text.String()) {
			t.Errorf("the tokens make %q, which answers.txt has not", text.String())
		}
		for _, each := range got {
			if each.channel != "private-demo-answer-"+id {
				t.Errorf("%+v is of another channel", each)
			}
		}
	})
}

func TestAnswersAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, n := newSite("")
		defer s.Close()
		for range 8 {
			ask(t, s)
		}
		if w := post(s, "/demo/answers", "question", "0"); w.Code != 429 {
			t.Errorf("the ninth at once: %d, want 429", w.Code)
		}
		n.set(func() { n.occupied = false })
		time.Sleep(30 * time.Second) // nobody reads for longer than an answer waits
		synctest.Wait()
		ends := 0
		for _, each := range n.taken() {
			if each.name == "end" {
				ends++
			}
		}
		if ends != 8 {
			t.Errorf("%d have ended, want 8", ends)
		}
		ask(t, s)
	})
}

func TestCloseEndsWhatPublishes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, n := newSite("")
		ask(t, s)
		post(s, "/demo/ticker")
		time.Sleep(time.Second)
		s.Close()
		n.taken()
		post(s, "/demo/ticker")
		if w := post(s, "/demo/answers", "question", "0"); w.Code != 429 {
			t.Errorf("after Close: %d", w.Code)
		}
		time.Sleep(time.Minute)
		if got := n.taken(); len(got) > 0 {
			t.Errorf("%d events after Close", len(got))
		}
	})
}

func TestNoticeGoesToItsUserAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, n := newSite("")
		defer s.Close()
		if w := post(s, "/demo/notices", "from", "demo-bo", "to", "demo-ada", "text", "Lunch?"); w.Code != 200 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		got := n.taken()
		want := fmt.Sprintf(`{"at":%d,"from":"Bo","text":"Lunch?"}`, time.Now().UnixMilli())
		if len(got) != 1 || got[0].channel != "#server-to-user-demo-ada" || got[0].name != "notice" || got[0].data != want {
			t.Fatalf("published %+v, want %s", got, want)
		}
		refused := 0
		for range 40 {
			if post(s, "/demo/notices", "from", "demo-bo", "to", "demo-ada", "text", "x").Code == 429 {
				refused++
			}
		}
		if refused != 21 { // 20 a second, one of which was used
			t.Errorf("%d of 40 at once were refused, want 21", refused)
		}
	})
}

func TestPagesHoldToTheirPolicy(t *testing.T) {
	s, _ := newSite("")
	defer s.Close()
	for _, path := range []string{"/", "/demo/chat", "/demo/ticker", "/demo/cursors", "/demo/answers", "/demo/notices", "/demo/snake"} {
		w := get(s, path)
		h := w.Header()
		if w.Code != 200 || h.Get("Content-Type") != "text/html; charset=utf-8" || h.Get("X-Content-Type-Options") != "nosniff" ||
			!strings.HasPrefix(h.Get("Content-Security-Policy"), "default-src 'none'; script-src 'self'; style-src 'self'; ") {
			t.Errorf("%s: %d %v", path, w.Code, h)
		}
		for _, forbidden := range []string{`<script>`, `<style`, ` style=`, ` onclick`, ` onload`, "javascript:", "http://", "https://"} {
			if strings.Contains(w.Body.String(), forbidden) {
				t.Errorf("%s has %s", path, forbidden)
			}
		}
		if again := get(s, path, "If-None-Match", h.Get("ETag")); again.Code != 304 || again.Body.Len() > 0 {
			t.Errorf("%s again: %d", path, again.Code)
		}
		// Whatever it loads is there.
		base, _ := url.Parse(path)
		for _, link := range regexp.MustCompile(`(?:src|href)="([^"?]+)"`).FindAllStringSubmatch(w.Body.String(), -1) {
			at, err := base.Parse(link[1])
			if err != nil {
				t.Fatal(err)
			}
			if got := get(s, at.Path); got.Code != 200 {
				t.Errorf("%s links to %s: %d", path, link[1], got.Code)
			}
		}
	}
}

func TestScriptsMakeNoHTMLOfTextAndAskNobodyElse(t *testing.T) {
	err := fs.WalkDir(os.DirFS("site"), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasPrefix(name, "pusher-js") || strings.HasSuffix(name, ".svg") {
			return err
		}
		text, err := os.ReadFile("site/" + name)
		if err != nil {
			return err
		}
		for _, forbidden := range []string{"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "setAttribute('style'"} {
			if strings.Contains(string(text), forbidden) {
				t.Errorf("%s has %s", name, forbidden)
			}
		}
		for _, address := range regexp.MustCompile(`https?://[^'"\s)]+`).FindAllString(string(text), -1) {
			if address != "http://www.w3.org/2000/svg" { // a name, not an address
				t.Errorf("%s names %s", name, address)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestServerScriptSaysWhereTheServerIs(t *testing.T) {
	s, _ := newSite("/realtime")
	defer s.Close()
	w := get(s, "/demo/server.js")
	for _, want := range []string{`export const key = "app-key";`, `export const path = "/realtime";`, `{"id":"demo-ada","name":"Ada"}`} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("server.js has no %s:\n%s", want, w.Body)
		}
	}
	if strings.Contains(w.Body.String(), "app-secret") {
		t.Error("server.js has the secret")
	}
	zipped := get(s, "/demo/demo.css", "Accept-Encoding", "gzip, br")
	if zipped.Header().Get("Content-Encoding") != "gzip" || zipped.Body.Len() > 8000 {
		t.Errorf("demo.css: %q, %d bytes", zipped.Header().Get("Content-Encoding"), zipped.Body.Len())
	}
	if w := get(s, "/demo/../demo.go"); w.Code == http.StatusOK {
		t.Errorf("demo.go is served")
	}
}

func TestRulesAreForChannelsOfTheDemosAlone(t *testing.T) {
	a := &app.App{ID: "a", Keys: []app.Key{{Key: "k", Secret: "s"}}, Rules: demo.Rules()}
	if err := a.Check(); err != nil {
		t.Fatal(err)
	}
	for channel, ruled := range map[string]bool{
		"demo-ticker": true, "private-demo-answer-0123": true,
		"ticker": false, "demo-other": false, "private-answer-1": false, "presence-demo-chat": false, "my-channel": false,
	} {
		if got := a.Rule(channel) != nil; got != ruled {
			t.Errorf("%s has a rule: %v, want %v", channel, got, ruled)
		}
	}
}
