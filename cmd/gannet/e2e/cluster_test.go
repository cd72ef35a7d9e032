//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/pusher/pusher-http-go/v5"

	"github.com/gannet-io/gannet/frame/frametest"
)

// A fleet is a cluster of real processes, all with the app hooked, whose webhooks go to one receiver.
type fleet struct {
	t     *testing.T
	hooks *receiver
	bus   func(i int) string // the cluster section of node i's file
	nodes []*server          // an element is nil while that node is away
	data  []string
}

// drivers are the ways in which the tests connect nodes. Each starts what it needs.
var drivers = map[string]func(t *testing.T, n int) (bus func(i int) string){
	"nats": embeddedNATS,
	"redis": func(t *testing.T, _ int) func(int) string {
		return redisBus(startRedis(t, freePort(t), t.TempDir()).port)
	},
}

// eachDriver runs a test once for each. Most of them wait for leases to lapse, so that they can be run beside others.
func eachDriver(t *testing.T, test func(t *testing.T, bus func(n int) func(i int) string)) {
	plainOnly(t)
	t.Parallel()
	for name, driver := range drivers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, func(n int) func(int) string { return driver(t, n) })
		})
	}
}

func embeddedNATS(t *testing.T, n int) func(i int) string {
	var ports []int
	var routes []string
	for range n {
		ports = append(ports, freePort(t))
		routes = append(routes, fmt.Sprintf("127.0.0.1:%d", ports[len(ports)-1]))
	}
	return func(i int) string {
		return fmt.Sprintf("cluster: { driver: nats, node: n%d, nats: { listen: \"127.0.0.1:%d\", routes: %s } }\n", i, ports[i], encode(routes))
	}
}

func redisBus(port int) func(i int) string {
	return func(i int) string {
		return fmt.Sprintf("cluster: { driver: redis, node: n%d, redis: { url: \"redis://:open-sesame@127.0.0.1:%d\", prefix: test } }\n", i, port)
	}
}

// A process is a backbone that is not part of gannet.
type process struct {
	t    *testing.T
	port int
	args []string
	cmd  *exec.Cmd
}

// startRedis starts a redis-server that keeps nothing on disk.
func startRedis(t *testing.T, port int, folder string) *process {
	t.Helper()
	return startProcess(t, port, "redis-server", "--port", fmt.Sprint(port), "--bind", "127.0.0.1", "--dir", folder,
		"--requirepass", "open-sesame", "--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction")
}

func startProcess(t *testing.T, port int, args ...string) *process {
	t.Helper()
	p := &process{t: t, port: port, args: args}
	t.Cleanup(p.kill)
	p.start()
	return p
}

