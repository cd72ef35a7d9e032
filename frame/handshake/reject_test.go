package handshake_test

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"testing"

	"github.com/gannet-io/gannet/frame/handshake"
)

func TestRejectWritesAWholeResponse(t *testing.T) {
	const tail = "Content-Type: text/plain; charset=utf-8\r\nContent-Length: 4\r\n\r\nno.\n"
	for status, start := range map[int]string{
		400: "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n",
		405: "HTTP/1.1 405 Method Not Allowed\r\nConnection: close\r\nAllow: GET\r\n",
		426: "HTTP/1.1 426 Upgrade Required\r\nConnection: close, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
		499: "HTTP/1.1 499 Error\r\nConnection: close\r\n",
	} {
		got := handshake.AppendReject([]byte("pre"), &handshake.Error{Status: status, Message: "no."})
		if want := "pre" + start + tail; string(got) != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestRejectIsHTTPToOthers(t *testing.T) {
	for _, status := range []int{400, 401, 403, 404, 405, 408, 413, 414, 421, 426, 429, 431, 500, 502, 503, 504, 505} {
		b := handshake.AppendReject(nil, &handshake.Error{Status: status, Message: "why not"})
		resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(b)), nil)
		if err != nil {
			t.Fatalf("%q: %v", b, err)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil || string(body) != "why not\n" || resp.StatusCode != status || !resp.Close {
			t.Errorf("%q: status %d, body %q, %v", b, resp.StatusCode, body, err)
		}
		want := http.StatusText(status)
		switch status { // net/http has the words of an older RFC than 9110
		case 413:
			want = "Content Too Large"
		case 414:
			want = "URI Too Long"
		}
		if resp.Status[4:] != want {
			t.Errorf("%d is %q, want %q", status, resp.Status[4:], want)
		}
	}
}
