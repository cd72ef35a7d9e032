package rest_test

import (
	"strings"
	"testing"

	"github.com/gannet-io/gannet/pusher/node"
)

func TestWhatAClusterCannotPromiseIsRefusedWithWords(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
		says   string
	}{
		{node.ErrAway, 503, "does not reach the others"},
		{node.ErrPartly, 503, "only some subscribers have got it"},
		{node.ErrUnknown, 503, "with the same idempotency_key"},
		{node.ErrFull, 503, "too far behind"},
		{node.ErrTooLarge, 413, "larger than"},
	} {
		l := start(t, nil)
		l.node.publishErr, l.node.failAfter = c.err, 1
		for path, body := range map[string]string{
			"/apps/3/events":       `{"name":"e","data":"x","channels":["a","b"]}`,
			"/apps/3/batch_events": `{"batch":[{"name":"e","data":"x","channel":"a"},{"name":"e","data":"x","channel":"b","idempotency_key":"k"}]}`,
		} {
			l.node.published = nil
			got := l.signed("POST", path, body)
			if got.status != c.status || !strings.Contains(got.body, c.says) {
				t.Errorf("%v at %s: got %d %q", c.err, path, got.status, got.body)
			}
			if got.header.Get("Retry-After") != "1" && c.status == 503 {
				t.Errorf("%v: Retry-After %q", c.err, got.header.Get("Retry-After"))
			}
			if len(l.node.published) != 1 {
				t.Errorf("%v: %d events were published, want the first", c.err, len(l.node.published))
			}
		}
		if l.log.String() != "" {
			t.Errorf("%v is logged, a line a request: %s", c.err, l.log)
		}
	}
}

func TestThePastIsNotGuessedWhileTheBackboneIsAway(t *testing.T) {
	l := start(t, nil)
	for path, param := range map[string]string{"/apps/3/channels/private-cache-away": "info cache", "/apps/3/channels/away/events": "limit 1"} {
		got := l.signed("GET", path, "", strings.Fields(param)...)
		if got.status != 503 || !strings.Contains(got.body, "does not reach the others") {
			t.Errorf("%s: got %d %q", path, got.status, got.body)
		}
	}
	if got := l.signed("GET", "/apps/3/channels/private-cache-away", ""); got.status != 200 {
		t.Errorf("without the cache: got %d %q", got.status, got.body)
	}
}