// start runs the process and waits until it accepts connections.
func (p *process) start() {
	p.t.Helper()
	p.cmd = exec.Command(p.args[0], p.args[1:]...)
	check(p.t, p.cmd.Start())
	eventually(p.t, p.args[0]+" accepts connections", func() bool {
		conn, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", p.port), time.Second)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
}

func (p *process) kill() {
	if p.cmd != nil && p.cmd.Process != nil && p.cmd.ProcessState == nil {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
	}
}

// natsServer builds the nats-server of the module that gannet is built with.
var natsServer = sync.OnceValues(func() (string, error) {
	path := filepath.Join(filepath.Dir(binary), "nats-server")
	out, err := exec.Command("go", "build", "-o", path, "github.com/nats-io/nats-server/v2").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("building nats-server: %w\n%s", err, out)
	}
	return path, nil
})

func startNATS(t *testing.T, port int, folder string) *process {
	t.Helper()
	path := must(natsServer())(t)
	return startProcess(t, port, path, "-a", "127.0.0.1", "-p", fmt.Sprint(port), "-js", "-sd", folder)
}

// startFleet starts n nodes at once, as an operator would.
func startFleet(t *testing.T, n int, bus func(i int) string) *fleet {
	t.Helper()
	f := &fleet{t: t, hooks: newReceiver(t), bus: bus, nodes: make([]*server, n)}
	for range n {
		f.data = append(f.data, t.TempDir())
	}
	t.Cleanup(f.end)
	var all sync.WaitGroup
	errs := make([]error, n)
	for i := range n {
		all.Go(func() { errs[i] = f.launch(i) })
	}
	all.Wait()
	for _, err := range errs {
		check(t, err)
	}
	f.ready()
	return f
}

// launch starts node i, with the data directory that it had before.
func (f *fleet) launch(i int) error {
	settings := hookSettings(f.hooks.URL+"/hook", f.data[i], "") + `    watchlist: true
    channels:
      - { match: "*log-*", history: { events: 5000, ttl: 5m } }
` + f.bus(i)
	file := filepath.Join(f.data[i], "gannet.yaml")
	if err := os.WriteFile(file, []byte(settings), 0o600); err != nil {
		return err
	}
	s, err := serve(binary, "--config", file)
	if err == nil {
		f.nodes[i] = s
	}
	return err
}

// ready waits until every node that runs says that it can be given traffic.
func (f *fleet) ready() {
	f.t.Helper()
	for i, s := range f.nodes {
		if s == nil {
			continue
		}
		said := ""
		deadline := time.Now().Add(patience)
		for said != "ready" {
			if time.Now().After(deadline) {
				f.t.Fatalf("node %d is not ready: %s\n%s", i, said, s.said())
			}
			if resp, err := http.Get("http://" + s.admin + "/readyz"); err == nil {
				text, _ := io.ReadAll(resp.Body)
				resp.Body.Close()
				if said = string(text); resp.StatusCode == http.StatusOK {
					said = "ready"
				}
			}
		}
	}
}

// end stops what still runs, all at once, and looks at what each has said.
func (f *fleet) end() {
	for _, s := range f.nodes {
		if s != nil {
			_ = s.cmd.Process.Signal(syscall.SIGCONT)
			_ = s.terminate()
		}
	}
	for i, s := range f.nodes {
		if s == nil {
			continue
		}
		if err := s.wait(); err != nil {
			f.t.Errorf("node %d: %v", i, err)
		}
		if strings.Contains(s.said(), "open-sesame") {
			f.t.Errorf("node %d tells a password:\n%s", i, s.said())
		}
	}
}

// kill ends node i as a crash would, and all its connections.
func (f *fleet) kill(i int) {
	f.t.Helper()
	kill(f.t, f.nodes[i])
	if said := f.nodes[i].said(); strings.Contains(said, "DATA RACE") || strings.Contains(said, "panic: ") {
		f.t.Errorf("node %d said:\n%s", i, said)
	}
	f.nodes[i] = nil
}

func (f *fleet) signal(i int, s syscall.Signal) {
	f.t.Helper()
	check(f.t, f.nodes[i].cmd.Process.Signal(s))
}

// An ear is a client whose messages are written down as they come.
type ear struct {
	*client

	mu    sync.Mutex
	texts []string
	gone  bool
	more  *sync.Cond
}

// hear connects to a node and listens.
func (f *fleet) hear(i int) *ear {
	f.t.Helper()
	return listenTo(connectTo(f.t, f.nodes[i], hooked))
}

func listenTo(c *client) *ear {
	e := &ear{client: c}
	e.more = sync.NewCond(&e.mu)
	_ = c.conn.SetReadDeadline(time.Time{})
	go func() {
		for {
			frame, err := frametest.Read(c.in)
			e.mu.Lock()
			switch {
			case err != nil || frame.Header.OpCode == ws.OpClose:
				e.gone = true
			case frame.Header.OpCode == ws.OpText:
				e.texts = append(e.texts, string(frame.Payload))
			}
			e.more.Broadcast()
			gone := e.gone
			e.mu.Unlock()
			if gone {
				return
			}
		}
	}()
	return e
}

// await waits until done says that what was heard is enough.
func (e *ear) await(what string, done func(texts []string) bool) {
	e.t.Helper()
	late := false
	timer := time.AfterFunc(patience, func() {
		e.mu.Lock()
		late = true
		e.more.Broadcast()
		e.mu.Unlock()
	})
	defer timer.Stop()
	e.mu.Lock()
	defer e.mu.Unlock()
	for !done(e.texts) {
		if late || e.gone {
			e.t.Fatalf("%s: not within %v (connection ended: %v). Heard:\n%s", what, patience, e.gone, strings.Join(e.texts, "\n"))
		}
		e.more.Wait()
	}
}

// awaitEvent waits for the nth event, from 1, that has all of parts in its text.
func (e *ear) awaitEvent(n int, parts ...string) {
	e.t.Helper()
	e.await(fmt.Sprintf("%d of %q", n, parts), func(texts []string) bool { return countOf(texts, parts...) >= n })
}

// heard returns how many messages have all of parts.
func (e *ear) heard(parts ...string) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return countOf(e.texts, parts...)
}

