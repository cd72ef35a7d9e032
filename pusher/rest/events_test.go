package rest_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/rest"
)

const tooLarge = "The data content of this event exceeds the allowed maximum (10240 bytes). See https://pusher.com/docs/channels/server_api/http-api#publishing-events for more info"

func TestTriggerPublishesToEveryChannelAsWritten(t *testing.T) {
	l := start(t, nil)
	for _, tt := range []struct {
		name, body string
		want       []published
	}{
		{"channels", `{"name":"ev","data":"{\"a\":1}","channels":["ch-1","ch-2"],"socket_id":"123.456"}`,
			[]published{{"3", "ch-1", "ev", `"{\"a\":1}"`, "123.456"}, {"3", "ch-2", "ev", `"{\"a\":1}"`, "123.456"}}},
		{"one channel, as PHP sends it", `{"name":"ev","data":"x","channel":"ch-1"}`, []published{{"3", "ch-1", "ev", `"x"`, ""}}},
		{"channel and channels are one set", `{"name":"ev","data":"x","channel":"a","channels":["b","a"]}`, nil},
		{"a channel twice gets the event once", `{"name":"ev","data":"x","channels":["a","b","a"]}`,
			[]published{{"3", "a", "ev", `"x"`, ""}, {"3", "b", "ev", `"x"`, ""}}},
		{"empty data", `{"name":"ev","data":"","channels":["a"]}`, []published{{"3", "a", "ev", `""`, ""}}},
		{"null socket_id is none", `{"name":"ev","data":"x","channels":["a"],"socket_id":null}`, []published{{"3", "a", "ev", `"x"`, ""}}},
		{"unknown members are ignored", `{"name":"ev","data":"x","channels":["a"],"tags":{"x":[1]},"socket":1}`, []published{{"3", "a", "ev", `"x"`, ""}}},
		{"to a user", `{"name":"ev","data":"x","channels":["#server-to-user-u@1"]}`, []published{{"3", "#server-to-user-u@1", "ev", `"x"`, ""}}},
		{"Laravel's event names", `{"name":"App\\Events\\X","data":"x","channels":["a"]}`, []published{{"3", "a", `App\Events\X`, `"x"`, ""}}},
		{"escapes in data are kept", `{"name":"ev","data":"\u00eb \/ <&>","channels":["a"]}`, []published{{"3", "a", "ev", `"\u00eb \/ <&>"`, ""}}},
		{"UTF-8 in data is kept", `{"name":"ev","data":"Zoë ✓ 🎉","channels":["a"]}`, []published{{"3", "a", "ev", `"Zoë ✓ 🎉"`, ""}}},
		{"exactly 10240 bytes", `{"name":"ev","data":"` + strings.Repeat("x", 10240) + `","channels":["a"]}`,
			[]published{{"3", "a", "ev", `"` + strings.Repeat("x", 10240) + `"`, ""}}},
		{"10240 bytes that take 61440 escaped", `{"name":"ev","data":"` + strings.Repeat(`\u0001`, 10240) + `","channels":["a"]}`,
			[]published{{"3", "a", "ev", `"` + strings.Repeat(`\u0001`, 10240) + `"`, ""}}},
		{"a name of 200 characters in 400 bytes", `{"name":"` + strings.Repeat("ë", 200) + `","data":"x","channels":["a"]}`,
			[]published{{"3", "a", strings.Repeat("ë", 200), `"x"`, ""}}},
	} {
		got := l.signed("POST", "/apps/3/events", tt.body)
		if got.status != 200 || got.body != "{}" || got.header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: got %d %s %q, want 200 {}", tt.name, got.status, got.header.Get("Content-Type"), got.body)
		}
		sent := l.node.taken()
		if tt.want == nil {
			if len(sent) != 2 {
				t.Errorf("%s: published %v, want two", tt.name, sent)
			}
		} else if !reflect.DeepEqual(sent, tt.want) {
			t.Errorf("%s: published %.300v, want %.300v", tt.name, sent, tt.want)
		}
	}
}

func TestTriggerToAHundredChannels(t *testing.T) {
	l := start(t, nil)
	names := make([]string, 100)
	for i := range names {
		names[i] = fmt.Sprintf("%0164d", i) // the longest name there may be
	}
	body := func() string {
		b, _ := json.Marshal(map[string]any{"name": "ev", "data": "x", "channels": names})
		return string(b)
	}
	if got := l.signed("POST", "/apps/3/events", body()); got.status != 200 || len(l.node.taken()) != 100 {
		t.Errorf("100 channels: got %d %q", got.status, got.body)
	}
	names[99] = "bad name"
	if got := l.signed("POST", "/apps/3/events", body()); got.status != 400 || len(l.node.taken()) != 0 {
		t.Errorf("one bad name: got %d %q and it published something", got.status, got.body)
	}
	names[99] = "good"
	names = append(names, "one-more")
	if got := l.signed("POST", "/apps/3/events", body()); got.status != 400 || len(l.node.taken()) != 0 {
		t.Errorf("101 channels: got %d %q", got.status, got.body)
	}
}

