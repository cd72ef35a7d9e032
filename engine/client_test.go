package engine_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/gannet-io/gannet/frame/frametest"
)

const request = "GET /chat HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"

// accepted is the answer to request (RFC 6455 §1.3 has the key and its digest).
const accepted = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
	"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"

// A client is the other end of a conn: raw bytes, and frames by gobwas. Each of its steps has
// patience anew.
type client struct {
	net.Conn // a *tls.Conn where the server speaks TLS
	t        testing.TB
	r        *bufio.Reader
}

// A patient conn sets its own deadlines.
type patient struct{ net.Conn }

func (p patient) Read(b []byte) (int, error) {
	_ = p.SetReadDeadline(time.Now().Add(patience))
	return p.Conn.Read(b)
}

// raw connects without saying anything.
func raw(t testing.TB, s *server) *client {
	t.Helper()
	conn, err := net.Dial(s.ln.Addr().Network(), s.ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if s.secure {
		conn = tls.Client(conn, clientTLS(t))
	}
	c := &client{Conn: conn, t: t, r: bufio.NewReader(patient{conn})}
	t.Cleanup(func() { _ = conn.Close() })
	return c
}

// dial connects and upgrades.
func dial(t testing.TB, s *server) *client {
	t.Helper()
	c := raw(t, s)
	c.write(request)
	c.wantBytes(accepted)
	return c
}

// tryDial connects and upgrades, and returns nil when the server is gone.
func tryDial(s *server) net.Conn {
	conn, err := net.Dial(s.ln.Addr().Network(), s.ln.Addr().String())
	if err != nil {
		return nil
	}
	_ = conn.SetDeadline(time.Now().Add(patience))
	if s.secure {
		conn = tls.Client(conn, clientTLS(s.t))
	}
	if _, err := io.WriteString(conn, request); err == nil {
		if _, err = io.ReadFull(conn, make([]byte, len(accepted))); err == nil {
			return conn
		}
	}
	_ = conn.Close()
	return nil
}

func (c *client) write(s string) {
	c.t.Helper()
	_ = c.SetWriteDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(c.Conn, s); err != nil {
		c.t.Fatalf("write: %v", err)
	}
}

// wantBytes reads exactly want.
func (c *client) wantBytes(want string) {
	c.t.Helper()
	got := make([]byte, len(want))
	if n, err := io.ReadFull(c.r, got); err != nil || string(got) != want {
		c.t.Fatalf("read %q, %v; want %q", got[:n], err, want)
	}
}

// masked returns a client's frame.
func masked(op ws.OpCode, fin bool, payload string) string {
	f := ws.MaskFrameInPlaceWith(ws.NewFrame(op, fin, []byte(payload)), [4]byte{0xa1, 0x02, 0xf3, 0x5c})
	var b bytes.Buffer
	if err := ws.WriteFrame(&b, f); err != nil {
		panic(err)
	}
	return b.String()
}

func closing(code uint16, reason string) string {
	return masked(ws.OpClose, true, string(binary.BigEndian.AppendUint16(nil, code))+reason)
}

// frame reads the next frame.
func (c *client) frame() (ws.Frame, error) { return frametest.Read(c.r) }

func (c *client) want(op ws.OpCode, payload string) {
	c.t.Helper()
	f, err := c.frame()
	if err != nil || f.Header.OpCode != op || !f.Header.Fin || f.Header.Masked || string(f.Payload) != payload {
		c.t.Fatalf("got opcode %d, %.80q, %v; want opcode %d, %.80q", f.Header.OpCode, f.Payload, err, op, payload)
	}
}

func (c *client) wantText(payload string) { c.t.Helper(); c.want(ws.OpText, payload) }

// echo sends a text and awaits it.
func (c *client) echo(payload string) {
	c.t.Helper()
	c.write(masked(ws.OpText, true, payload))
	c.wantText(payload)
}

// wantClose reads up to the close frame and wants its code and reason.
func (c *client) wantClose(code uint16, reason string) {
	c.t.Helper()
	for {
		f, err := c.frame()
		if err != nil {
			c.t.Fatalf("%v instead of a close frame %d %q", err, code, reason)
		}
		if f.Header.OpCode != ws.OpClose {
			continue
		}
		want := reason
		if code != 0 {
			want = string(binary.BigEndian.AppendUint16(nil, code)) + reason
		}
		if string(f.Payload) != want {
			c.t.Fatalf("close frame %q, want %d %q", f.Payload, code, reason)
		}
		return
	}
}

// wantEnd wants the server to be done sending, in order and not by a reset.
func (c *client) wantEnd() {
	c.t.Helper()
	if b, err := c.r.ReadByte(); err != io.EOF {
		c.t.Fatalf("read %#x, %v; want the end", b, err)
	}
}

// wantGone wants the socket to end, in whatever way.
func (c *client) wantGone() {
	c.t.Helper()
	if _, err := io.Copy(io.Discard, c.r); err != nil && !errors.Is(err, syscall.ECONNRESET) {
		c.t.Fatalf("the socket does not end: %v", err)
	}
}

// socket returns the conn under TLS, if there is TLS.
func (c *client) socket() net.Conn {
	if secure, ok := c.Conn.(*tls.Conn); ok {
		return secure.NetConn()
	}
	return c.Conn
}

// reset closes the socket with an RST.
func (c *client) reset() {
	c.t.Helper()
	if err := c.socket().(*net.TCPConn).SetLinger(0); err != nil {
		c.t.Fatal(err)
	}
	_ = c.socket().Close()
}

// closeWrite sends a FIN, over TLS behind a close_notify.
func (c *client) closeWrite() {
	c.t.Helper()
	if secure, ok := c.Conn.(*tls.Conn); ok {
		if err := secure.CloseWrite(); err != nil {
			c.t.Fatal(err)
		}
	}
	if err := c.socket().(*net.TCPConn).CloseWrite(); err != nil {
		c.t.Fatal(err)
	}
}

// status reads an HTTP response's status line.
func (c *client) wantStatus(status string) {
	c.t.Helper()
	line, err := c.r.ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "HTTP/1.1 "+status+" ") {
		c.t.Fatalf("got %q, %v; want status %s", line, err, status)
	}
}
