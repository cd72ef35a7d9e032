package echo_test

import (
	"bufio"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/gobwas/ws"
	"go.uber.org/goleak"

	"github.com/gannet-io/gannet/engine"
	"github.com/gannet-io/gannet/engine/echo"
	"github.com/gannet-io/gannet/frame"
)

// patience is how long a test waits for what must come; it is only ever used up by a failure.
const patience = 30 * time.Second

// maxMessage is the server's limit.
const maxMessage = 16 << 20

// addr is where the server of all tests listens.
var addr string

// TestMain serves what "gannet echo --deflate" does.
func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	addr = ln.Addr().String()
	set := metrics.NewSet()
	eng, err := engine.New(engine.Config{
		Handler: echo.Handler{}, Message: frame.Limits{MessageBytes: maxMessage}, BacklogBytes: 4 * maxMessage,
		Log: slog.New(slog.NewTextHandler(os.Stderr, nil)), Metrics: set,
	})
	if err != nil {
		panic(err)
	}
	served := make(chan error, 1)
	go func() { served <- eng.ServeWith(ln, engine.ListenerConfig{Deflate: true}) }()
	code := m.Run()
	if err := errors.Join(eng.Stop(), <-served); err != nil {
		panic(err)
	}
	var text bytes.Buffer
	if set.WritePrometheus(&text); !strings.Contains(text.String(), "gannet_engine_panics_total 0\n") {
		panic("the engine has panicked: " + text.String())
	}
	// gnet starts the worker pool of its library when it is imported.
	if err := goleak.Find(goleak.IgnoreTopFunction("github.com/panjf2000/ants/v2.(*poolCommon).purgeStaleWorkers"),
		goleak.IgnoreTopFunction("github.com/panjf2000/ants/v2.(*poolCommon).ticktock")); err != nil {
		panic(err)
	}
	return code
}

// A client is a peer that says what it is told to, right or wrong.
type client struct {
	*net.TCPConn
	t testing.TB
	r *bufio.Reader
}

// dial opens a WebSocket with an offer of extensions, "" for none, and returns the server's answer to that.
func dial(t testing.TB, offer string) (c *client, answer string) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	c = &client{TCPConn: conn.(*net.TCPConn), t: t, r: bufio.NewReaderSize(conn, 64<<10)}
	c.patient()
	head := "GET /echo HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
	if offer != "" {
		head += "Sec-WebSocket-Extensions: " + offer + "\r\n"
	}
	c.write([]byte(head + "\r\n"))
	for first := true; ; first = false {
		line, err := c.r.ReadString('\n')
		if err != nil || first && !strings.HasPrefix(line, "HTTP/1.1 101 ") {
			t.Fatalf("the handshake: %q, %v", line, err)
		}
		if value, ok := strings.CutPrefix(line, "Sec-WebSocket-Extensions: "); ok {
			answer = strings.TrimSpace(value)
		}
		if line == "\r\n" {
			return c, answer
		}
	}
}

func (c *client) patient() { _ = c.SetDeadline(time.Now().Add(patience)) }

// write sends b. A server that has said why it hangs up need not take all of it.
func (c *client) write(b []byte) {
	c.t.Helper()
	if _, err := c.Write(b); err != nil && !errors.Is(err, syscall.EPIPE) && !errors.Is(err, syscall.ECONNRESET) {
		c.t.Fatalf("write: %v", err)
	}
}

// A message is what came, or is to come.
type message struct {
	op      ws.OpCode
	payload string
}

func text(payload string) message { return message{ws.OpText, payload} }
func bin(payload string) message  { return message{ws.OpBinary, payload} }
func pong(payload string) message { return message{ws.OpPong, payload} }

func (m message) String() string {
	return fmt.Sprintf("opcode %d, %d bytes %.60q", m.op, len(m.payload), m.payload)
}

// closed is a close frame with a code.
func closed(code uint16) message {
	return message{ws.OpClose, string(binary.BigEndian.AppendUint16(nil, code))}
}

