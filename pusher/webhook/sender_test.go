package webhook_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/webhook"
	"github.com/gannet-io/gannet/pusher/webhook/journal"
	"github.com/gannet-io/gannet/pusher/webhook/outbox"
	"github.com/gannet-io/gannet/pusher/wire"
)

const leave = 3 * time.Second

// shut ends w with so much time for what is left.
func (w *world) shut(grace time.Duration) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	if err := w.Close(ctx); err != nil {
		w.t.Errorf("close: %v", err)
	}
}

func texts(posts []post) (list []string) {
	for i := range posts {
		list = append(list, posts[i].text())
	}
	return list
}

func TestEventsAreSentInBatchesAndSigned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, webhook.Config{LeaveDelay: leave}, hook("main", "http://one.example/", nil))
		defer w.shut(time.Second)
		began := time.Now().UnixMilli()
		w.occupied("presence-room")
		w.tell(wire.HookEvent{Hook: pusher.HookMemberAdded, Channel: "presence-room", UserID: "10"})
		w.tell(wire.HookEvent{Hook: pusher.HookClientEvent, Channel: "presence-room", UserID: "10", Event: "client-x", Data: []byte(`{"a":1}`)})
		time.Sleep(time.Second) // of the bubble's clock
		got := w.take()
		if len(got) != 1 || got[0].at != 250*time.Millisecond || got[0].millis != began {
			t.Fatalf("got %+v, want one request after 250 ms with the time of the first event, %d", got, began)
		}
		if want := `channel_occupied presence-room, member_added presence-room 10, client_event presence-room 10 {"a":1}`; got[0].text() != want {
			t.Errorf("got %s, want %s", got[0].text(), want)
		}
		w.wantMetrics(`gannet_webhook_sent_total{app="shop",webhook="main"} 1`, `gannet_webhook_events_total{event="client_event"} 1`,
			`gannet_webhook_queued_events{app="shop",webhook="main"} 0`, `gannet_webhook_delivery_seconds_count 1`)
	})
}

// TestBorrowedDataIsCopied changes what Notify was given after it has returned.
func TestBorrowedDataIsCopied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, webhook.Config{}, hook("main", "http://one.example/", nil))
		defer w.shut(time.Second)
		data := []byte(`"good"`)
		w.tell(wire.HookEvent{Hook: pusher.HookClientEvent, Channel: "private-a", Event: "client-x", Data: data})
		copy(data, `"evil"`)
		time.Sleep(time.Second)
		if got := w.take(); len(got) != 1 || got[0].events[0]["data"] != "good" {
			t.Errorf("got %+v", got)
		}
	})
}

func TestFailuresAreTriedAgainUnderTheSameName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, webhook.Config{}, hook("main", "http://one.example/?token=sesame", nil))
		defer w.shut(time.Second)
		n := 0
		w.answers(func(*post) (int, error) {
			n++
			switch n {
			case 1:
				return 500, nil
			case 2:
				return 0, errors.New("closed in the middle")
			case 3:
				return 302, nil
			}
			return 204, nil
		})
		w.occupied("a")
		time.Sleep(20 * time.Second)
		got := w.take()
		if len(got) != 4 {
			t.Fatalf("%d requests, want 4: %+v", len(got), got)
		}
		for i, p := range got {
			if p.attempt != fmt.Sprint(i+1) || p.delivery != got[0].delivery || p.delivery == "" || p.millis != got[0].millis || p.text() != "channel_occupied a" {
				t.Errorf("try %d is %+v", i+1, p)
			}
		}
		for i, want := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second} {
			if pause := got[i+1].at - got[i].at; pause < want*3/4 || pause > want*5/4 {
				t.Errorf("pause %d is %v, want %v, a quarter more or less", i+1, pause, want)
			}
		}
		w.wantMetrics("gannet_webhook_retries_total 3", `gannet_webhook_failed_total{reason="5xx"} 1`, `gannet_webhook_failed_total{reason="redirect"} 1`,
			`gannet_webhook_failed_total{reason="connection"} 1`, `gannet_webhook_failing{app="shop",webhook="main"} 0`)
		if text := w.log.String(); !strings.Contains(text, "a webhook fails") || !strings.Contains(text, "answered again") || strings.Contains(text, "sesame") {
			t.Errorf("logged:\n%s", text)
		}
	})
}

