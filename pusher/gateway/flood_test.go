package gateway_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/gannet-io/gannet/engine"
	"github.com/gannet-io/gannet/pusher/node"
)

// scaled returns how large a flood is: small, so that tests stay quick, or what GANNET_FLOOD multiplies it to.
func scaled(t *testing.T, n int) int {
	t.Helper()
	text := os.Getenv("GANNET_FLOOD")
	if text == "" {
		return n
	}
	factor, err := strconv.Atoi(text)
	if err != nil || factor < 1 {
		t.Fatalf("GANNET_FLOOD is %q, want a factor", text)
	}
	return n * factor
}

const handshakeHead = "GET /app/shop-key?protocol=7 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"

// textFrame returns a client's message.
func textFrame(text string) string {
	var b bytes.Buffer
	if err := ws.WriteFrame(&b, ws.MaskFrameInPlace(ws.NewTextFrame([]byte(text)))); err != nil {
		panic(err)
	}
	return b.String()
}

// deaf opens a connection that says something and never reads. What the kernel takes for it is little. The caller closes
// it: a Cleanup would hold on to each of thousands.
func (s *server) deaf(says string) net.Conn {
	s.t.Helper()
	d := net.Dialer{Control: func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) { _ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4<<10) })
	}}
	conn, err := d.Dial("tcp", s.addr)
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := io.WriteString(conn, handshakeHead+says); err != nil {
		s.t.Fatal(err)
	}
	return conn
}

// Subscribers that read get everything, once and in order, while a crowd on the same channel never reads and is cut off.
func TestDeafSubscribersCostTheOthersNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds: a thousand connections")
	}
	const deaf, events = 1000, 300
	a := newApp(nil)
	s := newServer(t, options{engine: engine.Config{BacklogBytes: 64 << 10, NotSentLowat: 8 << 10, SendBuffer: 8 << 10, CloseWait: time.Second}}, a)
	subscribing := textFrame(`{"event":"pusher:subscribe","data":{"channel":"news"}}`)
	crowd := make([]net.Conn, deaf)
	for i := range crowd {
		crowd[i] = s.deaf(subscribing)
	}
	defer func() {
		for _, c := range crowd {
			_ = c.Close()
		}
	}()
	healthy := make([]*client, 4)
	for i := range healthy {
		healthy[i] = s.join(a)
		healthy[i].say(subscribe(a, healthy[i].id, "news", ""))
		healthy[i].read()
	}
	s.until("all to subscribe", func() bool { return s.node.Channel(a, "news").Subscriptions == deaf+len(healthy) })
	padding := strings.Repeat("x", 2000)
	for i := range events {
		if err := s.node.Publish(a, &node.Event{Channel: "news", Name: "e", Data: fmt.Appendf(nil, `"%d %s"`, i, padding)}); err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprintf(`{"event":"e","channel":"news","data":"%d %s"}`, i, padding)
		for _, c := range healthy {
			if got := c.read(); got != want {
				t.Fatalf("event %d: %.60q, want %.60q", i, got, want)
			}
		}
	}
	s.until("the deaf to be cut off", func() bool { return s.node.Channel(a, "news").Subscriptions == len(healthy) })
	if n := s.gauge(`gannet_gateway_refusals_total{reason="slow_consumer"}`); n != deaf {
		t.Errorf("%v were cut off for being slow, want %d", n, deaf)
	}
	for _, c := range healthy {
		expect(t, c.collect()) // nothing came twice
	}
	s.leave(healthy...)
}

