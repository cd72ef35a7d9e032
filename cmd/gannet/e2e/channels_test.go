//go:build e2e

package e2e

import (
	"strings"
	"testing"
)

func succeeded(channel string) string {
	return `{"event":"pusher_internal:subscription_succeeded","channel":"` + channel + `","data":"{}"}`
}

func roster(channel, presence string) string {
	return `{"event":"pusher_internal:subscription_succeeded","channel":"` + channel + `","data":` + encode(`{"presence":`+presence+`}`) + `}`
}

func internal(event, channel, data string) string {
	return `{"event":"pusher_internal:` + event + `","channel":"` + channel + `","data":` + encode(data) + `}`
}

func TestEveryKindOfChannelIsAcknowledgedInItsOwnShape(t *testing.T) {
	c := connect(t, quiet)
	for _, prefix := range []string{"plain", "private-", "private-encrypted-", "cached-", "privately", "my-private-", "presences"} {
		channel := fresh(prefix)
		c.subscribe(quiet, channel)
		c.expect(succeeded(channel))
	}
	for _, prefix := range []string{"cache-", "private-cache-", "private-encrypted-cache-"} {
		channel := fresh(prefix)
		c.subscribe(quiet, channel)
		c.expect(succeeded(channel), `{"event":"pusher:cache_miss","channel":"`+channel+`","data":"{}"}`)
	}
	channel := fresh("presence-cache-")
	c.subscribe(quiet, channel, `{"user_id":"a"}`)
	c.expect(roster(channel, `{"count":1,"ids":["a"],"hash":{"a":null}}`), `{"event":"pusher:cache_miss","channel":"`+channel+`","data":"{}"}`)
}

func TestASubscriptionMayComeInTheFormsOfAllClients(t *testing.T) {
	c := connect(t, quiet)
	for _, data := range []string{`{"channel":"CHANNEL"}`, `{"auth":"","channel":"CHANNEL"}`, `{"channel":"CHANNEL","auth":"ignored","channel_data":"ignored"}`, "{ \"new\" : [1] , \"channel\" : \"CHANNEL\" }"} {
		channel := fresh("forms")
		c.sendf(`{"event":"pusher:subscribe","data":%s}`, strings.ReplaceAll(data, "CHANNEL", channel))
		c.expect(succeeded(channel))
	}
}

func TestPresenceDataIsSignedAsTheBackendWroteIt(t *testing.T) {
	for _, data := range []string{
		`{"user_id": "a", "user_info": {"name": "Python has blanks"}}`,
		`{"user_id":"a","user_info":{"name":"PHP \/ \u00e9"}}`,
		`{"user_id":"a","user_info":{"name":"Go \u003c\u0026"}}`,
	} {
		c := connect(t, quiet)
		channel := fresh("presence-raw")
		c.subscribe(quiet, channel, data)
		if got := c.read(); !strings.Contains(got, "subscription_succeeded") {
			t.Errorf("%s: got %s", data, got)
		}
	}
}

func TestChannelDataOnAPrivateChannelIsPartOfTheSignature(t *testing.T) {
	c := connect(t, quiet)
	channel := fresh("private-data")
	c.subscribe(quiet, channel, `{"user_id":"a"}`)
	c.expect(succeeded(channel))
}

func TestPresenceIdsAreTextAndRostersAreByUser(t *testing.T) {
	channel := fresh("presence-ids")
	one, two := connect(t, quiet), connect(t, quiet)
	one.subscribe(quiet, channel, `{"user_id":9007199254740993,"user_info":[1]}`)
	one.expect(roster(channel, `{"count":1,"ids":["9007199254740993"],"hash":{"9007199254740993":[1]}}`))
	two.subscribe(quiet, channel, `{"user_id":"9007199254740993","user_info":{"later":true}}`)
	two.expect(roster(channel, `{"count":1,"ids":["9007199254740993"],"hash":{"9007199254740993":[1]}}`))
	three := connect(t, quiet)
	three.subscribe(quiet, channel, `{"user_id":"b","user_info":{"name":"B"}}`)
	three.read()
	for _, c := range []*client{one, two} {
		c.expect(internal("member_added", channel, `{"user_id":"b","user_info":{"name":"B"}}`))
	}
	four := connect(t, quiet)
	four.subscribe(quiet, channel, `{"user_id":"c"}`)
	four.read()
	for _, c := range []*client{one, two, three} {
		c.expect(internal("member_added", channel, `{"user_id":"c"}`))
	}
	// A connection that drops dead leaves like one that unsubscribes.
	check(t, four.conn.Close())
	for _, c := range []*client{one, two, three} {
		c.expect(internal("member_removed", channel, `{"user_id":"c"}`))
	}
	one.sendf(`{"event":"pusher:unsubscribe","data":{"channel":%q}}`, channel)
	one.fence()
	three.fence()
	two.sendf(`{"event":"pusher:unsubscribe","data":{"channel":%q}}`, channel)
	three.expect(internal("member_removed", channel, `{"user_id":"9007199254740993"}`))
	one.fence()
}

