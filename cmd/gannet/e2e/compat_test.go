//go:build e2e

package e2e

import (
	"strings"
	"testing"

	"github.com/gobwas/ws"
)

// The app "migrated" has every compatibility switch on.

func TestSwitchesForUsersOfOtherServers(t *testing.T) {
	a, b := claim(t, migrated), claim(t, migrated)

	t.Run("a duplicate subscription is acknowledged again", func(t *testing.T) {
		channel := fresh("again")
		a.join(migrated, channel)
		a.join(migrated, channel)
		check(t, backend(migrated).Trigger(channel, "e", "once"))
		a.expect(event("e", channel, "once"))
		a.fence()
	})
	t.Run("client events pass on public channels with their data unchanged", func(t *testing.T) {
		channel := fresh("open")
		a.join(migrated, channel)
		b.join(migrated, channel)
		a.sendf(`{"event":"client-e","channel":%q,"data":{"n": 1.50}}`, channel)
		got := b.read()
		if !strings.Contains(got, `"data":{"n": 1.50}`) {
			t.Errorf("got %s, want the data as it was sent", got)
		}
	})
	t.Run("a refused channel gets pusher:subscription_error besides the error", func(t *testing.T) {
		channel := fresh("private-refused")
		a.sendf(`{"event":"pusher:subscribe","data":{"channel":%q,"auth":"%s:00"}}`, channel, migrated.Key)
		var refusal, note bool
		for range 2 {
			text := a.read()
			refusal = refusal || sameEvent(text, "pusher:error")
			note = note || sameEvent(text, "pusher:subscription_error") && strings.Contains(text, `"channel":"`+channel+`"`) && strings.Contains(text, `"status":401`)
		}
		if !refusal || !note {
			t.Errorf("pusher:error %t, pusher:subscription_error %t", refusal, note)
		}
		a.fence()
	})
	t.Run("errors of the HTTP API are JSON", func(t *testing.T) {
		got := request(t, migrated, "POST", "/events", `{}`, nil)
		if got.status != 400 || !strings.HasPrefix(got.body, `{`) || !strings.Contains(got.body, `"error":`) {
			t.Errorf("got %d %s", got.status, got.body)
		}
	})
	t.Run("a connection over the limit may come back", func(t *testing.T) {
		third := claim(t, migrated)
		dial(t, gannet, "/app/"+migrated.Key+"?protocol=7", ws.Dialer{}).expectRefusal(4100)
		check(t, third.conn.Close())
	})
	t.Run("terminating reaches presence and sends away with the chosen code", func(t *testing.T) {
		channel, id := fresh("presence-gone"), fresh("user")
		b.subscribe(migrated, channel, `{"user_id":"`+id+`"}`)
		b.read()
		request(t, migrated, "POST", "/users/"+id+"/terminate_connections", `{}`, nil).want(200, `{}`)
		b.expectRefusal(4200)
		a.fence()
	})
}
