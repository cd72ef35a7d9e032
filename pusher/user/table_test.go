package user_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gannet-io/gannet/pusher/user"
)

func TestUserIsOnlineFromFirstSignInToLastSignOut(t *testing.T) {
	var tab user.Table
	if came := tab.SignIn("a", 1, nil); !came {
		t.Error("first sign-in: not come online")
	}
	if came := tab.SignIn("a", 2, nil); came {
		t.Error("second connection: came online again")
	}
	if came := tab.SignIn("a", 2, nil); came {
		t.Error("same connection again: came online again")
	}
	if got := tab.Conns("a"); !slices.Equal(got, []uint64{1, 2}) {
		t.Errorf("Conns = %v, want [1 2]", got)
	}
	if tab.SignOut("a", 1) {
		t.Error("one of two connections left: went offline")
	}
	if !tab.Online("a") {
		t.Error("offline with one connection left")
	}
	if !tab.SignOut("a", 2) {
		t.Error("last connection left: still online")
	}
	if tab.SignOut("a", 2) {
		t.Error("signing out twice went offline twice")
	}
	if tab.Online("a") || tab.Len() != 0 {
		t.Errorf("Online = %v, Len = %d after the last sign-out", tab.Online("a"), tab.Len())
	}
}

func TestSplitTellsWhichUsersAreOnline(t *testing.T) {
	var tab user.Table
	tab.SignIn("b", 1, nil)
	tab.SignIn("c", 2, nil)
	tab.SignIn("a", 3, []string{"x"})
	on, off := tab.Split([]string{"c", "x", "b", "x", "c", "a", "y"})
	if !slices.Equal(on, []string{"c", "b", "a"}) || !slices.Equal(off, []string{"x", "y"}) {
		t.Errorf("Split = %v, %v, want [c b a], [x y] (once each, in the given order)", on, off)
	}
}

func TestWatchersFollowTheWatchlistOfTheLatestSignIn(t *testing.T) {
	var tab user.Table
	tab.SignIn("a", 7, []string{"x", "y"})
	tab.SignIn("b", 5, []string{"y"})
	if got := tab.Watchers("y"); !slices.Equal(got, []uint64{5, 7}) {
		t.Errorf("Watchers(y) = %v, want [5 7]", got)
	}
	tab.SignIn("a", 7, []string{"z"})
	if got := tab.Watchers("y"); !slices.Equal(got, []uint64{5}) {
		t.Errorf("Watchers(y) = %v after a new watchlist, want [5]", got)
	}
	if got := tab.Watchers("z"); !slices.Equal(got, []uint64{7}) {
		t.Errorf("Watchers(z) = %v, want [7]", got)
	}
	tab.SignOut("a", 7)
	tab.SignOut("b", 5)
	if tab.Len() != 0 {
		t.Errorf("Len = %d with nobody signed in, want 0: watched users must be forgotten too", tab.Len())
	}
	if got := tab.Watchers("z"); len(got) != 0 {
		t.Errorf("Watchers(z) = %v after sign-out, want none", got)
	}
}

func TestSignOutOfAStrangerChangesNothing(t *testing.T) {
	var tab user.Table
	tab.SignIn("a", 1, []string{"b"})
	tab.SignIn("b", 2, []string{"a"})
	for _, s := range []struct {
		user string
		conn uint64
	}{{"nobody", 1}, {"b", 1}, {"a", 3}} {
		if tab.SignOut(s.user, s.conn) {
			t.Errorf("SignOut(%q, %d) took a user offline", s.user, s.conn)
		}
	}
	if !tab.Online("a") || !tab.Online("b") || !slices.Equal(tab.Watchers("b"), []uint64{1}) {
		t.Error("a stranger's sign-out changed the table")
	}
}

// TestTableAgreesWithANaiveModel plays random sign-ins and sign-outs against a list of who is there.
func TestTableAgreesWithANaiveModel(t *testing.T) {
	type signedIn struct {
		user      string
		watchlist []string
	}
	ids := []string{"a", "b", "c", "d"}
	rng := rand.New(rand.NewPCG(1, 2))
	var tab user.Table
	model := map[uint64]signedIn{}
	online := func(id string) bool {
		for _, s := range model {
			if s.user == id {
				return true
			}
		}
		return false
	}
	for step := range 20_000 {
		conn := uint64(rng.IntN(12))
		s, in := model[conn]
		if in && rng.IntN(2) == 0 {
			delete(model, conn)
			if went := tab.SignOut(s.user, conn); went == online(s.user) {
				t.Fatalf("step %d: SignOut(%q, %d) = %v", step, s.user, conn, went)
			}
		} else {
			if !in {
				s.user = ids[rng.IntN(len(ids))]
			}
			s.watchlist = nil
			for range rng.IntN(4) {
				s.watchlist = append(s.watchlist, ids[rng.IntN(len(ids))])
			}
			was := online(s.user)
			model[conn] = s
			if came := tab.SignIn(s.user, conn, s.watchlist); came == was {
				t.Fatalf("step %d: SignIn(%q, %d) came online = %v, was online = %v", step, s.user, conn, came, was)
			}
		}
		for _, id := range ids {
			var conns, watchers []uint64
			for c := range uint64(12) {
				if m, ok := model[c]; ok && m.user == id {
					conns = append(conns, c)
				}
				if slices.Contains(model[c].watchlist, id) {
					watchers = append(watchers, c)
				}
			}
			if !slices.Equal(tab.Conns(id), conns) || !slices.Equal(tab.Watchers(id), watchers) {
				t.Fatalf("step %d, user %s: conns %v watchers %v, want %v %v",
					step, id, tab.Conns(id), tab.Watchers(id), conns, watchers)
			}
		}
	}
}
