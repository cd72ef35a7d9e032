package main

import (
	"time"

	"github.com/gannet-io/gannet/frame/handshake"
	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/auth"
)

// Config is the configuration of the whole process: what the file, the environment and
// the flags said, over the defaults. It is made by Load and not changed afterwards.
//
// The yaml tag of a field is its key in the file; a field tagged unit:"bytes" takes "64KiB"
// besides a plain number. One tagged range:"1KiB-64KiB", or range:"1s-" without a largest value, takes nothing else but
// 0. Keys outside apps also have an environment variable (see Keys).
// docs/config.md describes every key and is held against this struct by a test.
type Config struct {
	Listen     Listeners   `yaml:"listen"` // at least one
	Admin      AdminConfig `yaml:"admin"`
	REST       RESTConfig  `yaml:"rest"`
	PathPrefix string      `yaml:"path_prefix"` // "" or "/x/y": no slash at the end
	Hosts      []string    `yaml:"hosts"`       // that requests may be for, see package allow; empty: any
	DataDir    string      `yaml:"data_dir"`    // directory of what must survive the process; "": nothing is written

	Proxies ProxiesConfig `yaml:"proxies"`
	TLS     TLSConfig     `yaml:"tls"`

	WebSocket WebSocketConfig `yaml:"websocket"`

	Limits ServerLimits `yaml:"limits"`

	PingInterval    time.Duration `yaml:"ping_interval"`    // of silence before a control ping; 0: no pings
	PongWait        time.Duration `yaml:"pong_wait"`        // after the ping before 4201
	ActivityTimeout time.Duration `yaml:"activity_timeout"` // whole seconds, at least 1: told to clients
	DrainWindow     time.Duration `yaml:"drain_window"`     // over which 4200 is spread at shutdown; 0: all at once
	Loops           int           `yaml:"loops"`            // 0: see engine.Config.Loops
	StrictProtocol  bool          `yaml:"strict_protocol"`  // refuse clients that send no protocol number (4008)

	Tuning TuningConfig `yaml:"tuning"`

	Webhooks WebhooksConfig `yaml:"webhooks"`

	Cluster ClusterConfig `yaml:"cluster"`

	Tracing TracingConfig `yaml:"tracing"`

	Log LogConfig `yaml:"log"`

	Apps []AppConfig `yaml:"apps"`

	// Dev says that --dev was given: the development app is among Apps and the banner is printed.
	Dev bool `yaml:"-"`
	// DevTLS says that --dev-tls was given: a certificate is made that nobody vouches for.
	DevTLS bool `yaml:"-"`

	// goGC and goMemoryLimit say that GOGC and GOMEMLIMIT are set: the runtime has read them.
	goGC, goMemoryLimit bool

	// Program is how the process was started, for the commands in the banner; "": gannet.
	Program string `yaml:"-"`

	// Warnings are sentences for the operator about what was accepted but looks wrong.
	Warnings []string `yaml:"-"`
}

// AdminConfig says where metrics, profiles, health, the console and its API are served, and to whom.
type AdminConfig struct {
	Listen       string        `yaml:"listen"`        // an address as of ListenerConfig; "": no admin listener
	Token        Secret        `yaml:"token"`         // for scripts; "": none
	TokenFile    string        `yaml:"token_file"`    // has one, which wins over Token
	Password     Secret        `yaml:"password"`      // for people; "": none
	PasswordFile string        `yaml:"password_file"` // has one, which wins over Password
	Hosts        []string      `yaml:"hosts"`         // names it is asked by, see package allow
	Public       []string      `yaml:"public"`        // what needs no secret: health, metrics
	SoketiPrefix string        `yaml:"soketi_prefix"` // of metrics under soketi's names; "": there are none
	TLS          DoorTLSConfig `yaml:"tls"`
	ConsoleURL   string        `yaml:"console_url"` // where people reach it, for the consoles of other nodes; "": by its address
}

// RESTConfig says where the HTTP API is served besides the public listener.
type RESTConfig struct {
	Listen string        `yaml:"listen"` // an address as of ListenerConfig; "": the public ones only
	TLS    DoorTLSConfig `yaml:"tls"`
}

// ProxiesConfig says whom to believe about where clients come from.
type ProxiesConfig struct {
	Trusted       []string `yaml:"trusted"`        // networks, addresses, "unix"; empty: nobody
	Header        string   `yaml:"header"`         // x-forwarded-for, forwarded
	ProxyProtocol string   `yaml:"proxy_protocol"` // off, optional, required
}