func countOf(texts []string, parts ...string) (n int) {
	for _, text := range texts {
		if !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(text, part) }) {
			n++
		}
	}
	return n
}

// in subscribes and waits for the acknowledgement.
func (e *ear) in(channel string, data ...string) {
	e.t.Helper()
	n := e.heard("subscription_succeeded", `"`+channel+`"`)
	e.subscribe(hooked, channel, data...)
	e.awaitEvent(n+1, "subscription_succeeded", `"`+channel+`"`)
}

func member(id string) string { return fmt.Sprintf(`{"user_id":%q,"user_info":{"n":%q}}`, id, id) }

// about returns what one node says of a channel over HTTP.
func (f *fleet) about(i int, channel string) (c struct {
	Occupied      bool `json:"occupied"`
	Users         int  `json:"user_count"`
	Subscriptions int  `json:"subscription_count"`
}) {
	f.t.Helper()
	info := "subscription_count"
	if strings.HasPrefix(channel, "presence-") {
		info = "user_count,subscription_count"
	}
	status, body := f.fetch(i, "/channels/"+channel, map[string]string{"info": info})
	if status != 200 {
		f.t.Fatalf("node %d, channel %s: %d %s", i, channel, status, body)
	}
	check(f.t, json.Unmarshal([]byte(body), &c))
	return c
}

func (f *fleet) fetch(i int, path string, params map[string]string) (status int, body string) {
	f.t.Helper()
	return get(f.t, f.nodes[i].url()+signed(hooked, "GET", path, "", params))
}

// agree waits until all nodes that run say the same of a channel.
func (f *fleet) agree(channel string, users, subscriptions int) {
	f.t.Helper()
	for i, s := range f.nodes {
		if s == nil {
			continue
		}
		var last any
		deadline := time.Now().Add(patience)
		for {
			c := f.about(i, channel)
			if c.Users == users && c.Subscriptions == subscriptions && c.Occupied == (subscriptions > 0) {
				break
			}
			if last = c; time.Now().After(deadline) {
				f.t.Fatalf("node %d says of %s: %+v, want %d users and %d subscriptions", i, channel, last, users, subscriptions)
			}
		}
	}
}

// trigger publishes by one node and returns the status and text of the answer.
func (f *fleet) trigger(i int, channel, data string) (status int, text string) {
	f.t.Helper()
	body := trigger(channel, data)
	target := signed(hooked, "POST", "/events", body, nil)
	resp, err := http.Post(f.nodes[i].url()+target, "application/json", strings.NewReader(body))
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	answer, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(answer)
}

// must publishes and wants a 200.
func (f *fleet) must(i int, channel, data string) {
	f.t.Helper()
	if status, text := f.trigger(i, channel, data); status != 200 {
		f.t.Fatalf("publishing by node %d on %s: %d %s", i, channel, status, text)
	}
}

// toldOf returns the webhooks about a channel as "name|user", in the order of arrival.
func (f *fleet) toldOf(channel string) (told []string) {
	f.hooks.mu.Lock()
	defer f.hooks.mu.Unlock()
	for _, e := range f.hooks.of(channel) {
		told = append(told, e.Name+"|"+e.UserID)
	}
	return told
}

// A toldEvent is a webhook's event and what sent it: the process, as in the ids of its deliveries.
type toldEvent struct {
	pusher.WebhookEvent
	from string
}

