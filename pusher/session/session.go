package session

import (
	"errors"
	"iter"
	"time"

	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/quota"
	"github.com/gannet-io/gannet/pusher/wire"
)

// A Session is the protocol state of one connection.
//
// It is small on purpose, because there are millions: 64 bytes, with its first subscription to a channel whose Seat
// others share. Everything that few connections need hangs off a pointer. Loop-only.
type Session struct {
	// Set once by New.
	app *app.App // shared, never nil
	id  pusher.SocketID

	// Owned by the loop.
	subs     subscriptions
	identity *identity    // nil while there is nothing to say
	events   quota.Bucket // client events

	subscribes quota.ShortBucket
	authorized bool // only kept when the app requires it
	ended      bool

	// Counted belongs to the session's owner: whether the connection counts against its app's quota.
	Counted bool
}

// New returns the session of a connection to a that was opened at now. id is its public name, and part of everything a
// client signs.
func New(a *app.App, id pusher.SocketID, now time.Time) *Session {
	s := &Session{app: a, id: id}
	if a.RequireSignIn && a.Limits.SignInTimeout > 0 {
		s.identity = &identity{deadline: now.Add(a.Limits.SignInTimeout).UnixNano()}
	}
	return s
}

// App returns the app the connection was opened for. Shared.
func (s *Session) App() *app.App { return s.app }

// Open greets the client with connection_established, its first frame. activityTimeout is in seconds and must be above
// 0, or pusher-js never connects.
//
// In an app that does not ask connections to authorize themselves, Authorized comes first: a connection over quota is
// told so in place of the greeting ("Connection established").
func (s *Session) Open(activityTimeout int, out []Action) []Action {
	if !s.app.RequireSignIn {
		out = append(out, Action{Op: Authorized})
	}
	return append(out, Action{Op: Send, Payload: wire.AppendConnectionEstablished(make([]byte, 0, 160), s.id.String(), activityTimeout)})
}

// Handle takes one text message from the client and appends what follows from it to out, which it returns.
//
// Messages the protocol does not know, and malformed ones, are answered with a pusher:error without code; the
// connection stays. Names are compared exactly, so a client cannot pass off its own words as the server's. msg is
// borrowed; actions borrow from it.
func (s *Session) Handle(msg []byte, now time.Time, out []Action) []Action {
	if s.ended {
		return out
	}
	f, err := wire.ParseFrame(msg, s.app.Limits.JSONDepth)
	if err != nil {
		return refuse(malformed(err), out)
	}
	switch f.Event {
	case "pusher:ping":
		return append(out, Action{Op: Send, Payload: wire.AppendPong(nil)})
	case "pusher:pong":
		return out
	case "pusher:subscribe":
		return s.subscribe(f.Data, now, out)
	case "pusher:unsubscribe":
		return s.unsubscribe(f.Data, out)
	case "pusher:signin":
		return s.signIn(f.Data, out)
	}
	if pusher.ClientEvent(f.Event) {
		return s.clientEvent(&f, now, out)
	}
	return refuse(pusher.UnsupportedEvent(f.Event), out)
}

// Fail ends the connection from the server's side: a pusher:error, then a close with the same code, because pusher-js
// heeds only the close and some clients only the error ("Errors and closing"). err must be Fatal. After it the session
// says nothing more.
func (s *Session) Fail(err *pusher.Error, out []Action) []Action {
	if s.ended {
		return out
	}
	s.End()
	return append(refuse(err, out), Action{Op: Close, Err: err})
}

// OverQuota fails the connection because the app has as many as it may, with the code the app prefers: 4004, which
// tells clients to give up, or 4100, which tells them to come back.
func (s *Session) OverQuota(out []Action) []Action {
	if s.app.Compat.Quota4100 {
		return s.Fail(pusher.ErrOverQuotaRetry, out)
	}
	return s.Fail(pusher.ErrOverQuota, out)
}

// Terminate fails the connection because the app's owner ended those of its user, with the code the app prefers.
func (s *Session) Terminate(out []Action) []Action {
	return s.Fail(pusher.Terminated(s.app.Compat.TerminateCode), out)
}

// End says that the connection is gone or going. Nothing comes out of the session any more, and answers that arrive
// late fall flat. Channels and UserID still tell what there is to undo. It may be called twice.
func (s *Session) End() {
	s.ended = true
	s.clearDeadline()
}

// ID returns the connection's public name.
func (s *Session) ID() pusher.SocketID { return s.id }

// UserID returns the id of the user the connection is signed in as, or "".
func (s *Session) UserID() string {
	if user := s.user(); user != nil {
		return user.ID
	}
	return ""
}

// Channels yields every channel the connection has joined, and the user id it has there when it is a presence channel.
// Channels whose Subscribe was not answered yet are left out. The session must not change meanwhile.
func (s *Session) Channels() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for sub := range s.subs.all() {
			if sub.state == joined && !yield(sub.channel, sub.userID) {
				return
			}
		}
	}
}

// Subscriptions returns how many channels the connection has joined or asked for.
func (s *Session) Subscriptions() int { return s.subs.len() }

// In reports whether the connection has joined a channel.
func (s *Session) In(channel string) bool {
	sub := s.subs.find(channel)
	return sub != nil && sub.state == joined
}

// refuse appends the pusher:error that tells of err.
func refuse(err *pusher.Error, out []Action) []Action {
	payload := wire.AppendError(make([]byte, 0, 80+len(err.Message)), err.Code, err.Message)
	return append(out, Action{Op: Send, Payload: payload, Err: err})
}

// malformed turns what the wire package found wrong into a refusal.
func malformed(err error) *pusher.Error { return pusher.MalformedMessage(detail(err)) }

func detail(err error) string {
	var e *wire.Error
	if errors.As(err, &e) {
		return e.Message
	}
	return err.Error()
}
