package demo

import (
	"net/http"
	"net/url"
	"slices"
	"time"
)

const (
	maxNotice        = 200 // letters
	noticesPerSecond = 20  // of all visitors together
)

// userPrefix begins the channel of a signed-in user, which server libraries know as sendToUser.
const userPrefix = "#server-to-user-"

// notify tells one user something, on whatever devices they are signed in.
func (s *Site) notify(fields url.Values) (any, error) {
	to, from := personOf(fields.Get("to")), personOf(fields.Get("from"))
	text, ok := words(fields, "text", maxNotice)
	if to == nil || from == nil || !ok {
		return nil, bad("from, to or text is missing or too long")
	}
	s.mu.Lock()
	allowed := s.notices.Allow(time.Now(), noticesPerSecond)
	s.mu.Unlock()
	if !allowed {
		return nil, &refusal{http.StatusTooManyRequests, "Too many notices at once"}
	}
	s.publish(userPrefix+to.ID, "notice", map[string]any{"from": from.Name, "text": text, "at": time.Now().UnixMilli()})
	return struct{}{}, nil
}

func personOf(id string) *Person {
	i := slices.IndexFunc(People, func(p Person) bool { return p.ID == id })
	if i < 0 {
		return nil
	}
	return &People[i]
}