// WebSocketConfig says what is agreed on with clients in the opening handshake.
type WebSocketConfig struct {
	Compression string `yaml:"compression"` // on: permessage-deflate with clients that offer it; off
}

// The words of WebSocketConfig.Compression.
const (
	compressionOff = "off"
	compressionOn  = "on"
)

// ServerLimits are the ceilings of this process, whatever the app. 0 means no limit.
type ServerLimits struct {
	Connections                 int           `yaml:"connections"`                                     // conns at once; above: 4100
	ConnectionsPerAddress       int           `yaml:"connections_per_address"`                         // sockets of one client address at once
	ConnectsPerSecondPerAddress int           `yaml:"connects_per_second_per_address"`                 // new ones
	AcceptsPerSecond            int           `yaml:"accepts_per_second"`                              // sockets accepted; more wait in the kernel
	Handshakes                  int           `yaml:"handshakes"`                                      // heads awaited at once
	HandshakeTimeout            time.Duration `yaml:"handshake_timeout" range:"100ms-"`                // from accept to a whole head
	HandshakeBytes              int           `yaml:"handshake_bytes" unit:"bytes" range:"1KiB-64KiB"` // of a head, request line and headers
	HandshakeHeaders            int           `yaml:"handshake_headers" range:"10-"`                   // of a handshake
	MessageBytes                int           `yaml:"message_bytes" unit:"bytes" range:"1KiB-"`        // of one whole WebSocket message
	MessageTime                 time.Duration `yaml:"message_time" range:"1s-"`                        // from a message's first byte to its last
	Fragments                   int           `yaml:"fragments"`                                       // frames of one message
	RESTBodyBytes               int           `yaml:"rest_body_bytes" unit:"bytes" range:"1KiB-64MiB"` // of one HTTP request body
	BacklogBytes                int           `yaml:"backlog_bytes" unit:"bytes" range:"1KiB-"`        // unsent bytes of one conn
	BacklogTotalBytes           int           `yaml:"backlog_total_bytes" unit:"bytes" range:"1MiB-"`  // of all together
	BacklogAge                  time.Duration `yaml:"backlog_age"`                                     // of the oldest unsent byte of one conn
	TimestampWindow             time.Duration `yaml:"timestamp_window"`                                // between auth_timestamp and our clock; whole seconds
}

// LogConfig says what is logged and in which form.
type LogConfig struct {
	Level  string `yaml:"level"`  // debug, info, warn, error
	Format string `yaml:"format"` // text, json
}

// A Secret is a signing secret; it prints as [hidden], so that it cannot leak through a
// log line or an error.
type Secret string

// String returns "[hidden]", or "" for the empty secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "[hidden]"
}

// GoString returns what String returns.
func (s Secret) GoString() string { return s.String() }

// MarshalText returns what String returns: it keeps the secret out of JSON.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// AppConfig is one entry of apps. Registered turns it into an app.App.
type AppConfig struct {
	ID     string `yaml:"id"`
	Key    string `yaml:"key"`    // short form of one entry in keys
	Secret Secret `yaml:"secret"` // belongs to Key
	// Keys is the long form, for rotation: oldest first. Excludes Key and Secret.
	Keys []KeyConfig `yaml:"keys"`

	Enabled           bool     `yaml:"enabled"`
	ClientEvents      bool     `yaml:"client_events"`
	Origins           []string `yaml:"origins"` // empty: any
	RequireSignIn     bool     `yaml:"require_sign_in"`
	SubscriptionCount bool     `yaml:"subscription_count"`
	Watchlist         bool     `yaml:"watchlist"`

	Limits AppLimits    `yaml:"limits"`
	Compat CompatConfig `yaml:"compat"`

	Channels []ChannelConfig `yaml:"channels"` // the first whose Match fits counts
	Webhooks []WebhookConfig `yaml:"webhooks"`
}

