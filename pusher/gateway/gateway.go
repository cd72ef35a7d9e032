// Package gateway is the WebSocket door: it turns what the engine reports into the calls of a
// session, and what the session decides into frames and calls of the node.
//
// It is the engine's Handler. For each connection it looks the app up by the key in the path,
// keeps a [session.Session], and carries out its actions on the loop, in order. Refusals at
// the door are given inside an upgraded connection, as a pusher:error and a close with the
// same code: browsers cannot see the status of a failed handshake, and pusher-js would try
// again for ever (Pusher protocol, "Error codes").
package gateway

import (
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"github.com/gannet-io/gannet/engine"
	"github.com/gannet-io/gannet/engine/hub"
	"github.com/gannet-io/gannet/frame"
	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/live"
	"github.com/gannet-io/gannet/pusher/node"
	"github.com/gannet-io/gannet/pusher/session"
	"github.com/gannet-io/gannet/pusher/wire"
)

// Config says how a Gateway behaves.
type Config struct {
	Node *node.Node   // required
	Hub  *hub.Hub     // required; the node's
	Apps app.Registry // required; must answer from memory, as it is asked on a loop

	PathPrefix      string        // before /app/{key}; "" or "/x/y"
	ActivityTimeout time.Duration // told to clients, in whole seconds; 0: 120 s
	Hosts           []string      // that we answer for, see allow.Host; empty: any
	RequireTLS      bool          // refuse (4000) who does not come over TLS
	StrictProtocol  bool          // refuse clients that name no protocol version
	ReplayBytes     int           // of a channel's past that are sent to one conn at a time; 0: 32 KiB
	MaxConns        int           // WebSockets at once, above which 4100 is answered; 0: no bound

	Feed *live.Feed // is told of connections, for who watches; nil: nobody can

	Now     func() time.Time // nil: time.Now
	Log     *slog.Logger     // nil: slog.Default()
	Metrics *metrics.Set     // nil: none are exported
}

// A Gateway implements engine.Handler and node.Conns. The zero value is not usable: call
// New, then Bind before the engine accepts.
type Gateway struct {
	// Set once by New, loops by Bind.
	cfg      Config
	activity int // seconds
	metrics  *gatewayMetrics
	loops    []*loop
	start    time.Time

	conns atomic.Int64
}

// A loop is what the gateway keeps for one loop of the engine, and only that uses.
type loop struct {
	*engine.Loop
	actions []session.Action // scratch of Message
	replays map[engine.ID]*replays
	opened  []uint32 // by slot, when the conn in it was opened, in seconds since the gateway was made
	refused refusals
	waiting map[engine.ID][]session.Action // Subscribe actions that are to be tried again

	appRefused appRefused // read by others
}

// A conn's Data is what it is to the gateway: an *app.App between Upgrade and Open, then the
// *session.Session of that; or the *pusher.Error that it was refused with at the door. There is no struct around them,
// since it would be one more object for each of a million connections. Its Tag is the number of the app in the hub, 0 while none is known.

// sessionOf returns the session of c, nil when it was refused at the door.
func sessionOf(c *engine.Conn) *session.Session {
	s, _ := c.Data.(*session.Session)
	return s
}