func TestPresenceWithoutAUsableUserIsRefused(t *testing.T) {
	c := connect(t, quiet)
	for _, data := range []string{`{}`, `{"user_id":null}`, `{"user_id":true}`, `{"user_id":{}}`, `{"user_id":""}`, `[]`, `"a"`, `nonsense`} {
		c.subscribe(quiet, fresh("presence-bad"), data)
		c.expectError(0)
	}
	c.subscribe(quiet, fresh("presence-bad"))
	c.expectError(0)
	c.subscribe(quiet, fresh("presence-bad"), `{"user_id":"a","user_info":"`+strings.Repeat("x", 1025)+`"}`)
	c.expectError(0)
	c.fence()
}

func TestChannelNamesThatAreNoneAreRefused(t *testing.T) {
	c := connect(t, quiet)
	for _, name := range []string{``, `a b`, `a\n`, `a\u0000`, `é`, `a#`, `#a`, `#server-to-user-`, `a/b`, `a:b`, strings.Repeat("a", 165), strings.Repeat("b", 20000)} {
		c.send(`{"event":"pusher:subscribe","data":{"channel":"` + name + `"}}`)
		if message := c.expectError(0); len(message) > 1000 {
			t.Errorf("the refusal of a name of %d bytes has %d", len(name), len(message))
		}
	}
	c.join(quiet, strings.Repeat("a", 164))
	c.fence()
}

func TestASecondSubscriptionIsAnErrorAndCountsOnce(t *testing.T) {
	c := connect(t, quiet)
	channel := fresh("twice")
	c.join(quiet, channel)
	c.subscribe(quiet, channel)
	if got, want := c.expectError(0), "Existing subscription to channel "+channel; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	check(t, backend(quiet).Trigger(channel, "e", "once"))
	c.expect(event("e", channel, "once"))
	c.fence()
	c.sendf(`{"event":"pusher:unsubscribe","data":{"channel":%q}}`, channel)
	c.fence()
	check(t, backend(quiet).Trigger(channel, "e", "never"))
	c.fence()
	c.join(quiet, channel)
}

func TestSubscriptionCountsArePushedToAllButPresence(t *testing.T) {
	channel, room, vault := fresh("counted"), fresh("presence-uncounted"), fresh("private-encrypted-uncounted")
	count := func(n string) string {
		return internal("subscription_count", channel, `{"subscription_count":`+n+`}`)
	}
	one, two := connect(t, full), connect(t, full)
	one.subscribe(full, channel)
	one.expect(succeeded(channel), count("1"))
	two.subscribe(full, channel)
	two.expect(succeeded(channel), count("2"))
	one.expect(count("2"))
	one.subscribe(full, room, `{"user_id":"a"}`)
	one.read()
	// Java cannot read a count on an encrypted channel, so there is none unless asked for.
	one.subscribe(full, vault)
	one.expect(succeeded(vault))
	one.fence()
	check(t, two.conn.Close())
	one.expect(count("1"))
}

func TestPublishedDataIsNotTouched(t *testing.T) {
	c := connect(t, quiet)
	channel := fresh("verbatim")
	c.join(quiet, channel)
	for _, token := range []string{`""`, `"123"`, `"null"`, `"\u0041\/\u00e9\ud83d\ude00"`, `"<&>` + "\u2028" + `"`, `"{\"n\": 1.0e2, \"n\": [ ]}"`, `"\u0000\u001f"`} {
		resp := request(t, quiet, "POST", "/events", `{"name":"e","channel":"`+channel+`","data":`+token+`}`, nil)
		resp.want(200, `{}`)
		got := c.read()
		if !strings.Contains(got, `"data":`+token) {
			t.Errorf("published data %s, got %s", token, got)
		}
	}
}
