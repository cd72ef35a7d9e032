package rest_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

func TestBatchPublishesInOrder(t *testing.T) {
	l := start(t, nil)
	got := l.signed("POST", "/apps/3/batch_events", `{"batch":[
		{"channel":"ch-a","name":"e1","data":"{\"n\":1}"},
		{"channel":"ch-b","name":"e2","data":"x","socket_id":"1.2"},
		{"channel":"ch-a","name":"e3","data":""}]}`)
	if got.status != 200 || got.body != "{}" {
		t.Errorf("got %d %q, want 200 {}", got.status, got.body)
	}
	want := []published{{"3", "ch-a", "e1", `"{\"n\":1}"`, ""}, {"3", "ch-b", "e2", `"x"`, "1.2"}, {"3", "ch-a", "e3", `""`, ""}}
	if sent := l.node.taken(); !reflect.DeepEqual(sent, want) {
		t.Errorf("published %v, want %v", sent, want)
	}
}

func TestBatchAnswersByIndexWhenAnyEventAsks(t *testing.T) {
	l := start(t, nil)
	for _, tt := range []struct{ batch, want string }{
		{`{"channel":"presence-a","name":"e","data":"","info":"user_count"},{"channel":"pub","name":"e","data":""},{"channel":"pub","name":"e","data":"","info":"subscription_count,user_count"}`,
			`{"batch":[{"user_count":2},{},{"subscription_count":1}]}`},
		{`{"channel":"pub","name":"e","data":"","info":"user_count"}`, `{"batch":[{}]}`},
		{``, `{}`},
	} {
		got := l.signed("POST", "/apps/3/batch_events", `{"batch":[`+tt.batch+`]}`)
		if got.status != 200 || !sameJSON(got.body, tt.want) {
			t.Errorf("%s: got %d %s, want %s", tt.batch, got.status, got.body, tt.want)
		}
	}
}

func TestBatchWithOneBadEventPublishesNothing(t *testing.T) {
	l := start(t, nil)
	check := func(name, body string, status int, want string) {
		t.Helper()
		got := l.signed("POST", "/apps/3/batch_events", body)
		if got.status != status || want != "" && got.body != want || got.body == "" {
			t.Errorf("%s: got %d %q, want %d %q", name, got.status, got.body, status, want)
		}
		if sent := l.node.taken(); len(sent) != 0 {
			t.Errorf("%s: published %.200v", name, sent)
		}
	}
	const good = `{"channel":"ch-a","name":"ev","data":"x"}`
	for _, tt := range badEvents {
		want := tt.want
		if want != "" && tt.status == 400 {
			want = "Event 1 of the batch: " + want
		}
		check(tt.name, `{"batch":[`+good+`,`+fmt.Sprintf(tt.event, `"channel":"ch-b"`)+`]}`, tt.status, want)
	}
	for _, tt := range []struct{ name, body, want string }{
		{"eleven", `{"batch":[` + strings.Repeat(good+",", 10) + good + `]}`, "A batch may hold at most 10 events"},
		{"no batch", `{}`, ""},
		{"batch not an array", `{"batch":{}}`, ""},
		{"batch of a string", `{"batch":"x"}`, ""},
		{"null batch", `{"batch":null}`, ""},
		{"event not an object", `{"batch":[1]}`, ""},
		{"no channel", `{"batch":[{"name":"ev","data":"x"}]}`, ""},
		{"two channels", `{"batch":[{"name":"ev","data":"x","channels":["a","b"]}]}`, ""},
		{"bad channel", `{"batch":[` + good + `,{"channel":"a b","name":"ev","data":"x"}]}`, "Event 1 of the batch: Invalid channel name: 'a b'"},
		{"not JSON", `x`, ""},
	} {
		check(tt.name, tt.body, 400, tt.want)
	}
}
