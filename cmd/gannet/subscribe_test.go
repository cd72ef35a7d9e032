package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	main "github.com/gannet-io/gannet/cmd/gannet"
	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
)

// A peer is the server's end of one connection. Its methods fail the test.
type peer struct {
	net.Conn
	t   *testing.T
	uri string
}

// patience bounds every wait of the stub. It is long because it decides nothing: on a busy
// machine a client may take seconds over what takes a millisecond on an idle one.
const patience = time.Minute

// wsStub serves connections by the scripts, one each in order, and then refuses. A script
// ends when the client leaves: until then the connection stays open, so no reset overtakes
// what was said last. wait returns when all have run.
func wsStub(t *testing.T, scripts ...func(p *peer)) (url string, wait func()) {
	t.Helper()
	listener, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	listener.SetDeadline(time.Now().Add(patience)) // a client that never comes fails the test
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer listener.Close()
		for _, script := range scripts {
			conn, err := listener.AcceptTCP()
			if err != nil {
				t.Errorf("accept: %v", err)
				return
			}
			conn.SetDeadline(time.Now().Add(patience))
			p := &peer{Conn: conn, t: t}
			upgrader := ws.Upgrader{OnRequest: func(uri []byte) error { p.uri = string(uri); return nil }}
			if _, err := upgrader.Upgrade(conn); err != nil {
				t.Errorf("upgrade: %v", err)
			}
			script(p)
			conn.CloseWrite()
			io.Copy(io.Discard, conn)
			conn.Close()
		}
	}()
	return "http://" + listener.Addr().String(), func() { <-done }
}

// say sends one frame. That the client has left is no fault of the script: it goes as soon
// as it has what it wants, and whether it went too early its output and exit code show.
func (p *peer) say(format string, args ...any) {
	err := wsutil.WriteServerText(p, fmt.Appendf(nil, format, args...))
	if err != nil && !errors.Is(err, syscall.EPIPE) && !errors.Is(err, syscall.ECONNRESET) {
		p.t.Errorf("write: %v", err)
	}
}

func (p *peer) greet() {
	p.say(`{"event":"pusher:connection_established","data":"{\"socket_id\":\"1234.1234\",\"activity_timeout\":120}"}`)
}

// hear wants the next frame of the client to be the JSON value want. Only what the client owes
// before it may leave can be heard.
func (p *peer) hear(want string) {
	p.t.Helper()
	message, err := wsutil.ReadClientText(p)
	if err != nil {
		p.t.Errorf("read: %v, want %s", err, want)
		return
	}
	var got, wanted any
	if json.Unmarshal(message, &got) != nil || json.Unmarshal([]byte(want), &wanted) != nil || fmt.Sprint(got) != fmt.Sprint(wanted) {
		p.t.Errorf("the client sent %s, want %s", message, want)
	}
}

// serveChannel greets, wants one public subscription and acknowledges it.
func (p *peer) serveChannel(channel string) {
	p.greet()
	p.hear(`{"event":"pusher:subscribe","data":{"channel":"` + channel + `"}}`)
	p.say(`{"event":"pusher_internal:subscription_succeeded","channel":"%s","data":"{}"}`, channel)
}

// frame reads one frame of any kind, its payload unmasked.
func (p *peer) frame() (header ws.Header, payload []byte) {
	p.t.Helper()
	header, err := ws.ReadHeader(p)
	if err == nil && header.Length > 125 {
		err = fmt.Errorf("%d bytes is not the short frame that was expected", header.Length)
	}
	if err == nil {
		payload = make([]byte, header.Length)
		_, err = io.ReadFull(p, payload)
	}
	if err != nil {
		p.t.Errorf("read: %v", err)
	}
	ws.Cipher(payload, header.Mask, 0)
	return header, payload
}

// end closes as a server does and waits for the client's answer.
func (p *peer) end(code int, reason string) {
	ws.WriteFrame(p, ws.NewCloseFrame(ws.NewCloseFrameBody(ws.StatusCode(code), reason)))
	p.frame()
}

