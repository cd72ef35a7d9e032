package swarm_test

import (
	"strings"
	"testing"

	"github.com/gannet-io/gannet/loadtest/swarm"
)

var responses = []struct {
	name, bytes, body string
	status            int
	closes            bool
}{
	{"with a length", "HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 2\r\n\r\n{}", "{}", 200, false},
	{"in lower case", "HTTP/1.1 413 Too Large\r\ncontent-length:3\r\nconnection: Close\r\n\r\nbig", "big", 413, true},
	{"without a body", "HTTP/1.1 204 No Content\r\n\r\n", "", 204, false},
	{"chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1;x=y\r\n}\r\n0\r\n\r\n", "1\r\n{\r\n1;x=y\r\n}\r\n0\r\n\r\n", 200, false},
	{"chunked with a trailer", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n\r\n", "0\r\nA: b\r\n\r\n", 200, false},
}

func TestAnswersAreParsed(t *testing.T) {
	for _, tt := range responses {
		status, body, closes, n, err := swarm.NextResponse([]byte(tt.bytes + "HTTP"))
		if err != nil || status != tt.status || string(body) != tt.body || closes != tt.closes || n != len(tt.bytes) {
			t.Errorf("%s: %d %q, closes %v, %d of %d bytes, %v", tt.name, status, body, closes, n, len(tt.bytes), err)
		}
	}
}

func TestEveryPrefixOfAnAnswerIsIncomplete(t *testing.T) {
	for _, tt := range responses {
		for end := range len(tt.bytes) {
			if _, _, _, n, err := swarm.NextResponse([]byte(tt.bytes[:end])); n != 0 || err != nil {
				t.Errorf("%s cut to %q: %d, %v", tt.name, tt.bytes[:end], n, err)
			}
		}
	}
}

func TestAnswersThatMakeNoSenseAreRefused(t *testing.T) {
	for _, bytes := range []string{
		"SSH-2.0-OpenSSH_9.6\r\n\r\n",
		"HTTP/1.1 abc\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
		strings.Repeat("x", 20_000),
	} {
		if _, _, _, _, err := swarm.NextResponse([]byte(bytes)); err == nil {
			t.Errorf("%.40q is taken", bytes)
		}
	}
}

func TestOpeningWantsTheAnswerOfTheRFC(t *testing.T) {
	// RFC 6455 §1.3, with the field names as some servers write them.
	const good = "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nConnection: Upgrade\r\nsec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
	if n, err := swarm.NextOpening([]byte(good + "\x81")); n != len(good) || err != nil {
		t.Errorf("%d of %d, %v", n, len(good), err)
	}
	if n, err := swarm.NextOpening([]byte(good[:len(good)-1])); n != 0 || err != nil {
		t.Errorf("cut short: %d, %v", n, err)
	}
	for _, bad := range []string{"HTTP/1.1 404 Not Found\r\n\r\n", strings.Replace(good, "s3p", "xxx", 1), "\r\n\r\n"} {
		if _, err := swarm.NextOpening([]byte(bad)); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}
