//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pusher/pusher-http-go/v5"
)

// hooked is the app of the servers below, whose webhook goes to a receiver of the test.
var hooked = newAccount("hooked")

// hookSettings configures a server with one webhook to url.
func hookSettings(url, dataDir string, more string) string {
	return fmt.Sprintf(`listen: "127.0.0.1:0"
admin: { listen: "127.0.0.1:0" }
drain_window: 100ms
data_dir: %q
webhooks: { allow: [127.0.0.0/8], leave_delay: 1s, return_delay: 5s }
apps:
  - id: id-hooked
    key: key-hooked
    secret: secret-hooked
    client_events: true
    subscription_count: true
    limits: { presence_members: 2000, client_events_per_second: 0 }
    webhooks:
      - { name: main, url: %q%s }
`, dataDir, url, more)
}

// startHooked starts a server whose webhook goes to r. It may be started again with the same folder.
func startHooked(t *testing.T, r *receiver, folder, dataDir, more string) *server {
	t.Helper()
	file := filepath.Join(folder, "gannet.yaml")
	check(t, os.WriteFile(file, []byte(hookSettings(r.URL+"/hook?token=sesame", dataDir, more)), 0o600))
	s, err := serve(binary, "--config", file)
	check(t, err)
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill()
		<-s.exited
		if strings.Contains(s.said(), "DATA RACE") || strings.Contains(s.said(), "panic: ") || strings.Contains(s.said(), "sesame") {
			t.Errorf("the server said:\n%s", s.said())
		}
	})
	return s
}

// kill ends a server as a crash would.
func kill(t *testing.T, s *server) {
	t.Helper()
	check(t, s.cmd.Process.Kill())
	<-s.exited
}

// A delivery is one request that pusher-http-go has found to be genuine.
type delivery struct {
	id     string
	events []pusher.WebhookEvent
	body   string
}

// A receiver is a backend with the official Go library.
type receiver struct {
	*httptest.Server
	t *testing.T

	mu         sync.Mutex
	deliveries []delivery                     // with each id once; guarded by mu
	seen       map[string]string              // bodies by id; guarded by mu
	byID       map[string]pusher.WebhookEvent // events of a cluster; guarded by mu
	again      int                            // events that came under an id that had been there; guarded by mu
	answer     func(body string) (status int) // guarded by mu
	more       *sync.Cond                     // with mu: there are more deliveries
	refused    []string                       // bodies about encrypted channels, which the library cannot take; guarded by mu
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{t: t, seen: map[string]string{}, byID: map[string]pusher.WebhookEvent{}}
	r.more = sync.NewCond(&r.mu)
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

// answers has r answer as f says from now on; nil: 200. What is not answered with 200 is not written down.
func (r *receiver) answers(f func(body string) int) {
	r.mu.Lock()
	r.answer = f
	r.mu.Unlock()
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return
	}
	hook, err := backendOf(gannet, hooked).Webhook(req.Header, body)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		if w.WriteHeader(http.StatusUnauthorized); strings.Contains(string(body), "private-encrypted-") {
			r.refused = append(r.refused, string(body))
			return
		}
		r.t.Errorf("pusher-http-go refuses %s: %v", body, err)
		return
	}
	if r.answer != nil {
		if status := r.answer(string(body)); status != 200 {
			w.WriteHeader(status)
			return
		}
	}
	id := req.Header.Get("X-Gannet-Delivery")
	if before, ok := r.seen[id]; ok {
		if before != string(body) {
			r.t.Errorf("delivery %s was\n%s\nand now is\n%s", id, before, body)
		}
		return
	}
	r.seen[id] = string(body)
	r.deliveries = append(r.deliveries, delivery{id, r.news(hook.Events, body), string(body)})
	r.more.Broadcast()
}

// told returns all events so far, in the order of arrival.
// news returns those of the events of a body that have not come under their id before. Under mu.
func (r *receiver) news(events []pusher.WebhookEvent, body []byte) (news []pusher.WebhookEvent) {
	var raw struct{ Events []struct{ ID string } }
	check(r.t, json.Unmarshal(body, &raw))
	for i, e := range events {
		if id := raw.Events[i].ID; id != "" {
			if _, ok := r.byID[id]; ok {
				r.again++
				continue
			}
			r.byID[id] = e
		}
		news = append(news, e)
	}
	return news
}

func (r *receiver) told() []pusher.WebhookEvent {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.all()
}

