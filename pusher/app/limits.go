package app

import (
	"time"

	"github.com/gannet-io/gannet/pusher"
)

// Limits bounds what one app may use. Zero means no limit, everywhere; [DefaultLimits] has Pusher's values.
type Limits struct {
	Connections                int // open at once; only authorized ones count when App.RequireSignIn
	ChannelNameLength          int // characters, prefix included
	EventNameLength            int // characters
	EventBytes                 int // of an event's data, after decoding the JSON string
	ChannelsPerEvent           int // in one trigger request
	BatchEvents                int // in one batch request
	PresenceMembers            int // distinct users of a presence channel
	MemberBytes                int // of a presence member's user_info, as JSON text
	UserIDLength               int // characters
	Watchlist                  int // user ids in one sign-in
	ClientEventsPerSecond      int // of one connection
	TotalClientEventsPerSecond int // of all connections of one node
	SubscriptionsPerConnection int
	SubscribesPerSecond        int // of one connection
	TotalSubscribesPerSecond   int // of all connections of one node
	RequestsPerSecond          int // to the HTTP API of one node
	KeyRequestsPerSecond       int // with one of the app's keys
	JSONDepth                  int // arrays and objects inside each other in a message or body; at most 64, which 0 stands for
	CacheBytes                 int // of the events that all cache channels hold; the oldest go first
	HistoryBytes               int // of the history of all channels and of their keyed caches; what was untouched for longest goes first

	IdempotencyKeys int // of publishes that are remembered, the oldest are forgotten first

	IdempotencyWindow time.Duration // how long the answer to a publish with an idempotency key is remembered
	CacheTTL          time.Duration // how long the last event of a cache channel is kept
	SignInTimeout     time.Duration // how long a connection may stay unauthorized when App.RequireSignIn
}

// DefaultLimits returns Pusher's published limits, the Default constants of package pusher.
//
// Pusher limits connections by plan, and they are unlimited here; it has no limit on subscriptions, and here they have one.
func DefaultLimits() Limits {
	return Limits{
		ChannelNameLength:          pusher.DefaultChannelNameLength,
		EventNameLength:            pusher.DefaultEventNameLength,
		EventBytes:                 pusher.DefaultEventBytes,
		ChannelsPerEvent:           pusher.DefaultChannelsPerEvent,
		BatchEvents:                pusher.DefaultBatchEvents,
		PresenceMembers:            pusher.DefaultPresenceMembers,
		MemberBytes:                pusher.DefaultMemberBytes,
		UserIDLength:               pusher.DefaultUserIDLength,
		Watchlist:                  pusher.DefaultWatchlist,
		ClientEventsPerSecond:      pusher.DefaultClientEventsPerSecond,
		SubscriptionsPerConnection: pusher.DefaultSubscriptionsPerConnection,
		SubscribesPerSecond:        pusher.DefaultSubscribesPerSecond,
		JSONDepth:                  pusher.DefaultJSONDepth,
		CacheBytes:                 pusher.DefaultCacheBytes,
		HistoryBytes:               pusher.DefaultHistoryBytes,
		IdempotencyKeys:            pusher.DefaultIdempotencyKeys,
		IdempotencyWindow:          pusher.DefaultIdempotencyWindow,
		CacheTTL:                   pusher.DefaultCacheTTL,
		SignInTimeout:              pusher.DefaultSignInTimeout,
	}
}

// negative names a limit below zero, or "".
func (l *Limits) negative() string {
	for _, n := range []struct {
		name  string
		value int
	}{
		{"connections", l.Connections},
		{"channel name length", l.ChannelNameLength},
		{"event name length", l.EventNameLength},
		{"event bytes", l.EventBytes},
		{"channels per event", l.ChannelsPerEvent},
		{"batch events", l.BatchEvents},
		{"presence members", l.PresenceMembers},
		{"member bytes", l.MemberBytes},
		{"user id length", l.UserIDLength},
		{"watchlist", l.Watchlist},
		{"client events per second", l.ClientEventsPerSecond},
		{"total client events per second", l.TotalClientEventsPerSecond},
		{"subscriptions per connection", l.SubscriptionsPerConnection},
		{"subscribes per second", l.SubscribesPerSecond},
		{"total subscribes per second", l.TotalSubscribesPerSecond},
		{"requests per second", l.RequestsPerSecond},
		{"requests per second of a key", l.KeyRequestsPerSecond},
		{"JSON depth", l.JSONDepth},
		{"cache bytes", l.CacheBytes},
		{"history bytes", l.HistoryBytes},
		{"idempotency keys", l.IdempotencyKeys},
		{"idempotency window", int(l.IdempotencyWindow)},
		{"cache TTL", int(l.CacheTTL)},
		{"sign-in timeout", int(l.SignInTimeout)},
	} {
		if n.value < 0 {
			return n.name
		}
	}
	return ""
}
