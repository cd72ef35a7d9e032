package handshake_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/gannet-io/gannet/frame/handshake"
)

var limits = handshake.DefaultLimits()

// The handshake of RFC 6455 §1.2, with the accept value of §1.3.
const rfcRequest = "GET /chat HTTP/1.1\r\n" +
	"Host: server.example.com\r\n" +
	"Upgrade: websocket\r\n" +
	"Connection: Upgrade\r\n" +
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
	"Origin: http://example.com\r\n" +
	"Sec-WebSocket-Protocol: chat, superchat\r\n" +
	"Sec-WebSocket-Version: 13\r\n\r\n"

// What a browser sends to a Pusher server.
const browserRequest = "GET /app/278d425bdf160c739803?protocol=7&client=js&version=8.4.0&flash=false HTTP/1.1\r\n" +
	"Host: ws.example.com:6001\r\n" +
	"Connection: keep-alive, Upgrade\r\n" +
	"Pragma: no-cache\r\n" +
	"Cache-Control: no-cache\r\n" +
	"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36\r\n" +
	"Upgrade: websocket\r\n" +
	"Origin: https://www.example.com\r\n" +
	"Sec-WebSocket-Version: 13\r\n" +
	"Accept-Encoding: gzip, deflate, br, zstd\r\n" +
	"Accept-Language: en-GB,en;q=0.9\r\n" +
	"Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\n" +
	"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n"

// head builds the RFC's request without its final empty line and with the lines
// given behind it.
func head(lines ...string) string {
	return strings.TrimSuffix(rfcRequest, "\r\n") + strings.Join(append(lines, ""), "\r\n") + "\r\n"
}

func wantError(t *testing.T, what string, err error, status int, reason string) {
	t.Helper()
	var e *handshake.Error
	if !errors.As(err, &e) || e.Status != status || e.Reason != reason {
		t.Errorf("%s: error %v, want %d %s", what, err, status, reason)
	}
}