func TestSubscribePrintsEventsAndExitsAfterCount(t *testing.T) {
	url, wait := wsStub(t, func(p *peer) {
		p.serveChannel("c")
		p.say(`{"event":"e","channel":"c","data":"{\"a\":1}"}`)
		p.say(`{"event":"pusher:cache_miss","channel":"c"}`)
		// In one segment, so that the client has the last event before it leaves, and prints it if it errs.
		p.Write(slices.Concat(
			ws.MustCompileFrame(ws.NewTextFrame([]byte(`{"event":"client-x","channel":"c","data":{"b":2},"user_id":"7"}`))),
			ws.MustCompileFrame(ws.NewTextFrame([]byte(`{"event":"late","channel":"c","data":"unseen"}`)))))
	})
	code, out, errOut := runCommand(t, "", "subscribe", "--url", url, "--count", "2", "c")
	wait()
	want := regexp.MustCompile(`^\d\d:\d\d:\d\d\.\d{3} c e \{"a":1\}\n\d\d:\d\d:\d\d\.\d{3} c pusher:cache_miss \n\d\d:\d\d:\d\d\.\d{3} c client-x \{"b":2\}\n$`)
	if code != 0 || !want.MatchString(out) {
		t.Errorf("code %d, out %q, want %s", code, out, want)
	}
	if want := "gannet: connected to " + url + ", socket id 1234.1234\ngannet: subscribed to c\n"; errOut != want {
		t.Errorf("err %q, want %q", errOut, want)
	}
}

func TestSubscribeAsksForProtocol7BelowThePrefix(t *testing.T) {
	url, wait := wsStub(t, func(p *peer) {
		if !strings.HasPrefix(p.uri, "/realtime/app/my-key?") || !strings.Contains(p.uri, "protocol=7") || !strings.Contains(p.uri, "client=gannet") {
			p.t.Errorf("request %q", p.uri)
		}
		p.serveChannel("c")
		p.say(`{"event":"e","channel":"c","data":""}`)
	})
	if code, _, errOut := runCommand(t, "", "subscribe", "--url", url+"/realtime/", "--key", "my-key", "--count", "1", "c"); code != 0 {
		t.Errorf("code %d, %s", code, errOut)
	}
	wait()
}

// The signatures of private-foobar and of user 12345 are those of Pusher's documentation.
func TestSubscribeSignsPrivateAndPresenceChannelsAndTheUser(t *testing.T) {
	const key, secret = "278d425bdf160c739803", "7ad3773142a6692b25b8"
	presence := hmacHex(secret, `1234.1234:presence-room:{"user_id":"12345"}`)
	url, wait := wsStub(t, func(p *peer) {
		p.greet()
		p.hear(`{"event":"pusher:signin","data":{"auth":"` + key + `:4708d583dada6a56435fb8bc611c77c359a31eebde13337c16ab43aa6de336ba","user_data":"{\"id\":\"12345\"}"}}`)
		p.say(`{"event":"pusher:signin_success","data":{"user_data":"{\"id\":\"12345\"}"}}`)
		p.hear(`{"event":"pusher:subscribe","data":{"channel":"private-foobar","auth":"` + key + `:58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4"}}`)
		p.hear(`{"event":"pusher:subscribe","data":{"channel":"presence-room","auth":"` + key + ":" + presence + `","channel_data":"{\"user_id\":\"12345\"}"}}`)
		p.hear(`{"event":"pusher:subscribe","data":{"channel":"#server-to-user-12345"}}`)
		p.say(`{"event":"e","channel":"#server-to-user-12345","data":"x"}`)
	})
	code, _, errOut := runCommand(t, "", "subscribe", "--url", url, "--key", key, "--secret", secret, "--user-id", "12345", "--count", "1",
		"private-foobar", "presence-room", "#server-to-user-12345")
	wait()
	if code != 0 || !strings.Contains(errOut, "signed in as 12345") {
		t.Errorf("code %d, %s", code, errOut)
	}
}

func TestSubscribeJoinsPresenceAsSomebodyWithoutAUser(t *testing.T) {
	url, wait := wsStub(t, func(p *peer) {
		p.greet()
		message, _ := wsutil.ReadClientText(p)
		var frame struct {
			Data struct{ Auth, Channel_data string }
		}
		json.Unmarshal(message, &frame)
		if !regexp.MustCompile(`^\{"user_id":"gannet-[a-z2-7]{8}"\}$`).MatchString(frame.Data.Channel_data) {
			p.t.Errorf("channel_data %q", frame.Data.Channel_data)
		}
		if want := "app-key:" + hmacHex("app-secret", "1234.1234:presence-a:"+frame.Data.Channel_data); frame.Data.Auth != want {
			p.t.Errorf("auth %q, want %q", frame.Data.Auth, want)
		}
		p.say(`{"event":"e","channel":"presence-a","data":"x"}`)
	})
	if code, _, errOut := runCommand(t, "", "subscribe", "--url", url, "--count", "1", "presence-a"); code != 0 {
		t.Errorf("code %d, %s", code, errOut)
	}
	wait()
}

