package node

import (
	"context"
	"iter"
	"strings"

	"github.com/gannet-io/gannet/engine/hub"
	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/cluster"
	"github.com/gannet-io/gannet/pusher/ledger"
	"github.com/gannet-io/gannet/pusher/wire"
)

// A Node is the room of its cluster.Member: what follows tells that what is here, and clients and webhooks what is elsewhere.

// Have implements cluster.Room.
func (n *Node) Have(topic string, users []string) (count int, infos [][]byte) {
	defer shared()
	infos = make([][]byte, len(users))
	n.findKey(topic, func(t *hub.Topic, p *place) {
		count = t.Count()
		for i, user := range users {
			if info, ok := p.Member(user); ok {
				infos[i] = append([]byte{}, info...)
			}
		}
	})
	return count, infos
}

// HaveUsers implements cluster.Room.
func (n *Node) HaveUsers(appID string, users []string) []bool {
	online := make([]bool, len(users))
	n.mu.RLock()
	t := n.tenants[appID]
	n.mu.RUnlock()
	if t == nil {
		return online
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, user := range users {
		online[i] = t.users.Online(user)
	}
	return online
}

// Everything implements cluster.Room.
func (n *Node) Everything(topic func(string, iter.Seq[string]), appUsers func(string, iter.Seq[string])) {
	defer shared()
	n.hub.Keys(func(key string) bool {
		n.findKey(key, func(t *hub.Topic, p *place) {
			if t.Count() > 0 {
				topic(key, func(yield func(string) bool) {
					for user := range p.Members() {
						if !yield(user) {
							return
						}
					}
				})
			}
		})
		return true
	})
	n.mu.RLock()
	tenants := make([]*tenant, 0, len(n.tenants))
	for _, t := range n.tenants {
		tenants = append(tenants, t)
	}
	n.mu.RUnlock()
	for _, t := range tenants {
		t.mu.Lock()
		if t.board {
			appUsers(t.id, t.users.Signed())
		}
		t.mu.Unlock()
	}
}

// Update implements cluster.Room.
func (n *Node) Update(topic string, apply func() []ledger.Change) {
	defer shared()
	a, name := n.appOf(topic)
	// Also when nobody is here: who comes at this moment reads what apply changes.
	t := n.hub.Acquire([]byte(topic))
	defer n.hub.Release(t)
	changes := apply()
	if p, ok := t.State.(*place); ok && t.Count() > 0 && a != nil {
		for i := range changes {
			n.show(t, p, a, name, &changes[i])
		}
	}
}

// show tells the clients of this node what has changed in its view.
func (n *Node) show(t *hub.Topic, p *place, a *app.App, name string, c *ledger.Change) {
	if c.Key.Class == ledger.Count {
		if c.Before != c.After {
			p.CountChanged()
			n.announceCount(t, &p.State, a, name, n.now())
		}
		return
	}
	if !c.Gained && !c.Lost {
		return
	}
	switch _, here := p.Member(c.Key.User); {
	case here:
	case c.Gained:
		t.Publish(memberAdded(name, c.Key.User, infoOf(string(c.Info))), 0)
	default:
		t.Publish(memberRemoved(name, c.Key.User), 0)
	}
}

// Wants implements cluster.Room.
func (n *Node) Wants(topic string) (wanted cluster.Wanted) {
	if n.notifier == nil {
		return 0
	}
	a, name := n.appOf(topic)
	if a == nil {
		return 0
	}
	kind := pusher.KindOf(name)
	hooks := n.hooks(a, kind)
	if hooks&hookChannel != 0 {
		wanted |= cluster.WantChannels
	}
	if hooks&hookMember != 0 {
		wanted |= cluster.WantMembers
	}
	if n.countHook(a, kind) {
		wanted |= cluster.WantCounts
	}
	return wanted
}

// Told implements cluster.Room.
func (n *Node) Told(c *ledger.Change) {
	if n.feed.Watched() {
		if a, name := n.appOf(c.Key.Topic); a != nil {
			n.tellChange(a, name, c)
		}
	}
}

// Speak implements cluster.Room: it tells webhooks. What they are told follows the board alone, not the view: so it is once.
func (n *Node) Speak(d cluster.Due) {
	defer shared()
	a, name := n.appOf(d.Key.Topic)
	if a == nil || n.notifier == nil {
		n.member.Done([]uint64{d.Ticket})
		return
	}
	ticket := pusher.Ticket{Number: d.Ticket, Sure: d.Sure}
	e := wire.HookEvent{ID: d.ID, Channel: name, UserID: d.Key.User}
	switch {
	case d.Counted:
		e.Hook, e.Count = pusher.HookCount, d.Total
		n.tellCount(a, d.Key.Topic, e, ticket)
		return
	case d.Key.Class == ledger.Count && d.First:
		e.Hook = pusher.HookOccupied
	case d.Key.Class == ledger.Count:
		e.Hook = pusher.HookVacated
	case d.First:
		e.Hook = pusher.HookMemberAdded
	default:
		e.Hook = pusher.HookMemberRemoved
	}
	n.notifier.Tell(a, e, ticket)
}

// Hush implements cluster.Room.
func (n *Node) Hush() {
	if n.notifier != nil {
		n.hushCounts()
		n.notifier.Hush()
	}
}

// Cleared implements cluster.Room.
func (n *Node) Cleared() {
	if n.owedDone != nil {
		n.owedDone()
	}
}

// Owe takes in, before Start, what a process before this one was to tell of the board, by app. When all of it has been told, by this node or another, over is called.
func (n *Node) Owe(events iter.Seq2[string, wire.HookEvent], over func()) {
	if n.member == nil {
		return
	}
	var dues []cluster.Due
	for appID, e := range events {
		d := cluster.Due{ID: e.ID, Key: ledger.Key{Class: ledger.Count, Topic: appID + "/" + e.Channel}}
		switch e.Hook {
		case pusher.HookMemberAdded, pusher.HookMemberRemoved:
			d.Key.Class, d.Key.User = ledger.Member, e.UserID
		case pusher.HookCount:
			d.Counted, d.Total = true, e.Count
		}
		d.First = e.Hook == pusher.HookOccupied || e.Hook == pusher.HookMemberAdded
		dues = append(dues, d)
	}
	n.owedDone = over
	n.member.Owe(dues)
}

// Done says that what Notifier.Tell was called with is done: its webhooks have been answered or given up. Any goroutine.
func (n *Node) Done(tickets []uint64) {
	if n.member != nil {
		n.member.Done(tickets)
	}
}

// UpdateUsers implements cluster.Room.
func (n *Node) UpdateUsers(appID string, apply func() []ledger.Change) {
	defer shared()
	a, err := n.apps.ByID(context.Background(), appID)
	if err != nil {
		apply() // an app that only others have
		return
	}
	wake := func() {}
	defer func() { wake() }() // gnet is not entered under the lock
	t := n.tenant(a)
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, c := range apply() {
		user := c.Key.User
		if !c.Gained && !c.Lost || t.users.Online(user) {
			continue
		}
		before := wake
		var tell func()
		if c.Gained {
			tell = n.arrive(t, user)
		} else {
			tell = n.depart(t, user)
		}
		wake = func() { before(); tell() }
	}
}

// Terminated implements cluster.Room.
func (n *Node) Terminated(appID, userID string) {
	defer shared()
	if a, err := n.apps.ByID(context.Background(), appID); err == nil {
		n.terminate(a, userID)
	}
}

// appOf returns the app and the channel of a topic; nil when this node does not have the app.
func (n *Node) appOf(topic string) (a *app.App, name string) {
	slash := strings.LastIndexByte(topic, '/')
	if slash < 0 {
		return nil, topic
	}
	a, err := n.apps.ByID(context.Background(), topic[:slash])
	if err != nil {
		return nil, topic[slash+1:]
	}
	return a, topic[slash+1:]
}
