package channel_test

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/channel"
)

var start = time.Unix(1_700_000_000, 0)

func join(t *testing.T, s *channel.State, id, info string) bool {
	t.Helper()
	m := &channel.Member{ID: id}
	if info != "" {
		m.Info = []byte(info)
	}
	added, err := s.Join("presence-a", m, 0)
	if err != nil {
		t.Fatal(err)
	}
	return added
}

func TestPublicChannelCountsConnectionsAndNoUsers(t *testing.T) {
	s := channel.New(pusher.Public)
	for range 3 {
		if added, err := s.Join("a", nil, 1); added || err != nil {
			t.Fatalf("Join = %v, %v, want false, nil", added, err)
		}
	}
	if s.Count() != 3 || s.Users() != 0 || len(s.UserIDs()) != 0 {
		t.Errorf("Count = %d, Users = %d, UserIDs = %v, want 3, 0, none", s.Count(), s.Users(), s.UserIDs())
	}
	for range 3 {
		if s.Leave("") {
			t.Error("a member was removed from a public channel")
		}
	}
	if s.Count() != 0 {
		t.Errorf("Count = %d after the last has left", s.Count())
	}
}

func TestFirstInfoOfAUserStaysUntilTheUserHasLeft(t *testing.T) {
	s := channel.New(pusher.Presence)
	join(t, s, "a", `{"v":1}`)
	join(t, s, "a", `{"v":2}`)
	s.Leave("a")
	if got := maps.Collect(s.Members()); string(got["a"]) != `{"v":1}` {
		t.Errorf("info %s, want that of the first connection", got["a"])
	}
	s.Leave("a")
	join(t, s, "a", `{"v":3}`)
	if got := maps.Collect(s.Members()); string(got["a"]) != `{"v":3}` {
		t.Errorf("info %s after the user left and came back, want the new one", got["a"])
	}
}

func TestFullPresenceChannelRefusesNewUsersOnly(t *testing.T) {
	s := channel.New(pusher.Presence | pusher.Cache)
	for _, id := range []string{"a", "b"} {
		if _, err := s.Join("presence-x", &channel.Member{ID: id}, 2); err != nil {
			t.Fatal(err)
		}
	}
	added, err := s.Join("presence-x", &channel.Member{ID: "c"}, 2)
	if err == nil || err.Reason != "presence_full" || added {
		t.Errorf("third user: %v, %v, want a refusal", added, err)
	}
	if s.Count() != 2 || slices.Contains(s.UserIDs(), "c") {
		t.Errorf("Count = %d, UserIDs = %v: a refused join must change nothing", s.Count(), s.UserIDs())
	}
	if added, err := s.Join("presence-x", &channel.Member{ID: "a"}, 2); added || err != nil {
		t.Errorf("second connection of a member: %v, %v, want false, nil", added, err)
	}
	s.Leave("b")
	if added, err := s.Join("presence-x", &channel.Member{ID: "c"}, 2); !added || err != nil {
		t.Errorf("new user after one left: %v, %v, want true, nil", added, err)
	}
}

func TestLeaveOfSomebodyWhoIsNotInPanics(t *testing.T) {
	for name, spoil := range map[string]func(){
		"empty":    func() { channel.New(pusher.Public).Leave("") },
		"stranger": func() { s := channel.New(pusher.Presence); join(t, s, "a", ""); s.Leave("b") },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			spoil()
		}()
	}
}

// TestRosterAgreesWithANaiveModel crosses the size above which the roster is indexed in both directions.
func TestRosterAgreesWithANaiveModel(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	s := channel.New(pusher.Presence)
	model := map[string]int{}
	total := 0
	for step := range 20_000 {
		id := strconv.Itoa(rng.IntN(40))
		// Drift up for a while, then down.
		if up := (step/1000)%2 == 0; rng.IntN(10) < 3 != up {
			if added := join(t, s, id, ""); added != (model[id] == 0) {
				t.Fatalf("step %d: join of %s with %d connections: added = %v", step, id, model[id], added)
			}
			model[id]++
			total++
		} else if model[id] > 0 {
			if removed := s.Leave(id); removed != (model[id] == 1) {
				t.Fatalf("step %d: leave of %s with %d connections: removed = %v", step, id, model[id], removed)
			}
			total--
			if model[id]--; model[id] == 0 {
				delete(model, id)
			}
		}
		want := slices.Sorted(maps.Keys(model))
		got := s.UserIDs()
		slices.Sort(got)
		if !slices.Equal(got, want) || s.Users() != len(want) || s.Count() != total {
			t.Fatalf("step %d: users %v count %d, want %v %d", step, got, s.Count(), want, total)
		}
	}
}
