package node

import (
	"slices"
	"time"

	"github.com/gannet-io/gannet/engine"
	"github.com/gannet-io/gannet/frame"
	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/user"
	"github.com/gannet-io/gannet/pusher/wire"
)

// users is who is signed in, and who has just left without anybody being told.
type users struct {
	user.Table
	leaving map[string]time.Time // user id to when it counts as offline
}

// SignIn enters the conn as a user, and tells those who watch when the user was away. online
// and offline are the users of the watchlist as they are at this moment: later changes reach
// the conn as frames of their own, behind whatever is sent to it before its loop's next turn.
func (n *Node) SignIn(a *app.App, id engine.ID, u *wire.User) (online, offline []string) {
	defer shared()
	wake := func() {}
	defer func() { wake() }() // gnet is not entered under the lock
	t := n.tenant(a)
	t.mu.Lock()
	defer t.mu.Unlock()
	_, wasLeaving := t.users.leaving[u.ID]
	delete(t.users.leaving, u.ID)
	watchers := slices.Clone(t.users.Watchers(u.ID))
	cameOnline := t.users.SignIn(u.ID, uint64(id), u.Watchlist)
	if cameOnline && !wasLeaving && !n.onlineElsewhere(t, u.ID) {
		wake = n.tell(t, watchers, []string{u.ID}, nil)
	}
	if cameOnline && a.Watchlist && n.member != nil {
		t.board = true
		n.member.MarkUser(t.id, u.ID)
	}
	online, offline = t.users.Split(u.Watchlist)
	// One who has left but whose absence has not been told is online to everybody.
	offline = slices.DeleteFunc(offline, func(id string) bool {
		if _, ok := t.users.leaving[id]; ok || n.onlineElsewhere(t, id) {
			online = append(online, id)
			return true
		}
		return false
	})
	return online, offline
}

// SignOut undoes SignIn when the conn is gone.
func (n *Node) SignOut(a *app.App, id engine.ID, userID string) {
	defer shared()
	wake := func() {}
	defer func() { wake() }() // gnet is not entered under the lock
	t := n.tenant(a)
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.users.SignOut(userID, uint64(id)) || !a.Watchlist {
		return
	}
	if n.member != nil {
		n.member.MarkUser(t.id, userID)
	}
	if !n.onlineElsewhere(t, userID) {
		wake = n.depart(t, userID)
	}
}

// onlineElsewhere reports whether a user is signed in on another node.
func (n *Node) onlineElsewhere(t *tenant, userID string) bool {
	return n.member != nil && n.member.OnlineElsewhere(t.id, userID)
}

// arrive notes that a user has come who was not signed in here. It is called under the tenant's lock, and wake after it.
func (n *Node) arrive(t *tenant, userID string) (wake func()) {
	if _, wasLeaving := t.users.leaving[userID]; wasLeaving {
		delete(t.users.leaving, userID)
		return func() {}
	}
	return n.tell(t, t.users.Watchers(userID), []string{userID}, nil)
}

// depart notes that a user is signed in nowhere any more. It is called under the tenant's lock, and wake after it.
func (n *Node) depart(t *tenant, userID string) (wake func()) {
	if n.delay < 0 {
		return n.tell(t, t.users.Watchers(userID), nil, []string{userID})
	}
	at := n.now().Add(n.delay)
	if t.users.leaving == nil {
		t.users.leaving = make(map[string]time.Time)
	}
	t.users.leaving[userID] = at
	n.chores.later(choreOffline+t.id+"/"+userID, at, func() { n.offline(t, userID) })
	return func() {}
}

// offline tells the watchers of a user who has stayed away.
func (n *Node) offline(t *tenant, userID string) {
	defer shared()
	wake := func() {}
	defer func() { wake() }()
	t.mu.Lock()
	defer t.mu.Unlock()
	at, ok := t.users.leaving[userID]
	if !ok {
		return // back again
	}
	if wait := at.Sub(n.now()); wait > 0 {
		n.chores.later(choreOffline+t.id+"/"+userID, at, func() { n.offline(t, userID) })
		return
	}
	delete(t.users.leaving, userID)
	wake = n.tell(t, t.users.Watchers(userID), nil, []string{userID})
}

// tell sends the conns that watch what has changed. It is called under the tenant's lock, so
// that the order of changes is kept, and wake after it.
func (n *Node) tell(t *tenant, watchers []uint64, online, offline []string) (wake func()) {
	if len(watchers) == 0 {
		return func() {}
	}
	ids := make([]engine.ID, len(watchers))
	for i, id := range watchers {
		ids[i] = engine.ID(id)
	}
	return n.hub.Send(t.account, ids, text(wire.AppendWatchlist(frame.NewBuffer(160), online, offline)))
}

// Terminate ends every connection that is signed in as userID, on all nodes; those that only use the same
// id on a presence channel too when the app's Compat.TerminateByPresence asks for it. The error says that other nodes
// were not told, or may not have been. May block.
func (n *Node) Terminate(a *app.App, userID string) error {
	n.terminate(a, userID)
	if n.member == nil {
		return nil
	}
	if wait := n.member.Terminate(a.ID, userID); wait != nil {
		return wait()
	}
	return nil
}

// terminate does so on this node.
func (n *Node) terminate(a *app.App, userID string) {
	t := n.tenant(a)
	t.mu.Lock()
	conns := slices.Clone(t.users.Conns(userID))
	t.mu.Unlock()
	for _, id := range conns {
		n.conns.Terminate(engine.ID(id))
	}
	if a.Compat.TerminateByPresence {
		n.conns.TerminateMember(a, userID)
	}
}