// TestOldBodiesGetANewTime holds the bound of Pusher's Python library: 300 s.
func TestOldBodiesGetANewTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, webhook.Config{}, hook("main", "http://one.example/", func(h *app.Webhook) { h.RetryFor = 0 }))
		defer w.shut(time.Second)
		w.answers(func(*post) (int, error) { return 500, nil })
		w.occupied("a")
		time.Sleep(20 * time.Minute)
		for _, p := range w.take() {
			age := w.began.Add(p.at).UnixMilli() - p.millis
			if age > 270_000 {
				t.Errorf("a body of %d ms was sent", age)
			}
			if p.at < 4*time.Minute && p.millis != w.began.UnixMilli() {
				t.Errorf("after %v the time was made anew", p.at)
			}
		}
	})
}

func TestADeadReceiverDelaysNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, webhook.Config{}, hook("dead", "http://dead.example/", func(h *app.Webhook) { h.BatchEvents = 1 }),
			hook("fine", "http://fine.example/", func(h *app.Webhook) { h.BatchEvents = 1 }))
		defer w.shut(time.Second)
		w.answers(func(p *post) (int, error) {
			if p.host == "dead.example" {
				time.Sleep(4 * time.Second)
				return 0, context.DeadlineExceeded
			}
			return 200, nil
		})
		for i := range 500 {
			w.occupied(fmt.Sprint("c", i))
		}
		synctest.Wait()
		fine, dead := 0, 0
		for _, p := range w.take() {
			if p.at != 0 {
				t.Errorf("%s waited for %v", p.host, p.at)
			}
			if p.host == "fine.example" {
				fine++
			} else {
				dead++
			}
		}
		if fine != 500 || dead != 4 {
			t.Errorf("%d requests to the one and %d to the other, want 500 and 4", fine, dead)
		}
		// Half an hour later the dead one has cost little, and all it missed are dead letters.
		time.Sleep(30 * time.Minute)
		if n := len(w.take()); n > 20 {
			t.Errorf("%d more requests to the dead one", n)
		}
		w.wantMetrics("gannet_webhook_dead_letters 500", `gannet_webhook_queued_events{app="shop",webhook="dead"} 0`)
		if n := strings.Count(w.log.String(), "\n"); n > 5 {
			t.Errorf("%d lines were logged:\n%s", n, w.log)
		}
	})
}

func TestChannelsKeepTheirOrderThroughFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, webhook.Config{}, hook("main", "http://one.example/", func(h *app.Webhook) { h.BatchEvents, h.Workers = 3, 8 }))
		defer w.shut(time.Second)
		r := rand.New(rand.NewPCG(1, 1))
		var mu sync.Mutex
		told := map[any][]int{}
		w.answers(func(p *post) (int, error) {
			mu.Lock()
			took := time.Duration(r.IntN(1000)) * time.Millisecond
			mu.Unlock()
			time.Sleep(took)
			mu.Lock()
			defer mu.Unlock()
			if r.IntN(4) == 0 {
				return []int{400, 500, 503}[r.IntN(3)], nil
			}
			for _, e := range p.events {
				told[e["channel"]] = append(told[e["channel"]], int(e["subscription_count"].(float64)))
			}
			return 200, nil
		})
		const channels, events = 20, 30
		for n := range events {
			for c := range channels {
				w.count(fmt.Sprint("c", c), n)
			}
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(4 * time.Minute)
		for c := range channels {
			mu.Lock()
			got := told[fmt.Sprint("c", c)]
			mu.Unlock()
			if len(got) != events || !slices.IsSorted(got) {
				t.Errorf("c%d was told %v", c, got)
			}
		}
	})
}

