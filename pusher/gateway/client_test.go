package gateway_test

import (
	"bufio"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/gannet-io/gannet/frame/frametest"
	"github.com/gannet-io/gannet/pusher/app"
)

// A client is the other end of a conn.
type client struct {
	t    testing.TB
	conn net.Conn
	in   io.Reader
	s    *server  // it is connected to
	app  *app.App // that its key belongs to, if any
	id   string   // socket id, once known
	over bool     // a close frame or the end of TCP has come
	deaf bool     // pings are not answered

	subprotocol string
	pings       int
}

// dial opens a WebSocket at a path, such as "/app/key?protocol=7".
func (s *server) dial(path, origin string, subprotocols ...string) *client {
	s.t.Helper()
	c, err := open(s.t, s.addr, path, origin, subprotocols...)
	if err != nil {
		s.t.Fatalf("dial %s: %v", path, err)
	}
	s.conns++
	c.s = s
	return c
}

func open(t testing.TB, addr, path, origin string, subprotocols ...string) (*client, error) {
	d := ws.Dialer{Timeout: patience, Protocols: subprotocols}
	if origin != "" {
		d.Header = ws.HandshakeHeaderString("Origin: " + origin + "\r\n")
	}
	conn, br, shake, err := d.Dial(context.Background(), "ws://"+addr+path)
	if err != nil {
		return nil, err
	}
	c := &client{t: t, conn: conn, in: conn, subprotocol: shake.Protocol}
	if br != nil { // the first frames came with the handshake
		c.in = io.MultiReader(io.LimitReader(br, int64(br.Buffered())), conn)
	}
	c.in = bufio.NewReader(c.in)
	return c, nil
}

// join dials with the first key of a and takes the greeting.
func (s *server) join(a *app.App) *client {
	s.t.Helper()
	c := s.dial("/app/"+a.Keys[0].Key, "")
	c.app = a
	c.read()
	if c.id == "" {
		s.t.Fatal("no socket id")
	}
	return c
}

func (c *client) write(op ws.OpCode, payload []byte) {
	f := ws.MaskFrameInPlaceWith(ws.NewFrame(op, true, append([]byte(nil), payload...)), [4]byte{1, 2, 3, 4})
	if err := ws.WriteFrame(c.conn, f); err != nil && !c.over {
		c.t.Logf("write: %v", err) // the close frame may be on its way here
	}
}

func (c *client) say(text string) { c.write(ws.OpText, []byte(text)) }

// read returns the next frame, as text: a message as it is, "close 4001 words", "end" for the
// end of TCP without a close frame, "ping x" or "pong x". Server pings are answered.
func (c *client) read() string {
	c.t.Helper()
	if err := c.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		c.t.Fatal(err)
	}
	f, err := frametest.Read(c.in)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		c.t.Fatal("waited in vain for a frame")
	case err != nil:
		c.over = true
		return "end"
	}
	if f.Header.Masked || !f.Header.Fin || f.Header.Rsv != 0 {
		c.t.Fatalf("frame with header %+v", f.Header)
	}
	switch f.Header.OpCode {
	case ws.OpText:
		c.greet(f.Payload)
		return string(f.Payload)
	case ws.OpPing:
		if !c.deaf {
			c.write(ws.OpPong, f.Payload)
		}
		return "ping " + string(f.Payload)
	case ws.OpPong:
		return "pong " + string(f.Payload)
	case ws.OpClose:
		c.over = true
		c.write(ws.OpClose, f.Payload[:min(len(f.Payload), 2)])
		code, reason := ws.ParseCloseFrameData(f.Payload)
		return strings.TrimSuffix(fmt.Sprintf("close %d %s", code, reason), " ")
	}
	c.t.Fatalf("frame with opcode %v", f.Header.OpCode)
	return ""
}

func (c *client) greet(payload []byte) {
	var greeting struct{ Event, Data string }
	if c.id != "" || json.Unmarshal(payload, &greeting) != nil || greeting.Event != "pusher:connection_established" {
		return
	}
	var data struct {
		ID string `json:"socket_id"`
	}
	if err := json.Unmarshal([]byte(greeting.Data), &data); err != nil {
		c.t.Fatal(err)
	}
	c.id = data.ID
}

// collect returns the frames that the server has queued for c by now.
func (c *client) collect() (frames []string) {
	c.t.Helper()
	c.pings++
	token := fmt.Sprintf("barrier %d", c.pings)
	c.write(ws.OpPing, []byte(token))
	for !c.over {
		f := c.read()
		if f == "pong "+token {
			return frames
		}
		frames = append(frames, f)
	}
	return frames
}

// rest returns the frames until the conn is over.
func (c *client) rest() (frames []string) {
	c.t.Helper()
	for !c.over {
		frames = append(frames, c.read())
	}
	return frames
}

// close says goodbye, and waits for the server's.
func (c *client) close() (frames []string) {
	c.t.Helper()
	c.write(ws.OpClose, ws.NewCloseFrameBody(ws.StatusNormalClosure, ""))
	return c.rest()
}

// reset drops the conn without a word, and without a FIN.
func (c *client) reset() {
	c.over = true
	if err := c.conn.(*net.TCPConn).SetLinger(0); err != nil {
		c.t.Fatal(err)
	}
}

// sign is written out rather than taken from package auth, which it is to disagree with when
// that is wrong.
func sign(a *app.App, text string) string {
	mac := hmac.New(sha256.New, []byte(a.Keys[0].Secret))
	mac.Write([]byte(text))
	return a.Keys[0].Key + ":" + hex.EncodeToString(mac.Sum(nil))
}

// message builds a client's message.
func message(event string, data any) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(map[string]any{"event": event, "data": data}); err != nil {
		panic(err)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// subscribe builds a subscription signed for socketID, with channel_data unless that is "".
func subscribe(a *app.App, socketID, channel, data string) string {
	fields, text := map[string]string{"channel": channel}, socketID+":"+channel
	if data != "" {
		fields["channel_data"] = data
		text += ":" + data
	}
	fields["auth"] = sign(a, text)
	return message("pusher:subscribe", fields)
}

func signin(a *app.App, socketID, data string) string {
	return message("pusher:signin", map[string]string{"auth": sign(a, socketID+"::user::"+data), "user_data": data})
}
