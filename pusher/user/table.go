package user

import (
	"iter"
	"slices"
)

// A Table knows the signed-in users of one app on one node. The zero value is empty and ready. Guarded by its owner.
type Table struct {
	users   map[string]*entry   // signed in, watched, or both
	watches map[uint64][]string // by conn: whom it watches; only conns that watch somebody
	online  int                 // users with a conn
}

// An entry keeps its conns as sorted slices: 8 bytes each, found by binary search. Conn numbers mostly grow, so that
// most insertions are appends; a popular user watched by a hundred thousand costs a memmove when one of them leaves,
// and no map.
type entry struct {
	conns    []uint64
	watchers []uint64
}

// SignIn records that conn is signed in as userID and watches the users of watchlist, in place of whatever it watched
// before.
//
// cameOnline says that userID had no connection here until now. Signing in again on the same conn as the same user is
// allowed and changes nothing but the watchlist; a conn must not be signed in as two users. watchlist is borrowed, its
// strings are shared.
func (t *Table) SignIn(userID string, conn uint64, watchlist []string) (cameOnline bool) {
	t.unwatch(conn)
	e := t.entry(userID)
	if cameOnline = len(e.conns) == 0; cameOnline {
		t.online++
	}
	e.conns = insert(e.conns, conn)
	if len(watchlist) == 0 {
		return cameOnline
	}
	watched := unique(watchlist)
	if t.watches == nil {
		t.watches = make(map[uint64][]string)
	}
	t.watches[conn] = watched
	for _, id := range watched {
		w := t.entry(id)
		w.watchers = insert(w.watchers, conn)
	}
	return cameOnline
}

// SignOut forgets that conn is signed in as userID, and its watchlist. wentOffline says that it was the user's last
// connection here. A conn that is not signed in as userID changes nothing and reports false.
func (t *Table) SignOut(userID string, conn uint64) (wentOffline bool) {
	e := t.users[userID]
	if e == nil {
		return false
	}
	if _, signedIn := slices.BinarySearch(e.conns, conn); !signedIn {
		return false
	}
	t.unwatch(conn)
	e.conns = remove(e.conns, conn)
	t.drop(userID, e)
	if len(e.conns) == 0 {
		t.online--
	}
	return len(e.conns) == 0
}

// SignedIn returns how many users are signed in on this node.
func (t *Table) SignedIn() int { return t.online }

// Online reports whether a connection is signed in as userID on this node.
func (t *Table) Online(userID string) bool { return len(t.Conns(userID)) > 0 }

// Signed yields everybody who is signed in on this node, in any order. The table must not change meanwhile.
func (t *Table) Signed() iter.Seq[string] {
	return func(yield func(string) bool) {
		for id, e := range t.users {
			if len(e.conns) > 0 && !yield(id) {
				return
			}
		}
	}
}

// Split sorts ids into those signed in on this node and the others, each id once, in the given order: the two lists of
// a first pusher_internal:watchlist_events. ids is borrowed.
func (t *Table) Split(ids []string) (online, offline []string) {
	for _, id := range unique(ids) {
		if t.Online(id) {
			online = append(online, id)
		} else {
			offline = append(offline, id)
		}
	}
	return online, offline
}

// Conns returns the connections signed in as userID, in ascending order. The slice is borrowed until the next change of
// the table.
func (t *Table) Conns(userID string) []uint64 {
	if e := t.users[userID]; e != nil {
		return e.conns
	}
	return nil
}

// Watchers returns the connections that have userID in their watchlist, in ascending order. The slice is borrowed until
// the next change of the table.
func (t *Table) Watchers(userID string) []uint64 {
	if e := t.users[userID]; e != nil {
		return e.watchers
	}
	return nil
}

func (t *Table) entry(id string) *entry {
	e := t.users[id]
	if e == nil {
		if t.users == nil {
			t.users = make(map[string]*entry)
		}
		e = new(entry)
		t.users[id] = e
	}
	return e
}

func (t *Table) unwatch(conn uint64) {
	for _, id := range t.watches[conn] {
		e := t.users[id]
		e.watchers = remove(e.watchers, conn)
		t.drop(id, e)
	}
	delete(t.watches, conn)
}

// drop forgets an entry that says nothing any more, or the table would remember every user that ever was.
func (t *Table) drop(id string, e *entry) {
	if len(e.conns) == 0 && len(e.watchers) == 0 {
		delete(t.users, id)
	}
}

func insert(s []uint64, conn uint64) []uint64 {
	i, found := slices.BinarySearch(s, conn)
	if found {
		return s
	}
	return slices.Insert(s, i, conn)
}

func remove(s []uint64, conn uint64) []uint64 {
	i, found := slices.BinarySearch(s, conn)
	if !found {
		return s
	}
	return slices.Delete(s, i, i+1)
}

// unique copies ids without repetitions. A set and not a search of what was copied so far: without a limit on
// watchlists a client chooses how long ids is.
func unique(ids []string) []string {
	seen := make(map[string]struct{}, len(ids))
	out := make([]string, 0, len(ids))
	for _, id := range ids {
		if _, dup := seen[id]; !dup {
			seen[id] = struct{}{}
			out = append(out, id)
		}
	}
	return out
}
