package session

import (
	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/auth"
	"github.com/gannet-io/gannet/pusher/channel"
	"github.com/gannet-io/gannet/pusher/wire"
)

// An identity is what most connections have no need of: who they are.
type identity struct {
	user     *channel.Member // whom the session is signed in as; nil: nobody
	signing  *signing        // a sign-in that is not answered yet; else nil
	deadline int64           // Unix nanoseconds by which it must be authorized; 0: none
}

// user returns whom s is signed in as, nil when that is nobody.
func (s *Session) user() *channel.Member {
	if s.identity == nil {
		return nil
	}
	return s.identity.user
}

// signing returns the sign-in that is not answered yet, or nil.
func (s *Session) signing() *signing {
	if s.identity == nil {
		return nil
	}
	return s.identity.signing
}

// A signing is a sign-in between its action and the answer to that.
type signing struct {
	member   channel.Member
	userData string // for signin_success, verbatim
	tooLong  bool   // the watchlist was cut
}

// signIn handles pusher:signin ("Sign-in"). A failure leaves the connection open, and signed in as whom it was.
func (s *Session) signIn(data []byte, out []Action) []Action {
	req, err := wire.ParseSignin(data)
	if err != nil {
		return refuse(malformed(err), out)
	}
	if req.UserData == "" {
		return refuse(pusher.MissingUserData(), out)
	}
	key, sig, ok := auth.SplitToken(req.Auth)
	if !ok {
		return refuse(pusher.BadSigninFormat(), out)
	}
	secret, ok := s.app.Secret(key)
	if !ok {
		return refuse(pusher.BadAuthKey(key), out)
	}
	id := s.id.String()
	if !auth.CheckUser(secret, sig, id, req.UserData) {
		return refuse(pusher.BadSignature(auth.UserText(id, req.UserData), sig), out)
	}
	user, err := wire.ParseUser(req.UserData, s.app.Limits.JSONDepth)
	if err != nil {
		return refuse(pusher.BadUser(detail(err)), out)
	}
	limits := &s.app.Limits
	if !pusher.ValidUserID(user.ID, 0) {
		return refuse(pusher.BadUser("id has characters that are not allowed"), out)
	}
	if !pusher.ValidUserID(user.ID, limits.UserIDLength) {
		return refuse(pusher.UserIDTooLong(limits.UserIDLength), out)
	}
	if p := s.signing(); p != nil {
		if user.ID != p.member.ID {
			return refuse(pusher.SignedInAsOther(), out)
		}
		return out // the answer to the first serves both
	}
	if in := s.user(); in != nil && user.ID != in.ID {
		return refuse(pusher.SignedInAsOther(), out)
	}

	p := &signing{member: channel.Member{ID: user.ID, Info: user.Info}, userData: req.UserData}
	if s.identity == nil {
		s.identity = new(identity)
	}
	s.identity.signing = p
	switch {
	case !s.app.Watchlist:
		user.Watchlist = nil
	case limits.Watchlist > 0 && len(user.Watchlist) > limits.Watchlist:
		user.Watchlist = user.Watchlist[:limits.Watchlist:limits.Watchlist]
		p.tooLong = true
	}
	return append(out, Action{Op: SignIn, User: &user})
}

// SignedIn answers a SignIn action: the connection is entered as the user. The client gets signin_success, and 4302
// after it when its watchlist was cut; the state of the watched users is sent after that, by the caller ("Watchlist").
//
// The answer may be late: if Ended reports true, nothing comes out, and the caller signs the connection out again.
// Without a SignIn action to answer it does nothing.
func (s *Session) SignedIn(out []Action) []Action {
	p := s.signing()
	if p == nil || s.ended {
		return out
	}
	s.identity.signing = nil
	member := p.member // a copy: pointing into p would keep the text of user_data for the life of the connection
	s.identity.user = &member
	out = s.authorize(out)
	out = append(out, Action{Op: Send, Payload: wire.AppendSigninSuccess(nil, p.userData)})
	if p.tooLong {
		out = refuse(pusher.ErrWatchlistTooLong, out)
	}
	return out
}

// SignInRefused answers a SignIn action: the connection is not entered, because of err. Without a SignIn action to
// answer it does nothing.
func (s *Session) SignInRefused(err *pusher.Error, out []Action) []Action {
	if s.signing() == nil || s.ended {
		return out
	}
	s.identity.signing = nil
	return refuse(err, out)
}
