//go:build e2e

package e2e

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pusher/pusher-http-go/v5"
)

// leader returns the node that tells webhooks.
func (f *fleet) leader() int {
	f.t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		for i, s := range f.nodes {
			if s != nil && strings.Contains(metricsOf(f.t, s), "\ngannet_node_leads 1\n") {
				return i
			}
		}
	}
	f.t.Fatal("no node leads")
	return 0
}

// inOrder returns all events of a channel that have an id, in the order of those.
func (r *receiver) inOrder(channel string) (events []pusher.WebhookEvent) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(r.byID)) {
		if e := r.byID[id]; e.Channel == channel {
			events = append(events, e)
		}
	}
	return events
}

// TestANodeThatTellsDiesForGood kills the node that tells webhooks, and deletes all it had on disk, while members come and go on the others. Whoever comes and goes
// is told of in pairs, and nobody is forgotten.
func TestANodeThatTellsDiesForGood(t *testing.T) {
	eachDriver(t, func(t *testing.T, bus func(int) func(int) string) {
		f := startFleet(t, 3, bus(3))
		room := fresh("presence-churn")
		dying := f.leader()
		var others []int
		for i := range f.nodes {
			if i != dying {
				others = append(others, i)
			}
		}
		var stay []string
		var keep []*client
		for i := range 24 {
			user := fmt.Sprint("stays", i)
			c := connectTo(t, f.nodes[i%3], hooked)
			c.subscribe(hooked, room, fmt.Sprintf(`{"user_id":%q}`, user))
			if stay = append(stay, user); i%3 != dying {
				keep = append(keep, c)
			}
		}
		f.agree(room, 24, 24)

		var came atomic.Int32
		busy := make(chan struct{})
		var all sync.WaitGroup
		for w := range 8 {
			all.Go(func() {
				var here []*client
				for i := range 40 {
					c := connectTo(t, f.nodes[others[w%2]], hooked)
					c.subscribe(hooked, room, fmt.Sprintf(`{"user_id":"w%d-%d"}`, w, i))
					if came.Add(1) == 120 {
						close(busy)
					}
					if here = append(here, c); len(here) > 3 {
						check(t, here[0].conn.Close())
						here = here[1:]
					}
				}
				for _, c := range here {
					check(t, c.conn.Close())
				}
			})
		}
		select {
		case <-busy:
		case <-time.After(patience):
			t.Fatalf("only %d came", came.Load())
		}
		f.kill(dying)
		check(t, os.RemoveAll(f.data[dying]))
		all.Wait()
		for _, c := range keep {
			check(t, c.conn.Close())
		}
		f.hooks.await("everybody is gone", func([]pusher.WebhookEvent) bool {
			var last pusher.WebhookEvent
			for _, id := range slices.Sorted(maps.Keys(f.hooks.byID)) {
				if e := f.hooks.byID[id]; e.Channel == room {
					last = e
				}
			}
			return last.Name == "channel_vacated"
		})
		told := f.hooks.inOrder(room)
		pairs(t, told, room)
		for _, user := range stay {
			if n := len(slices.DeleteFunc(slices.Clone(told), func(e pusher.WebhookEvent) bool { return e.UserID != user })); n != 2 {
				t.Errorf("of %s %d events were told, want two", user, n)
			}
		}
		f.hooks.mu.Lock()
		t.Logf("%d events, %d of them came again under the same id", len(told), f.hooks.again)
		f.hooks.mu.Unlock()
	})
}
