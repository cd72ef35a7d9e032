package webhook_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/webhook"
)

// call asks the API of w and decodes its answer.
func call[T any](w *world, method, path, body string, want int) (to T) {
	w.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	rec := httptest.NewRecorder()
	w.API().ServeHTTP(rec, r)
	if rec.Code != want {
		w.t.Errorf("%s %s %s: %d %s, want %d", method, path, body, rec.Code, rec.Body, want)
		return to
	}
	if strings.Contains(rec.Body.String(), "sesame") {
		w.t.Errorf("%s %s: a secret is shown: %s", method, path, rec.Body)
	}
	if err := json.Unmarshal(rec.Body.Bytes(), &to); err != nil {
		w.t.Errorf("%s %s: %v: %s", method, path, err, rec.Body)
	}
	return to
}

type refusal struct{ Error string }

func TestAPIListsReplaysAndDiscards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		quick := func(h *app.Webhook) {
			h.RetryFor, h.BatchEvents = 2*time.Second, 1
			h.Headers = []app.Header{{Name: "X", Value: "sesame"}}
		}
		w := newWorld(t, webhook.Config{}, hook("one", "http://one.example/hook?token=sesame", quick), hook("two", "http://two.example/", quick))
		defer w.shut(time.Second)
		w.answers(func(*post) (int, error) { return 503, nil })
		w.occupied("a")
		time.Sleep(time.Minute)
		w.occupied("b")
		time.Sleep(500 * time.Millisecond)

		states := call[webhook.States](w, "GET", "/api/webhooks", "", 200)
		if len(states.Webhooks) != 2 || states.DeadLetters != 2 || states.DeadBytes == 0 || states.Durable {
			t.Fatalf("got %+v", states)
		}
		if one := states.Webhooks[0]; one.App != "shop" || one.Webhook != "one" || one.URL != "http://one.example/hook" || one.Queued != 1 || !one.Failing ||
			one.Oldest == nil || !one.Oldest.Equal(w.began.Add(time.Minute)) || len(one.Events) != 7 {
			t.Errorf("got %+v", one)
		}
		time.Sleep(time.Minute)

		all := call[webhook.Letters](w, "GET", "/api/webhooks/dead", "", 200).Dead
		if len(all) != 4 || string(all[0].Events) != `[{"name":"channel_occupied","channel":"b"}]` || all[0].Reason != "5xx" || all[0].Tries == 0 {
			t.Fatalf("got %+v", all)
		}
		sent := w.take()
		first := sent[slices.IndexFunc(sent, func(p post) bool { return p.host == "one.example" })]
		if all[3].ID != first.delivery {
			t.Errorf("the first dead letter is %s, its request was %s", all[3].ID, first.delivery)
		}
		// Pages.
		list := call[webhook.Letters](w, "GET", "/api/webhooks/dead?limit=3", "", 200)
		if len(list.Dead) != 3 || list.Next != all[2].ID {
			t.Fatalf("got %+v", list)
		}
		list = call[webhook.Letters](w, "GET", "/api/webhooks/dead?limit=3&before="+list.Next, "", 200)
		if len(list.Dead) != 1 || list.Next != "" || list.Dead[0].ID != all[3].ID {
			t.Errorf("got %+v", list)
		}
		if list = call[webhook.Letters](w, "GET", "/api/webhooks/dead?app=shop&webhook=one", "", 200); len(list.Dead) != 2 {
			t.Errorf("got %+v", list)
		}
		if list = call[webhook.Letters](w, "GET", "/api/webhooks/dead?id="+all[1].ID, "", 200); len(list.Dead) != 1 || list.Dead[0].ID != all[1].ID {
			t.Errorf("got %+v", list)
		}

		w.answers(nil)
		w.take()
		if done := call[webhook.Done](w, "POST", "/api/webhooks/replay", `{"ids":["`+first.delivery+`"]}`, 200); done.Letters != 1 {
			t.Errorf("got %+v", done)
		}
		time.Sleep(2 * time.Minute)
		if got := w.take(); len(got) != 1 || got[0].delivery != first.delivery || got[0].attempt != "1" || got[0].text() != first.text() {
			t.Errorf("replayed %+v, want %+v", got, first)
		}
		call[refusal](w, "POST", "/api/webhooks/replay", `{"ids":["`+first.delivery+`"]}`, 404)
		if done := call[webhook.Done](w, "POST", "/api/webhooks/replay", `{"app":"shop","webhook":"two"}`, 200); done.Letters != 2 {
			t.Errorf("got %+v", done)
		}
		time.Sleep(time.Second)
		if got := texts(w.take()); len(got) != 2 || got[0] != "channel_occupied a" {
			t.Errorf("replayed %q, want the oldest first", got)
		}
		if done := call[webhook.Done](w, "POST", "/api/webhooks/discard", `{"all":true}`, 200); done.Letters != 1 {
			t.Errorf("got %+v", done)
		}
		if list = call[webhook.Letters](w, "GET", "/api/webhooks/dead", "", 200); len(list.Dead) != 0 {
			t.Errorf("got %+v", list)
		}
	})
}

func TestAPIReplaysOnlyWhatHasRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, webhook.Config{QueueEvents: 3}, hook("one", "http://one.example/", func(h *app.Webhook) {
			h.RetryFor, h.BatchEvents = 2*time.Second, 1
		}))
		defer w.shut(time.Second)
		w.answers(func(*post) (int, error) { return 503, nil })
		for range 5 {
			w.occupied("a")
			time.Sleep(time.Minute)
		}
		done := call[webhook.Done](w, "POST", "/api/webhooks/replay", `{"all":true}`, 200)
		if done.Letters != 3 || !strings.Contains(done.Stopped, "its queue is full") {
			t.Errorf("got %+v", done)
		}
		if e := call[refusal](w, "POST", "/api/webhooks/replay", `{"all":true}`, 409); !strings.Contains(e.Error, "its queue is full") {
			t.Errorf("got %+v", e)
		}
		time.Sleep(time.Minute)
		w.wantMetrics("gannet_webhook_dead_letters 5")
	})
}

func TestAPITests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, webhook.Config{}, hook("one", "http://one.example/", nil))
		defer w.shut(time.Second)
		r := call[webhook.TrialResult](w, "POST", "/api/webhooks/test", `{"app":"shop"}`, 200)
		if !r.OK || r.Webhook != "one" || r.Status != 200 || r.Body != "thanks" || !strings.Contains(r.Sent, `"name":"channel_occupied"`) {
			t.Errorf("got %+v", r)
		}
		r = call[webhook.TrialResult](w, "POST", "/api/webhooks/test", `{"app":"shop","webhook":"one","event":"member_added"}`, 200)
		if got := w.take(); !r.OK || len(got) != 2 || got[1].text() != "member_added presence-gannet-test gannet-test" {
			t.Errorf("got %+v, sent %+v", r, got)
		}
		w.answers(func(*post) (int, error) { return 0, http.ErrHandlerTimeout })
		r = call[webhook.TrialResult](w, "POST", "/api/webhooks/test", `{"app":"shop"}`, 200)
		if r.OK || r.Status != 0 || r.Error == "" {
			t.Errorf("got %+v", r)
		}
		w.wantMetrics(`gannet_webhook_sent_total{app="shop",webhook="one"} 0`) // a sample is no event
	})
}

func TestAPIRefusesWhatItDoesNotUnderstand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, webhook.Config{}, hook("one", "http://one.example/", nil), hook("two", "http://two.example/", nil))
		defer w.shut(time.Second)
		for _, tt := range []struct {
			method, path, body string
			status             int
			text               string
		}{
			{"GET", "/api/webhooks/dead?limit=0", "", 400, "limit must be"},
			{"GET", "/api/webhooks/dead?limit=x", "", 400, "limit must be"},
			{"GET", "/api/webhooks/dead?apps=x", "", 400, `unknown query parameter "apps"`},
			{"GET", "/api/webhooks/dead?before=x", "", 404, "no such dead letter"},
			{"GET", "/api/webhooks/dead?id=strange-1", "", 404, "no such dead letter"},
			{"POST", "/api/webhooks/replay", "", 415, "application/json"},
			{"POST", "/api/webhooks/replay", `{}`, 400, "say which"},
			{"POST", "/api/webhooks/discard", `{"all":true,"app":"shop"}`, 400, "say either"},
			{"POST", "/api/webhooks/discard", `{"webhook":"one"}`, 400, `needs "app"`},
			{"POST", "/api/webhooks/discard", `{"app":"shop","ids":["x"]}`, 400, "say either"},
			{"POST", "/api/webhooks/discard", `{"id":"x"}`, 400, "unknown field"},
			{"POST", "/api/webhooks/discard", `nonsense`, 400, "the body"},
			{"POST", "/api/webhooks/test", `{"app":"shop"}`, 400, "several webhooks: one, two"},
			{"POST", "/api/webhooks/test", `{"app":"other"}`, 404, "no such webhook"},
			{"POST", "/api/webhooks/test", `{"app":"shop","webhook":"three"}`, 404, "no such webhook"},
			{"POST", "/api/webhooks/test", `{"app":"shop","webhook":"one","event":"x"}`, 400, "no event"},
		} {
			if e := call[refusal](w, tt.method, tt.path, tt.body, tt.status); !strings.Contains(e.Error, tt.text) {
				t.Errorf("%s %s %s: %q, want %q", tt.method, tt.path, tt.body, e.Error, tt.text)
			}
		}
	})
}
