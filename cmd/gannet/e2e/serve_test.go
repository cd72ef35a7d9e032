//go:build e2e

package e2e

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
)

func TestDevServesTheDevelopmentApp(t *testing.T) {
	s, err := serve(binary, "--dev", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--drain-window", "100ms")
	supervise(t, s, err)
	app := account{ID: "app-id", Key: "app-key", Secret: "app-secret"}
	c := connectTo(t, s, app)
	channel := fresh("private-dev")
	c.join(app, channel)
	check(t, backendOf(s, app).Trigger(channel, "e", "x"))
	for {
		// Whether the development app counts subscriptions is its own affair.
		if text := c.read(); sameEvent(text, "e") {
			break
		}
	}
	for _, credential := range []string{app.ID, app.Key, app.Secret} {
		if !strings.Contains(s.said(), credential) {
			t.Errorf("the banner does not name %s:\n%s", credential, s.said())
		}
	}
}

func TestAServerBelowAPrefixSignsWithoutIt(t *testing.T) {
	s := startServer(t, "drain_window: 100ms\npath_prefix: /realtime\n")
	channel := fresh("prefixed")
	c := dial(t, s, "/realtime/app/"+quiet.Key+"?protocol=7", ws.Dialer{})
	c.readEstablished()
	c.join(quiet, channel)
	body := trigger(channel, "x")
	target := signedAt(quiet, "POST", "/apps/"+quiet.ID+"/events", body, nil, time.Now())
	resp, err := http.Post(s.url()+"/realtime"+target, "application/json", strings.NewReader(body))
	check(t, err)
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("got %s", resp.Status)
	}
	c.expect(event("e", channel, "x"))
}
