package channel_test

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/channel"
)

// TestPresenceScenario plays the presence_scenario of the vectors: two connections of user a and one of user b. What
// the vectors expect as frames is read as decisions: who is in the roster a joiner is told, and which member the others
// are told of.
func TestPresenceScenario(t *testing.T) {
	text, err := os.ReadFile("../testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors struct {
		Scenario struct {
			Channel string
			Steps   []struct {
				Do     string
				Expect []struct {
					To     []string
					Event  string
					IDs    []string
					Count  int
					UserID string `json:"user_id"`
				}
				State *struct {
					Users         int `json:"user_count"`
					Subscriptions int `json:"subscription_count"`
				}
				Webhooks []string
			}
		} `json:"presence_scenario"`
	}
	if err := json.Unmarshal(text, &vectors); err != nil {
		t.Fatal(err)
	}
	name := vectors.Scenario.Channel
	s := channel.New(pusher.KindOf(name))
	joined := map[string]string{} // user by connection
	if len(vectors.Scenario.Steps) == 0 {
		t.Fatal("no steps")
	}
	for _, step := range vectors.Scenario.Steps {
		var conn, verb string
		if _, err := fmt.Sscan(step.Do, &conn, &verb); err != nil {
			t.Fatalf("%q: %v", step.Do, err)
		}
		userID := map[string]string{"A1": "a", "A2": "a", "B1": "b"}[conn]
		var told string // what the others are told
		switch verb {
		case "subscribes":
			added, err := s.Join(name, &channel.Member{ID: userID}, 100)
			if err != nil {
				t.Fatalf("%q: %v", step.Do, err)
			}
			joined[conn] = userID
			if added {
				told = "pusher_internal:member_added " + userID
			}
		case "unsubscribes", "disconnects":
			delete(joined, conn)
			if s.Leave(userID) {
				told = "pusher_internal:member_removed " + userID
			}
		case "sends":
		default:
			t.Fatalf("%q: unknown verb", step.Do)
		}
		if len(joined) == 0 || len(joined) == 1 && joined[conn] != "" {
			told = "" // nobody else is there to be told
		}
		var wantTold string
		for _, e := range step.Expect {
			if e.Event != "pusher_internal:subscription_succeeded" {
				wantTold = e.Event + " " + e.UserID
				continue
			}
			ids := s.UserIDs()
			slices.Sort(ids)
			if !slices.Equal(ids, e.IDs) || s.Users() != e.Count {
				t.Errorf("%q: roster %v (%d), want %v (%d)", step.Do, ids, s.Users(), e.IDs, e.Count)
			}
		}
		if told != wantTold {
			t.Errorf("%q: the others are told %q, want %q", step.Do, told, wantTold)
		}
		if st := step.State; st != nil && (s.Users() != st.Users || s.Count() != st.Subscriptions) {
			t.Errorf("%q: %d users %d subscriptions, want %d and %d", step.Do, s.Users(), s.Count(), st.Users, st.Subscriptions)
		}
		if vacated := slices.Contains(step.Webhooks, "channel_vacated"); vacated != (s.Count() == 0) {
			t.Errorf("%q: count %d, channel_vacated in the vectors: %v", step.Do, s.Count(), vacated)
		}
	}
}