func TestTriggerCountsWhatIsAskedFor(t *testing.T) {
	for _, tt := range []struct {
		info, channels string
		off            bool // the app's subscription_count
		want           string
	}{
		{"user_count,subscription_count", `"presence-a","pub","other"`, false,
			`{"channels":{"presence-a":{"user_count":2,"subscription_count":3},"pub":{"subscription_count":1},"other":{"subscription_count":0}}}`},
		{"user_count", `"presence-a","pub","presence-nobody"`, false,
			`{"channels":{"presence-a":{"user_count":2},"pub":{},"presence-nobody":{"user_count":0}}}`},
		{"subscription_count", `"pub","presence-a"`, true, `{"channels":{"pub":{},"presence-a":{}}}`},
		{"user_count, subscription_count", `"presence-a"`, true, `{"channels":{"presence-a":{"user_count":2}}}`},
		{"subscription_count", `"pub","pub"`, false, `{"channels":{"pub":{"subscription_count":1}}}`},
		{"subscription_count", `"#server-to-user-u1"`, false, `{"channels":{"#server-to-user-u1":{}}}`},
		{"", `"pub"`, false, `{}`},
	} {
		l := start(t, func(l *lab, _ *rest.Config) { l.app.SubscriptionCount = !tt.off })
		got := l.signed("POST", "/apps/3/events", `{"name":"ev","data":"x","channels":[`+tt.channels+`],"info":"`+tt.info+`"}`)
		if got.status != 200 || !sameJSON(got.body, tt.want) {
			t.Errorf("info %q of %s: got %d %s, want %s", tt.info, tt.channels, got.status, got.body, tt.want)
		}
	}
}

// sameJSON compares two texts without regard to the order of members.
func sameJSON(a, b string) bool {
	var x, y any
	return json.Unmarshal([]byte(a), &x) == nil && json.Unmarshal([]byte(b), &y) == nil && reflect.DeepEqual(x, y)
}

// badEvents are refused alone and in a batch. An empty want leaves the text to package wire.
var badEvents = []struct {
	name, event string // channel, or channels, stand where %s is
	status      int
	want        string
}{
	{"no name", `{"data":"x",%s}`, 400, ""},
	{"empty name", `{"name":"","data":"x",%s}`, 400, ""},
	{"name not a string", `{"name":1,"data":"x",%s}`, 400, ""},
	{"long name", `{"name":"` + strings.Repeat("n", 201) + `","data":"x",%s}`, 400, "The name of this event exceeds the allowed maximum (200 characters)"},
	{"reserved name", `{"name":"pusher:x","data":"x",%s}`, 400, `Event names beginning with "pusher:" or "pusher_internal:" are reserved`},
	{"internal name", `{"name":"pusher_internal:member_added","data":"x",%s}`, 400, `Event names beginning with "pusher:" or "pusher_internal:" are reserved`},
	{"no data", `{"name":"ev",%s}`, 400, ""},
	{"object data", `{"name":"ev","data":{"a":1},%s}`, 400, ""},
	{"number data", `{"name":"ev","data":1,%s}`, 400, ""},
	{"null data", `{"name":"ev","data":null,%s}`, 400, ""},
	{"bad socket_id", `{"name":"ev","data":"x","socket_id":"123",%s}`, 400, `Invalid socket id: "123"`},
	{"socket_id with a newline", `{"name":"ev","data":"x","socket_id":"1.2\n",%s}`, 400, `Invalid socket id: "1.2\n"`},
	{"socket_id not a string", `{"name":"ev","data":"x","socket_id":1.2,%s}`, 400, ""},
	{"unknown attribute", `{"name":"ev","data":"x","info":"user_count,foo",%s}`, 400, "info should be a comma separated list of attributes"},
	{"cache is no attribute of an event", `{"name":"ev","data":"x","info":"cache",%s}`, 400, "info should be a comma separated list of attributes"},
	{"empty attribute", `{"name":"ev","data":"x","info":"user_count,",%s}`, 400, "info should be a comma separated list of attributes"},
	{"10241 bytes", `{"name":"ev","data":"` + strings.Repeat("x", 10241) + `",%s}`, 413, tooLarge},
	{"10242 bytes in 5121 characters", `{"name":"ev","data":"` + strings.Repeat("ë", 5121) + `",%s}`, 413, tooLarge},
}

