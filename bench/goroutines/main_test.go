package main

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// patience is how long a test waits for what must come.
const patience = 30 * time.Second

func dial(t *testing.T, s *httptest.Server) *websocket.Conn {
	t.Helper()
	conn, response, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(s.URL, "http")+"/app/app-key?protocol=7", nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close() // empty
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	expect(t, conn, "pusher:connection_established")
	return conn
}

func say(t *testing.T, conn *websocket.Conn, message string) {
	t.Helper()
	if err := conn.WriteMessage(websocket.TextMessage, []byte(message)); err != nil {
		t.Fatal(err)
	}
}

func expect(t *testing.T, conn *websocket.Conn, what string) {
	t.Helper()
	if _, message, err := conn.ReadMessage(); err != nil || !strings.Contains(string(message), what) {
		t.Fatalf("got %q, %v; want %s", message, err, what)
	}
}

const (
	subscribe = `{"event":"pusher:subscribe","data":{"channel":"private-a","auth":"x:y"}}`
	ping      = `{"event":"pusher:ping","data":{}}`
)

func TestAClientEventReachesAllButItsSender(t *testing.T) {
	s := httptest.NewServer(newHub())
	defer s.Close()
	a, b, c := dial(t, s), dial(t, s), dial(t, s)
	for _, conn := range []*websocket.Conn{a, b} {
		say(t, conn, subscribe)
		expect(t, conn, "pusher_internal:subscription_succeeded")
	}
	say(t, a, `{"event":"client-x","channel":"private-a","data":"hello"}`)
	expect(t, b, `"data":"hello"`)
	for _, conn := range []*websocket.Conn{a, c} { // the next that they get is what they ask for
		say(t, conn, ping)
		expect(t, conn, "pusher:pong")
	}
}

func TestAClientThatDoesNotReadIsClosedAndNobodyWaitsForIt(t *testing.T) {
	h := newHub()
	s := httptest.NewServer(h)
	defer s.Close()
	deaf, speaker := dial(t, s), dial(t, s)
	say(t, deaf, subscribe)
	expect(t, deaf, "pusher_internal:subscription_succeeded")
	big := `{"event":"client-x","channel":"private-a","data":"` + strings.Repeat("x", 64<<10) + `"}`
	for deadline := time.Now().Add(patience); ; {
		say(t, speaker, big)
		say(t, speaker, ping)
		expect(t, speaker, "pusher:pong")
		h.mu.RLock()
		left := len(h.topics["private-a"])
		h.mu.RUnlock()
		if left == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("it is still subscribed")
		}
	}
}
