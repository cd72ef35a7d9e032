//go:build e2e

package e2e

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/pusher/pusher-http-go/v5"
	"golang.org/x/crypto/nacl/secretbox"
)

// masterKey is for end-to-end encryption; the server never sees it.
const masterKey = "cAzRH3W9FZM3iXqSNIGtKztwNuCz9xMV"

// backend returns pusher-http-go for an app of the shared server.
func backend(app account) *pusher.Client { return backendOf(gannet, app) }

func backendOf(s *server, app account) *pusher.Client {
	return &pusher.Client{
		AppID: app.ID, Key: app.Key, Secret: app.Secret, Host: s.public, Secure: s.secure,
		HTTPClient:                &http.Client{Timeout: patience},
		EncryptionMasterKeyBase64: base64.StdEncoding.EncodeToString([]byte(masterKey)),
	}
}

func must[T any](v T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func event(name, channel, data string) string {
	return `{"event":` + encode(name) + `,"channel":` + encode(channel) + `,"data":` + encode(data) + `}`
}

func TestGoBackendTriggers(t *testing.T) {
	one, two := fresh("go"), fresh("go")
	c := connect(t, quiet)
	c.join(quiet, one)
	c.join(quiet, two)
	b := backend(quiet)
	check(t, b.Trigger(one, "object", map[string]string{"html": "<b>&</b>"}))
	// The library escapes <, > and &; what it wrote is what must arrive.
	c.expect(event("object", one, `{"html":"\u003cb\u003e\u0026\u003c/b\u003e"}`))
	check(t, b.Trigger(one, "text", "plain é 😀"))
	c.expect(event("text", one, "plain é 😀"))
	check(t, b.TriggerMulti([]string{one, two}, "both", "x"))
	got := []string{c.read(), c.read()}
	for _, want := range []string{event("both", one, "x"), event("both", two, "x")} {
		if !slices.ContainsFunc(got, func(text string) bool { return sameMessage(t, text, want) }) {
			t.Errorf("got %s, want %s among them", got, want)
		}
	}
}

func TestGoBackendExcludesASocket(t *testing.T) {
	channel := fresh("go")
	sender, other := connect(t, quiet), connect(t, quiet)
	sender.join(quiet, channel)
	other.join(quiet, channel)
	b := backend(quiet)
	must(b.TriggerWithParams(channel, "mine", "1", pusher.TriggerParams{SocketID: &sender.socketID}))(t)
	check(t, b.Trigger(channel, "fence", "2"))
	sender.expect(event("fence", channel, "2"))
	other.expect(event("mine", channel, "1"), event("fence", channel, "2"))
}

func TestGoBackendTriggersWithInfo(t *testing.T) {
	room, open := fresh("presence-go"), fresh("go")
	c := connect(t, full)
	c.subscribe(full, room, `{"user_id":"a"}`)
	c.read()
	info := "user_count,subscription_count"
	got := must(backend(full).TriggerMultiWithParams([]string{room, open}, "e", "x", pusher.TriggerParams{Info: &info}))(t)
	r, o := got.Channels[room], got.Channels[open]
	if len(got.Channels) != 2 || r.UserCount == nil || *r.UserCount != 1 || r.SubscriptionCount == nil || *r.SubscriptionCount != 1 {
		t.Errorf("presence channel: %+v", got.Channels)
	}
	if o.UserCount != nil || o.SubscriptionCount == nil || *o.SubscriptionCount != 0 {
		t.Errorf("empty public channel: %+v", o)
	}
}

func TestGoBackendTriggersABatch(t *testing.T) {
	one, two := fresh("go"), fresh("go")
	c := connect(t, quiet)
	c.join(quiet, one)
	b := backend(quiet)
	got := must(b.TriggerBatch([]pusher.Event{{Channel: one, Name: "a", Data: "1"}, {Channel: two, Name: "b", Data: "2"}, {Channel: one, Name: "c", Data: "3"}}))(t)
	if len(got.Batch) != 0 {
		t.Errorf("a batch without info answered %+v", got.Batch)
	}
	c.expect(event("a", one, "1"), event("c", one, "3"))

	// Counts are a setting of the app: full has it.
	room, info := fresh("presence-go"), "user_count,subscription_count"
	member := connect(t, full)
	member.subscribe(full, room, `{"user_id":"a"}`)
	member.read()
	got = must(backend(full).TriggerBatch([]pusher.Event{{Channel: room, Name: "a", Data: "1", Info: &info}, {Channel: two, Name: "b", Data: "2"}}))(t)
	if len(got.Batch) != 2 || got.Batch[0].UserCount == nil || *got.Batch[0].UserCount != 1 || got.Batch[1].SubscriptionCount != nil {
		t.Errorf("a batch with info answered %+v", got.Batch)
	}
}

func TestGoBackendReadsChannels(t *testing.T) {
	mark := fresh("presence-;=@,.")
	b := backend(full)
	prefix, info := mark, "user_count"
	// The library sends the semicolon of the prefix as it is.
	if got := must(b.Channels(pusher.ChannelsParams{FilterByPrefix: &prefix, Info: &info}))(t); len(got.Channels) != 0 {
		t.Errorf("nobody is there: %+v", got)
	}
	var members []*client
	for _, id := range []string{"a", "b", "b"} {
		c := connect(t, full)
		c.subscribe(full, mark, `{"user_id":"`+id+`"}`)
		c.read()
		members = append(members, c)
	}
	if got := must(b.Channels(pusher.ChannelsParams{FilterByPrefix: &prefix, Info: &info}))(t); len(got.Channels) != 1 || got.Channels[mark].UserCount != 2 {
		t.Errorf("channels: %+v", got)
	}
	all := "user_count,subscription_count"
	if got := must(b.Channel(mark, pusher.ChannelParams{Info: &all}))(t); !got.Occupied || got.UserCount != 2 || got.SubscriptionCount != 3 {
		t.Errorf("channel: %+v", got)
	}
	users := must(b.GetChannelUsers(mark))(t)
	ids := make([]string, 0, 2)
	for _, user := range users.List {
		ids = append(ids, user.ID)
	}
	slices.Sort(ids)
	if !slices.Equal(ids, []string{"a", "b"}) {
		t.Errorf("users: %v", ids)
	}
	for _, c := range members {
		check(t, c.conn.Close())
	}
	eventually(t, "the channel is vacated", func() bool {
		return !must(b.Channel(mark, pusher.ChannelParams{}))(t).Occupied
	})
	if got := must(b.GetChannelUsers(mark))(t); len(got.List) != 0 {
		t.Errorf("users of an empty channel: %+v", got)
	}
}

func TestGoBackendReachesAUser(t *testing.T) {
	id, stranger := fresh("user"), fresh("user")
	mine, other := "#server-to-user-"+id, "#server-to-user-"+stranger
	c, d := connect(t, quiet), connect(t, quiet)
	c.signIn(quiet, `{"id":"`+id+`"}`)
	c.join(quiet, mine)
	d.signIn(quiet, `{"id":"`+stranger+`"}`)
	d.join(quiet, other)
	check(t, backend(quiet).SendToUser(id, "letter", "x"))
	check(t, backend(quiet).SendToUser(stranger, "fence", "y"))
	c.expect(event("letter", mine, "x"))
	d.expect(event("fence", other, "y"))
}

func TestGoBackendAuthorizesAndEncrypts(t *testing.T) {
	channel := fresh("private-encrypted-go")
	c := connect(t, quiet)
	b := backend(quiet)
	token := must(b.AuthorizePrivateChannel([]byte("socket_id=" + c.socketID + "&channel_name=" + channel)))(t)
	var answer struct {
		Auth         string `json:"auth"`
		SharedSecret string `json:"shared_secret"`
	}
	check(t, json.Unmarshal(token, &answer))
	c.sendf(`{"event":"pusher:subscribe","data":{"channel":%q,"auth":%q}}`, channel, answer.Auth)
	c.expect(`{"event":"pusher_internal:subscription_succeeded","channel":"` + channel + `","data":"{}"}`)
	check(t, b.Trigger(channel, "secret", map[string]int{"pin": 1234}))
	var message struct{ Event, Channel, Data string }
	check(t, json.Unmarshal([]byte(c.read()), &message))
	var sealed struct{ Nonce, Ciphertext []byte }
	check(t, json.Unmarshal([]byte(message.Data), &sealed))
	var key [32]byte
	var nonce [24]byte
	copy(key[:], must(base64.StdEncoding.DecodeString(answer.SharedSecret))(t))
	copy(nonce[:], sealed.Nonce)
	plain, ok := secretbox.Open(nil, sealed.Ciphertext, &nonce, &key)
	if !ok || string(plain) != `{"pin":1234}` {
		t.Errorf("decrypted %q, %t", plain, ok)
	}
}

func TestGoBackendAuthorizesPresenceAndUsers(t *testing.T) {
	channel, id := fresh("presence-go"), fresh("user")
	c := connect(t, quiet)
	b := backend(quiet)
	request := []byte("socket_id=" + c.socketID + "&channel_name=" + channel)
	member := pusher.MemberData{UserID: id, UserInfo: map[string]string{"name": "<Ann & Bob>"}}
	token := must(b.AuthorizePresenceChannel(request, member))(t)
	c.sendf(`{"event":"pusher:subscribe","data":%s}`, `{"channel":"`+channel+`",`+strings.TrimPrefix(string(token), "{"))
	c.expect(`{"event":"pusher_internal:subscription_succeeded","channel":"` + channel + `","data":` +
		encode(`{"presence":{"count":1,"ids":["`+id+`"],"hash":{"`+id+`":{"name":"<Ann & Bob>"}}}}`) + `}`)
	token = must(b.AuthenticateUser(request, map[string]any{"id": id}))(t)
	c.sendf(`{"event":"pusher:signin","data":%s}`, token)
	c.expect(`{"event":"pusher:signin_success","data":` + encode(map[string]string{"user_data": `{"id":"` + id + `"}`}) + `}`)
}

func TestGoBackendReadsRefusals(t *testing.T) {
	wrong := quiet
	wrong.Secret = "wrong"
	err := backend(wrong).Trigger("a", "b", "c")
	if err == nil || !strings.Contains(err.Error(), "401") || !strings.Contains(err.Error(), "Invalid signature: you should have sent HmacSHA256Hex(") {
		t.Errorf("a wrong secret: %v", err)
	}
	if err := backend(disabled).Trigger("a", "b", "c"); err == nil || !strings.Contains(err.Error(), "403") {
		t.Errorf("a disabled app: %v", err)
	}
	info := "user_count"
	if _, err := backend(quiet).Channels(pusher.ChannelsParams{Info: &info}); err == nil || !strings.Contains(err.Error(), "400") {
		t.Errorf("user_count of all channels: %v", err)
	}
	if _, err := backend(quiet).GetChannelUsers("public"); err == nil || !strings.Contains(err.Error(), "400") {
		t.Errorf("users of a public channel: %v", err)
	}
}

func TestBothKeysOfAnAppWork(t *testing.T) {
	old := account{ID: rotated.ID, Key: "key-old", Secret: "secret-old"}
	channel := fresh("private-rotated")
	for _, app := range []account{old, rotated} {
		c := connect(t, app)
		c.join(rotated, channel)
		check(t, backend(old).Trigger(channel, "by", "old"))
		check(t, backend(rotated).Trigger(channel, "by", "new"))
		c.expect(event("by", channel, "old"), event("by", channel, "new"))
		c.sendf(`{"event":"pusher:unsubscribe","data":{"channel":%q}}`, channel)
		c.join(old, channel)
		check(t, c.conn.Close())
	}
}
