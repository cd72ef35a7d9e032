package wire_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gannet-io/gannet/pusher/wire"
)

func TestFramesOfRealClientsAreRead(t *testing.T) {
	// By hand, in the order of the vectors.
	want := []struct{ event, channel, data string }{
		{"pusher:signin", "", `{"auth":"k:s","user_data":"{\"id\":\"u1\"}"}`},
		{"pusher:subscribe", "", `{"auth":"","channel":"pub"}`},
		{"pusher:subscribe", "", `{"auth":"k:s","channel":"private-a"}`},
		{"pusher:subscribe", "", `{"auth":"k:s","channel_data":"{\"x\":1}","channel":"private-cd"}`},
		{"pusher:subscribe", "", `{"auth":"k:s","channel_data":"{\"user_id\":\"u1\"}","channel":"presence-a"}`},
		{"pusher:subscribe", "", `{"auth":"","channel":"#server-to-user-u1"}`},
		{"client-x", "private-a", `{"a":1}`},
		{"client-s", "private-a", `"str"`},
		{"client-n", "private-a", ``},
		{"pusher:unsubscribe", "", `{"channel":"pub"}`},
		{"pusher:ping", "", `{}`},
		{"pusher:pong", "", `{}`},
		{"pusher:ping", "", ``},
		{"pusher:subscribe", "", `{"channel":"#server-to-user-u1"}`},
	}
	in := load(t).Wire.In
	if len(in) != len(want) {
		t.Fatalf("%d frames in the vectors, %d expectations", len(in), len(want))
	}
	for i, c := range in {
		f, err := wire.ParseFrame([]byte(c.Text), maxDepth)
		if err != nil {
			t.Errorf("%s: %v", c.Text, err)
			continue
		}
		w := want[i]
		if f.Event != w.event || f.Channel != w.channel || f.HasChannel != (w.channel != "") || string(f.Data) != w.data || (f.Data == nil) != (w.data == "") {
			t.Errorf("%s\ngot  %+v, data %q\nwant %+v", c.Text, f, f.Data, w)
		}
	}
}

func TestFrameMembersAreMatchedExactly(t *testing.T) {
	for _, c := range []struct{ msg, event, channel, data string }{
		{`{"event":"a","Event":"b","EVENT":"c"}`, "a", "", ""},
		{`{"event":"a","event":"b"}`, "b", "", ""},
		{`{"event":1,"event":"b"}`, "b", "", ""},
		{`{"event":"a","ev\u0065nt":"b"}`, "b", "", ""},
		{`{"ev\u0065nt":"b","event":"a"}`, "a", "", ""},
		{`{"\u0065\u0076\u0065\u006e\u0074":"a","ch\u0061nnel":"c","d\u0061ta":7}`, "a", "c", "7"},
		{`{"event":"a","event\u0000":"b","event ":"c"}`, "a", "", ""},
		{`{"event":"a","\u0065vent_and_much_more_than_fits_anywhere":"b"}`, "a", "", ""},
		{`{"event":"a","data":1,"data":{"x":[1,"]}"]}}`, "a", "", `{"x":[1,"]}"]}`},
		{`{"data":{"event":"inner","channel":"inner"},"event":"a"}`, "a", "", `{"event":"inner","channel":"inner"}`},
		{`{"event":"a","channel":"x","channel":null}`, "a", "", ""},
		{" {\t\"event\" :\n\"a\" , \"data\" : [ 1 ] , \"x\" : -1.5e3 } ", "a", "", "[ 1 ]"},
		{`{"event":"\u00e9\ud83c\udf89\n","channel":"\ud800x\udc00"}`, "é🎉\n", "\ufffdx\ufffd", ""},
		{`{"event":"\ud83c\u0041\ud83c\ud83c\udf89"}`, "\ufffdA\ufffd🎉", "", ""},
		{`{"event":"a\u0000b"}`, "a\x00b", "", ""},
		{`{"event":"a","data":"\"}"}`, "a", "", `"\"}"`},
		{`{"event":"a","data":null}`, "a", "", `null`},
		{`{"":1,"event":""}`, "", "", ""},
	} {
		f, err := wire.ParseFrame([]byte(c.msg), maxDepth)
		if err != nil {
			t.Errorf("%s: %v", c.msg, err)
			continue
		}
		if f.Event != c.event || f.Channel != c.channel || string(f.Data) != c.data {
			t.Errorf("%s: got %q %q %q, want %q %q %q", c.msg, f.Event, f.Channel, f.Data, c.event, c.channel, c.data)
		}
	}
}

func TestFramesWithoutAnEventAreRefused(t *testing.T) {
	for _, msg := range []string{
		`{}`, `[]`, `"event"`, `null`, `1`, `{"Event":"a"}`, `{"event":1}`, `{"event":null}`, `{"event":["a"]}`, `{"event":{}}`,
		`{"event":"a","event":1}`, `{"event":"a","channel":1}`, `{"event":"a","channel":["c"]}`,
		`{"event":"a"}{"event":"b"}`, `{"event":"a"`, `{"event":"a",}`, "{\"event\":\"a\nb\"}", "{\"event\":\"a\x00\"}", `{"event":"\a"}`,
		`{"event":"a","data":` + nested(maxDepth) + `}`, ``,
	} {
		f, err := wire.ParseFrame([]byte(msg), maxDepth)
		if _, ok := err.(*wire.Error); !ok {
			t.Errorf("%s: got %+v, %v, want a *wire.Error", msg, f, err)
		}
	}
}

// FuzzFrameAgreesWithEncodingJSON uses a map of raw messages as the oracle: its keys are exact and the last duplicate
// wins.
func FuzzFrameAgreesWithEncodingJSON(f *testing.F) {
	for _, c := range load(f).Wire.In {
		f.Add([]byte(c.Text))
	}
	f.Add([]byte(`{"event":"a","Event":"b","ev\u0065nt":"\ud800\u0000","channel":null,"data":[1,{"event":"c"}]}`))
	f.Add([]byte(`{"event":"a","channel":1,"channel":"b","data":"\""}`))
	f.Fuzz(func(t *testing.T, msg []byte) {
		if !utf8.Valid(msg) {
			t.Skip("a text message is UTF-8")
		}
		got, err := wire.ParseFrame(msg, maxDepth)
		var members map[string]json.RawMessage
		ok := json.Unmarshal(msg, &members) == nil && members != nil && depth(msg) <= maxDepth
		event, eventOK := text(members["event"])
		channel, channelOK := text(members["channel"])
		raw, present := members["channel"]
		hasChannel := present && string(raw) != "null"
		ok = ok && eventOK && (channelOK || !hasChannel)
		if (err == nil) != ok {
			t.Fatalf("%q: error %v, want accepted %v", msg, err, ok)
		}
		if err != nil {
			return
		}
		if got.Event != event || got.Channel != channel || got.HasChannel != hasChannel || string(got.Data) != string(members["data"]) {
			t.Fatalf("%q: got %+v, want %q %q %q", msg, got, event, channel, members["data"])
		}
		// The rest of the way must be safe too, whatever the data is.
		wire.ParseSubscribe(got.Data)
		wire.ParseUnsubscribe(got.Data)
		wire.ParseSignin(got.Data)
	})
}

// text decodes a JSON string with encoding/json.
func text(raw json.RawMessage) (s string, ok bool) {
	if !strings.HasPrefix(string(raw), `"`) {
		return "", false
	}
	return s, json.Unmarshal(raw, &s) == nil
}