// TestChurnYieldsMatchedPairs has a thousand members come, go, and reload their pages.
func TestChurnYieldsMatchedPairs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, webhook.Config{LeaveDelay: leave}, hook("main", "http://one.example/", nil))
		w.answers(func(*post) (int, error) { time.Sleep(30 * time.Millisecond); return 200, nil })
		member := func(kind pusher.Hook, user string) {
			w.tell(wire.HookEvent{Hook: kind, Channel: "presence-r", UserID: user})
		}
		var mu sync.Mutex // a topic's lock
		present, reloads, stays := 0, 0, 0
		join := func(user string) {
			mu.Lock()
			defer mu.Unlock()
			if present++; present == 1 {
				w.occupied("presence-r")
			}
			member(pusher.HookMemberAdded, user)
		}
		part := func(user string) {
			mu.Lock()
			defer mu.Unlock()
			member(pusher.HookMemberRemoved, user)
			if present--; present == 0 {
				w.vacated("presence-r")
			}
		}
		var all sync.WaitGroup
		for i := range 1000 {
			user := fmt.Sprint("u", i)
			r := rand.New(rand.NewPCG(uint64(i), 2))
			all.Go(func() {
				for range 5 {
					join(user)
					time.Sleep(time.Duration(r.IntN(10_000)) * time.Millisecond)
					part(user)
					mu.Lock()
					away := time.Duration(r.IntN(2900)) * time.Millisecond
					if r.IntN(2) == 0 {
						away += 3100 * time.Millisecond
						stays++
					} else {
						reloads++
					}
					mu.Unlock()
					time.Sleep(away)
				}
				time.Sleep(10 * time.Second)
			})
		}
		all.Wait()
		time.Sleep(time.Minute)
		w.shut(time.Minute)

		occupied, in, added := false, map[any]bool{}, 0
		for _, p := range w.take() {
			for _, e := range p.events {
				ok := true
				switch e["name"] {
				case "channel_occupied":
					ok, occupied = !occupied, true
				case "channel_vacated":
					ok, occupied = occupied && len(in) == 0, false
				case "member_added":
					ok = occupied && !in[e["user_id"]]
					in[e["user_id"]] = true
					added++
				case "member_removed":
					ok = occupied && in[e["user_id"]]
					delete(in, e["user_id"])
				}
				if !ok {
					t.Fatalf("out of turn: %v", e)
				}
			}
		}
		if occupied || len(in) > 0 {
			t.Errorf("ends occupied %v with %d members", occupied, len(in))
		}
		// Each of the 5000 leaves that was no reload, or was the last, is told; of those before the last one too.
		w.wantMetrics(fmt.Sprintf(`gannet_webhook_events_total{event="member_added"} %d`, added), fmt.Sprintf(`gannet_webhook_events_total{event="member_removed"} %d`, added))
		if added < 1000 || added > 1000+stays {
			t.Errorf("%d members were added; 1000 came, %d times one came back after long, %d times at once", added, stays, reloads)
		}
	})
}

func TestFullQueueDropsTheOldestIntoDeadLetters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, webhook.Config{QueueEvents: 10}, hook("main", "http://one.example/", func(h *app.Webhook) { h.BatchEvents, h.Workers = 1, 1 }))
		defer w.shut(time.Second)
		block := make(chan struct{})
		w.answers(func(*post) (int, error) { <-block; return 200, nil })
		w.count("c", 0)
		synctest.Wait()
		for n := 1; n < 25; n++ {
			w.count("c", n)
		}
		synctest.Wait()
		w.wantMetrics(`gannet_webhook_dead_total{reason="overflow"} 15`, "gannet_webhook_dead_letters 15", `gannet_webhook_queued_events{app="shop",webhook="main"} 10`)
		close(block)
		time.Sleep(time.Second)
		got := texts(w.take())
		want := []string{"subscription_count c 0"}
		for n := 16; n < 25; n++ {
			want = append(want, fmt.Sprint("subscription_count c ", n))
		}
		if !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

// TestAFloodIsDroppedAtTheDoor has the dispatcher not run at all meanwhile: what would fill memory is counted, and arrivals
// and departures are taken all the same.
func TestAFloodIsDroppedAtTheDoor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newApp(t, hook("main", "http://one.example/", func(h *app.Webhook) { h.Events = pusher.HookOccupied }))
		w := &world{t: t, app: a, metrics: nil}
		s, err := webhook.New(webhook.Config{Apps: []*app.App{a}})
		if err != nil {
			t.Fatal(err)
		}
		w.Sender = s
		defer w.shut(time.Second)
		for n := range webhook.MaxIntake + 1000 {
			w.count("c", n)
		}
		w.occupied("c")
		s.SetTransport(w.roundTrip)
		s.Start()
		time.Sleep(time.Second)
		if got := texts(w.take()); len(got) != 1 || got[0] != "channel_occupied c" {
			t.Errorf("got %q", got)
		}
	})
}

