package gateway

import (
	"slices"

	"github.com/gannet-io/gannet/engine"
	"github.com/gannet-io/gannet/pusher/session"
)

// A subscription that the node cannot let in yet waits here, on its conn's loop, and has changed nothing elsewhere but that the node knows whom to
// call. When it does the subscription is tried again as if it had just come; until then it can be withdrawn without a trace.

// addWaiting keeps a Subscribe action for later.
func (g *Gateway) addWaiting(c *engine.Conn, a *session.Action) {
	l := g.loops[c.Loop().Index()]
	if l.waiting == nil {
		l.waiting = make(map[engine.ID][]session.Action)
	}
	l.waiting[c.ID()] = append(l.waiting[c.ID()], *a)
}

// takeWaiting takes the action for a channel out. ok is false when there is none.
func (g *Gateway) takeWaiting(c *engine.Conn, channel string) (a session.Action, ok bool) {
	l := g.loops[c.Loop().Index()]
	all := l.waiting[c.ID()]
	i := slices.IndexFunc(all, func(a session.Action) bool { return a.Channel == channel })
	if i < 0 {
		return session.Action{}, false
	}
	a = all[i]
	if all = slices.Delete(all, i, i+1); len(all) == 0 {
		delete(l.waiting, c.ID())
	} else {
		l.waiting[c.ID()] = all
	}
	return a, true
}

// Again implements node.Conns. Any goroutine.
func (g *Gateway) Again(id engine.ID, channel string) {
	if id.Loop() >= len(g.loops) {
		return
	}
	g.loops[id.Loop()].PostConn(id, func(c *engine.Conn) {
		s := sessionOf(c)
		if s == nil || !c.Open() {
			return // Closed withdraws it
		}
		if a, ok := g.takeWaiting(c, channel); ok {
			g.subscribe(c, s, &a, true)
		}
	})
}
