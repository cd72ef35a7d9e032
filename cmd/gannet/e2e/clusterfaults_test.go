//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/gobwas/ws"
)

// goneWithin is what docs/cluster.md promises of a node that ends without a word, and slack what a busy machine
// may add to it.
const (
	goneWithin = 20 * time.Second
	slack      = 20 * time.Second
)

func TestAKilledNodeLeavesNoGhosts(t *testing.T) {
	eachDriver(t, func(t *testing.T, bus func(int) func(int) string) {
		f := startFleet(t, 3, bus(3))
		room, alone := fresh("presence-room"), fresh("private-alone")
		a := f.hear(0)
		a.in(room, member("anna"))
		f.hear(1).in(room, member("two"))
		f.hear(2).in(room, member("two"))
		f.hear(2).in(room, member("lost"))
		f.hear(2).in(alone)
		f.agree(room, 3, 4)
		f.agree(alone, 0, 1)
		f.awaitHook(alone, "channel_occupied|")

		f.kill(2)
		at := time.Now()
		a.awaitEvent(1, "member_removed", "lost")
		if took := time.Since(at); took > goneWithin+slack {
			t.Errorf("the dead node's member was there for %v", took)
		} else {
			t.Logf("member_removed after %v", took.Round(100*time.Millisecond))
		}
		f.agree(room, 2, 2)
		f.agree(alone, 0, 0)
		f.awaitHook(alone, "channel_vacated|")
		f.must(0, room, "still here")
		a.awaitEvent(1, "still here")

		check(t, f.launch(2))
		f.ready()
		back := f.hear(2)
		back.in(room, member("lost"))
		a.awaitEvent(1, "member_added", "lost")
		f.agree(room, 3, 3)
		if back.heard("subscription_succeeded", "anna", "two", "lost") != 1 {
			t.Errorf("the node that came back has another roster: %q", back.texts)
		}
		if a.heard("member_removed", "two") != 0 || a.heard("member_removed", "lost") != 1 {
			t.Error("members were removed who were there, or twice")
		}
		if told := f.toldOf(alone); !slices.Equal(told, []string{"channel_occupied|", "channel_vacated|"}) {
			t.Errorf("webhooks %q", told)
		}
		for _, once := range []string{"member_removed|lost", "member_added|two", "member_added|anna", "channel_occupied|"} {
			if n := len(slices.DeleteFunc(f.toldOf(room), func(s string) bool { return s != once })); n != 1 {
				t.Errorf("%s was told %d times: %q", once, n, f.toldOf(room))
			}
		}
	})
}

