package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
)

// pongWait is how long a client waits for any sign of life after its ping.
const pongWait = 30 * time.Second

// A client is one WebSocket connection of the subscribe command to a server. All of it
// belongs to one goroutine.
type client struct {
	ctx  context.Context
	conn net.Conn
	r    *bufio.Reader

	messages []wsutil.Message // reused by next
	activity time.Duration    // silence after which to ping; 0: until the server has said
}

// An incoming frame of the Pusher protocol.
type incoming struct {
	Event   string          `json:"event"`
	Channel string          `json:"channel"`
	Data    json.RawMessage `json:"data"`
	UserID  string          `json:"user_id"`

	raw []byte // the whole frame, borrowed until the next call of next
}

// text returns Data as a person wants it: a string's content, anything else as JSON.
func (f *incoming) text() string {
	var s string
	if json.Unmarshal(f.Data, &s) == nil {
		return s
	}
	return string(f.Data)
}

// dial opens a connection; it is closed by close.
func dial(ctx context.Context, address *url.URL) (*client, error) {
	dialer := ws.Dialer{Timeout: 10 * time.Second}
	conn, r, _, err := dialer.Dial(ctx, address.String())
	if err != nil {
		return nil, err
	}
	if r == nil {
		r = bufio.NewReader(conn)
	}
	return &client{ctx: ctx, conn: conn, r: r}, nil
}

// close says goodbye and closes the connection.
func (c *client) close() {
	goodbye := ws.NewCloseFrame(ws.NewCloseFrameBody(ws.StatusNormalClosure, ""))
	c.conn.SetWriteDeadline(time.Now().Add(time.Second))
	// The peer may be gone already, and then there is nobody to tell.
	_ = ws.WriteFrame(c.conn, ws.MaskFrameInPlace(goodbye))
	_ = c.conn.Close()
}

// send sends one event with data as its JSON value.
func (c *client) send(event string, data any) error {
	frame, err := json.Marshal(map[string]any{"event": event, "data": data})
	if err != nil {
		return err
	}
	c.conn.SetWriteDeadline(time.Now().Add(pongWait))
	return wsutil.WriteClientText(c.conn, frame)
}

// next returns the next frame. It answers pings, sends its own when the server is silent,
// and fails with wsutil.ClosedError when the server has closed, with the context's error
// when it is done.
func (c *client) next() (incoming, error) {
	// A deadline in the past wakes the read below. Should the read's own deadline be set
	// after it, the check of ctx that follows sees the same.
	stop := context.AfterFunc(c.ctx, func() { c.conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	for {
		if err := c.waitForByte(); err != nil {
			return incoming{}, c.cause(err)
		}
		if err := c.allow(pongWait); err != nil {
			return incoming{}, err
		}
		messages, err := wsutil.ReadServerMessage(c.r, c.messages[:0])
		if err != nil {
			return incoming{}, c.cause(err)
		}
		c.messages = messages
		for _, m := range messages {
			if m.OpCode.IsControl() {
				c.conn.SetWriteDeadline(time.Now().Add(pongWait)) // that of what was sent last may be over
				if err := wsutil.HandleServerControlMessage(c.conn, m); err != nil {
					return incoming{}, err
				}
				continue
			}
			f := incoming{raw: m.Payload}
			if err := json.Unmarshal(m.Payload, &f); err != nil {
				return incoming{}, fmt.Errorf("the server sent a frame that is not of the Pusher protocol: %w", err)
			}
			return f, nil
		}
	}
}

// waitForByte returns when something has arrived, asking for it after a long silence.
func (c *client) waitForByte() error {
	wait, asked := c.activity, false
	if wait == 0 {
		wait = pongWait
	}
	for {
		if err := c.allow(wait); err != nil {
			return err
		}
		_, err := c.r.Peek(1)
		if !errors.Is(err, os.ErrDeadlineExceeded) || c.ctx.Err() != nil {
			return err
		}
		if asked || c.activity == 0 {
			return errors.New("the server is silent")
		}
		if err := c.send("pusher:ping", struct{}{}); err != nil {
			return err
		}
		wait, asked = pongWait, true
	}
}

// allow sets the deadline of the next read.
func (c *client) allow(d time.Duration) error {
	if err := c.conn.SetReadDeadline(time.Now().Add(d)); err != nil {
		return err
	}
	return c.ctx.Err()
}

// cause returns why a read failed.
func (c *client) cause(err error) error {
	if c.ctx.Err() != nil {
		return c.ctx.Err()
	}
	return err
}
