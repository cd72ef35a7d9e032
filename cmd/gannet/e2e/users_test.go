//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func watchlist(events string) string {
	return `{"event":"pusher_internal:watchlist_events","data":` + encode(`{"events":`+events+`}`) + `}`
}

func TestSigningInAgainWorksForTheSameUserOnly(t *testing.T) {
	c := connect(t, quiet)
	id := fresh("user")
	c.signIn(quiet, `{"id": "`+id+`", "user_info": {"slash": "\/"}}`)
	c.signIn(quiet, `{"id":"`+id+`"}`)
	c.sendSignIn(quiet, `{"id":"`+fresh("user")+`"}`)
	c.expectError(0)
	c.join(quiet, "#server-to-user-"+id)
}

func TestASignInThatIsNoneIsRefusedOnAnOpenConnection(t *testing.T) {
	c := connect(t, quiet)
	for _, data := range []string{`{}`, `{"id":1}`, `{"id":""}`, `{"id":null}`, `[]`, `x`, `{"id":"a b"}`, `{"id":"` + strings.Repeat("x", 129) + `"}`} {
		c.sendSignIn(quiet, data)
		c.expectError(0)
	}
	c.send(`{"event":"pusher:signin","data":{"auth":"nocolon","user_data":"{\"id\":\"a\"}"}}`)
	c.expectError(0)
	c.sendf(`{"event":"pusher:signin","data":{"auth":"%s","user_data":"{\"id\":\"a\"}"}}`, quiet.sign(c.socketID+"::user::{\"id\":\"b\"}"))
	c.expectError(0)
	c.sendf(`{"event":"pusher:signin","data":{"auth":"%s"}}`, quiet.sign(c.socketID+"::user::"))
	c.expectError(0)
	// The signature of a channel must not sign anybody in, and that of another socket neither.
	other := connect(t, quiet)
	c.sendf(`{"event":"pusher:signin","data":{"auth":"%s","user_data":"{\"id\":\"a\"}"}}`, quiet.sign(other.socketID+"::user::{\"id\":\"a\"}"))
	c.expectError(0)
	c.fence()
}

func TestServerToUserChannelsBelongToTheirUser(t *testing.T) {
	id := fresh("user")
	c := connect(t, quiet)
	c.subscribe(quiet, "#server-to-user-"+id)
	c.expectError(0)
	c.signIn(quiet, `{"id":"`+id+`"}`)
	c.subscribe(quiet, "#server-to-user-"+id+"x")
	c.expectError(0)
	c.join(quiet, "#server-to-user-"+id)
	c.sendf(`{"event":"client-e","channel":"#server-to-user-%s","data":{}}`, id)
	c.expectError(0)
	request(t, quiet, "GET", "/channels", "", map[string]string{"filter_by_prefix": "#"}).want(200, `{"channels":{}}`)
}

func TestASignedInUserIsAMemberWithoutChannelData(t *testing.T) {
	id, channel := fresh("user"), fresh("presence-signed")
	c := connect(t, quiet)
	c.signIn(quiet, `{"id":"`+id+`","user_info":{"name":"U"}}`)
	c.subscribe(quiet, channel)
	c.expect(roster(channel, `{"count":1,"ids":["`+id+`"],"hash":{"`+id+`":{"name":"U"}}}`))
}

func TestAWatchlistFollowsItsUsers(t *testing.T) {
	here, away := fresh("user"), fresh("user")
	c := connect(t, chatty)
	c.signIn(chatty, `{"id":"`+here+`"}`)
	watcher := connect(t, chatty)
	watcher.signIn(chatty, `{"id":"`+fresh("user")+`","watchlist":["`+here+`","`+away+`"]}`)
	// The state of both comes in one message or in two.
	var state []string
	for len(state) < 2 {
		state = append(state, watchlistEvents(t, watcher.read())...)
	}
	slices.Sort(state)
	if want := []string{"offline " + away, "online " + here}; !slices.Equal(state, want) {
		t.Fatalf("first state is %q, want %q", state, want)
	}
	second := connect(t, chatty)
	second.signIn(chatty, `{"id":"`+away+`"}`)
	watcher.expect(watchlist(`[{"name":"online","user_ids":["` + away + `"]}]`))
	// Only the first connection and the last one tell.
	third := connect(t, chatty)
	third.signIn(chatty, `{"id":"`+away+`"}`)
	third.fence()
	check(t, second.conn.Close())
	watcher.fence()
	check(t, third.conn.Close())
	watcher.expect(watchlist(`[{"name":"offline","user_ids":["` + away + `"]}]`))
}

func watchlistEvents(t *testing.T, text string) []string {
	t.Helper()
	var message struct{ Event, Data string }
	var data struct {
		Events []struct {
			Name    string   `json:"name"`
			UserIDs []string `json:"user_ids"`
		} `json:"events"`
	}
	if err := json.Unmarshal([]byte(text), &message); err != nil || message.Event != "pusher_internal:watchlist_events" {
		t.Fatalf("got %s, want watchlist events", text)
	}
	check(t, json.Unmarshal([]byte(message.Data), &data))
	var found []string
	for _, e := range data.Events {
		for _, id := range e.UserIDs {
			found = append(found, e.Name+" "+id)
		}
	}
	return found
}

func TestAWatchlistThatIsTooLongIsCutWith4302(t *testing.T) {
	mark := fresh("user")
	ids := make([]string, 101)
	for i := range ids {
		ids[i] = fmt.Sprintf(`"%s-%d"`, mark, i)
	}
	c := connect(t, chatty)
	data := `{"id":"` + mark + `","watchlist":[` + strings.Join(ids, ",") + `]}`
	c.sendSignIn(chatty, data)
	// Success, error and state come in an order nobody prescribes.
	var signedIn, refused bool
	var state []string
	for !signedIn || !refused || len(state) == 0 {
		text := c.read()
		switch {
		case strings.Contains(text, "pusher:signin_success"):
			signedIn = true
		case strings.Contains(text, "4302"):
			refused = true
		default:
			state = append(state, watchlistEvents(t, text)...)
		}
	}
	if len(state) != 100 {
		t.Errorf("the state of %d users came, want 100", len(state))
	}
	c.fence()
}

func TestTerminationEndsTheConnectionsOfOneSignedInUser(t *testing.T) {
	id, channel := fresh("user"), fresh("presence-terminated")
	one, two, present, other := connect(t, quiet), connect(t, quiet), connect(t, quiet), connect(t, quiet)
	one.signIn(quiet, `{"id":"`+id+`"}`)
	two.signIn(quiet, `{"id":"`+id+`"}`)
	other.signIn(quiet, `{"id":"`+fresh("user")+`"}`)
	present.subscribe(quiet, channel, `{"user_id":"`+id+`"}`)
	present.read()
	request(t, quiet, "POST", "/users/"+id+"/terminate_connections", `{}`, nil).want(200, `{}`)
	for _, c := range []*client{one, two} {
		if message := c.expectError(4009); message != "You got disconnected by the app." {
			t.Errorf("message is %q", message)
		}
		c.expectClose(4009)
	}
	present.fence()
	other.fence()
	request(t, quiet, "POST", "/users/"+id+"/terminate_connections", ``, nil).want(200, `{}`)
	again := connect(t, quiet)
	again.signIn(quiet, `{"id":"`+id+`"}`)
}
