package wire_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gannet-io/gannet/pusher/wire"
)

func TestTriggersAreRead(t *testing.T) {
	for _, c := range []struct {
		body string
		want wire.Trigger
		data string
	}{
		{`{"name":"foo","channels":["project-3"],"data":"{\"some\":\"data\"}"}`,
			wire.Trigger{Name: "foo", Channels: []string{"project-3"}, DataLen: 15}, `"{\"some\":\"data\"}"`},
		{`{"name":"my-event","data":"{\"a\":1}","channels":["ch-1","ch-2"],"socket_id":"123.456","info":"user_count,subscription_count"}`,
			wire.Trigger{Name: "my-event", Channels: []string{"ch-1", "ch-2"}, DataLen: 7, SocketID: "123.456", Info: "user_count,subscription_count"}, `"{\"a\":1}"`},
		{`{"name":"e","data":"","channel":"c"}`,
			wire.Trigger{Name: "e", Channels: []string{"c"}}, `""`},
		{`{"name":"e","data":"\u00e9\ud83c\udf89","channel":"b","channels":["a","b","a","\u0061"],"socket_id":null,"info":null}`,
			wire.Trigger{Name: "e", Channels: []string{"a", "b"}, DataLen: 6}, `"\u00e9\ud83c\udf89"`},
		{`{"name":"e","data":"x","channels":null,"channel":"c","extra":{"name":"no"}}`,
			wire.Trigger{Name: "e", Channels: []string{"c"}, DataLen: 1}, `"x"`},
		{`{"name":"e","data":"x","channels":[],"channel":"c"}`,
			wire.Trigger{Name: "e", Channels: []string{"c"}, DataLen: 1}, `"x"`},
		{`{"Name":"no","name":"e","n\u0061me":"App\\E\u0076","data":1,"data":"x","channels":["c"]}`,
			wire.Trigger{Name: `App\Ev`, Channels: []string{"c"}, DataLen: 1}, `"x"`},
	} {
		got, err := wire.ParseTrigger([]byte(c.body), maxDepth)
		if err != nil || got.Name != c.want.Name || string(got.Data) != c.data || got.DataLen != c.want.DataLen ||
			!slices.Equal(got.Channels, c.want.Channels) || got.SocketID != c.want.SocketID || got.Info != c.want.Info {
			t.Errorf("%s\ngot  %+v %s, %v\nwant %+v %s", c.body, got, got.Data, err, c.want, c.data)
		}
	}
}

func TestOddTriggersAreRefused(t *testing.T) {
	for _, body := range []string{
		``, `[]`, `null`, `{}`, `{"name":"e","data":"x"}`, `{"name":"e","data":"x","channels":[]}`, `{"name":"e","data":"x","channels":null}`,
		`{"name":"e","data":"x","channels":"c"}`, `{"name":"e","data":"x","channels":[1]}`, `{"name":"e","data":"x","channels":["c",null]}`,
		`{"name":"e","data":"x","channel":["c"]}`, `{"name":"e","data":"x","channel":1}`,
		`{"name":"e","channels":["c"]}`, `{"name":"e","data":null,"channels":["c"]}`, `{"name":"e","data":{"a":1},"channels":["c"]}`, `{"name":"e","data":1,"channels":["c"]}`,
		`{"data":"x","channels":["c"]}`, `{"name":1,"data":"x","channels":["c"]}`, `{"name":null,"data":"x","channels":["c"]}`,
		`{"name":"e","data":"x","channels":["c"],"socket_id":1.2}`, `{"name":"e","data":"x","channels":["c"],"info":["user_count"]}`,
		`{"name":"e","data":"x","channels":["c"]} x`, "{\"name\":\"e\",\"data\":\"\xff\",\"channels\":[\"c\"]}", "{\"name\":\"e\",\"data\":\"a\nb\",\"channels\":[\"c\"]}",
		`{"name":"e","data":"\x","channels":["c"]}`,
	} {
		got, err := wire.ParseTrigger([]byte(body), maxDepth)
		if _, ok := err.(*wire.Error); !ok {
			t.Errorf("%s: got %+v, %v, want a *wire.Error", body, got, err)
		}
	}
}

