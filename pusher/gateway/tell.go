package gateway

import (
	"github.com/gannet-io/gannet/engine"
	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/live"
	"github.com/gannet-io/gannet/pusher/session"
)

// tellPlace tells who watches that a session has come to a channel, or left it.
func (g *Gateway) tellPlace(kind live.Kind, s *session.Session, channel, userID string) {
	if !g.cfg.Feed.Watched() {
		return
	}
	g.cfg.Feed.Tell(&live.Event{
		Kind: kind, App: s.App().ID, Channel: channel, SocketID: s.ID(), User: userID,
		Receivers: g.cfg.Node.Channel(s.App(), channel).Subscriptions,
	})
}

// tellConn tells of a connection that was greeted or has ended.
func (g *Gateway) tellConn(kind live.Kind, c *engine.Conn, s *session.Session) {
	if g.cfg.Feed.Watched() {
		g.cfg.Feed.Tell(&live.Event{Kind: kind, App: s.App().ID, SocketID: s.ID(), Address: c.ClientAddr()})
	}
}

func addressOf(c *engine.Conn) string {
	if addr := c.ClientAddr(); addr.IsValid() {
		return addr.String()
	}
	return ""
}

// refused counts a pusher:error that c is sent, remembers it and tells who watches.
func (g *Gateway) refused(c *engine.Conn, s *session.Session, err *pusher.Error) {
	g.counted(c, err.Reason)
	g.loops[c.Loop().Index()].refused.note(c.ID(), live.Refusal{At: g.cfg.Now(), Code: err.Code, Reason: err.Reason, Message: err.Message})
	if g.cfg.Feed.Watched() {
		g.cfg.Feed.Tell(&live.Event{Kind: live.Error, App: s.App().ID, SocketID: s.ID(), Code: err.Code, Reason: err.Reason, Message: err.Message})
	}
}