func TestSubscribeJSONPrintsFramesAsTheyCame(t *testing.T) {
	const established = `{"event":"pusher:connection_established","data":"{\"socket_id\":\"1234.1234\",\"activity_timeout\":120}"}`
	const acknowledged = `{"event":"pusher_internal:subscription_succeeded","channel":"c","data":"{}"}`
	url, wait := wsStub(t, func(p *peer) {
		p.serveChannel("c")
		p.say("{\"event\":\"e\", \"channel\":\"c\",\n \"data\":\"1\u009b2J\", \"more\":[1.0]}")
	})
	code, out, _ := runCommand(t, "", "subscribe", "--url", url, "--json", "--count", "1", "c")
	wait()
	want := established + "\n" + acknowledged + "\n" + `{"event":"e","channel":"c","data":"1\u009b2J","more":[1.0]}` + "\n" // harmless to a terminal
	if code != 0 || out != want {
		t.Errorf("code %d\n got %s\nwant %s", code, out, want)
	}
}

func TestSubscribeAnswersPings(t *testing.T) {
	url, wait := wsStub(t, func(p *peer) {
		p.serveChannel("c")
		p.say(`{"event":"pusher:ping","data":{}}`)
		p.hear(`{"event":"pusher:pong","data":{}}`)
		ws.WriteFrame(p, ws.NewPingFrame([]byte("hi")))
		if header, payload := p.frame(); header.OpCode != ws.OpPong || string(payload) != "hi" {
			p.t.Errorf("got %v %q, want the pong", header, payload)
		}
		p.say(`{"event":"e","channel":"c","data":""}`)
	})
	if code, _, errOut := runCommand(t, "", "subscribe", "--url", url, "--count", "1", "c"); code != 0 {
		t.Errorf("code %d, %s", code, errOut)
	}
	wait()
}

func TestSubscribePingsASilentServer(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a second: the timeout that a server announces is in seconds")
	}
	url, wait := wsStub(t, func(p *peer) {
		p.say(`{"event":"pusher:connection_established","data":"{\"socket_id\":\"1.1\",\"activity_timeout\":1}"}`)
		p.hear(`{"event":"pusher:subscribe","data":{"channel":"c"}}`)
		p.hear(`{"event":"pusher:ping","data":{}}`)
		p.say(`{"event":"pusher:pong","data":{}}`)
		p.say(`{"event":"e","channel":"c","data":""}`)
	})
	if code, _, errOut := runCommand(t, "", "subscribe", "--url", url, "--count", "1", "c"); code != 0 {
		t.Errorf("code %d, %s", code, errOut)
	}
	wait()
}

func TestSubscribeReconnectsAtOnceAfter4200(t *testing.T) {
	url, wait := wsStub(t,
		func(p *peer) {
			p.serveChannel("c")
			p.say(`{"event":"e","channel":"c","data":"one"}`)
			p.end(4200, "Please reconnect")
		},
		func(p *peer) {
			p.serveChannel("c")
			p.say(`{"event":"e","channel":"c","data":"two"}`)
		})
	code, out, errOut := runCommand(t, "", "subscribe", "--url", url, "--count", "2", "c")
	wait()
	if code != 0 || !strings.Contains(out, " one\n") || !strings.Contains(out, " two\n") {
		t.Errorf("code %d, out %q", code, out)
	}
	if want := "the server closed the connection: 4200 Please reconnect; connecting again in 0s"; !strings.Contains(errOut, want) {
		t.Errorf("err %q, want %q", errOut, want)
	}
}