func TestCloseTellsOfAbsencesAndSendsWhatItCan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, webhook.Config{LeaveDelay: leave}, hook("main", "http://one.example/", nil))
		w.occupied("a")
		w.vacated("a")
		w.shut(5 * time.Second)
		if got := texts(w.take()); len(got) != 1 || got[0] != "channel_occupied a, channel_vacated a" {
			t.Errorf("got %q", got)
		}
		if d := time.Since(w.began); d != 0 {
			t.Errorf("it took %v", d)
		}
		w.occupied("b") // too late, and no harm
	})
}

func TestCloseGivesUpWhenItsTimeIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, webhook.Config{}, hook("main", "http://one.example/", func(h *app.Webhook) { h.Timeout = time.Minute }))
		w.Sender.SetTransport(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		w.occupied("a")
		time.Sleep(time.Second)
		w.shut(5 * time.Second)
		if d := time.Since(w.began); d != 6*time.Second {
			t.Errorf("it took %v, want 6 s", d)
		}
		w.wantMetrics(`gannet_webhook_dropped_total{reason="shutdown"} 1`)
		if !strings.Contains(w.log.String(), "events=1") {
			t.Errorf("logged:\n%s", w.log)
		}
	})
}

func openJournal(t *testing.T, path string) *journal.Bolt {
	t.Helper()
	j, err := journal.Open(path, journal.Bounds{})
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func TestJournalBringsBackWhatWasLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "j")
		start := func() *world {
			return newWorld(t, webhook.Config{LeaveDelay: leave, Journal: openJournal(t, path)}, hook("main", "http://one.example/", nil))
		}
		w := start()
		w.answers(func(*post) (int, error) { return 503, nil })
		w.occupied("stays")
		w.occupied("goes")
		time.Sleep(time.Second)
		first := w.take()
		w.vacated("stays") // all clients are sent away
		w.vacated("goes")
		w.shut(5 * time.Second)
		if d := time.Since(w.began); d > 2*time.Second {
			t.Errorf("closing waited for a receiver that fails: %v", d)
		}

		w = start()
		w.occupied("stays") // back within thirty seconds
		time.Sleep(time.Minute)
		got := w.take()
		if want := []string{"channel_occupied stays, channel_occupied goes", "channel_vacated goes"}; !slices.Equal(texts(got), want) {
			t.Fatalf("got %q, want %q", texts(got), want)
		}
		if got[0].delivery != first[0].delivery || got[0].millis != first[0].millis {
			t.Errorf("after the restart the batch is %+v, before it was %+v", got[0], first[0])
		}
		if got[1].delivery == got[0].delivery || got[1].at < 30*time.Second {
			t.Errorf("the absence was told by %+v", got[1])
		}
		w.shut(time.Second)

		// Delivered once, and names are never used again.
		w = start()
		w.vacated("stays")
		time.Sleep(time.Minute)
		last := w.take()
		if want := []string{"channel_vacated stays"}; !slices.Equal(texts(last), want) || last[0].delivery == got[1].delivery || last[0].delivery == got[0].delivery {
			t.Errorf("got %+v, want %q under a new name", last, want)
		}
		w.shut(time.Second)
	})
}

// Where other nodes speak of what this one leaves, it takes nobody for gone because it was away itself.
func TestJournalOfOneOfSeveralNodesKeepsBatchesAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "j")
		start := func() *world {
			return newWorld(t, webhook.Config{LeaveDelay: leave, Shared: true, Journal: openJournal(t, path)}, hook("main", "http://one.example/", nil))
		}
		w := start()
		w.occupied("elsewhere")
		w.occupied("goes")
		time.Sleep(time.Second)
		w.take()
		w.answers(func(*post) (int, error) { return 503, nil })
		w.vacated("goes")
		w.shut(5 * time.Second)
		for _, want := range [][]string{{"channel_vacated goes"}, nil} {
			w = start()
			time.Sleep(time.Hour)
			if got := texts(w.take()); !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
			w.shut(time.Second)
		}
	})
}

