package handshake_test

import (
	"strings"
	"testing"

	"github.com/gannet-io/gannet/frame/handshake"
)

func TestLimitsAreThoseGiven(t *testing.T) {
	head := func(line, headers, padding int) string {
		h := "GET /" + strings.Repeat("a", line-len("GET / HTTP/1.1\r\n")) + " HTTP/1.1\r\n"
		h += strings.Repeat("A: b\r\n", headers)
		return h + strings.Repeat("c", padding) + ": d\r\n\r\n"
	}
	// 500 + 4 × 6 + 471 + 5 + 2 bytes are 1002.
	for _, tt := range []struct {
		lim    handshake.Limits
		req    string
		reason string
	}{
		{handshake.Limits{Bytes: 1002, Headers: 5}, head(500, 4, 471), ""},
		{handshake.Limits{Bytes: 1001, Headers: 5}, head(500, 4, 471), "head_too_large"},
		{handshake.Limits{Bytes: 1002, Headers: 4}, head(500, 4, 471), "too_many_headers"},
		{handshake.Limits{Bytes: 1002, Headers: 0}, head(500, 4, 471), ""},
		{handshake.Limits{Bytes: 1002, Headers: 5}, head(501, 4, 470), ""},
		{handshake.Limits{Bytes: 1002, Headers: 5}, head(502, 4, 469), "request_line_too_long"},
		{handshake.Limits{Bytes: handshake.LargestBytes}, head(16, 3000, 9), ""},
	} {
		_, n, err := handshake.Parse([]byte(tt.req), tt.lim)
		if tt.reason == "" {
			if err != nil || n != len(tt.req) {
				t.Errorf("%+v: %d, %v; want %d", tt.lim, n, err, len(tt.req))
			}
		} else if e, ok := err.(*handshake.Error); !ok || e.Reason != tt.reason {
			t.Errorf("%+v: %v, want %s", tt.lim, err, tt.reason)
		}
		// Complete says so no later: what it has seen is all that Parse needs.
		seen, _ := handshake.Complete([]byte(tt.req), 0, tt.lim)
		if seen == 0 {
			t.Errorf("%+v: Complete waits for more", tt.lim)
		}
		if _, again, errAgain := handshake.Parse([]byte(tt.req)[:seen], tt.lim); again != n || (errAgain == nil) != (err == nil) {
			t.Errorf("%+v: of %d bytes Parse says %d, %v; of all %d, %v", tt.lim, seen, again, errAgain, n, err)
		}
	}
}