func TestTriggerRefusesAndPublishesNothing(t *testing.T) {
	l := start(t, nil)
	check := func(name, body string, status int, want string) {
		t.Helper()
		got := l.signed("POST", "/apps/3/events", body)
		if got.status != status || want != "" && got.body != want || got.body == "" {
			t.Errorf("%s: got %d %q, want %d %q", name, got.status, got.body, status, want)
		}
		if ct := got.header.Get("Content-Type"); ct != "text/plain; charset=utf-8" {
			t.Errorf("%s: Content-Type %q", name, ct)
		}
		if sent := l.node.taken(); len(sent) != 0 {
			t.Errorf("%s: published %.200v", name, sent)
		}
	}
	for _, tt := range badEvents {
		check(tt.name, fmt.Sprintf(tt.event, `"channels":["good-1","good-2"]`), tt.status, tt.want)
	}
	for _, tt := range []struct{ name, body, want string }{
		{"no channel", `{"name":"ev","data":"x"}`, ""},
		{"no channels", `{"name":"ev","data":"x","channels":[]}`, ""},
		{"channels not an array", `{"name":"ev","data":"x","channels":"a"}`, ""},
		{"channel not a string", `{"name":"ev","data":"x","channels":["a",1]}`, ""},
		{"bad channel", `{"name":"ev","data":"x","channels":["good","not good"]}`, "Invalid channel name: 'not good'"},
		{"empty channel", `{"name":"ev","data":"x","channels":["good",""]}`, "Invalid channel name: ''"},
		{"channel with a newline", `{"name":"ev","data":"x","channels":["good\n"]}`, "Invalid channel name: 'good\n'"},
		{"long channel", `{"name":"ev","data":"x","channels":["` + strings.Repeat("c", 165) + `"]}`, "Invalid channel name: '" + strings.Repeat("c", 165) + "'"},
		{"server-to-user without a user", `{"name":"ev","data":"x","channels":["#server-to-user-"]}`, "Invalid channel name: '#server-to-user-'"},
		{"other hash", `{"name":"ev","data":"x","channels":["#x"]}`, "Invalid channel name: '#x'"},
		{"not JSON", `name=ev`, ""},
		{"half JSON", `{"name":"ev"`, ""},
		{"two values", `{} {}`, ""},
		{"array", `[]`, ""},
		{"string", `"x"`, ""},
		{"deep nesting", strings.Repeat(`{"a":`, 5000) + "1" + strings.Repeat("}", 5000), ""},
		{"invalid UTF-8", "{\"name\":\"ev\xff\",\"data\":\"x\",\"channels\":[\"a\xff\"]}", ""},
	} {
		check(tt.name, tt.body, 400, tt.want)
	}
	if got := l.send("POST", sign("POST", "/apps/3/events", ""), ""); got.status != 400 {
		t.Errorf("no body: got %d %q, want 400", got.status, got.body)
	}
}

func TestLimitsAreTheApps(t *testing.T) {
	l := start(t, func(l *lab, _ *rest.Config) {
		l.app.Limits.EventBytes = 20000
		l.app.Limits.ChannelNameLength = 5
		l.app.Limits.ChannelsPerEvent = 0
		l.app.Limits.EventNameLength = 3
		l.app.Limits.JSONDepth = 4
	})
	for depth, status := range map[int]int{3: 200, 4: 400} {
		body := `{"name":"abc","data":"x","channel":"a","more":` + strings.Repeat("[", depth) + strings.Repeat("]", depth) + `}`
		if got := l.signed("POST", "/apps/3/events", body); got.status != status {
			t.Errorf("%s: got %d %q, want %d", body, got.status, got.body, status)
		}
		if got := l.signed("POST", "/apps/3/batch_events", `{"batch":[],"more":`+strings.Repeat("[", depth)+strings.Repeat("]", depth)+`}`); got.status != status {
			t.Errorf("batch, depth %d: got %d %q, want %d", depth+1, got.status, got.body, status)
		}
	}
	for _, tt := range []struct {
		name, data, channels string
		status               int
	}{
		{"abc", strings.Repeat("x", 20000), `"abcde"`, 200},
		{"abc", strings.Repeat("x", 20001), `"abcde"`, 413},
		{"abcd", "x", `"abcde"`, 400},
		{"abc", "x", `"abcdef"`, 400},
		{"abc", "x", strings.Repeat(`"a",`, 500) + `"b"`, 200},
	} {
		got := l.signed("POST", "/apps/3/events", `{"name":"`+tt.name+`","data":"`+tt.data+`","channels":[`+tt.channels+`]}`)
		if got.status != tt.status {
			t.Errorf("%s %.30s %.30s: got %d %q, want %d", tt.name, tt.data, tt.channels, got.status, got.body, tt.status)
		}
	}
}

func TestPublishFailureIsAnsweredByWhoseFaultItIs(t *testing.T) {
	for _, tt := range []struct {
		err    error
		status int
		body   string
		logged bool
	}{
		{errors.New("bus: no servers"), 503, "The event cannot be published at the moment", true},
		{fmt.Errorf("node: %w", pusher.ErrOverQuota), 403, "Application is over connection quota", false},
	} {
		l := start(t, func(l *lab, _ *rest.Config) { l.node.publishErr, l.node.failAfter = tt.err, 1 })
		got := l.signed("POST", "/apps/3/events", `{"name":"ev","data":"x","channels":["a","b","c"]}`)
		if got.status != tt.status || got.body != tt.body {
			t.Errorf("%v: got %d %q, want %d %q", tt.err, got.status, got.body, tt.status, tt.body)
		}
		if n := len(l.node.taken()); n != 1 {
			t.Errorf("%v: %d published, want it to stop at the failure", tt.err, n)
		}
		if logged := strings.Contains(l.log.String(), tt.err.Error()); logged != tt.logged {
			t.Errorf("%v: logged %v, want %v: %s", tt.err, logged, tt.logged, l.log)
		}
	}
}