func TestSubscribeGivesUpWhenComingBackWouldNotHelp(t *testing.T) {
	for _, tt := range []struct {
		name   string
		script func(p *peer)
		want   string
	}{
		{"unknown key", func(p *peer) {
			p.say(`{"event":"pusher:error","data":{"code":4001,"message":"App key nope does not exist"}}`)
			p.end(4001, "App key nope does not exist")
		}, "gannet: error 4001: App key nope does not exist\ngannet: the server closed the connection: 4001 App key nope does not exist\nCheck --key (GANNET_KEY).\n"},
		{"close without a reason", func(p *peer) {
			p.say(`{"event":"pusher:error","data":{"code":4003,"message":"disabled"}}`)
			p.end(4003, "")
		}, "gannet: error 4003: disabled\ngannet: the server closed the connection: 4003 disabled\n"},
		{"subscription refused", func(p *peer) {
			p.greet()
			p.hear(`{"event":"pusher:subscribe","data":{"channel":"c"}}`)
			p.say(`{"event":"pusher:error","data":{"code":null,"message":"Invalid channel name"}}`)
		}, "gannet: the server refused: Invalid channel name\n"},
		{"greeting without a socket id", func(p *peer) {
			p.say(`{"event":"pusher:connection_established","data":"{}"}`)
		}, "gannet: the server refused: its greeting has no socket id\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			url, wait := wsStub(t, tt.script)
			code, out, errOut := runCommand(t, "", "subscribe", "--url", url, "c")
			wait()
			if code != 1 || out != "" || !strings.HasSuffix(errOut, tt.want) {
				t.Errorf("code %d, out %q, err %q; want 1, …%q", code, out, errOut, tt.want)
			}
		})
	}
}

func TestSubscribeSaysWhenItIsNoWebSocketServer(t *testing.T) {
	url, _ := restStub(t, "", "", 404, "")
	code, _, errOut := runCommand(t, "", "subscribe", "--url", url, "c")
	if want := "gannet: " + url + ": unexpected HTTP response status: 404\n"; code != 1 || errOut != want {
		t.Errorf("code %d, %q; want 1, %q", code, errOut, want)
	}
}

func TestSubscribeEndsWellWhenAskedToStop(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	url, wait := wsStub(t, func(p *peer) {
		p.serveChannel("c")
		// The answer shows that the client has read everything. Leaving with bytes unread, it
		// would reset the connection, and the reset could overtake its close frame.
		p.say(`{"event":"pusher:ping","data":{}}`)
		p.hear(`{"event":"pusher:pong","data":{}}`)
		cancel()
		// 1000, "normal closure", in network byte order.
		if header, payload := p.frame(); header.OpCode != ws.OpClose || string(payload) != "\x03\xe8" {
			p.t.Errorf("got %v %q, want a close frame with 1000", header, payload)
		}
	})
	var out, errOut bytes.Buffer
	if code := main.Run(ctx, "", nil, &out, &errOut, "subscribe", "--url", url, "c"); code != 0 {
		t.Errorf("code %d, %s", code, errOut.String())
	}
	wait()
}

func TestSubscribeKeepsATerminalSafe(t *testing.T) {
	for text, want := range map[string]string{
		"plain ü": "plain ü", "a\nb\tc": `a\nb\tc`, "\x1b[2J": `\u001b[2J`, "\u009b0m": `\u009b0m`, "\x00\r": `\u0000\u000d`,
	} {
		if got := main.Printable(text); got != want {
			t.Errorf("printable(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestReconnectFollowsTheRangesOfCloseCodes(t *testing.T) {
	second := time.Second
	for _, tt := range []struct {
		code, attempt int
		least, most   time.Duration
		ok            bool
	}{
		{4000, 0, 0, 0, false}, {4001, 5, 0, 0, false}, {4099, 0, 0, 0, false}, {4301, 0, 0, 0, false},
		{4100, 0, second, second * 5 / 4, true}, {4199, 2, 4 * second, 5 * second, true}, {4100, 60, 30 * second, 75 * second / 2, true},
		{4200, 0, 0, 0, true}, {4299, 0, 0, 0, true}, {4200, 1, 2 * second, 5 * second / 2, true},
		{1000, 0, second, second * 5 / 4, true}, {1006, 1, 2 * second, 5 * second / 2, true}, {3000, 0, second, second * 5 / 4, true},
	} {
		pause, ok := main.ReconnectAfter(wsutil.ClosedError{Code: ws.StatusCode(tt.code)}, tt.attempt)
		if ok != tt.ok || pause < tt.least || pause > tt.most {
			t.Errorf("%d, attempt %d: %s %v; want from %s to %s, %v", tt.code, tt.attempt, pause, ok, tt.least, tt.most, tt.ok)
		}
	}
	if pause, ok := main.ReconnectAfter(net.ErrClosed, 0); !ok || pause < second {
		t.Errorf("a broken connection: %s %v; want at least a second, true", pause, ok)
	}
}