// TestANodeThatWasStoppedComesBack: its lease lapses while it sleeps, its connections live on.
func TestANodeThatWasStoppedComesBack(t *testing.T) {
	eachDriver(t, func(t *testing.T, bus func(int) func(int) string) {
		f := startFleet(t, 3, bus(3))
		room, log := fresh("presence-room"), fresh("private-log")
		a, sleeper := f.hear(0), f.hear(2)
		a.in(room, member("anna"))
		a.in(log)
		sleeper.in(room, member("sleeper"))
		sleeper.in(log)
		f.agree(room, 2, 2)
		f.must(0, log, "log before")
		sleeper.awaitEvent(1, "log before")

		f.signal(2, syscall.SIGSTOP)
		for n := range 50 {
			f.must(n%2, log, fmt.Sprintf("log during %d", n))
		}
		a.awaitEvent(1, "member_removed", "sleeper")
		f.signal(2, syscall.SIGCONT)

		a.awaitEvent(1, "member_added", "sleeper")
		f.ready()
		f.agree(room, 2, 2)
		f.must(2, log, "log after")
		sleeper.awaitEvent(1, "log after")
		a.awaitEvent(1, "log after")
		if got, want := logOf(sleeper), logOf(a); !slices.Equal(got, want) {
			t.Errorf("the clients of the node that slept got\n%s\nthe others\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		if sleeper.heard("member_removed", "anna") != 0 {
			t.Error("the node that slept took the others for gone")
		}
	})
}

// away takes the backbone away and brings it back, and looks at what clients and operators see meanwhile. lasting says that the backbone
// keeps its memory.
func away(t *testing.T, f *fleet, backbone *process, lasting bool) {
	room, log, plain := fresh("presence-room"), fresh("private-log"), fresh("private-plain")
	var ears []*ear
	for i := range f.nodes {
		e := f.hear(i)
		e.in(room, member(fmt.Sprintf("u%d", i)))
		e.in(log)
		e.in(plain)
		ears = append(ears, e)
	}
	f.agree(room, len(f.nodes), len(f.nodes))
	f.must(0, log, "log before")
	for _, e := range ears {
		e.awaitEvent(1, "log before")
	}
	backbone.kill()
	for i := range f.nodes {
		eventually(t, fmt.Sprintf("node %d says why it is not ready", i), func() bool {
			resp, err := http.Get("http://" + f.nodes[i].admin + "/readyz")
			check(t, err)
			defer resp.Body.Close()
			text, _ := io.ReadAll(resp.Body)
			return resp.StatusCode == http.StatusServiceUnavailable && len(text) > 5
		})
		if status, _ := get(t, "http://"+f.nodes[i].admin+"/healthz"); status != 200 {
			t.Errorf("node %d is not alive while the backbone is away: %d", i, status)
		}
		for _, channel := range []string{log, plain} {
			if status, text := f.trigger(i, channel, "refused"); status != 503 || text == "" {
				t.Errorf("node %d answered %d %q to a publish on %s while the backbone is away, want 503", i, status, text, channel)
			}
		}
	}
	// What clients of one node say to each other goes on, and so do new ones.
	other := f.hear(0)
	other.in(plain)
	other.in(room, member("late"))
	ears[0].awaitEvent(1, "member_added", "late")
	other.sendf(`{"event":"client-local","channel":%q,"data":{}}`, plain)
	ears[0].awaitEvent(1, "client-local")

	backbone.start()
	f.ready()
	f.agree(room, len(f.nodes)+1, len(f.nodes)+1)
	ears[1].awaitEvent(1, "member_added", "late")
	for i := range f.nodes {
		f.must(i, plain, fmt.Sprintf("plain after %d", i))
		f.must(i, log, fmt.Sprintf("log after %d", i))
	}
	for i, e := range ears {
		e.awaitEvent(3, "plain after")
		e.awaitEvent(3, "log after")
		if e.heard("member_removed") != 0 {
			t.Errorf("node %d: somebody was said to be gone who was there: %q", i, e.texts)
		}
		if e.heard("refused") != 0 {
			t.Errorf("node %d: an event came that was refused", i)
		}
	}
	events := logOf(ears[0])
	if sameEpoch := epochOf(t, events[0]) == epochOf(t, events[len(events)-1]); sameEpoch != lasting {
		t.Errorf("the same epoch before and after: %v, want %v", sameEpoch, lasting)
	}
	contiguous(t, events[1:])
	resumed := f.hear(1)
	resumed.sendf(`{"event":"pusher:subscribe","data":{"channel":%q,"auth":%q,"resume":%q}}`, log, hooked.sign(resumed.socketID+":"+log), serialOf(t, events[0]))
	resumed.awaitEvent(1, "subscription_succeeded", fmt.Sprintf(`"recovered":%v`, lasting))
	if lasting {
		resumed.awaitEvent(3, "log after")
	}
	for _, told := range f.toldOf(room) {
		if strings.HasPrefix(told, "member_removed") || strings.HasPrefix(told, "channel_vacated") {
			t.Errorf("a webhook said %s", told)
		}
	}
}

func epochOf(t *testing.T, text string) string {
	serial := serialOf(t, text)
	return serial[:strings.LastIndexByte(serial, '-')]
}

func TestRedisIsKilledAndComesBackEmpty(t *testing.T) {
	plainOnly(t)
	t.Parallel()
	redis := startRedis(t, freePort(t), t.TempDir())
	away(t, startFleet(t, 3, redisBus(redis.port)), redis, false)
}

func TestNATSIsKilledAndComesBack(t *testing.T) {
	plainOnly(t)
	t.Parallel()
	nats := startNATS(t, freePort(t), t.TempDir())
	f := startFleet(t, 3, func(i int) string {
		return fmt.Sprintf("cluster: { driver: nats, node: n%d, nats: { urls: [\"nats://127.0.0.1:%d\"] } }\n", i, nats.port)
	})
	away(t, f, nats, true)
}

// A link passes bytes between a node and its backbone, or holds them back.
type link struct {
	to   string
	ln   net.Listener
	mu   sync.Mutex
	held *sync.Cond
	cut  bool // guarded by mu
}

func newLink(t *testing.T, to string) *link {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	l := &link{to: to, ln: ln}
	l.held = sync.NewCond(&l.mu)
	t.Cleanup(func() { ln.Close(); l.set(false) })
	go func() {
		for {
			near, err := ln.Accept()
			if err != nil {
				return
			}
			go l.serve(near)
		}
	}()
	return l
}

func (l *link) serve(near net.Conn) {
	defer near.Close()
	l.pass()
	far, err := net.Dial("tcp", l.to)
	if err != nil {
		return
	}
	defer far.Close()
	go func() { l.copy(far, near); far.Close() }()
	l.copy(near, far)
}

// pass waits while the link is cut.
func (l *link) pass() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.cut {
		l.held.Wait()
	}
}

