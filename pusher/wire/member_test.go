package wire_test

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gannet-io/gannet/pusher/wire"
)

func TestMembersAreRead(t *testing.T) {
	for _, c := range []struct{ data, id, info string }{
		{`{"user_id":10,"user_info":{"name":"Mr. Channels"}}`, "10", `{"name":"Mr. Channels"}`},
		{`{"user_id": "10", "user_info": {"name": "Mr. Channels"}}`, "10", `{"name": "Mr. Channels"}`},
		{`{"user_id":"10"}`, "10", ""},
		{`{"user_id":9007199254740993}`, "9007199254740993", ""},
		{`{"user_id":123456789012345678901234567890}`, "123456789012345678901234567890", ""},
		{`{"user_id":-5,"user_info":null}`, "-5", "null"},
		{`{"user_id":0,"user_info":[1]}`, "0", "[1]"},
		{`{"user_id":"a","User_ID":"b","user_\u0069d":"c"}`, "c", ""},
		{`{"user_id":"\u0041","user_info":"\u0041"}`, "A", `"\u0041"`},
	} {
		m, err := wire.ParseMember(c.data, maxDepth)
		if err != nil || m.ID != c.id || string(m.Info) != c.info || (m.Info == nil) != (c.info == "") {
			t.Errorf("%s: got %q %q, %v, want %q %q", c.data, m.ID, m.Info, err, c.id, c.info)
		}
	}
}

func TestUnusableMembersAreRefused(t *testing.T) {
	for _, data := range []string{
		``, `{"user_id":`, `{}`, `[]`, `null`, `"a"`, `{"user_info":{"name":"x"}}`, `{"user_id":""}`, `{"user_id":null}`, `{"user_id":true}`,
		`{"user_id":1.5}`, `{"user_id":1e3}`, `{"user_id":1E3}`, `{"user_id":1.0}`, `{"user_id":[1]}`, `{"user_id":{}}`, `{"user_id":01}`, `{"user_id":-}`,
		`{"user_id":"a","user_id":null}`, `{"User_id":"a"}`, `{"user_id":"a"} `[:14] + `x`, `{"user_id":"a","user_info":` + nested(maxDepth) + `}`,
	} {
		m, err := wire.ParseMember(data, maxDepth)
		if _, ok := err.(*wire.Error); !ok {
			t.Errorf("%s: got %+v, %v, want a *wire.Error", data, m, err)
		}
	}
}

func TestUsersAreRead(t *testing.T) {
	u, err := wire.ParseUser(`{"id":"12345","user_info":{"name":"Mr. Channels"},"watchlist":["2","3","\u0034","2"]}`, maxDepth)
	if err != nil || u.ID != "12345" || string(u.Info) != `{"name":"Mr. Channels"}` || !slices.Equal(u.Watchlist, []string{"2", "3", "4", "2"}) {
		t.Errorf("got %+v, %v", u, err)
	}
	u, err = wire.ParseUser(`{"id": "12345", "watchlist":null}`, maxDepth)
	if err != nil || u.ID != "12345" || u.Info != nil || u.Watchlist != nil {
		t.Errorf("got %+v, %v", u, err)
	}
}

func TestUnusableUsersAreRefused(t *testing.T) {
	for _, data := range []string{
		``, `{"id":""}`, `{"user_info":{}}`, `{"id":1}`, `{"id":null}`, `{"ID":"a"}`, `[]`, `{"id":"a","watchlist":"b"}`,
		`{"id":"a","watchlist":[1]}`, `{"id":"a","watchlist":["b",null]}`, `{"id":"a","watchlist":{}}`, `{"id":"a"`,
	} {
		if u, err := wire.ParseUser(data, maxDepth); err == nil {
			t.Errorf("%s: got %+v", data, u)
		}
	}
}

func FuzzMemberAndUserAreSafe(f *testing.F) {
	for _, c := range load(f).Channel {
		if c.Data != nil {
			f.Add(*c.Data)
		}
	}
	for _, c := range load(f).User {
		f.Add(c.UserData)
	}
	f.Fuzz(func(t *testing.T, data string) {
		if !utf8.ValidString(data) {
			t.Skip("comes out of a text message")
		}
		before := strings.Clone(data)
		m, err := wire.ParseMember(data, maxDepth)
		if (err == nil) != (m.ID != "") {
			t.Fatalf("%q: id %q, error %v", data, m.ID, err)
		}
		if err == nil && m.Info != nil && wire.Valid(m.Info, maxDepth) != nil {
			t.Fatalf("%q: info %q is not JSON", data, m.Info)
		}
		u, err := wire.ParseUser(data, maxDepth)
		if (err == nil) != (u.ID != "") {
			t.Fatalf("%q: id %q, error %v", data, u.ID, err)
		}
		if data != before {
			t.Fatal("the input was written to")
		}
	})
}