// all is told with mu held.
func (r *receiver) all() (events []pusher.WebhookEvent) {
	for _, d := range r.deliveries {
		events = append(events, d.events...)
	}
	return events
}

// await waits until done says that what was told is enough. It looks whenever something has come.
func (r *receiver) await(what string, done func(events []pusher.WebhookEvent) bool) {
	r.t.Helper()
	late := false
	timer := time.AfterFunc(2*patience, func() {
		r.mu.Lock()
		late = true
		r.more.Broadcast()
		r.mu.Unlock()
	})
	defer timer.Stop()
	r.mu.Lock()
	defer r.mu.Unlock()
	for !done(r.all()) {
		if late {
			r.t.Errorf("%s: not within %v", what, 2*patience)
			return
		}
		r.more.Wait()
	}
}

// settle returns when the server has handled everything that c sent before.
func settle(c *client) {
	c.t.Helper()
	c.send(`{"event":"pusher:ping","data":{}}`)
	for {
		if text := c.read(); strings.Contains(text, `"pusher:pong"`) {
			return
		}
	}
}

func TestGoBackendValidatesEveryWebhook(t *testing.T) {
	r := newReceiver(t)
	s := startHooked(t, r, t.TempDir(), "", ", retry_for: 2s")
	a, b := connectTo(t, s, hooked), connectTo(t, s, hooked)
	a.subscribe(hooked, "presence-room", `{"user_id":"10"}`)
	a.subscribe(hooked, "private-room")
	a.subscribe(hooked, "private-encrypted-room")
	a.subscribe(hooked, "cache-room")
	b.subscribe(hooked, "private-room")
	settle(a)
	settle(b)
	a.send(`{"event":"client-typing","channel":"presence-room","data":{"a":"Zoë ✓"}}`)
	a.send(`{"event":"client-typing","channel":"private-room","data":"plain"}`)
	settle(a)
	socket := a.socketID
	check(t, a.conn.Close())
	check(t, b.conn.Close())
	vacated := func(events []pusher.WebhookEvent) (n int) {
		for _, e := range events {
			if e.Name == "channel_vacated" {
				n++
			}
		}
		return n
	}
	r.await("all channels are vacated", func(events []pusher.WebhookEvent) bool { return vacated(events) >= 3 })

	var texts []string
	for _, e := range r.told() {
		texts = append(texts, strings.Join([]string{e.Name, e.Channel, e.Event, e.Data, e.SocketID, e.UserID}, "|"))
	}
	for _, want := range []string{
		"channel_occupied|presence-room||||", "member_added|presence-room||||10", "channel_occupied|private-room||||", "channel_occupied|cache-room||||",
		"cache_miss|cache-room||||", "subscription_count|private-room||||", `client_event|presence-room|client-typing|{"a":"Zoë ✓"}|` + socket + "|10",
		"client_event|private-room|client-typing|plain|" + socket + "|", "member_removed|presence-room||||10", "channel_vacated|presence-room||||",
		"channel_vacated|private-room||||", "channel_vacated|cache-room||||",
	} {
		if n := len(slices.DeleteFunc(slices.Clone(texts), func(s string) bool { return s != want })); n == 0 || n > 1 && !strings.HasPrefix(want, "subscription_count") {
			t.Errorf("%s was told %d times:\n%s", want, n, strings.Join(texts, "\n"))
		}
	}
	check(t, s.stop())
	// The library can decrypt nothing that has no data, and refuses the whole request: so they travel alone.
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, body := range r.refused {
		if strings.Count(body, `"channel"`) != strings.Count(body, "private-encrypted-room") {
			t.Errorf("refused with events of other channels: %s", body)
		}
	}
	if len(r.refused) == 0 {
		t.Error("nothing was said about the encrypted channel")
	}
}

