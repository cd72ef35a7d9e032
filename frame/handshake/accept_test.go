package handshake_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/gobwas/ws"

	"github.com/gannet-io/gannet/frame/handshake"
)

func TestAcceptAnswersTheRequestOfTheRFC(t *testing.T) {
	r := parse(t, rfcRequest)
	const start = "HTTP/1.1 101 Switching Protocols\r\n" +
		"Upgrade: websocket\r\n" +
		"Connection: Upgrade\r\n" +
		"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
	if got, want := string(handshake.AppendAccept([]byte("pre"), &r, "", "")), "pre"+start+"\r\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := string(handshake.AppendAccept(nil, &r, "chat", "a; b=1")), start+"Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Extensions: a; b=1\r\n\r\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// pipe lets the Upgrader read a request and keeps what it answers.
type pipe struct {
	io.Reader
	bytes.Buffer
}

func (p *pipe) Read(b []byte) (int, error) { return p.Reader.Read(b) }

func TestAcceptAgreesWithGobwas(t *testing.T) {
	for _, req := range []string{rfcRequest, browserRequest} {
		p := &pipe{Reader: bytes.NewReader([]byte(req))}
		if _, err := (ws.Upgrader{}).Upgrade(p); err != nil {
			t.Fatal(err)
		}
		accept := func(response []byte) string {
			_, v, _ := bytes.Cut(response, []byte("Sec-WebSocket-Accept: "))
			v, _, _ = bytes.Cut(v, []byte("\r\n"))
			return string(v)
		}
		r := parse(t, req)
		got := handshake.AppendAccept(nil, &r, "", "")
		if want := accept(p.Bytes()); len(want) != 28 || accept(got) != want {
			t.Errorf("accept %q, want %q", accept(got), want)
		}
	}
}
