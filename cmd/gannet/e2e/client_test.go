//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"reflect"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/gannet-io/gannet/frame/frametest"
)

// A client is one WebSocket connection that shows every frame as it came.
type client struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader

	handshake ws.Handshake
	socketID  string
}

// dial opens a WebSocket at a path of s and its query, which must work whatever is there.
func dial(t *testing.T, s *server, target string, dialer ws.Dialer) *client {
	t.Helper()
	if s.secure && dialer.TLSConfig == nil {
		dialer.TLSConfig = trusting
	}
	return dialAt(t, s.public, target, dialer)
}

// dialAt is dial for a host and port.
func dialAt(t *testing.T, host, target string, dialer ws.Dialer) *client {
	t.Helper()
	dialer.Timeout = patience
	scheme := "ws://"
	if dialer.TLSConfig != nil {
		scheme = "wss://"
	}
	conn, early, handshake, err := dialer.Dial(context.Background(), scheme+host+target)
	if err != nil {
		t.Fatalf("WebSocket handshake for %s: %v", target, err)
	}
	t.Cleanup(func() { conn.Close() })
	return clientOf(t, conn, early, handshake)
}

// clientOf makes a client of what a Dialer returns.
func clientOf(t *testing.T, conn net.Conn, early *bufio.Reader, handshake ws.Handshake) *client {
	c := &client{t: t, conn: conn, in: early, handshake: handshake}
	if c.in == nil {
		c.in = bufio.NewReader(conn)
	}
	return c
}

// connect opens a connection to an app of the shared server and reads its socket ID.
func connect(t *testing.T, app account) *client {
	t.Helper()
	return connectTo(t, gannet, app)
}

func connectTo(t *testing.T, s *server, app account) *client {
	t.Helper()
	c := dial(t, s, "/app/"+app.Key+"?protocol=7&client=test&version=1.0", ws.Dialer{})
	c.readEstablished()
	return c
}

// readEstablished reads the first frame of a connection that was not refused.
func (c *client) readEstablished() {
	c.t.Helper()
	c.established(c.read())
}

// established takes the first message of a connection that was not refused.
func (c *client) established(text string) {
	c.t.Helper()
	var event struct{ Event, Data string }
	var data struct {
		SocketID        string      `json:"socket_id"`
		ActivityTimeout json.Number `json:"activity_timeout"`
	}
	if err := json.Unmarshal([]byte(text), &event); err != nil || event.Event != "pusher:connection_established" {
		c.t.Fatalf("first frame is %s, want pusher:connection_established with string data", text)
	}
	if err := json.Unmarshal([]byte(event.Data), &data); err != nil {
		c.t.Fatalf("data of %s: %v", text, err)
	}
	left, right, dotted := strings.Cut(data.SocketID, ".")
	if !dotted || !digits(left) || !digits(right) || data.ActivityTimeout != "120" {
		c.t.Fatalf("connection_established %s, want a socket_id of digits.digits and activity_timeout 120", text)
	}
	c.socketID = data.SocketID
}

func digits(s string) bool {
	_, err := strconv.ParseUint(s, 10, 53)
	return err == nil
}

// frame returns the next frame, whatever it is.
func (c *client) frame() ws.Frame {
	c.t.Helper()
	if err := c.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		c.t.Fatal(err)
	}
	f, err := frametest.Read(c.in)
	if err != nil {
		c.t.Fatalf("reading a frame: %v", err)
	}
	if f.Header.Masked {
		c.t.Fatal("the server masked a frame")
	}
	return f
}

// read returns the next message, which must be a text of one frame.
func (c *client) read() string {
	c.t.Helper()
	f := c.frame()
	if f.Header.OpCode == ws.OpClose {
		code, reason := ws.ParseCloseFrameData(f.Payload)
		c.t.Fatalf("got a close frame, %d %q, want a message", code, reason)
	}
	if f.Header.OpCode != ws.OpText || !f.Header.Fin {
		c.t.Fatalf("got a frame with opcode %d, fin %t: %q, want a text", f.Header.OpCode, f.Header.Fin, f.Payload)
	}
	return string(f.Payload)
}

// expect fails unless the next messages say the same as want; the order of members in an
// object is free, and data that is a string must stay one.
func (c *client) expect(want ...string) {
	c.t.Helper()
	for _, text := range want {
		if got := c.read(); !sameMessage(c.t, got, text) {
			c.t.Fatalf("message\n got %s\nwant %s", got, text)
		}
	}
}

// sameMessage compares two events as JSON, and their data as JSON within the string.
func sameMessage(t *testing.T, a, b string) bool {
	t.Helper()
	return reflect.DeepEqual(parse(t, a), parse(t, b))
}

func parse(t *testing.T, text string) map[string]any {
	t.Helper()
	var m map[string]any
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&m); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	// Only our own frames have JSON we may look into; published data must be the same byte for byte.
	if event, _ := m["event"].(string); strings.HasPrefix(event, "pusher") {
		if data, ok := m["data"].(string); ok {
			var inner any
			if json.Unmarshal([]byte(data), &inner) == nil {
				m["data"] = map[string]any{"text of": inner}
			}
		}
	}
	return m
}

// send sends a text message in one frame.
func (c *client) send(text string) {
	c.t.Helper()
	c.sendFrame(ws.NewTextFrame([]byte(text)))
}