// of returns what has come about who is on a channel, with mu held.
func (r *receiver) of(channel string) (told []toldEvent) {
	for _, d := range r.deliveries {
		from, _, _ := strings.Cut(d.id, "-")
		for _, e := range d.events {
			if e.Channel == channel && (strings.HasPrefix(e.Name, "channel_") || strings.HasPrefix(e.Name, "member_")) {
				told = append(told, toldEvent{e, from})
			}
		}
	}
	return told
}

func (f *fleet) awaitHook(channel, hook string) {
	f.t.Helper()
	f.hooks.await(hook+" of "+channel, func(events []pusher.WebhookEvent) bool {
		return slices.ContainsFunc(events, func(e pusher.WebhookEvent) bool {
			return e.Channel == channel && e.Name+"|"+e.UserID == hook
		})
	})
}

func TestAClusterIsOneServer(t *testing.T) {
	eachDriver(t, func(t *testing.T, bus func(int) func(int) string) {
		f := startFleet(t, 3, bus(3))
		t.Run("events", f.events)
		t.Run("presence", f.presence)
		t.Run("users", f.users)
		t.Run("caches", f.caches)
		t.Run("histories", f.histories)
		t.Run("queries", f.queries)
	})
}

func (f *fleet) on(t *testing.T) *fleet {
	mine := *f
	mine.t = t
	return &mine
}

func (f *fleet) events(t *testing.T) {
	f = f.on(t)
	channel := fresh("private-events")
	var ears []*ear
	for i := range f.nodes {
		e := f.hear(i)
		e.in(channel)
		ears = append(ears, e)
	}
	for n := range 100 {
		f.must(n%3, channel, fmt.Sprintf("from %d: %03d", n%3, n))
	}
	for i, e := range ears {
		e.awaitEvent(100, `"from `)
		for from := range 3 { // each publisher's in order
			e.mu.Lock()
			last := ""
			for _, text := range e.texts {
				if at := strings.Index(text, fmt.Sprintf(`"from %d: `, from)); at >= 0 {
					if text[at:] <= last {
						t.Errorf("node %d: %s after %s", i, text[at:], last)
					}
					last = text[at:]
				}
			}
			e.mu.Unlock()
		}
	}
	// A client's event reaches everybody but him.
	ears[0].sendf(`{"event":"client-wave","channel":%q,"data":{"x":1}}`, channel)
	ears[1].awaitEvent(1, "client-wave")
	ears[2].awaitEvent(1, "client-wave")
	// And one published by HTTP everybody but the socket that it names, wherever that is.
	body := fmt.Sprintf(`{"name":"e","channels":[%q],"data":"not for you","socket_id":%q}`, channel, ears[1].socketID)
	resp, err := http.Post(f.nodes[2].url()+signed(hooked, "POST", "/events", body, nil), "application/json", strings.NewReader(body))
	check(t, err)
	resp.Body.Close()
	f.must(2, channel, "for all")
	for _, e := range ears {
		e.awaitEvent(1, "for all")
	}
	if ears[0].heard("not for you") != 1 || ears[1].heard("not for you") != 0 || ears[2].heard("not for you") != 1 || ears[0].heard("client-wave") != 0 {
		t.Error("an event came to the connection that it leaves out, or not to another")
	}
	f.awaitHook(channel, "channel_occupied|")
	for _, e := range ears {
		check(t, e.conn.Close())
	}
	f.awaitHook(channel, "channel_vacated|")
	if told := f.toldOf(channel); !slices.Equal(told, []string{"channel_occupied|", "channel_vacated|"}) {
		t.Errorf("webhooks %q", told)
	}
}

