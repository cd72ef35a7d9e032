package rest

import (
	"strings"
	"time"

	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/wire"
)

// listChannels shows the occupied channels.
//
//	GET /apps/{id}/channels?filter_by_prefix=presence-&info=user_count
//	{"channels":{"presence-a":{"user_count":42}}}
//
// The filter is a literal prefix and may hold anything. user_count needs one that only presence
// channels match. subscription_count is not documented for lists; it is there for who asks.
func (s *Server) listChannels(q *request) error {
	want, err := parseAttributes(q.param("info"), userCount|subscriptionCount)
	if err != nil {
		return err
	}
	prefix := q.param("filter_by_prefix")
	if want&userCount != 0 && !strings.HasPrefix(prefix, "presence-") {
		return errUserCountFilter
	}
	if want&subscriptionCount != 0 && !q.app.SubscriptionCount {
		return errNoSubscriptionCount
	}
	s.cfg.Node.Channels(q.app, prefix, func(name string, c Counts) {
		q.channels = append(q.channels, wire.ChannelInfo{Name: name, Info: q.fill(c, pusher.KindOf(name), want)})
	})
	q.out = wire.AppendChannels(q.out, q.channels)
	return nil
}

// showChannel shows one channel.
//
//	GET /apps/{id}/channels/{channel}?info=user_count,subscription_count,cache
//	{"occupied":true,"user_count":42,"subscription_count":42,"cache":{"data":"event data","ttl":60}}
//
// A channel nobody is on is no error: {"occupied":false} and zeros. Asking for what the channel cannot
// have is one. ttl is in whole seconds, rounded up; it is 0 when the app's events stay for ever.
func (s *Server) showChannel(q *request) error {
	if !pusher.ValidChannel(q.name, q.app.Limits.ChannelNameLength) {
		return badChannel(q.name)
	}
	want, err := parseAttributes(q.param("info"), userCount|subscriptionCount|cache)
	if err != nil {
		return err
	}
	kind := pusher.KindOf(q.name)
	switch {
	case want&userCount != 0 && kind&pusher.Presence == 0:
		return errUserCountPresence
	case want&cache != 0 && kind&pusher.Cache == 0:
		return errCacheChannel
	case want&subscriptionCount != 0 && !q.app.SubscriptionCount:
		return errNoSubscriptionCount
	}
	counts := s.cfg.Node.Channel(q.app, q.name)
	var cached *wire.CacheInfo
	if want&cache != 0 {
		if token, ttl, ok := s.cfg.Node.Cached(q.app, q.name); ok {
			cached = &wire.CacheInfo{Data: token, TTL: int((ttl + time.Second - 1) / time.Second)}
		}
	}
	q.out = wire.AppendChannel(q.out, counts.Occupied, q.fill(counts, kind, want), want&cache != 0, cached)
	return nil
}