// TestChurnIsToldInPairs has a thousand members come to a presence channel, some of them again and again.
func TestChurnIsToldInPairs(t *testing.T) {
	r := newReceiver(t)
	s := startHooked(t, r, t.TempDir(), t.TempDir(), "")
	const workers, each = 50, 20
	var all sync.WaitGroup
	for w := range workers {
		all.Go(func() {
			dice := rand.New(rand.NewPCG(uint64(w), 7))
			join := func(i int) *client {
				c := connectTo(t, s, hooked)
				c.subscribe(hooked, "presence-churn", fmt.Sprintf(`{"user_id":"u%d"}`, w*each+i))
				return c
			}
			var members [each]*client
			for i := range members {
				members[i] = join(i)
			}
			for range each {
				i := dice.IntN(each)
				check(t, members[i].conn.Close())
				if dice.IntN(8) == 0 {
					id := fmt.Sprintf("u%d", w*each+i)
					r.await(id+" is gone", func(events []pusher.WebhookEvent) bool {
						last := ""
						for _, e := range events {
							if e.UserID == id {
								last = e.Name
							}
						}
						return last == "member_removed"
					})
				}
				members[i] = join(i)
			}
			for _, c := range members {
				check(t, c.conn.Close())
			}
		})
	}
	all.Wait()
	r.await("everybody is gone", func(events []pusher.WebhookEvent) bool {
		n := len(events)
		return n > 0 && events[n-1].Name == "channel_vacated"
	})
	if added := pairs(t, r.told(), "presence-churn"); added < workers*each {
		t.Errorf("%d members were told of, %d came", added, workers*each)
	}
	check(t, s.stop())
	if n := len(r.told()); pairs(t, r.told(), "presence-churn") == 0 {
		t.Errorf("after the end: %d events", n)
	}
}

// pairs fails unless of a channel and of each member coming and going took turns, and all are gone. It returns how often
// a member came.
func pairs(t *testing.T, events []pusher.WebhookEvent, channel string) (added int) {
	t.Helper()
	occupied, in := false, map[string]bool{}
	for i, e := range events {
		if e.Channel != channel {
			continue
		}
		ok := true
		switch e.Name {
		case "channel_occupied":
			ok, occupied = !occupied, true
		case "channel_vacated":
			ok, occupied = occupied && len(in) == 0, false
		case "member_added":
			ok = occupied && !in[e.UserID]
			in[e.UserID] = true
			added++
		case "member_removed":
			ok = occupied && in[e.UserID]
			delete(in, e.UserID)
		}
		if !ok {
			t.Fatalf("event %d, %s of %q, is out of turn; occupied %v, %d members", i, e.Name, e.UserID, occupied, len(in))
		}
	}
	if occupied || len(in) > 0 {
		t.Errorf("at the end %s is occupied %v by %d members", channel, occupied, len(in))
	}
	return added
}

// gannetCommand runs a command against the admin listener of s and returns all that it says.
func gannetCommand(t *testing.T, s *server, args ...string) string {
	t.Helper()
	command := exec.Command(binary, args...)
	command.Env = append(environment(), "GANNET_ADMIN_URL=http://"+s.admin)
	out, _ := command.CombinedOutput() // the text says how it went
	return string(out)
}

// hookState reads GET /api/webhooks.
func hookState(t *testing.T, s *server) (queued, unsafe int) {
	t.Helper()
	_, body := get(t, "http://"+s.admin+"/api/webhooks")
	var states struct {
		Webhooks []struct {
			Queued int `json:"queued_events"`
			Unsafe int `json:"unsafe_events"`
		}
	}
	if err := json.Unmarshal([]byte(body), &states); err != nil || len(states.Webhooks) != 1 {
		t.Fatalf("%s: %v", body, err)
	}
	return states.Webhooks[0].Queued, states.Webhooks[0].Unsafe
}

// TestAKillBetweenAcceptanceAndDeliveryLosesNothing kills the server with SIGKILL while its receiver is down.
func TestAKillBetweenAcceptanceAndDeliveryLosesNothing(t *testing.T) {
	r := newReceiver(t)
	r.answers(func(string) int { return 503 })
	folder, data := t.TempDir(), t.TempDir()
	s := startHooked(t, r, folder, data, ", events: [client_event]")
	const events = 500
	c := connectTo(t, s, hooked)
	for _, name := range []string{"private-a", "private-b"} {
		c.subscribe(hooked, name)
	}
	for n := range events {
		c.sendf(`{"event":"client-n","channel":"private-%c","data":"%d"}`, 'a'+n%2, n)
	}
	eventually(t, "all events are accepted", func() bool {
		queued, unsafe := hookState(t, s)
		return queued == events && unsafe == 0
	})
	kill(t, s)
	r.answers(nil)
	s = startHooked(t, r, folder, data, ", events: [client_event]")
	r.await("all events are told", func(told []pusher.WebhookEvent) bool { return len(told) >= events })
	var got [2][]string
	for _, e := range r.told() {
		i := int(e.Channel[len(e.Channel)-1] - 'a')
		got[i] = append(got[i], e.Data)
	}
	for n := range events {
		if len(got[n%2]) <= n/2 || got[n%2][n/2] != fmt.Sprint(n) {
			t.Fatalf("event %d is missing or out of turn: %q", n, got[n%2])
		}
	}
	check(t, s.stop())
}

