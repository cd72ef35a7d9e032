package channel

import (
	"slices"
	"strings"
	"time"

	"github.com/gannet-io/gannet/pusher"
)

// A cached event is the last one published on a cache channel.
type cached struct {
	event   string
	token   []byte
	expires int64 // Unix nanoseconds; 0: never
}

// Store keeps an event as the channel's last one for ttl (0 or less: until the next). On a channel without a cache it
// does nothing.
//
// It is for events published over HTTP, and only for those: neither client events nor the protocol's own frames may
// reach a new subscriber this way ("Cache channels"). dataToken is the event's data as a JSON string token and is
// borrowed: Store copies it.
func (s *State) Store(event string, dataToken []byte, now time.Time, ttl time.Duration) {
	if s.kind&pusher.Cache == 0 {
		return
	}
	c := &cached{event: strings.Clone(event), token: slices.Clone(dataToken)}
	if ttl > 0 {
		c.expires = now.Add(ttl).UnixNano()
	}
	s.cached = c
}

// Cached returns the event a new subscriber gets after its subscription_succeeded, the data as JSON string token, and
// how long it is still good (0: without end). ok is false when there is none any more: then the subscriber of a cache
// channel gets a cache_miss. token is shared.
func (s *State) Cached(now time.Time) (event string, token []byte, ttl time.Duration, ok bool) {
	if !s.cached.good(now) {
		return "", nil, 0, false
	}
	if s.cached.expires != 0 {
		ttl = time.Duration(s.cached.expires - now.UnixNano())
	}
	return s.cached.event, s.cached.token, ttl, true
}

// CacheBytes returns about how much memory the kept event takes, 0 when there is none. One that has expired takes it until
// Forget.
func (s *State) CacheBytes() int {
	if s.cached == nil {
		return 0
	}
	return cachedBytes + len(s.cached.event) + len(s.cached.token)
}

// cachedBytes is what a kept event takes beside its name and data: with its channel and that one's name.
const cachedBytes = 512

// Forget lets go of the kept event.
func (s *State) Forget() { s.cached = nil }

func (c *cached) good(now time.Time) bool {
	return c != nil && (c.expires == 0 || now.UnixNano() < c.expires)
}
