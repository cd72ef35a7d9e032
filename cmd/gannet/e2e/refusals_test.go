//go:build e2e

package e2e

import (
	"net/http"
	"testing"

	"github.com/gobwas/ws"
)

func TestARefusedConnectionIsToldWhyAndClosedWithTheSameCode(t *testing.T) {
	for _, c := range []struct {
		name   string
		target string
		code   int
	}{
		{"unknown key", "/app/nobody?protocol=7", 4001},
		{"disabled app", "/app/" + disabled.Key + "?protocol=7", 4003},
		{"path that is no app", "/nowhere?protocol=7", 4005},
		{"protocol that is no number", "/app/" + quiet.Key + "?protocol=seven", 4006},
		{"protocol 1", "/app/" + quiet.Key + "?protocol=1", 4007},
		{"protocol 3", "/app/" + quiet.Key + "?protocol=3", 4007},
		{"origin that is not allowed", "/app/" + fenced.Key + "?protocol=7", 4009},
	} {
		t.Run(c.name, func(t *testing.T) {
			dialer := ws.Dialer{Header: ws.HandshakeHeaderHTTP(http.Header{"Origin": {"https://evil.example"}})}
			dial(t, gannet, c.target, dialer).expectRefusal(c.code)
		})
	}
}

func TestProtocolsOfAllClientsAreAccepted(t *testing.T) {
	for _, query := range []string{
		"protocol=7&client=js&version=8.6.0&flash=false", "client=java-client&protocol=5&version=2.4.4", "protocol=4", "protocol=6", "",
		"protocol=7&unknown=a;b&x=%zz",
	} {
		target := "/app/" + quiet.Key
		if query != "" {
			target += "?" + query
		}
		dial(t, gannet, target, ws.Dialer{}).readEstablished()
	}
}

func TestTheSubprotocolIsChosenOnlyWhenOffered(t *testing.T) {
	offered := dial(t, gannet, "/app/"+quiet.Key+"?protocol=7", ws.Dialer{Protocols: []string{"pusher-channels-protocol-7"}})
	if got := offered.handshake.Protocol; got != "pusher-channels-protocol-7" {
		t.Errorf("subprotocol is %q", got)
	}
	offered.readEstablished()
	// gobwas refuses a handshake that selects what was not offered.
	dial(t, gannet, "/app/"+quiet.Key+"?protocol=7", ws.Dialer{Protocols: []string{"something-else"}}).readEstablished()
	dial(t, gannet, "/app/"+quiet.Key+"?protocol=7", ws.Dialer{}).readEstablished()
}

func TestAnAllowedOriginIsAccepted(t *testing.T) {
	dialer := ws.Dialer{Header: ws.HandshakeHeaderHTTP(http.Header{"Origin": {"https://good.example"}})}
	dial(t, gannet, "/app/"+fenced.Key+"?protocol=7", dialer).readEstablished()
}

func TestAnAppAtItsConnectionLimitRefusesWith4004(t *testing.T) {
	first := claim(t, small)
	dial(t, gannet, "/app/"+small.Key+"?protocol=7", ws.Dialer{}).expectRefusal(4004)
	first.fence()
	check(t, first.conn.Close())
	claim(t, small)
}

// claim connects to an app that has few places, once those who have left it are forgotten.
func claim(t *testing.T, app account) (c *client) {
	t.Helper()
	eventually(t, "the place of a closed connection is free", func() bool {
		c = dial(t, gannet, "/app/"+app.Key+"?protocol=7", ws.Dialer{})
		text := c.read()
		if sameEvent(text, "pusher:error") {
			c.conn.Close()
			return false
		}
		c.established(text)
		return true
	})
	return c
}

func TestAServerAtItsConnectionLimitRefusesWith4100(t *testing.T) {
	s := startServer(t, "drain_window: 100ms\nlimits: { connections: 1 }\n")
	first := connectTo(t, s, quiet)
	dial(t, s, "/app/"+quiet.Key+"?protocol=7", ws.Dialer{}).expectRefusal(4100)
	first.fence()
}

func TestAStrictServerWantsAProtocolNumber(t *testing.T) {
	s := startServer(t, "drain_window: 100ms\nstrict_protocol: true\n")
	dial(t, s, "/app/"+quiet.Key, ws.Dialer{}).expectRefusal(4008)
	connectTo(t, s, quiet)
}

func TestAConnectionThatNeverAuthorizesIsClosedWith4009(t *testing.T) {
	// A client that waits for a processor may come too late with what it asks, and then tries again.
	inTime := func(what string, ask func(c *client)) (c *client) {
		eventually(t, what, func() bool {
			c = connect(t, guarded)
			ask(c)
			return !sameEvent(c.read(), "pusher:error")
		})
		return c
	}
	member := inTime("a private channel", func(c *client) { c.subscribe(guarded, fresh("private-guarded")) })
	user := inTime("a sign-in", func(c *client) { c.sendSignIn(guarded, `{"id":"`+fresh("user")+`"}`) })
	idler := inTime("a public channel", func(c *client) { c.subscribe(guarded, fresh("public")) })
	idler.expectRefusal(4009)
	member.fence()
	user.fence()
}

func TestWrongChannelSignaturesAreNamedAndLeaveTheConnectionOpen(t *testing.T) {
	c, other := connect(t, quiet), connect(t, quiet)
	channel := fresh("private-signed")
	for _, s := range []struct{ auth, want string }{
		{"", "Auth info required to subscribe to " + channel},
		{"nocolon", "Auth value for subscription to " + channel + " is invalid: should be of format 'key:signature'"},
		{full.sign(c.socketID + ":" + channel), "Invalid key in subscription auth data: '" + full.Key + "'"},
		{quiet.Key + ":00", "Invalid signature: Expected HMAC SHA256 hex digest of " + c.socketID + ":" + channel + ", but got 00"},
		// Right for another socket, which is what a replayed token looks like.
		{quiet.sign(other.socketID + ":" + channel), "Invalid signature: Expected HMAC SHA256 hex digest of " + c.socketID + ":" + channel + ", but got " + quiet.mac(other.socketID+":"+channel)},
	} {
		c.sendf(`{"event":"pusher:subscribe","data":{"channel":%q,"auth":%q}}`, channel, s.auth)
		if got := c.expectError(0); got != s.want && s.auth != "" {
			t.Errorf("auth %q: got %q, want %q", s.auth, got, s.want)
		}
	}
	c.sendf(`{"event":"pusher:subscribe","data":{"channel":%q}}`, channel)
	if got, want := c.expectError(0), "Auth info required to subscribe to "+channel; got != want {
		t.Errorf("no auth: got %q, want %q", got, want)
	}
	c.join(quiet, channel)
}
