package rest_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"go.uber.org/goleak"

	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/app/appstatic"
	"github.com/gannet-io/gannet/pusher/node"
	"github.com/gannet-io/gannet/pusher/rest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// What packages below start when they are loaded.
		goleak.IgnoreCurrent(),
		// One for the process, for the Date header.
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),
		// Sleeps up to ten seconds before it sees that its pool was stopped.
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"))
}

// patience is how long a test waits for what must happen. It is only ever used up by a failure.
const patience = time.Minute

// The credentials and the moment of the worked example in Pusher's documentation.
const (
	appID  = "3"
	key    = "278d425bdf160c739803"
	secret = "7ad3773142a6692b25b8"
	moment = 1353088179
)

// A published is one call of Publish.
type published struct {
	app, channel, name, data, except string
}

// fakeNode answers from maps and writes down what it is told.
type fakeNode struct {
	mu         sync.Mutex
	published  []published
	terminated []string // app/user
	counts     map[string]rest.Counts
	tokens     map[string]string
	ttl        time.Duration
	users      map[string][]string
	past       node.Past
	asked      []node.PastQuery

	visited    atomic.Int64 // channels yielded
	publishErr error
	failAfter  int           // events that go well before publishErr
	panics     bool          // Publish panics
	enter      chan struct{} // when not nil, Publish sends here and
	leave      chan struct{} // waits for this
}

func (n *fakeNode) Admit(_ *app.App, channels iter.Seq[string]) error {
	for name := range channels {
		if name == "full" {
			return node.ErrBusy
		}
	}
	return nil
}

