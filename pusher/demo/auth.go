package demo

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"

	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/auth"
)

// A Person is somebody whom a visitor can be on the page of notices.
type Person struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// People are those whom visitors can sign in as. They watch each other.
var People = []Person{{"demo-ada", "Ada"}, {"demo-bo", "Bo"}, {"demo-chidi", "Chidi"}, {"demo-dana", "Dana"}, {"demo-emil", "Emil"}}

// maxName is how many letters a visitor's name may have.
const maxName = 24

// authorize is what pusher-js calls the channel authorization endpoint. A real one knows from its session who asks, and decides
// whether they may; this one believes the fields user and name, and only looks at the channel.
func (s *Site) authorize(fields url.Values) (any, error) {
	socket, channel := fields.Get("socket_id"), fields.Get("channel_name")
	if !pusher.ValidSocketID(socket) {
		return nil, bad("socket_id is none")
	}
	kind := pusher.KindOf(channel)
	if !pusher.ValidChannel(channel, s.cfg.App.Limits.ChannelNameLength) || !ours(channel) || kind&pusher.Private == 0 && kind&pusher.Presence == 0 {
		return nil, &refusal{http.StatusForbidden, "This is no private or presence channel of a demo"}
	}
	key := s.cfg.App.Keys[0]
	if kind&pusher.Presence == 0 {
		return map[string]string{"auth": key.Key + ":" + auth.ChannelSignature(key.Secret, socket, channel, nil)}, nil
	}
	id := fields.Get("user")
	name, ok := words(fields, "name", maxName)
	if !plain(id) || !ok {
		return nil, bad("user or name is missing or too long")
	}
	// What is signed is the text, so it is made once and sent as it is.
	member, err := json.Marshal(map[string]any{"user_id": id, "user_info": map[string]string{"name": name}})
	if err != nil {
		panic(err) // strings
	}
	text := string(member)
	return map[string]string{"auth": key.Key + ":" + auth.ChannelSignature(key.Secret, socket, channel, &text), "channel_data": text}, nil
}

// signIn is what pusher-js calls the user authentication endpoint.
func (s *Site) signIn(fields url.Values) (any, error) {
	socket, id := fields.Get("socket_id"), fields.Get("user")
	if !pusher.ValidSocketID(socket) {
		return nil, bad("socket_id is none")
	}
	i := slices.IndexFunc(People, func(p Person) bool { return p.ID == id })
	if i < 0 {
		return nil, &refusal{http.StatusForbidden, "Nobody here is called that"}
	}
	var watched []string
	for _, p := range People {
		if p.ID != id {
			watched = append(watched, p.ID)
		}
	}
	user, err := json.Marshal(map[string]any{"id": id, "user_info": People[i], "watchlist": watched})
	if err != nil {
		panic(err) // strings
	}
	key := s.cfg.App.Keys[0]
	return map[string]string{"auth": key.Key + ":" + auth.UserSignature(key.Secret, socket, string(user)), "user_data": string(user)}, nil
}
