package node

import (
	"context"
	"iter"
	"strings"

	"github.com/gannet-io/gannet/engine/hub"
	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/ledger"
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
	n.speak(a, name, changes)
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

// Told implements cluster.Room.
func (n *Node) Told(changes []ledger.Change) {
	defer shared()
	if len(changes) > 0 && changes[0].Key.Class != ledger.User {
		a, name := n.appOf(changes[0].Key.Topic)
		n.speak(a, name, changes)
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

// speak tells webhooks of those changes that it is on this node to speak of. They follow the board alone, not the view: so it is once.
func (n *Node) speak(a *app.App, name string, changes []ledger.Change) {
	if a == nil {
		return
	}
	for i := range changes {
		n.tellChange(a, name, &changes[i])
	}
	if n.notifier == nil {
		return
	}
	kind := pusher.KindOf(name)
	hooks := n.hooks(a, kind)
	if hooks == 0 {
		return
	}
	for i := range changes {
		c := &changes[i]
		channel := c.Key.Class == ledger.Count
		switch {
		case !c.Speaks:
		case channel && hooks&hookChannel != 0:
			n.notifyChannel(a, name, c.First)
		case !channel && hooks&hookMember != 0:
			n.notifyMember(a, name, c.Key.User, c.First)
		}
		if channel && c.Counted && c.Tells && n.countHook(a, kind) {
			n.tellCount(a, c.Key.Topic, name, c.Total)
		}
	}
}
