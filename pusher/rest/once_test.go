package rest_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/gannet-io/gannet/pusher/node"
	"github.com/gannet-io/gannet/pusher/rest"
)

func TestAnEventWithAKeyIsPublishedOnceHoweverOftenItComes(t *testing.T) {
	for what, tt := range map[string]struct{ body, header string }{
		"member":         {`{"name":"e","data":"x","channels":["a","b"],"idempotency_key":"k1"}`, ""},
		"header":         {`{"name":"e","data":"x","channels":["a","b"]}`, "Idempotency-Key: k1"},
		"sockudo's name": {`{"name":"e","data":"x","channels":["a","b"]}`, "X-Idempotency-Key: k1"},
	} {
		l := start(t, nil)
		send := func(body string) answer {
			if tt.header == "" {
				return l.signed("POST", "/apps/3/events", body)
			}
			return l.send("POST", sign("POST", "/apps/3/events", body), body, tt.header)
		}
		for i := range 5 {
			if got := send(tt.body); got.status != 200 || got.body != "{}" {
				t.Errorf("%s, time %d: got %d %q", what, i+1, got.status, got.body)
			}
		}
		if n := len(l.node.published); n != 2 {
			t.Errorf("%s: %d events were published, want one to each of two channels", what, n)
		}
		// Another event under the same key is an accident of the publisher's.
		if got := send(strings.Replace(tt.body, `"x"`, `"y"`, 1)); got.status != 400 || got.body != "This idempotency key belongs to another request" {
			t.Errorf("%s: another event: got %d %q", what, got.status, got.body)
		}
	}
}

func TestTheAnswerIsTheSameAlsoWhenCountsHaveChanged(t *testing.T) {
	l := start(t, nil)
	l.node.counts = map[string]rest.Counts{"presence-a": {Occupied: true, Users: 3}}
	const event = `{"name":"e","data":"x","channel":"presence-a","info":"user_count","idempotency_key":"k"}`
	const batch = `{"batch":[{"name":"e","data":"x","channel":"presence-a","info":"user_count","idempotency_key":"k"},{"name":"e","data":"y","channel":"presence-a","info":"user_count"}]}`
	first, both := l.signed("POST", "/apps/3/events", event), l.signed("POST", "/apps/3/batch_events", batch)
	l.node.counts["presence-a"] = rest.Counts{Occupied: true, Users: 9}
	if got := l.signed("POST", "/apps/3/events", event); got.body != first.body || !strings.Contains(got.body, "3") {
		t.Errorf("got %s, then %s", first.body, got.body)
	}
	// In a batch each event has a key of its own or none.
	want := `{"batch":[{"user_count":3},{"user_count":9}]}`
	if got := l.signed("POST", "/apps/3/batch_events", batch); got.body != want || both.body != `{"batch":[{"user_count":3},{"user_count":3}]}` {
		t.Errorf("got %s, then %s", both.body, got.body)
	}
	if n := len(l.node.published); n != 4 { // the event, both of the batch, the one without a key again
		t.Errorf("%d events were published, want 4", n)
	}
	if got := l.metric("gannet_rest_repeats_total"); got != "2" {
		t.Errorf("%s repeats are counted", got)
	}
}

func TestABatchWithAKeyIsPublishedOnce(t *testing.T) {
	l := start(t, nil)
	const body = `{"batch":[{"name":"e","data":"x","channel":"a"},{"name":"e","data":"y","channel":"b"}]}`
	for range 3 {
		if got := l.send("POST", sign("POST", "/apps/3/batch_events", body), body, "Idempotency-Key: k"); got.status != 200 || got.body != "{}" {
			t.Errorf("got %d %q", got.status, got.body)
		}
	}
	if n := len(l.node.published); n != 2 {
		t.Errorf("%d events were published", n)
	}
	// The same event twice in one batch is one event.
	const twice = `{"batch":[{"name":"e","data":"x","channel":"c","idempotency_key":"c"},{"name":"e","data":"x","channel":"c","idempotency_key":"c"}]}`
	if got := l.signed("POST", "/apps/3/batch_events", twice); got.status != 200 || len(l.node.published) != 3 {
		t.Errorf("got %d %q, %d events", got.status, got.body, len(l.node.published))
	}
	// One that is wrong refuses all.
	const wrong = `{"batch":[{"name":"e","data":"new","channel":"c"},{"name":"e","data":"z","channel":"c","idempotency_key":"c"}]}`
	if got := l.signed("POST", "/apps/3/batch_events", wrong); got.status != 400 || got.body != "Event 1 of the batch: This idempotency key belongs to another request" || len(l.node.published) != 3 {
		t.Errorf("got %d %q, %d events", got.status, got.body, len(l.node.published))
	}
}

// What was refused, or came to nothing, was not published: the next try is the first.
func TestAPublishThatFailedMayBeTriedAgain(t *testing.T) {
	l := start(t, nil)
	const body = `{"name":"e","data":"x","channel":"a","idempotency_key":"k"}`
	l.node.publishErr = node.ErrBusy
	if got := l.signed("POST", "/apps/3/events", body); got.status != 503 {
		t.Fatalf("got %d %q", got.status, got.body)
	}
	l.node.publishErr = nil
	for range 2 {
		if got := l.signed("POST", "/apps/3/events", body); got.status != 200 {
			t.Errorf("got %d %q", got.status, got.body)
		}
	}
	if n := len(l.node.published); n != 1 {
		t.Errorf("%d events were published", n)
	}
}

// Many at once are one: those who come while the first is being dealt with wait for its answer.
func TestOneOfManyAtOnceIsPublished(t *testing.T) {
	l := start(t, nil)
	l.node.enter, l.node.leave = make(chan struct{}), make(chan struct{})
	const body = `{"name":"e","data":"x","channel":"a","idempotency_key":"k"}`
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if got := l.signed("POST", "/apps/3/events", body); got.status != 200 || got.body != "{}" {
				t.Errorf("got %d %q", got.status, got.body)
			}
		})
	}
	<-l.node.enter
	close(l.node.leave)
	wg.Wait()
	if n := len(l.node.published); n != 1 {
		t.Errorf("%d events were published", n)
	}
}

func TestKeysAreRefused(t *testing.T) {
	l := start(t, nil)
	for body, want := range map[string]string{
		`{"name":"e","data":"x","channel":"a","idempotency_key":7}`:                                  "idempotency_key must be a string",
		`{"name":"e","data":"x","channel":"a","idempotency_key":"` + strings.Repeat("k", 256) + `"}`: "An idempotency key may be 255 bytes long at most",
		`{"name":"","data":"x","channel":"a","idempotency_key":"` + strings.Repeat("k", 255) + `"}`:  "Missing required field: name",
	} {
		if got := l.signed("POST", "/apps/3/events", body); got.status != 400 || got.body != want {
			t.Errorf("%.80s: got %d %q, want 400 %q", body, got.status, got.body, want)
		}
	}
	// Apps have their own.
	const body = `{"name":"e","data":"x","channel":"a","idempotency_key":"k"}`
	l.signed("POST", "/apps/3/events", body)
	if l.send("POST", signAs("otherkey", "othersecret", "POST", "/apps/4/events", body), body); len(l.node.published) != 2 {
		t.Errorf("%d events were published for two apps", len(l.node.published))
	}
}