func (f *fleet) presence(t *testing.T) {
	f = f.on(t)
	channel := fresh("presence-room")
	a, b, c := f.hear(0), f.hear(1), f.hear(2)
	a.in(channel, member("anna"))
	f.agree(channel, 1, 1)
	b.in(channel, member("bob"))
	if b.heard("subscription_succeeded", channel, "anna", "bob") != 1 {
		t.Errorf("the roster on another node lacks somebody: %q", b.texts)
	}
	a.awaitEvent(1, "member_added", "bob")
	// The same user once more, on the third node: nobody is told.
	c.in(channel, member("anna"))
	f.agree(channel, 2, 3)
	again := f.hear(1)
	again.in(channel, member("cid"))
	for _, e := range []*ear{a, b, c} {
		e.awaitEvent(1, "member_added", "cid")
		if e.heard("member_added", "anna") != 0 {
			t.Error("a second connection of a member was told of")
		}
	}
	check(t, a.conn.Close())
	f.agree(channel, 3, 3)
	if b.heard("member_removed") != 0 {
		t.Error("a member was removed who is still there on another node")
	}
	check(t, c.conn.Close())
	b.awaitEvent(1, "member_removed", "anna")
	check(t, again.conn.Close())
	b.awaitEvent(1, "member_removed", "cid")
	f.agree(channel, 1, 1)
	check(t, b.conn.Close())
	f.agree(channel, 0, 0)

	// Each is told once, by whichever node. What one node tells comes in order; two nodes do not wait for each other.
	want := []string{
		"channel_occupied|", "channel_vacated|", "member_added|anna", "member_added|bob", "member_added|cid",
		"member_removed|anna", "member_removed|bob", "member_removed|cid",
	}
	f.hooks.await("everything of "+channel, func([]pusher.WebhookEvent) bool { return len(f.hooks.of(channel)) >= len(want) })
	told := f.toldOf(channel)
	slices.Sort(told)
	if !slices.Equal(told, want) {
		t.Errorf("webhooks %q, want %q", told, want)
	}
	turns(t, f.hooks, channel)
}

// turns fails if a node has told of a member's or a channel's end before it told of the beginning, when it told of both.
func turns(t *testing.T, r *receiver, channel string) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	ended := map[string]bool{} // by who has sent it, and what
	for _, e := range r.of(channel) {
		end := e.Name == "channel_vacated" || e.Name == "member_removed"
		subject := e.from + " " + e.UserID
		if !end && ended[subject] {
			t.Errorf("%s of %q came behind its end", e.Name, e.UserID)
		}
		if ended[e.from+" "] && e.Name != "channel_vacated" {
			t.Errorf("%s of %q came behind channel_vacated", e.Name, e.UserID)
		}
		ended[subject] = end
	}
}

func (f *fleet) users(t *testing.T) {
	f = f.on(t)
	name, friend := fresh("user"), fresh("friend")
	a, b := f.hear(0), f.hear(1)
	a.sendSignIn(hooked, fmt.Sprintf(`{"id":%q,"watchlist":[%q]}`, name, friend))
	a.awaitEvent(1, "signin_success")
	a.awaitEvent(1, "watchlist_events", "offline", friend)
	b.sendSignIn(hooked, fmt.Sprintf(`{"id":%q}`, friend))
	b.awaitEvent(1, "signin_success")
	a.awaitEvent(1, "watchlist_events", "online", friend)
	a.in("#server-to-user-" + name)
	f.must(2, "#server-to-user-"+name, "hello you")
	a.awaitEvent(1, "hello you")
	status := f.post(2, "/users/"+friend+"/terminate_connections", "{}")
	if status != 200 {
		t.Errorf("terminating: %d", status)
	}
	eventually(t, "the friend's connection ends", func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return b.gone
	})
	a.awaitEvent(2, "watchlist_events", "offline", friend)
}

func (f *fleet) post(i int, path, body string) (status int) {
	f.t.Helper()
	resp, err := http.Post(f.nodes[i].url()+signed(hooked, "POST", path, body, nil), "application/json", strings.NewReader(body))
	check(f.t, err)
	defer resp.Body.Close()
	return resp.StatusCode
}

func (f *fleet) caches(t *testing.T) {
	f = f.on(t)
	channel := fresh("cache-price")
	a := f.hear(0)
	a.in(channel)
	a.awaitEvent(1, "cache_miss")
	f.must(1, channel, "first")
	f.must(2, channel, "second")
	a.awaitEvent(1, "second")
	for i := range f.nodes { // on nodes that never had a subscriber as well
		e := f.hear(i)
		e.in(channel)
		e.awaitEvent(1, "second")
		if e.heard("first") != 0 || e.heard("cache_miss") != 0 {
			t.Errorf("node %d sends %q", i, e.texts)
		}
	}
}

