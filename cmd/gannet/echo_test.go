package main_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	main "github.com/gannet-io/gannet/cmd/gannet"
	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
)

// echoing runs "gannet echo" and returns its address. stop ends it and returns the exit code and
// what it wrote to standard error.
func echoing(t *testing.T, args ...string) (address string, stop func() (code int, errOut string)) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out, write := io.Pipe()
	var errOut bytes.Buffer
	exited := make(chan int, 1)
	go func() {
		exited <- main.Run(ctx, "", nil, write, &errOut, append([]string{"echo", "--listen", "127.0.0.1:0"}, args...)...)
		write.Close()
	}()
	line := make([]byte, 200)
	n, err := out.Read(line)
	address, ok := strings.CutPrefix(strings.TrimSpace(string(line[:n])), "gannet: echoing on ")
	if err != nil || !ok {
		t.Fatalf("it said %q, %v", line[:n], err)
	}
	return address, func() (int, string) {
		cancel()
		return <-exited, errOut.String()
	}
}

func TestEchoGivesMessagesBack(t *testing.T) {
	address, stop := echoing(t, "--message-bytes", "64KiB")
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	url, err := url.Parse("ws://" + address + "/any/path?at=all")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := (ws.Dialer{}).Upgrade(conn, url); err != nil {
		t.Fatal(err)
	}
	for _, m := range []wsutil.Message{{OpCode: ws.OpText, Payload: []byte("héllo")}, {OpCode: ws.OpBinary, Payload: []byte{0xff, 0}}} {
		if err := wsutil.WriteClientMessage(conn, m.OpCode, m.Payload); err != nil {
			t.Fatal(err)
		}
		got, op, err := wsutil.ReadServerData(conn)
		if err != nil || op != m.OpCode || !bytes.Equal(got, m.Payload) {
			t.Errorf("%v %q came back as %v %q, %v", m.OpCode, m.Payload, op, got, err)
		}
	}
	if err := wsutil.WriteClientMessage(conn, ws.OpBinary, make([]byte, 64<<10+1)); err != nil {
		t.Fatal(err)
	}
	_, _, err = wsutil.ReadServerData(conn)
	if closed, ok := err.(wsutil.ClosedError); !ok || closed.Code != ws.StatusMessageTooBig {
		t.Errorf("a message over the limit ends in %v, want 1009", err)
	}
	if code, errOut := stop(); code != 0 || errOut != "" {
		t.Errorf("exit code %d, %q; want 0 and silence", code, errOut)
	}
}

func TestEchoRefusesWhatMakesNoSense(t *testing.T) {
	for _, tt := range []struct{ flag, want string }{
		{"--message-bytes=many", "--message-bytes: want a size in bytes such as 65536 or 64KiB"},
		{"--message-bytes=0", "--message-bytes: must not be 0"},
		{"--listen=nowhere", "listen tcp"},
	} {
		if code, out, errOut := runCommand(t, "", "echo", tt.flag); code != 1 || out != "" || !strings.Contains(errOut, tt.want) {
			t.Errorf("%s: code %d, out %q, err %q; want 1 and %q", tt.flag, code, out, errOut, tt.want)
		}
	}
}
