package pusher

import "time"

// Pusher's limits, the defaults of an app. Each can be raised by configuration; the official test suites expect these.
const (
	DefaultChannelNameLength     = 164   // bytes, prefix included
	DefaultEventNameLength       = 200   // characters
	DefaultEventBytes            = 10240 // bytes of an event's decoded data in UTF-8
	DefaultChannelsPerEvent      = 100   // channels one trigger may name
	DefaultBatchEvents           = 10    // events in one batch
	DefaultPresenceMembers       = 100   // users on one presence channel
	DefaultMemberBytes           = 1024  // bytes of a presence member's user_info, as JSON text
	DefaultUserIDLength          = 128   // bytes
	DefaultWatchlist             = 100   // user ids one sign-in may watch
	DefaultClientEventsPerSecond = 10    // for each connection
	DefaultJSONDepth             = 32    // ours: arrays and objects inside each other in what clients and servers send

	// DefaultSubscriptionsPerConnection is ours: Pusher has no limit, and one connection could take any amount of memory.
	DefaultSubscriptionsPerConnection = 10_000
	// DefaultSubscribesPerSecond is ours too, and as many as a connection may hold: one that comes back subscribes to
	// all of them at once, and is not to be refused.
	DefaultSubscribesPerSecond = DefaultSubscriptionsPerConnection
	// DefaultCacheBytes is ours as well: what the cache channels of one app may hold together.
	DefaultCacheBytes = 64 << 20
	// DefaultHistoryBytes is ours too: what the history of all channels of one app may hold.
	DefaultHistoryBytes = 64 << 20

	// These two are ours: publishers try again for a while, and each key takes some hundred bytes meanwhile.
	DefaultIdempotencyKeys   = 100_000
	DefaultIdempotencyWindow = 2 * time.Minute

	DefaultCacheTTL      = 30 * time.Minute // how long a cache channel keeps its last event
	DefaultSignInTimeout = 30 * time.Second // authorized connections; Pusher's own value is not published

	DefaultHookBatchEvents = 20                     // events in one webhook request
	DefaultHookBatchDelay  = 250 * time.Millisecond // that an event may wait for others to go along
	DefaultHookTimeout     = 4 * time.Second        // for a receiver to answer
	DefaultHookRetryFor    = 5 * time.Minute        // that a receiver may fail before its events are given up
	DefaultHookLeaveDelay  = 3 * time.Second        // that a channel or member must be gone before it is told
	DefaultHookWorkers     = 4                      // requests at once to one receiver; ours, Pusher does not say

	// SubscriptionCountEager is the number of subscribers up to which every change is announced.
	SubscriptionCountEager = 100
	// SubscriptionCountEvery is the shortest time between two announcements above SubscriptionCountEager.
	SubscriptionCountEvery = 5 * time.Second
)