func (n *fakeNode) History(_ *app.App, channel string, q *node.PastQuery) node.Past {
	if channel == "plain" {
		return node.Past{}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked = append(n.asked, *q)
	return n.past
}

func (n *fakeNode) Reach(_ *app.App, name string) error {
	if name == "private-cache-away" || name == "away" {
		return node.ErrAway
	}
	return nil
}

// Submit fails when it is asked for the outcome.
func (n *fakeNode) Submit(a *app.App, ev *rest.Event) func() error {
	if err := n.publish(a, ev); err != nil {
		return func() error { return err }
	}
	return nil
}

func (n *fakeNode) publish(a *app.App, ev *rest.Event) error {
	if n.enter != nil {
		n.enter <- struct{}{}
		<-n.leave
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.panics {
		panic("boom")
	}
	if n.publishErr != nil && len(n.published) >= n.failAfter {
		return n.publishErr
	}
	n.published = append(n.published, published{a.ID, strings.Clone(ev.Channel), strings.Clone(ev.Name), string(ev.Data), strings.Clone(ev.Except)})
	return nil
}

func (n *fakeNode) Channel(_ *app.App, name string) rest.Counts { return n.counts[name] }

func (n *fakeNode) Cached(_ *app.App, name string) ([]byte, time.Duration, bool) {
	token, ok := n.tokens[name]
	return []byte(token), n.ttl, ok
}

func (n *fakeNode) Channels(_ *app.App, prefix string) iter.Seq2[string, rest.Counts] {
	return func(yield func(string, rest.Counts) bool) { n.channels(prefix, yield) }
}

func (n *fakeNode) channels(prefix string, yield func(string, rest.Counts) bool) {
	names := make([]string, 0, len(n.counts))
	for name, c := range n.counts {
		if c.Occupied && strings.HasPrefix(name, prefix) && !strings.HasPrefix(name, "#") {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	for _, name := range names {
		n.visited.Add(1)
		if !yield(name, n.counts[name]) {
			return
		}
	}
}

func (n *fakeNode) Users(_ *app.App, channel string) []string { return n.users[channel] }

func (n *fakeNode) Terminate(a *app.App, userID string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.terminated = append(n.terminated, a.ID+"/"+userID)
	return n.publishErr
}

// taken returns what was published since the last call.
func (n *fakeNode) taken() []published {
	n.mu.Lock()
	defer n.mu.Unlock()
	p := n.published
	n.published = nil
	return p
}

// A lab is a server on a loopback port with everything around it.
type lab struct {
	t      *testing.T
	node   *fakeNode
	app    *app.App // app 3, changeable before the first request
	now    time.Time
	log    *syncBuffer
	set    *metrics.Set
	server *rest.Server
	ln     *net.TCPListener
	addr   string
	tls    *tls.Config // of dial; nil: plain TCP
	client *http.Client
	done   chan error
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func newApp() *app.App {
	return &app.App{
		ID: appID, Keys: []app.Key{{Key: key, Secret: secret}}, Enabled: true, SubscriptionCount: true,
		Limits: app.DefaultLimits(),
	}
}

// otherApp has an id, a key and a secret of its own, to be mistaken for app 3.
func otherApp() *app.App {
	return &app.App{ID: "4", Keys: []app.Key{{Key: "otherkey", Secret: "othersecret"}}, Enabled: true, Limits: app.DefaultLimits()}
}

func newNode() *fakeNode {
	return &fakeNode{
		counts: map[string]rest.Counts{
			"presence-a":         {Occupied: true, Users: 2, Subscriptions: 3},
			"presence-b":         {Occupied: true, Users: 1, Subscriptions: 1},
			"pub":                {Occupied: true, Subscriptions: 1},
			"cache-x":            {Occupied: true, Subscriptions: 4},
			"#server-to-user-u1": {Occupied: true, Subscriptions: 1},
		},
		tokens: map[string]string{"cache-x": `"event data"`, "presence-cache-p": `"{\"n\":1}"`},
		ttl:    59*time.Second + time.Millisecond,
		users:  map[string][]string{"presence-a": {"1", "2"}},
	}
}

// start runs a server. change, which may be nil, sees the lab and the configuration before it starts.
func start(t *testing.T, change func(*lab, *rest.Config)) *lab {
	t.Helper()
	l := &lab{
		t: t, node: newNode(), app: newApp(), now: time.Unix(moment, 0),
		log: &syncBuffer{}, set: metrics.NewSet(), done: make(chan error, 1),
	}
	apps, err := appstatic.New([]*app.App{l.app, otherApp()})
	if err != nil {
		t.Fatal(err)
	}
	cfg := rest.Config{
		Node: l.node, Apps: apps, Metrics: l.set,
		Now:    func() time.Time { return l.now },
		Logger: slog.New(slog.NewTextHandler(l.log, nil)),
	}
	if change != nil {
		change(l, &cfg)
	}
	l.server = rest.New(cfg)
	if l.ln, err = net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}); err != nil {
		t.Fatal(err)
	}
	l.addr = l.ln.Addr().String()
	l.client = &http.Client{Transport: &http.Transport{}}
	go func() { l.done <- l.server.Serve(l.ln) }()
	t.Cleanup(l.stop)
	return l
}

func (l *lab) stop() {
	l.client.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := l.server.Shutdown(ctx); err != nil {
		l.t.Errorf("Shutdown: %v", err)
	}
	if err := <-l.done; err != nil && !errors.Is(err, net.ErrClosed) {
		l.t.Errorf("Serve: %v", err)
	}
}

// An answer is what a test looks at.
type answer struct {
	status int
	header http.Header
	body   string
	closes bool // Connection: close
}

// send sends a request whose target is exactly as given: no client is between.
func (l *lab) send(method, target, body string, headers ...string) answer {
	l.t.Helper()
	c := l.dial()
	defer c.Close()
	io.WriteString(c, head(method, target, body, headers...)+body)
	return read(l.t, bufio.NewReader(c), method)
}

func head(method, target, body string, headers ...string) string {
	h := method + " " + target + " HTTP/1.1\r\nHost: api.test\r\n"
	if body != "" || method == "POST" {
		h += fmt.Sprintf("Content-Length: %d\r\n", len(body))
	}
	for _, line := range headers {
		h += line + "\r\n"
	}
	return h + "\r\n"
}

func (l *lab) dial() net.Conn {
	l.t.Helper()
	c, err := net.Dial("tcp", l.addr)
	if err != nil {
		l.t.Fatal(err)
	}
	// A test that hangs should say so itself.
	c.SetDeadline(time.Now().Add(patience))
	if l.tls != nil {
		return tls.Client(c, l.tls)
	}
	return c
}

func read(t *testing.T, r *bufio.Reader, method string) answer {
	t.Helper()
	resp, err := http.ReadResponse(r, &http.Request{Method: method})
	if err != nil {
		t.Fatalf("%s: no answer: %v", method, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s: answer cut short: %v", method, err)
	}
	return answer{resp.StatusCode, resp.Header, string(body), resp.Close}
}

// signed sends a correctly signed request; params are name, value pairs.
func (l *lab) signed(method, path, body string, params ...string) answer {
	l.t.Helper()
	return l.send(method, sign(method, path, body, params...), body)
}

// sign is the recipe of the documentation, written apart from package auth: it returns the request target,
// with values escaped like Python escapes them.
func sign(method, path, body string, params ...string) string {
	return signAs(key, secret, method, path, body, params...)
}

func signAs(key, secret, method, path, body string, params ...string) string {
	query := map[string]string{"auth_key": key, "auth_timestamp": fmt.Sprint(moment), "auth_version": "1.0"}
	if body != "" {
		sum := md5.Sum([]byte(body))
		query["body_md5"] = hex.EncodeToString(sum[:])
	}
	for i := 0; i < len(params); i += 2 {
		query[params[i]] = params[i+1]
	}
	var plain, escaped []string
	names := make([]string, 0, len(query))
	for name := range query {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		plain = append(plain, name+"="+query[name])
		escaped = append(escaped, name+"="+escape(query[name]))
	}
	mac := hmac.New(sha256.New, []byte(secret))
	io.WriteString(mac, method+"\n"+path+"\n"+strings.Join(plain, "&"))
	return escapePath(path) + "?" + strings.Join(escaped, "&") + "&auth_signature=" + hex.EncodeToString(mac.Sum(nil))
}

func escape(s string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-_.~", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

func escapePath(path string) string {
	parts := strings.Split(path, "/")
	for i := range parts {
		parts[i] = escape(parts[i])
	}
	return strings.Join(parts, "/")
}
