package rest

import (
	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/wire"
)

// listUsers shows who is on a presence channel.
//
//	GET /apps/{id}/channels/{channel}/users
//	{"users":[{"id":"1"},{"id":"2"}]}
//
// Each user once, ids always strings. Nobody there is 200 and an empty list.
func (s *Server) listUsers(q *request) error {
	if !pusher.ValidChannel(q.name, q.app.Limits.ChannelNameLength) {
		return badChannel(q.name)
	}
	if pusher.KindOf(q.name)&pusher.Presence == 0 {
		return errUsersPresence
	}
	q.out = wire.AppendUsers(q.out, s.cfg.Node.Users(q.app, q.name))
	return nil
}

// terminate closes the connections of a signed-in user.
//
//	POST /apps/{id}/users/{user}/terminate_connections
//	POST /users/{user}/terminate_connections
//
// It answers {} whether or not the user is connected, and 503 when other nodes could not be told. The body means nothing and is not read, but
// is part of the signature. The second form is what pusher-http-python sends; its app is the one
// auth_key belongs to.
func (s *Server) terminate(q *request) error {
	if !pusher.ValidUserID(q.name, q.app.Limits.UserIDLength) {
		return errBadUserID
	}
	if err := s.cfg.Node.Terminate(q.app, q.name); err != nil {
		return terminateFailed(err)
	}
	q.out = append(q.out, "{}"...)
	return nil
}