// What floods take is given back. Each is one story; GANNET_FLOOD=10 and the like make them larger.
func TestFloodsLeaveNothingBehind(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds: floods")
	}
	a := newApp(nil)
	s := newServer(t, options{engine: engine.Config{NotSentLowat: 16 << 10, CloseWait: time.Second}}, a)
	for name, flood := range map[string]func(t *testing.T){
		"connects": func(t *testing.T) {
			n := scaled(t, 1000)
			conns := make([]net.Conn, n)
			for i := range conns {
				conns[i] = s.deaf("")
			}
			s.until("all to be greeted", func() bool { return int(s.gauge("gannet_engine_websockets")) == n })
			for _, c := range conns {
				_ = c.Close()
			}
		},
		"subscribing and unsubscribing": func(t *testing.T) {
			c := s.join(a)
			on := textFrame(`{"event":"pusher:subscribe","data":{"channel":"storm"}}`)
			off := textFrame(`{"event":"pusher:unsubscribe","data":{"channel":"storm"}}`)
			want := `{"event":"pusher_internal:subscription_succeeded","channel":"storm","data":"{}"}`
			for range scaled(t, 100) {
				if _, err := io.WriteString(c.conn, strings.Repeat(on+off, 100)); err != nil {
					t.Fatal(err)
				}
				for range 100 { // at once: who asks and does not listen is cut off
					if got := c.read(); got != want {
						t.Fatalf("got %s, want %s", got, want)
					}
				}
			}
			s.shut(c.conn)
			c.over = true
		},
		"100,000 subscriptions of one client": func(t *testing.T) {
			c := s.join(a)
			const all = 100_000
			most := 0.0
			for i := 0; i < all; i += 1000 {
				var b strings.Builder
				for j := range 1000 {
					b.WriteString(textFrame(`{"event":"pusher:subscribe","data":{"channel":"mine-` + strconv.Itoa(i+j) + `"}}`))
				}
				if _, err := io.WriteString(c.conn, b.String()); err != nil {
					t.Fatal(err)
				}
				for range 1000 { // each is answered, by yes or no; at once: who asks and does not listen is cut off
					if got := c.read(); !strings.HasPrefix(got, `{"event":"pusher`) {
						t.Fatalf("got %s, want an answer to each", got)
					}
				}
				most = max(most, s.gauge("gannet_hub_subscriptions"))
			}
			if most > float64(a.Limits.SubscriptionsPerConnection) || most == 0 {
				t.Errorf("it held %v subscriptions, %d are allowed", most, a.Limits.SubscriptionsPerConnection)
			}
			s.shut(c.conn)
			c.over = true
		},
		"presence churn": func(t *testing.T) {
			watcher := s.join(a)
			watcher.say(subscribe(a, watcher.id, "presence-hall", `{"user_id":"watcher"}`))
			watcher.read()
			n := scaled(t, 1000)
			for i := range n {
				c := s.join(a)
				id := strconv.Itoa(i)
				c.say(subscribe(a, c.id, "presence-hall", `{"user_id":"`+id+`"}`))
				c.read()
				s.shut(c.conn)
				for _, event := range []string{"member_added", "member_removed"} {
					if got := watcher.read(); !strings.Contains(got, "pusher_internal:"+event) || !strings.Contains(got, `\"user_id\":\"`+id+`\"`) {
						t.Fatalf("user %s: %s, want %s", id, got, event)
					}
				}
			}
			s.shut(watcher.conn)
		},
	} {
		t.Run(name, func(t *testing.T) {
			flood(t) // once, so that what grows for good has grown
			s.until("all to leave", func() bool { return s.engine.Conns() == 0 && s.gauge("gannet_hub_subscriptions") == 0 })
			s.conns = 0
			before := resources(t, s)
			flood(t)
			s.until("all to leave", func() bool { return s.engine.Conns() == 0 && s.gauge("gannet_hub_subscriptions") == 0 })
			s.conns = 0
			after := resources(t, s)
			for deadline := time.Now().Add(patience); !after.within(before) && time.Now().Before(deadline); after = resources(t, s) {
				s.turn()
			}
			if t.Logf("before %+v, after %+v", before, after); !after.within(before) {
				t.Error("what the flood took was not given back")
			}
			for _, thing := range s.leftovers() {
				t.Errorf("left behind: %s", thing)
			}
		})
	}
}

type usage struct{ goroutines, files, heap int }

// within reports whether u is as little as before, but for what comes and goes by itself.
func (u usage) within(before usage) bool {
	return u.goroutines <= before.goroutines+2 && u.files <= before.files+2 && u.heap <= before.heap+4<<20
}

// resources says what the process holds once what can be given back was.
func resources(t *testing.T, s *server) (u usage) {
	t.Helper()
	s.engine.Trim(patience, func(l *engine.Loop) { s.hub.Trim(l) })
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	entries, err := os.ReadDir("/proc/self/fd")
	if err == nil {
		u.files = len(entries)
	}
	u.goroutines, u.heap = runtime.NumGoroutine(), int(m.HeapAlloc)
	return u
}