// read returns the next frame, which must be whole and unmasked, and inflated if it is compressed.
func (c *client) read() (m message, compressed bool, err error) {
	h, err := ws.ReadHeader(c.r)
	if err != nil {
		return message{}, false, err
	}
	if h.Masked || !h.Fin || h.Rsv != 0 && (h.Rsv != 4 || h.OpCode.IsControl()) || h.Length > 4*maxMessage {
		return message{}, false, fmt.Errorf("a frame with header %+v", h)
	}
	payload := make([]byte, h.Length)
	if _, err := io.ReadFull(c.r, payload); err != nil {
		return message{}, false, err
	}
	if h.Rsv != 0 {
		if payload, err = inflate(payload); err != nil {
			return message{}, false, err
		}
	}
	return message{h.OpCode, string(payload)}, h.Rsv != 0, nil
}

func inflate(payload []byte) ([]byte, error) {
	return io.ReadAll(flate.NewReader(io.MultiReader(bytes.NewReader(payload), strings.NewReader("\x00\x00\xff\xff\x01\x00\x00\xff\xff"))))
}

// want reads messages, of which a close frame may have any reason.
func (c *client) want(messages ...message) {
	c.t.Helper()
	for _, want := range messages {
		c.patient()
		got, _, err := c.read()
		if err == nil && got.op == ws.OpClose && want.op == ws.OpClose && len(want.payload) == 2 && len(got.payload) > 2 {
			got.payload = got.payload[:2]
		}
		if err != nil || got != want {
			c.t.Fatalf("got %v, %v; want %v", got, err, want)
		}
	}
}

// wantEnd wants the server to end its side in order: with nothing behind its close frame, and no reset.
func (c *client) wantEnd() {
	c.t.Helper()
	c.patient()
	if b, err := c.r.ReadByte(); err != io.EOF {
		c.t.Fatalf("read %#x, %v; want the end", b, err)
	}
}

// keys are masking keys to use in turn. RFC 6455 §5.3 does not exclude any.
var keys = [][4]byte{{0x37, 0xfa, 0x21, 0x3d}, {}, {0xff, 0xff, 0xff, 0xff}, {0, 0, 0, 1}, {0x80, 0x7f, 0x00, 0xc3}}

// fr returns a frame from a client: b0 is its first byte, as in the tables of RFC 6455 §5.2.
func fr(b0 byte, payload string) []byte {
	h := ws.Header{Fin: b0&0x80 != 0, Rsv: b0 >> 4 & 7, OpCode: ws.OpCode(b0 & 15), Masked: true, Mask: keys[len(payload)%len(keys)], Length: int64(len(payload))}
	var b bytes.Buffer
	if err := ws.WriteHeader(&b, h); err != nil {
		panic(err)
	}
	masked := []byte(payload)
	ws.Cipher(masked, h.Mask, 0)
	b.Write(masked)
	return b.Bytes()
}

func join(frames ...[]byte) []byte { return bytes.Join(frames, nil) }

// First bytes of frames.
const (
	finText, finBinary, finClose, finPing, finPong = 0x81, 0x82, 0x88, 0x89, 0x8a
	firstText, firstBinary, more, last             = 0x01, 0x02, 0x00, 0x80
	rsv1                                           = 0x40
)

// A talk is a case of the suite: bytes to send, what must come back, and the code that the server closes with; 0 when it
// has no reason to, and the client closes with 1000.
type talk struct {
	name string
	send []byte
	want []message
	code uint16
}

// hold runs each talk in a connection of its own, once for each way in which its bytes may arrive.
func hold(t *testing.T, talks []talk) {
	t.Helper()
	for _, talk := range talks {
		t.Run(talk.name, func(t *testing.T) {
			t.Parallel()
			for _, piece := range []int{len(talk.send), 1, 3, 997} {
				if piece != len(talk.send) && len(talk.send)/piece > 2000 {
					continue
				}
				talk.hold(t, piece)
			}
		})
	}
}

func (k *talk) hold(t *testing.T, piece int) {
	t.Helper()
	c, _ := dial(t, "")
	defer c.Close()
	for send := k.send; len(send) > 0; {
		n := min(piece, len(send))
		c.write(send[:n]) // a segment each: TCP_NODELAY is Go's default
		send = send[n:]
	}
	if k.code == 0 {
		c.write(fr(finClose, closed(1000).payload))
	}
	c.want(k.want...)
	if k.code == 0 {
		c.want(closed(1000))
	} else {
		c.want(closed(k.code))
		c.write(fr(finClose, closed(k.code).payload)) // RFC 6455 §5.5.1: answered, however late
	}
	c.wantEnd()
}