func (f *fleet) histories(t *testing.T) {
	f = f.on(t)
	channel := fresh("private-log")
	a, b := f.hear(0), f.hear(1)
	a.in(channel)
	b.in(channel)
	var all sync.WaitGroup
	const each = 100
	for i := range f.nodes { // three publishers at once: one order
		all.Go(func() {
			for n := range each {
				f.must(i, channel, fmt.Sprintf("log %d-%03d", i, n))
			}
		})
	}
	all.Wait()
	a.awaitEvent(3*each, `"log `)
	b.awaitEvent(3*each, `"log `)
	first, second := logOf(a), logOf(b)
	if !slices.Equal(first, second) {
		t.Fatalf("two nodes have different orders:\n%s\n\n%s", strings.Join(first, "\n"), strings.Join(second, "\n"))
	}
	contiguous(t, first)
	// Somebody who was on node 0 goes on at node 2, which has never had the channel.
	serial := serialOf(t, first[99])
	c := f.hear(2)
	c.sendf(`{"event":"pusher:subscribe","data":{"channel":%q,"auth":%q,"resume":%q,"socket":%q}}`, channel, hooked.sign(c.socketID+":"+channel), serial, a.socketID)
	c.awaitEvent(1, "subscription_succeeded", `"recovered":true`)
	c.awaitEvent(200, `"log `)
	if got := logOf(c); !slices.Equal(got, first[100:]) {
		t.Errorf("resumed at %s with\n%s", serial, strings.Join(got, "\n"))
	}
	f.must(1, channel, "log live")
	for _, e := range []*ear{a, b, c} {
		e.awaitEvent(1, "log live")
	}
}

// logOf returns the events with a serial that e heard, as they came.
func logOf(e *ear) (texts []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, text := range e.texts {
		if strings.Contains(text, `"log `) {
			texts = append(texts, text)
		}
	}
	return texts
}

func serialOf(t *testing.T, text string) string {
	t.Helper()
	var event struct{ Serial string }
	check(t, json.Unmarshal([]byte(text), &event))
	if event.Serial == "" {
		t.Fatalf("%s has no serial", text)
	}
	return event.Serial
}

// contiguous fails unless each event's serial is one more than that of the one before.
func contiguous(t *testing.T, texts []string) {
	t.Helper()
	epoch, last := "", 0
	for i, text := range texts {
		serial := serialOf(t, text)
		cut := strings.LastIndexByte(serial, '-')
		offset := 0
		if _, err := fmt.Sscan(serial[cut+1:], &offset); err != nil {
			t.Fatal(err)
		}
		if i > 0 && (serial[:cut] != epoch || offset != last+1) {
			t.Fatalf("event %d has serial %s behind %s-%d", i, serial, epoch, last)
		}
		epoch, last = serial[:cut], offset
	}
}

func (f *fleet) queries(t *testing.T) {
	f = f.on(t)
	prefix := fresh("presence-list")
	var ears []*ear
	for i := range f.nodes {
		e := f.hear(i)
		e.in(fmt.Sprintf("%s-%d", prefix, i), member(fmt.Sprintf("u%d", i)))
		ears = append(ears, e)
	}
	for i := range f.nodes {
		eventually(t, fmt.Sprintf("node %d lists the channels of all", i), func() bool {
			_, body := f.fetch(i, "/channels", map[string]string{"filter_by_prefix": prefix, "info": "user_count"})
			return strings.Count(body, `"user_count":1`) == len(f.nodes)
		})
		_, users := f.fetch(i, fmt.Sprintf("/channels/%s-%d/users", prefix, (i+1)%3), nil)
		if want := fmt.Sprintf(`{"users":[{"id":"u%d"}]}`, (i+1)%3); users != want {
			t.Errorf("node %d says %s, want %s", i, users, want)
		}
	}
	for _, e := range ears {
		check(t, e.conn.Close())
	}
}
