//go:build e2e

package e2e

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
)

// health is a request that anybody may send.
const health = "GET /up HTTP/1.1\r\nHost: gannet\r\n\r\n"

// handshakeOf is a client's handshake with the key of RFC 6455 §1.3.
func handshakeOf(app account) string {
	return "GET /app/" + app.Key + "?protocol=7&client=test&version=1.0 HTTP/1.1\r\nHost: gannet\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
}

// hearAccepted reads the answer to a handshake, and what is the WebSocket's first message.
func (d *dialogue) hearAccepted() *client {
	d.t.Helper()
	answer, err := http.ReadResponse(d.in, nil)
	check(d.t, err)
	if got := answer.Header.Get("Sec-WebSocket-Accept"); answer.StatusCode != 101 || got != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		d.t.Fatalf("got %s, accept %q; want a handshake", answer.Status, got)
	}
	c := &client{t: d.t, conn: d.conn, in: d.in}
	c.readEstablished()
	return c
}

func frameOf(text string) string {
	return string(ws.MustCompileFrame(ws.MaskFrame(ws.NewTextFrame([]byte(text)))))
}

// A proxy that keeps connections, as nginx does, sends a handshake on one that has carried requests.
func TestAWebSocketMayFollowRequestsOnItsConnection(t *testing.T) {
	publish := func() string {
		body := trigger("elsewhere", "x")
		return post(quiet, body) + body
	}
	for name, requests := range map[string][]string{
		"a health check": {health},
		"a publish":      {publish()},
		"several":        {health, publish(), health, publish()},
		"a refusal":      {"GET /nowhere HTTP/1.1\r\nHost: gannet\r\n\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			d := talk(t)
			for _, r := range requests {
				d.say(r)
				d.hear()
			}
			d.say(handshakeOf(quiet))
			channel, c := fresh("reuse"), d.hearAccepted()
			c.join(quiet, channel)
			check(t, backend(quiet).Trigger(channel, "e", "x"))
			c.expect(event("e", channel, "x"))
			c.fence()
		})
		t.Run(name+" and all in one segment", func(t *testing.T) {
			d := talk(t)
			channel := fresh("reuse")
			// More than the HTTP server's buffer holds, so that some of it waits elsewhere.
			pings := strings.Repeat(frameOf(`{"event":"pusher:ping","data":{}}`), 400)
			d.say(strings.Join(requests, "") + handshakeOf(quiet) + pings + frameOf(`{"event":"pusher:subscribe","data":{"channel":"`+channel+`"}}`))
			for range requests {
				d.hear()
			}
			c := d.hearAccepted()
			for range 400 {
				c.expect(`{"event":"pusher:pong","data":"{}"}`)
			}
			c.expect(succeeded(channel))
			check(t, backend(quiet).Trigger(channel, "e", "x"))
			c.expect(event("e", channel, "x"))
		})
	}
}

func TestARefusedHandshakeBehindRequestsIsAnsweredLikeAFirstOne(t *testing.T) {
	d := talk(t)
	d.say(health)
	d.hear()
	d.say("GET /app/x HTTP/1.1\r\nHost: gannet\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 8\r\n\r\n")
	got := d.hear()
	got.want(426, "")
	if v := got.header.Get("Sec-WebSocket-Version"); v != "13" {
		t.Errorf("Sec-WebSocket-Version is %q", v)
	}
	d.hearEnd()
}

// The port of the HTTP API alone says no.
func TestTheHTTPListenerTakesNoWebSockets(t *testing.T) {
	plainOnly(t)
	s := startServer(t, "drain_window: 100ms\nrest: { listen: \"127.0.0.1:0\" }\n")
	_, after, _ := strings.Cut(s.said(), "gannet: HTTP API on ")
	address, _, _ := strings.Cut(after, "\n")
	conn, err := net.DialTimeout("tcp", address, patience)
	check(t, err)
	defer conn.Close()
	check(t, conn.SetDeadline(time.Now().Add(patience)))
	d := &dialogue{t, conn, bufio.NewReader(conn)}
	for range 2 {
		d.say("GET /app/" + quiet.Key + " HTTP/1.1\r\nHost: gannet\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
		d.hear().want(404, "WebSockets are served on another port")
	}
}

func TestGoingBackAndForthLeavesNothingBehind(t *testing.T) {
	s := startServer(t, "drain_window: 100ms\n")
	type counts struct{ goroutines, sockets, webSockets, http, files int }
	count := func() (c counts) {
		_, text := get(t, "http://"+s.admin+"/metrics")
		for name, n := range map[string]*int{
			"go_goroutines": &c.goroutines, "gannet_engine_sockets": &c.sockets,
			"gannet_engine_websockets": &c.webSockets, "gannet_rest_open_connections": &c.http,
		} {
			_, after, _ := strings.Cut(text, "\n"+name+" ")
			line, _, _ := strings.Cut(after, "\n")
			var err error
			if *n, err = strconv.Atoi(line); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		if files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.cmd.Process.Pid)); err == nil { // on Linux
			c.files = len(files)
		}
		return c
	}
	reuse := func() *client {
		conn, err := s.open()
		check(t, err)
		t.Cleanup(func() { conn.Close() })
		check(t, conn.SetDeadline(time.Now().Add(2*patience)))
		d := &dialogue{t, conn, bufio.NewReader(conn)}
		d.say(health)
		d.hear().want(200, "")
		d.say(handshakeOf(quiet))
		return d.hearAccepted()
	}
	settled := func(conns int, since counts) {
		t.Helper()
		var now counts
		defer func() { t.Logf("%d connected: %+v, at first %+v", conns, now, since) }()
		eventually(t, "a descriptor and no goroutine for each connection", func() bool {
			now = count()
			const slack = 4 // the scrape's own come and go
			return now.sockets == conns && now.webSockets == conns && now.http == 0 &&
				now.files <= since.files+conns+slack && now.goroutines <= since.goroutines+slack
		})
	}
	check(t, reuse().conn.Close()) // what is made once
	settled(0, counts{files: 1 << 20, goroutines: 1 << 20})
	before := count()
	for range 3 {
		var clients []*client
		for range 200 {
			clients = append(clients, reuse())
		}
		settled(len(clients), before)
		for _, c := range clients {
			c.fence()
			check(t, c.conn.Close())
		}
		settled(0, before)
	}
}