func TestManyChannelsKeepTheirOrder(t *testing.T) {
	var names []string
	for i := range 300 {
		names = append(names, fmt.Sprint("c", i*7%100))
	}
	list, _ := json.Marshal(names)
	got, err := wire.ParseTrigger([]byte(`{"name":"e","data":"x","channels":`+string(list)+`}`), maxDepth)
	if err != nil || !slices.Equal(got.Channels, names[:100]) {
		t.Errorf("got %q, %v", got.Channels, err)
	}
}

func TestBodiesOfTheVectorsAreRead(t *testing.T) {
	batches, events := 0, 0
	for _, c := range load(t).HTTP {
		var err error
		switch {
		case strings.HasSuffix(c.Path, "/batch_events"):
			_, err = wire.ParseBatch([]byte(c.Body), maxDepth)
			batches++
		case strings.HasSuffix(c.Path, "/events") && c.Method == "POST":
			_, err = wire.ParseTrigger([]byte(c.Body), maxDepth)
			events++
		}
		if err != nil {
			t.Errorf("%s: %v", c.Body, err)
		}
	}
	if batches == 0 || events == 0 {
		t.Error("no bodies in the vectors")
	}
}

func TestBatchesAreRead(t *testing.T) {
	got, err := wire.ParseBatch([]byte(`{"batch":[{"channel":"ch-a","name":"ev","data":"{\"n\":1}"},
		{"channels":["ch-b","ch-b"],"name":"ev2","data":"x","socket_id":"1.2","info":"subscription_count"}]}`), maxDepth)
	if err != nil || len(got) != 2 {
		t.Fatalf("got %+v, %v", got, err)
	}
	if a := got[0]; a.Name != "ev" || string(a.Data) != `"{\"n\":1}"` || a.DataLen != 7 || !slices.Equal(a.Channels, []string{"ch-a"}) || a.SocketID != "" {
		t.Errorf("first: %+v", a)
	}
	if b := got[1]; b.Name != "ev2" || string(b.Data) != `"x"` || !slices.Equal(b.Channels, []string{"ch-b"}) || b.SocketID != "1.2" || b.Info != "subscription_count" {
		t.Errorf("second: %+v", b)
	}
	if got, err := wire.ParseBatch([]byte(`{"batch":[]}`), maxDepth); err != nil || len(got) != 0 {
		t.Errorf("empty batch: %+v, %v", got, err)
	}
}

func TestOddBatchesAreRefused(t *testing.T) {
	const event = `{"channel":"c","name":"e","data":"x"}`
	for _, body := range []string{
		``, `{}`, `[]`, `[` + event + `]`, `{"batch":null}`, `{"batch":` + event + `}`, `{"Batch":[]}`, `{"batch":[1]}`, `{"batch":[null]}`, `{"batch":[[` + event + `]]}`,
		`{"batch":[` + event + `,{"channel":"c","name":"e"}]}`, `{"batch":[{"name":"e","data":"x"}]}`, `{"batch":[{"channels":["a","b"],"name":"e","data":"x"}]}`,
		`{"batch":[` + event + `,]}`,
	} {
		got, err := wire.ParseBatch([]byte(body), maxDepth)
		if _, ok := err.(*wire.Error); !ok {
			t.Errorf("%s: got %+v, %v, want a *wire.Error", body, got, err)
		}
	}
}