// sendf sends a text that fmt puts together.
func (c *client) sendf(format string, args ...any) {
	c.t.Helper()
	c.send(fmt.Sprintf(format, args...))
}

// sendFrame masks a frame and sends it.
func (c *client) sendFrame(f ws.Frame) {
	c.t.Helper()
	c.write(ws.MustCompileFrame(ws.MaskFrame(f)))
}

// write sends bytes as they are. The server may already have closed: then a test sees it
// by reading.
func (c *client) write(b []byte) {
	c.t.Helper()
	if err := c.conn.SetWriteDeadline(time.Now().Add(patience)); err != nil {
		c.t.Fatal(err)
	}
	_, _ = c.conn.Write(b)
}

// fence returns when the server has handled everything sent before; messages in between
// fail the test.
func (c *client) fence() {
	c.t.Helper()
	c.send(`{"event":"pusher:ping","data":{}}`)
	c.expect(`{"event":"pusher:pong","data":"{}"}`)
}

// expectError reads a pusher:error and returns its message; code 0 stands for null.
func (c *client) expectError(code int) string {
	c.t.Helper()
	text := c.read()
	var event struct {
		Event string
		Data  map[string]any
	}
	if err := json.Unmarshal([]byte(text), &event); err != nil {
		c.t.Fatalf("%s: %v, want a pusher:error whose data is an object", text, err)
	}
	var want any
	if code != 0 {
		want = float64(code)
	}
	got, present := event.Data["code"]
	message, isText := event.Data["message"].(string)
	if event.Event != "pusher:error" || !present || got != want || !isText {
		c.t.Fatalf("got %s, want a pusher:error with code %v and a message", text, want)
	}
	return message
}

// expectClose reads a close frame with code, answers it, and waits for the end of the
// connection. A reset instead of an end could have eaten the close frame.
func (c *client) expectClose(code int) {
	c.t.Helper()
	f := c.frame()
	if f.Header.OpCode != ws.OpClose {
		c.t.Fatalf("got opcode %d %q, want close %d", f.Header.OpCode, f.Payload, code)
	}
	got, reason := ws.ParseCloseFrameData(f.Payload)
	if int(got) != code {
		c.t.Fatalf("close code is %d (%q), want %d", got, reason, code)
	}
	c.sendFrame(ws.NewCloseFrame(f.Payload))
	c.expectEnd()
}

// expectEnd waits for the end of the connection.
func (c *client) expectEnd() {
	c.t.Helper()
	if err := c.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		c.t.Fatal(err)
	}
	rest, err := io.ReadAll(c.in)
	if err != nil {
		c.t.Fatalf("the connection ended with %v, want an orderly end", err)
	}
	if len(rest) > 0 {
		c.t.Fatalf("%q came after the close frame", rest)
	}
}

// expectRefusal reads what a connection gets that the server does not want.
func (c *client) expectRefusal(code int) {
	c.t.Helper()
	c.expectError(code)
	c.expectClose(code)
}

// subscribe sends a subscription to a channel, signed when it needs to be. data is the
// channel_data of a presence channel.
func (c *client) subscribe(app account, channel string, data ...string) {
	c.t.Helper()
	request := map[string]string{"channel": channel}
	if strings.HasPrefix(channel, "private-") || strings.HasPrefix(channel, "presence-") {
		text := c.socketID + ":" + channel
		if len(data) > 0 {
			text += ":" + data[0]
			request["channel_data"] = data[0]
		}
		request["auth"] = app.sign(text)
	}
	c.sendf(`{"event":"pusher:subscribe","data":%s}`, encode(request))
}

// join is subscribe and reads the acknowledgement of a channel that is not for presence.
func (c *client) join(app account, channel string) {
	c.t.Helper()
	c.subscribe(app, channel)
	c.expect(`{"event":"pusher_internal:subscription_succeeded","channel":"` + channel + `","data":"{}"}`)
}

// signIn signs the connection in and reads the acknowledgement.
func (c *client) signIn(app account, userData string) {
	c.t.Helper()
	c.sendSignIn(app, userData)
	c.expect(`{"event":"pusher:signin_success","data":` + encode(map[string]string{"user_data": userData}) + `}`)
}

func (c *client) sendSignIn(app account, userData string) {
	c.t.Helper()
	request := map[string]string{"auth": app.sign(c.socketID + "::user::" + userData), "user_data": userData}
	c.sendf(`{"event":"pusher:signin","data":%s}`, encode(request))
}

// sign returns "key:signature" of a text.
func (a account) sign(text string) string { return a.Key + ":" + a.mac(text) }

func (a account) mac(text string) string {
	h := hmac.New(sha256.New, []byte(a.Secret))
	h.Write([]byte(text))
	return hex.EncodeToString(h.Sum(nil))
}

func encode(v any) string {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		panic(err) // maps of strings always encode
	}
	return strings.TrimSuffix(b.String(), "\n")
}

var names atomic.Int64

// fresh returns a channel or user name that no other test uses.
func fresh(prefix string) string {
	return fmt.Sprintf("%s-%d-%d", prefix, os.Getpid(), names.Add(1))
}

// eventually repeats check until it is true; what says what did not become true.
func eventually(t *testing.T, what string, check func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !check() {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v", what, patience)
		}
	}
}

// get returns the status and body of an unsigned GET.
func get(t *testing.T, url string) (status int, body string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}