// ChannelConfig is one entry of an app's channels: what is special about those that match.
type ChannelConfig struct {
	Match        string        `yaml:"match"`
	History      HistoryConfig `yaml:"history"`
	Cache        string        `yaml:"cache"`      // "", keyed
	CacheKeys    int           `yaml:"cache_keys"` // 0: no limit
	Key          string        `yaml:"key"`        // event, channel
	Slow         string        `yaml:"slow"`       // disconnect, conflate, drop_oldest
	HighWater    int           `yaml:"high_water" unit:"bytes"`
	LowWater     int           `yaml:"low_water" unit:"bytes"`
	ClientEvents *bool         `yaml:"client_events"` // nil: as the app
}

// HistoryConfig says how much of a channel's past is kept. Nothing, unless one of the two is set.
type HistoryConfig struct {
	Events int           `yaml:"events"` // 0: no limit
	TTL    time.Duration `yaml:"ttl"`    // 0: no limit
}

// DefaultChannel returns what an entry of an app's channels starts from.
func DefaultChannel() ChannelConfig {
	return ChannelConfig{CacheKeys: 1000, Key: keyEvent, Slow: slowDisconnect, HighWater: 64 << 10, LowWater: 16 << 10}
}

// The words for ChannelConfig.
const (
	cacheKeyed = "keyed"
	keyEvent   = "event"
	keyChannel = "channel"

	slowDisconnect = "disconnect"
	slowConflate   = "conflate"
	slowDropOldest = "drop_oldest"
)

// KeyConfig is one entry of an app's keys.
type KeyConfig struct {
	Key    string `yaml:"key"`
	Secret Secret `yaml:"secret"`
}

// AppLimits are the ceilings of one app; its fields are those of app.Limits. 0 means no limit.
type AppLimits struct {
	Connections                int           `yaml:"connections"`
	ChannelNameLength          int           `yaml:"channel_name_length"`
	EventNameLength            int           `yaml:"event_name_length"`
	EventBytes                 int           `yaml:"event_bytes" unit:"bytes"`
	ChannelsPerEvent           int           `yaml:"channels_per_event"`
	BatchEvents                int           `yaml:"batch_events"`
	PresenceMembers            int           `yaml:"presence_members"`
	MemberBytes                int           `yaml:"member_bytes" unit:"bytes"`
	UserIDLength               int           `yaml:"user_id_length"`
	Watchlist                  int           `yaml:"watchlist"`
	ClientEventsPerSecond      int           `yaml:"client_events_per_second"`
	TotalClientEventsPerSecond int           `yaml:"total_client_events_per_second"`
	SubscriptionsPerConnection int           `yaml:"subscriptions_per_connection"`
	SubscribesPerSecond        int           `yaml:"subscribes_per_second"`
	TotalSubscribesPerSecond   int           `yaml:"total_subscribes_per_second"`
	RequestsPerSecond          int           `yaml:"requests_per_second"`
	KeyRequestsPerSecond       int           `yaml:"key_requests_per_second"`
	JSONDepth                  int           `yaml:"json_depth" range:"4-64"`
	CacheBytes                 int           `yaml:"cache_bytes" unit:"bytes"`
	HistoryBytes               int           `yaml:"history_bytes" unit:"bytes"`
	IdempotencyKeys            int           `yaml:"idempotency_keys"`
	IdempotencyWindow          time.Duration `yaml:"idempotency_window"`
	CacheTTL                   time.Duration `yaml:"cache_ttl"`
	SignInTimeout              time.Duration `yaml:"sign_in_timeout"`
}

// CompatConfig holds one app's departures from Pusher in favour of what other servers do;
// its fields are those of app.Compat.
type CompatConfig struct {
	SubscriptionErrorFrame     bool `yaml:"subscription_error_frame"`
	PassClientEventData        bool `yaml:"pass_client_event_data"`
	Quota4100                  bool `yaml:"quota_4100"`
	ReacknowledgeSubscribe     bool `yaml:"reacknowledge_subscribe"`
	JSONErrors                 bool `yaml:"json_errors"`
	ClientEventsOnPublic       bool `yaml:"client_events_on_public"`
	TerminateByPresence        bool `yaml:"terminate_by_presence"`
	EncryptedSubscriptionCount bool `yaml:"encrypted_subscription_count"`
	TerminateCode              int  `yaml:"terminate_code"` // 0: 4009
}