func FuzzTriggerAgreesWithEncodingJSON(f *testing.F) {
	for _, c := range load(f).HTTP {
		f.Add([]byte(c.Body))
	}
	f.Add([]byte(`{"name":"e","n\u0061me":"f","data":"\ud800\"","channel":"b","channels":["a","b","\u0061"],"socket_id":null,"info":"x"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := wire.ParseTrigger(body, maxDepth)
		want, ok := slowTrigger(body)
		if (err == nil) != ok {
			t.Fatalf("%q: error %v, want accepted %v", body, err, ok)
		}
		if err != nil {
			return
		}
		var data string
		if json.Unmarshal(got.Data, &data) != nil || data != string(want.Data) || got.DataLen != len(data) {
			t.Fatalf("%q: data %s of %d, want %q", body, got.Data, got.DataLen, want.Data)
		}
		if got.Name != want.Name || !slices.Equal(got.Channels, want.Channels) || got.SocketID != want.SocketID || got.Info != want.Info {
			t.Fatalf("%q\ngot  %+v\nwant %+v", body, got, want)
		}
		// The data goes out as it is, so the frame it makes must be sound.
		if frame := wire.AppendEvent(nil, got.Name, got.Channels[0], got.Data); !json.Valid(frame) || !utf8.Valid(frame) {
			t.Fatalf("%q makes the frame %q", body, frame)
		}
	})
}

// slowTrigger is ParseTrigger over encoding/json, with Data decoded.
func slowTrigger(body []byte) (tr wire.Trigger, ok bool) {
	var m map[string]json.RawMessage
	if !utf8.Valid(body) || depth(body) > maxDepth || json.Unmarshal(body, &m) != nil || m == nil {
		return tr, false
	}
	optional := func(name string) (s string) {
		if raw, present := m[name]; present && string(raw) != "null" {
			var isText bool
			if s, isText = text(raw); !isText {
				ok = false
			}
		}
		return s
	}
	ok = true
	var data string
	var nameOK, dataOK bool
	tr.Name, nameOK = text(m["name"])
	data, dataOK = text(m["data"])
	tr.Data = []byte(data)
	tr.SocketID, tr.Info = optional("socket_id"), optional("info")
	optional("channel")
	var list []json.RawMessage
	if raw, present := m["channels"]; present && json.Unmarshal(raw, &list) != nil {
		return tr, false
	}
	if raw, present := m["channel"]; present && string(raw) != "null" {
		list = append(list, raw)
	}
	for _, raw := range list {
		s, isText := text(raw)
		if !isText {
			return tr, false
		}
		if !slices.Contains(tr.Channels, s) {
			tr.Channels = append(tr.Channels, s)
		}
	}
	return tr, ok && nameOK && dataOK && len(tr.Channels) > 0
}

func FuzzBatchIsTheSameAsItsTriggers(f *testing.F) {
	f.Add([]byte(`{"channel":"c","name":"e","data":"x"}`), []byte(`{"channels":["a","b"],"name":"e","data":"\u0000"}`))
	f.Add([]byte(`{"channel":"c","name":"e","data":"x"} `), []byte(`{"channel":"c","name":"e","data":"x"},{"channel":"c","name":"e","data":"x"}`))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		body := slices.Concat([]byte(`{"batch":[`), a, []byte(`,`), b, []byte(`]}`))
		got, err := wire.ParseBatch(body, maxDepth)
		first, errA := wire.ParseTrigger(a, maxDepth)
		second, errB := wire.ParseTrigger(b, maxDepth)
		if errA != nil || errB != nil || depth(body) > maxDepth {
			return // the pieces may still be a batch together; that they are safe is all there is to say
		}
		want := len(first.Channels) == 1 && len(second.Channels) == 1
		if (err == nil) != want {
			t.Fatalf("%q: error %v, want accepted %v", body, err, want)
		}
		if err != nil {
			return
		}
		if len(got) != 2 || got[0].Name != first.Name || got[1].Name != second.Name || string(got[0].Data) != string(first.Data) || string(got[1].Data) != string(second.Data) {
			t.Fatalf("%q: got %+v", body, got)
		}
	})
}