// New returns a Gateway.
func New(cfg Config) *Gateway {
	if cfg.ActivityTimeout <= 0 {
		cfg.ActivityTimeout = 2 * time.Minute
	}
	if cfg.ReplayBytes <= 0 {
		cfg.ReplayBytes = 32 << 10
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.Metrics == nil {
		cfg.Metrics = metrics.NewSet()
	}
	g := &Gateway{
		cfg:      cfg,
		start:    cfg.Now(),
		activity: max(int(cfg.ActivityTimeout/time.Second), 1),
		metrics:  newMetrics(cfg.Metrics),
	}
	cfg.Metrics.RegisterMetricsWriter(g.writeAppRefusals)
	return g
}

// Bind ties g to the loops of the engine whose handler it is. It is called once, before the
// engine accepts.
func (g *Gateway) Bind(loops []*engine.Loop) {
	for _, l := range loops {
		g.loops = append(g.loops, &loop{Loop: l})
	}
}

// Message implements engine.Handler.
func (g *Gateway) Message(c *engine.Conn, op frame.Opcode, payload []byte) {
	s := sessionOf(c)
	g.cfg.Hub.Came(c.Loop(), uint32(c.Tag), len(payload))
	if op != frame.Text {
		// The protocol is text only.
		g.counted(c, "binary")
		c.Close(frame.UnsupportedData, "binary messages are not supported")
		return
	}
	l := g.loops[c.Loop().Index()]
	actions := s.Handle(payload, g.cfg.Now(), l.actions[:0])
	g.run(c, s, actions)
	clear(actions)
	l.actions = actions
}

// run carries actions out, in order.
func (g *Gateway) run(c *engine.Conn, s *session.Session, actions []session.Action) {
	for i := range actions {
		a := &actions[i]
		switch a.Op {
		case session.Send:
			if a.Err != nil {
				g.refused(c, s, a.Err)
			}
			f := prepare(a.Payload)
			if i+1 < len(actions) && actions[i+1].Op == session.Close {
				// The two go together, past a backlog that is about to be dropped.
				err := actions[i+1].Err
				g.cfg.Hub.Queued(c.Loop(), uint32(c.Tag), f.Len())
				c.Close(frame.CloseCode(err.Code), err.Message, f)
				return
			}
			g.send(c, f)
		case session.Close:
			c.Close(frame.CloseCode(a.Err.Code), a.Err.Message)
			return
		case session.Authorized:
			if !g.cfg.Node.Connect(s.App()) {
				g.run(c, s, s.OverQuota(nil))
				return
			}
			s.Counted = true
		case session.Subscribe:
			g.subscribe(c, s, a, false)
		case session.Withdraw:
			if _, ok := g.takeWaiting(c, a.Channel); ok {
				g.cfg.Node.Withdraw(s.App(), c.ID(), a.Channel)
			}
		case session.Unsubscribe:
			g.left(c, a.Channel)
			g.cfg.Node.Unsubscribe(s.App(), c.ID(), a.Channel, a.UserID)
			g.tellPlace(live.Unsubscribe, s, a.Channel, a.UserID)
		case session.Acknowledge:
			in := g.arrival(c, s, a)
			g.cfg.Node.Acknowledge(s.App(), c.ID(), a.Channel, &in, g.replayOf(c, a.Channel))
		case session.ClientEvent:
			ev := node.ClientEvent{Channel: a.Channel, Name: a.Event, Data: a.Data, UserID: a.UserID, SocketID: s.ID()}
			if err := g.cfg.Node.ClientEvent(s.App(), c.ID(), &ev); err != nil {
				g.refused(c, s, err)
				g.send(c, prepare(wire.AppendError(nil, err.Code, err.Message)))
			}
		case session.SignIn:
			g.signIn(c, s, a)
		}
	}
}

// subscribe carries a Subscribe action out. again says that this was tried before.
func (g *Gateway) subscribe(c *engine.Conn, s *session.Session, a *session.Action, again bool) {
	in := g.arrival(c, s, a)
	in.Again = again
	w, err := g.cfg.Node.Subscribe(s.App(), c.ID(), a.Channel, a.Kind, a.Member, &in)
	switch {
	case err != nil:
		g.run(c, s, s.Refused(a.Channel, err, nil))
	case w.Later:
		s.Postponed(a.Channel)
		g.addWaiting(c, a)
	case !s.Joined(a.Channel):
		userID := ""
		if a.Member != nil {
			userID = a.Member.ID
		}
		g.cfg.Node.Unsubscribe(s.App(), c.ID(), a.Channel, userID)
	default:
		if a.Member != nil {
			g.tellPlace(live.Subscribe, s, a.Channel, a.Member.ID)
		} else {
			g.tellPlace(live.Subscribe, s, a.Channel, "")
		}
		if w.Seat != nil {
			s.Share(w.Seat)
		}
		g.welcomed(c, &w)
	}
}

func (g *Gateway) signIn(c *engine.Conn, s *session.Session, a *session.Action) {
	// The session first: where only authorized connections count, the app may turn out to have
	// no room for this one, and then nobody is to hear that the user was there.
	g.run(c, s, s.SignedIn(nil))
	if !c.Open() {
		return
	}
	online, offline := g.cfg.Node.SignIn(s.App(), c.ID(), a.User)
	if len(online)+len(offline) > 0 {
		// Behind signin_success, and before any change, which comes by the loop's mailbox.
		g.send(c, frame.Prepare(frame.Text, wire.AppendWatchlist(frame.NewBuffer(256), online, offline)))
	}
}

// send sends f to c, and counts it for its app.
func (g *Gateway) send(c *engine.Conn, f *frame.Prepared) {
	if c.Open() {
		g.cfg.Hub.Queued(c.Loop(), uint32(c.Tag), f.Len())
		c.Send(f)
	}
}

// prepare makes a text frame of a payload.
func prepare(payload []byte) *frame.Prepared {
	return frame.Prepare(frame.Text, append(frame.NewBuffer(len(payload)), payload...))
}

// Work implements engine.Handler.
func (g *Gateway) Work(l *engine.Loop) { g.cfg.Hub.Work(l) }

// Flushed implements engine.Handler.
func (g *Gateway) Flushed(l *engine.Loop) { g.cfg.Hub.Flushed(l) }

// Notice implements engine.Handler.
func (g *Gateway) Notice(c *engine.Conn, n engine.Notice) {
	s := sessionOf(c)
	if s == nil {
		return // refused, and closing already
	}
	var actions []session.Action
	switch n {
	case engine.Timer:
		now := g.cfg.Now()
		actions = s.Expire(now, nil)
		setTimer(c, s, now)
	case engine.Unresponsive:
		actions = s.Fail(pusher.ErrPongTimeout, nil)
	case engine.Slow:
		actions = s.Fail(pusher.ErrSlowConsumer, nil)
	case engine.Drain:
		actions = s.Fail(pusher.ErrReconnect, nil)
	case engine.Sent:
		g.sent(c, s)
	}
	g.run(c, s, actions)
}

// setTimer has c hear Timer when the deadline of its session has come, if it has one. The timer
// runs by the monotonic clock and the deadline by the wall clock: when that was set back the
// timer comes too early, and is set again.
func setTimer(c *engine.Conn, s *session.Session, now time.Time) {
	if deadline := s.Deadline(); !deadline.IsZero() {
		c.SetTimer(deadline.Sub(now))
	}
}

// Closed implements engine.Handler: it undoes all that the connection has done.
func (g *Gateway) Closed(c *engine.Conn) {
	s := sessionOf(c)
	c.Data = nil
	g.conns.Add(-1)
	if s == nil {
		return
	}
	s.End()
	g.cfg.Hub.Forget(c.Loop(), c.ID())
	l := g.loops[c.Loop().Index()]
	delete(l.replays, c.ID())
	l.refused.forget(c.ID())
	for _, a := range l.waiting[c.ID()] {
		g.cfg.Node.Withdraw(s.App(), c.ID(), a.Channel)
	}
	delete(l.waiting, c.ID())
	for name, userID := range s.Channels() {
		g.cfg.Node.Unsubscribe(s.App(), c.ID(), name, userID)
		g.tellPlace(live.Unsubscribe, s, name, userID)
	}
	g.tellConn(live.Disconnect, c, s)
	if userID := s.UserID(); userID != "" {
		g.cfg.Node.SignOut(s.App(), c.ID(), userID)
	}
	if s.Counted {
		g.cfg.Node.Disconnect(s.App())
	}
}

// Terminate implements node.Conns. Any goroutine.
func (g *Gateway) Terminate(id engine.ID) {
	if id.Loop() >= len(g.loops) {
		return
	}
	l := g.loops[id.Loop()]
	l.PostConn(id, g.terminate)
}

// TerminateMember implements node.Conns. Any goroutine.
func (g *Gateway) TerminateMember(a *app.App, userID string) {
	for _, l := range g.loops {
		l.Post(func() {
			l.Each(func(c *engine.Conn) {
				s := sessionOf(c)
				// Not the same pointer: a registry may make a new App for each look-up.
				if s != nil && s.App().ID == a.ID && isMember(s, userID) {
					g.terminate(c)
				}
			})
		})
	}
}

func isMember(s *session.Session, userID string) bool {
	for _, id := range s.Channels() {
		if id == userID && id != "" { // there is no id on other channels
			return true
		}
	}
	return false
}

func (g *Gateway) terminate(c *engine.Conn) {
	if s := sessionOf(c); s != nil {
		g.run(c, s, s.Terminate(nil))
	}
}