// DefaultConfig returns what holds when nothing is configured: no apps, and Pusher's
// numbers where Pusher has any.
func DefaultConfig() *Config {
	return &Config{
		Listen:    at(":6001"),
		Admin:     AdminConfig{Listen: "127.0.0.1:9601", Public: []string{publicHealth}, TLS: DoorTLSConfig{MinVersion: "1.2"}},
		REST:      RESTConfig{TLS: DoorTLSConfig{MinVersion: "1.2"}},
		Proxies:   ProxiesConfig{Header: "x-forwarded-for", ProxyProtocol: "off"},
		WebSocket: WebSocketConfig{Compression: compressionOff},
		Limits: ServerLimits{
			Handshakes:       16384,
			HandshakeTimeout: 10 * time.Second,
			HandshakeBytes:   handshake.DefaultLimits().Bytes,
			HandshakeHeaders: handshake.DefaultLimits().Headers,
			// Room for a client event of 10 KiB with every byte escaped as \u00xx.
			MessageBytes: 64 << 10,
			Fragments:    128,
			// Time for 64 KiB on the slowest of links, and one ping is answered in between.
			MessageTime:       time.Minute,
			RESTBodyBytes:     1 << 20,
			BacklogBytes:      1 << 20,
			BacklogTotalBytes: 1 << 30,
			BacklogAge:        30 * time.Second,
			// Pusher's number.
			TimestampWindow: auth.DefaultWindow,
		},
		TLS:             TLSConfig{MinVersion: "1.2"},
		PingInterval:    60 * time.Second,
		PongWait:        30 * time.Second,
		ActivityTimeout: 120 * time.Second,
		DrainWindow:     10 * time.Second,
		Tuning:          defaultTuning(),
		Webhooks:        defaultWebhooks(),
		Cluster:         defaultCluster(),
		Tracing:         TracingConfig{Sample: 0.01},
		Log:             LogConfig{Level: "info", Format: "text"},
	}
}

// DefaultApp returns what an entry of apps starts from: enabled, with Pusher's limits, and
// every switch that is off in a new Pusher app off.
func DefaultApp() AppConfig {
	return AppConfig{Enabled: true, Limits: AppLimits(app.DefaultLimits())}
}

// Registered returns the apps in the order of the file, for appstatic.New. The caller owns
// the result.
func (c *Config) Registered() []*app.App {
	apps := make([]*app.App, 0, len(c.Apps))
	for i := range c.Apps {
		apps = append(apps, c.Apps[i].app())
	}
	return apps
}

func (a *AppConfig) app() *app.App {
	return &app.App{
		ID:                a.ID,
		Keys:              a.keys(),
		Enabled:           a.Enabled,
		ClientEvents:      a.ClientEvents,
		RequireSignIn:     a.RequireSignIn,
		SubscriptionCount: a.SubscriptionCount,
		Watchlist:         a.Watchlist,
		Origins:           a.Origins,
		Limits:            app.Limits(a.Limits),
		Compat:            app.Compat(a.Compat),
		Rules:             a.rules(),
		Webhooks:          a.webhooks(),
	}
}

func (a *AppConfig) rules() []app.Rule {
	var rules []app.Rule
	for i := range a.Channels {
		rules = append(rules, a.Channels[i].rule())
	}
	return rules
}

func (c *ChannelConfig) rule() app.Rule {
	r := app.Rule{
		Match:        c.Match,
		History:      app.History(c.History),
		KeyedCache:   c.Cache == cacheKeyed,
		CacheKeys:    c.CacheKeys,
		ClientEvents: permission(c.ClientEvents),
	}
	if c.Key == keyChannel {
		r.Key = app.ByChannel
	}
	switch c.Slow {
	case slowConflate:
		r.Slow = app.Conflate
	case slowDropOldest:
		r.Slow = app.DropOldest
	default:
		return r
	}
	r.HighWater, r.LowWater = c.HighWater, c.LowWater
	return r
}

func permission(b *bool) app.Permission {
	switch {
	case b == nil:
		return app.AsApp
	case *b:
		return app.Allow
	}
	return app.Deny
}

// pairs returns the keys of the long and the short form alike, oldest first.
func (a *AppConfig) pairs() []KeyConfig {
	if len(a.Keys) > 0 {
		return a.Keys
	}
	return []KeyConfig{{Key: a.Key, Secret: a.Secret}}
}

func (a *AppConfig) keys() []app.Key {
	keys := make([]app.Key, 0, 1)
	for _, pair := range a.pairs() {
		keys = append(keys, app.Key{Key: pair.Key, Secret: string(pair.Secret)})
	}
	return keys
}
