//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/gobwas/ws"
)

// TestAReplayThatIsOvertakenIsNotGoneOnWith: a client asks for a history and reads so slowly that what it is still to get is driven out by new
// events. It must not get what is left as if nothing were missing; when it comes back it is told.
func TestAReplayThatIsOvertakenIsNotGoneOnWith(t *testing.T) {
	s := startServer(t, "drain_window: 100ms\ntuning: { send_buffer: 16KiB }\n")
	channel := fresh("private-past")
	publish := func(n int) {
		body := trigger(channel, fmt.Sprintf("%06d%s", n, strings.Repeat("x", 9000)))
		resp, err := http.Post(s.url()+signed(lasting, "POST", "/events", body, nil), "application/json", strings.NewReader(body))
		check(t, err)
		resp.Body.Close()
		if resp.StatusCode != 200 {
			t.Fatalf("publishing: %d", resp.StatusCode)
		}
	}
	for n := range 1000 {
		publish(n)
	}
	// A small window, so that a replay stops early.
	dialer := ws.Dialer{NetDial: func(ctx context.Context, network, addr string) (net.Conn, error) {
		d := net.Dialer{Control: func(_, _ string, c syscall.RawConn) (err error) {
			outer := c.Control(func(fd uintptr) { err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 16<<10) })
			if outer != nil {
				return outer
			}
			return err
		}}
		return d.DialContext(ctx, network, addr)
	}}
	first := connectTo(t, s, lasting)
	first.sendf(`{"event":"pusher:subscribe","data":{"channel":%q,"auth":%q,"rewind":1}}`, channel, lasting.sign(first.socketID+":"+channel))
	first.read()
	var last struct{ Serial string }
	check(t, json.Unmarshal([]byte(first.read()), &last))
	newest := last.Serial
	check(t, first.conn.Close())
	if !strings.HasSuffix(newest, "-1000") {
		t.Fatalf("the newest of 1000 events is %s", newest)
	}
	oldest := strings.TrimSuffix(newest, "-1000") + "-0"

	slow := dial(t, s, "/app/"+lasting.Key+"?protocol=7&resume=1", dialer)
	slow.readEstablished()
	resume := func(c *client) {
		c.sendf(`{"event":"pusher:subscribe","data":{"channel":%q,"auth":%q,"resume":%q}}`, channel, lasting.sign(c.socketID+":"+channel), oldest)
	}
	resume(slow)
	succeeded := slow.read()
	if !strings.Contains(succeeded, `"recovered":true`) {
		t.Fatalf("the history is whole, and the answer is %s", succeeded)
	}
	for n := range 1000 {
		publish(1000 + n) // none of those before is kept
	}
	next := 0
	for text := slow.read(); strings.Contains(text, `"event":"e"`); text = slow.read() {
		if want := fmt.Sprintf(`"data":"%06d`, next); !strings.Contains(text, want) {
			t.Fatalf("event %d is %.120s", next, text)
		}
		next++
	}
	slow.expectClose(4100)
	if next == 0 || next >= 1000 {
		t.Errorf("%d events came", next)
	}
	back := dial(t, s, "/app/"+lasting.Key+"?protocol=7&resume=1", ws.Dialer{})
	back.readEstablished()
	resume(back)
	if answer := back.read(); !strings.Contains(answer, `"recovered":false`) || !strings.Contains(answer, "expired") {
		t.Errorf("who comes back is told %s", answer)
	}
}