// TestKillsAtAnyMomentLeavePairs kills the server again and again while members come and go and their events are on their
// way. In the end everybody has been told to come and to go, in turn.
func TestKillsAtAnyMomentLeavePairs(t *testing.T) {
	r := newReceiver(t)
	dice := rand.New(rand.NewPCG(3, 4))
	var mu sync.Mutex
	r.answers(func(string) int {
		mu.Lock()
		defer mu.Unlock()
		if dice.IntN(6) == 0 {
			return 500
		}
		return 200
	})
	folder, data := t.TempDir(), t.TempDir()
	var s *server
	for round := range 4 {
		s = startHooked(t, r, folder, data, ", batch: {delay: 20ms}")
		before := len(r.told())
		var all sync.WaitGroup
		for w := range 10 {
			all.Go(func() {
				for i := range 6 {
					c := connectTo(t, s, hooked)
					c.subscribe(hooked, "presence-kill", fmt.Sprintf(`{"user_id":"r%dw%d"}`, round%2, w))
					settle(c)
					if i%3 == 0 {
						check(t, c.conn.Close())
					}
				}
			})
		}
		all.Wait()
		// At once, or with some of it told.
		if round%2 == 0 {
			r.await("something is told", func(events []pusher.WebhookEvent) bool { return len(events) > before })
		}
		kill(t, s)
	}
	s = startHooked(t, r, folder, data, "")
	r.await("everybody is gone", func(events []pusher.WebhookEvent) bool {
		n := len(events)
		return n > 0 && events[n-1].Name == "channel_vacated"
	})
	pairs(t, r.told(), "presence-kill")
	check(t, s.stop())
}

// TestDeadLettersAreReplayedByCommand gives up on a receiver and sends what it missed again.
func TestDeadLettersAreReplayedByCommand(t *testing.T) {
	r := newReceiver(t)
	r.answers(func(string) int { return 400 })
	folder, data := t.TempDir(), t.TempDir()
	s := startHooked(t, r, folder, data, ", retry_for: 1s, events: [channel_occupied]")
	c := connectTo(t, s, hooked)
	c.join(hooked, "news")
	eventually(t, "it is given up", func() bool {
		return strings.Contains(gannetCommand(t, s, "webhooks", "dead"), `[{"name":"channel_occupied","channel":"news"}]`)
	})
	check(t, s.stop())
	r.answers(nil)
	s = startHooked(t, r, folder, data, ", retry_for: 1s, events: [channel_occupied]")
	if out := gannetCommand(t, s, "webhooks", "replay", "--all"); out != "1 sent again\n" {
		t.Errorf("replay said %q", out)
	}
	r.await("it is told", func(events []pusher.WebhookEvent) bool { return len(events) == 1 && events[0].Channel == "news" })
	if out := gannetCommand(t, s, "webhooks", "test", hooked.ID); !strings.Contains(out, "200 OK") {
		t.Errorf("test said %q", out)
	}
	if out := gannetCommand(t, s, "webhooks", "list"); !strings.Contains(out, "0 dead letters") || strings.Contains(out, "sesame") {
		t.Errorf("list said %q", out)
	}
	check(t, s.stop())
}

func TestPrivateTargetsAreDeniedOutsideOfDevelopment(t *testing.T) {
	r := newReceiver(t)
	file := filepath.Join(t.TempDir(), "gannet.yaml")
	settings := strings.Replace(hookSettings(r.URL, "", ""), "allow: [127.0.0.0/8], ", "", 1)
	check(t, os.WriteFile(file, []byte(settings), 0o600))
	for _, dev := range []bool{false, true} {
		flags := []string{"--config", file}
		if dev {
			flags = append(flags, "--dev")
		}
		s, err := serve(binary, flags...)
		supervise(t, s, err)
		out := gannetCommand(t, s, "webhooks", "test", hooked.ID)
		if dev != strings.Contains(out, "200 OK") || dev == strings.Contains(out, "127.0.0.1 is a loopback address; webhooks.allow can allow it") {
			t.Errorf("with --dev %v: %s", dev, out)
		}
		check(t, s.stop())
	}
}