func (l *link) copy(to, from net.Conn) {
	room := make([]byte, 64<<10)
	for {
		n, err := from.Read(room)
		l.pass()
		if n > 0 {
			if _, err := to.Write(room[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// set cuts the link, without a word to either end, or mends it.
func (l *link) set(cut bool) {
	l.mu.Lock()
	l.cut = cut
	l.held.Broadcast()
	l.mu.Unlock()
}

func (l *link) port() int { return l.ln.Addr().(*net.TCPAddr).Port }

func TestACutLinkLosesNothingOfALog(t *testing.T) {
	plainOnly(t)
	t.Parallel()
	redis := startRedis(t, freePort(t), t.TempDir())
	l := newLink(t, fmt.Sprintf("127.0.0.1:%d", redis.port))
	f := startFleet(t, 2, func(i int) string {
		if i == 1 {
			return redisBus(l.port())(i)
		}
		return redisBus(redis.port)(i)
	})
	room, log := fresh("presence-room"), fresh("private-log")
	a, b := f.hear(0), f.hear(1)
	for i, e := range []*ear{a, b} {
		e.in(room, member(fmt.Sprintf("u%d", i)))
		e.in(log)
	}
	f.agree(room, 2, 2)
	f.must(1, log, "log before")

	l.set(true)
	for n := range 100 {
		f.must(0, log, fmt.Sprintf("log %d", n))
	}
	a.awaitEvent(1, "member_removed", "u1")
	eventually(t, "the node that is cut off refuses", func() bool {
		status, _ := f.trigger(1, log, "log refused")
		return status == 503
	})
	l.set(false)

	f.ready()
	a.awaitEvent(1, "member_added", "u1")
	f.agree(room, 2, 2)
	f.must(1, log, "log after")
	a.awaitEvent(1, "log after")
	b.awaitEvent(1, "log after")
	if got, want := logOf(b), logOf(a); !slices.Equal(got, want) {
		t.Errorf("behind the cut\n%s\nbefore it\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	contiguous(t, logOf(b))
}

// TestARollingRestartLosesNothing replaces three nodes one after the other, while somebody publishes all the time and
// somebody listens, who goes elsewhere when told.
func TestARollingRestartLosesNothing(t *testing.T) {
	eachDriver(t, func(t *testing.T, bus func(int) func(int) string) {
		f := startFleet(t, 3, bus(3))
		log := fresh("private-log")
		var hosts [3]atomic.Pointer[server] // nil: being replaced
		for i, s := range f.nodes {
			hosts[i].Store(s)
		}
		any := func(from int) *server {
			for i := range hosts {
				if s := hosts[(from+i)%3].Load(); s != nil {
					return s
				}
			}
			return nil
		}
		var accepted []string // guarded by the end of publishing
		quit := make(chan struct{})
		var publishing, listening sync.WaitGroup
		publishing.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-quit:
					return
				default:
				}
				data := fmt.Sprintf("log %05d", n)
				body := trigger(log, data)
				s := any(n)
				resp, err := http.Post(s.url()+signed(hooked, "POST", "/events", body, nil), "application/json", strings.NewReader(body))
				if err != nil {
					continue // it went away: not acknowledged
				}
				resp.Body.Close()
				if resp.StatusCode == 200 {
					accepted = append(accepted, data)
				}
			}
		})
		r := &resumer{t: t, log: log, any: any, enough: make(chan struct{})}
		listening.Go(r.run)
		for i := range f.nodes {
			old := hosts[i].Swap(nil)
			check(t, old.stop())
			f.nodes[i] = nil
			check(t, f.launch(i))
			f.ready()
			hosts[i].Store(f.nodes[i])
		}
		close(quit)
		publishing.Wait() // what ends the log is to come behind all else
		eventually(t, "everything that was accepted has come", func() bool { return r.has("log end") || f.finish(log) })
		close(r.enough)
		listening.Wait()
		r.mu.Lock()
		defer r.mu.Unlock()
		contiguous(t, r.texts)
		all := strings.Join(r.texts, "\n")
		missing := slices.DeleteFunc(accepted, func(data string) bool { return strings.Contains(all, `"`+data+`"`) || data < r.first })
		if len(missing) > 0 || r.unrecovered > 0 || len(r.texts) == 0 {
			t.Errorf("%d events came, %d of those acknowledged did not, and %d times the client was told that it missed something: %q",
				len(r.texts), len(missing), r.unrecovered, missing)
		}
		t.Logf("%d events, %d connections", len(r.texts), r.connections)
	})
}

// finish publishes what ends the test, and returns false: look again.
func (f *fleet) finish(log string) bool {
	f.trigger(0, log, "log end")
	return false
}

// A resumer is a client as resume.js makes them: it goes on at its last serial, wherever it finds a server.
type resumer struct {
	t      *testing.T
	log    string
	any    func(from int) *server
	enough chan struct{}

	connections int

	mu          sync.Mutex
	texts       []string // guarded by mu
	first       string   // the first that came; guarded by mu
	unrecovered int      // guarded by mu
}

func (r *resumer) has(part string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return countOf(r.texts, part) > 0
}

func (r *resumer) run() {
	serial := ""
	for n := 0; ; n++ {
		select {
		case <-r.enough:
			return
		default:
		}
		if s := r.any(n); s != nil {
			serial = r.listen(s, serial)
		}
	}
}

// listen is one connection; it returns the serial to go on from.
func (r *resumer) listen(s *server, serial string) string {
	dialer := ws.Dialer{Timeout: patience}
	conn, early, handshake, err := dialer.Dial(context.Background(), "ws://"+s.public+"/app/"+hooked.Key+"?protocol=7&client=test&version=1.0&resume=1")
	if err != nil {
		return serial
	}
	defer conn.Close()
	r.connections++
	e := listenTo(clientOf(r.t, conn, early, handshake))
	next := 0
	done := make(chan struct{})
	defer close(done)
	go func() {
		select {
		case <-r.enough:
			e.mu.Lock()
			e.more.Broadcast()
			e.mu.Unlock()
		case <-done:
		}
	}()
	for {
		e.mu.Lock()
		for next == len(e.texts) && !e.gone {
			select {
			case <-r.enough:
				e.mu.Unlock()
				return serial
			default:
			}
			e.more.Wait()
		}
		gone := next == len(e.texts)
		text := ""
		if !gone {
			text = e.texts[next]
			next++
		}
		e.mu.Unlock()
		switch {
		case gone:
			return serial
		case strings.Contains(text, "pusher:connection_established"):
			e.established(text)
			ask := ""
			if serial != "" {
				ask = fmt.Sprintf(`,"resume":%q`, serial)
			}
			e.sendf(`{"event":"pusher:subscribe","data":{"channel":%q,"auth":%q%s}}`, r.log, hooked.sign(e.socketID+":"+r.log), ask)
		case strings.Contains(text, "subscription_succeeded"):
			if strings.Contains(text, `"recovered":false`) {
				r.mu.Lock()
				r.unrecovered++
				r.mu.Unlock()
			}
		case strings.Contains(text, `"log `):
			serial = serialOf(r.t, text)
			r.mu.Lock()
			if len(r.texts) == 0 {
				r.first = text[strings.Index(text, `"log `)+1:][:len("log 00000")]
			}
			r.texts = append(r.texts, text)
			r.mu.Unlock()
		}
	}
}