// What is in the journal of the cluster's board may have been told by another node: it is not sent, but said, until it is said to be over.
func TestJournalOfOneOfSeveralNodesOwesWhatIsOfTheBoard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "j")
		start := func() *world {
			return newWorld(t, webhook.Config{Shared: true, Journal: openJournal(t, path)}, hook("main", "http://one.example/", nil))
		}
		w := start()
		w.answers(func(*post) (int, error) { return 503, nil })
		w.Tell(w.app, wire.HookEvent{Hook: pusher.HookMemberAdded, Channel: "presence-r", UserID: "u", ID: "e-1-0"}, pusher.Ticket{Number: 1})
		time.Sleep(time.Second)
		w.Notify(w.app, wire.HookEvent{Hook: pusher.HookClientEvent, Channel: "presence-x", Event: "client-e"})
		time.Sleep(time.Second)
		w.shut(time.Second)
		for i, want := range [][]string{{"client_event presence-x"}, nil} {
			w = start()
			time.Sleep(time.Second)
			if got := texts(w.take()); !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
			if got := w.Owed(); len(got) != 1 || got[0].App != "shop" || got[0].Event.ID != "e-1-0" || got[0].Event.UserID != "u" || got[0].Event.Hook != pusher.HookMemberAdded {
				t.Errorf("owed: %+v", got)
			}
			if i == 1 {
				w.Settle()
				time.Sleep(time.Second)
			}
			w.shut(time.Second)
		}
		w = start()
		if got := w.Owed(); len(got) != 0 {
			t.Errorf("owed when all is over: %+v", got)
		}
		w.shut(time.Second)
	})
}

func TestBatchesOfAWebhookThatIsGoneAreDeadLetters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "j")
		w := newWorld(t, webhook.Config{Journal: openJournal(t, path)}, hook("old", "http://one.example/", nil))
		w.answers(func(*post) (int, error) { return 503, nil })
		w.occupied("a")
		time.Sleep(time.Second)
		w.shut(time.Second)
		w = newWorld(t, webhook.Config{Journal: openJournal(t, path)}, hook("new", "http://one.example/", nil))
		defer w.shut(time.Second)
		time.Sleep(time.Second)
		dead, err := w.Dead(webhook.Selection{}, "", 10)
		if err != nil || len(dead) != 1 || dead[0].Reason != "removed" || dead[0].Webhook != "old" {
			t.Fatalf("%v, %v", dead, err)
		}
		if n, err := w.Replay(t.Context(), webhook.Selection{}); n != 0 || err == nil || !strings.Contains(err.Error(), `webhook "old" of app "shop": its webhook is not configured`) {
			t.Errorf("replayed %d, %v", n, err)
		}
		if n, err := w.Discard(webhook.Selection{}); n != 1 || err != nil {
			t.Errorf("discarded %d, %v", n, err)
		}
	})
}

// A fullDisk is a journal that cannot store anything.
type fullDisk struct{ *journal.Bolt }

func (*fullDisk) Commit(*outbox.Changes, time.Time) (int, error) {
	return 0, errors.New("no space left on device")
}

func TestDeliveryGoesOnWhenNothingCanBeStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &fullDisk{Bolt: openJournal(t, filepath.Join(t.TempDir(), "j"))}
		w := newWorld(t, webhook.Config{Journal: j}, hook("main", "http://one.example/", nil))
		defer w.shut(time.Second)
		w.occupied("a")
		time.Sleep(time.Second)
		w.occupied("b")
		time.Sleep(time.Second)
		if got := texts(w.take()); len(got) != 2 {
			t.Errorf("got %q", got)
		}
		if n := strings.Count(w.log.String(), "cannot be stored"); n != 1 {
			t.Errorf("logged %d times:\n%s", n, w.log)
		}
		if strings.Contains(w.page(), "gannet_webhook_commit_errors_total 0\n") {
			t.Error("no error was counted")
		}
	})
}
