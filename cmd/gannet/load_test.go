package main_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	main "github.com/gannet-io/gannet/cmd/gannet"
	"github.com/gannet-io/gannet/pusher/app"
)

// oneApp is the least that serve accepts.
const oneApp = "apps: [{id: a, key: k, secret: s}]\n"

// write writes a configuration file and returns its path.
func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "gannet.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// load loads text as a file called gannet.yaml, with environ over it.
func load(t *testing.T, text string, environ ...string) (*main.Config, error) {
	t.Helper()
	t.Chdir(filepath.Dir(write(t, text)))
	return main.Load(main.Sources{File: "gannet.yaml", Environ: environ})
}

func TestFullFileSetsEveryKey(t *testing.T) {
	got, err := main.Load(main.Sources{File: "testdata/full.yaml"})
	if err != nil {
		t.Fatal(err)
	}
	want := &main.Config{
		Listen: main.Listeners{
			{Address: "127.0.0.1:7001", ProxyProtocol: "optional", Compression: "off"},
			{Address: "unix:/run/gannet/gannet.sock", SocketMode: "0666"},
			{Address: "systemd:public"},
		},
		Admin: main.AdminConfig{Listen: "127.0.0.1:7601", Token: "0123456789abcdef", TokenFile: "/etc/gannet/token", Password: "pass word", PasswordFile: "/etc/gannet/password",
			Hosts: []string{"console.shop.example"}, Public: []string{"health", "metrics"}, SoketiPrefix: "soketi_", ConsoleURL: "https://n1.console.shop.example/",
			TLS: main.DoorTLSConfig{Certificates: []main.CertificateConfig{{Cert: "c.pem", Key: "c.key"}}, MinVersion: "1.3", ClientCA: "clients.pem"}},
		REST: main.RESTConfig{Listen: "127.0.0.1:7002",
			TLS: main.DoorTLSConfig{Certificates: []main.CertificateConfig{{Cert: "d.pem", Key: "d.key"}}, MinVersion: "1.3", ClientCA: "backends.pem"}},
		PathPrefix: "/realtime",
		DataDir:    "/var/lib/gannet",
		Hosts:      []string{"ws.shop.example", "*.ws.shop.example:7001"},
		Proxies:    main.ProxiesConfig{Trusted: []string{"10.0.0.0/8", "2001:db8::1", "unix"}, Header: "forwarded", ProxyProtocol: "required"},
		TLS: main.TLSConfig{
			Certificates: []main.CertificateConfig{{Cert: "/etc/gannet/a.pem", Key: "/etc/gannet/a.key"}, {Cert: "b.pem", Key: "b.pem"}},
			ACME:         main.ACMEConfig{Domains: []string{"ws.shop.example"}, Email: "ops@shop.example", Directory: "https://ca.shop.example/dir", CA: "/etc/gannet/ca.pem", Challenge: "http-01"},
			Require:      true, MinVersion: "1.3", HSTS: 24 * time.Hour, TicketSecrets: "/etc/gannet/tickets", Handshakes: 3,
		},
		Limits: main.ServerLimits{
			Connections: 100000, ConnectionsPerAddress: 500, ConnectsPerSecondPerAddress: 20, AcceptsPerSecond: 2000,
			Handshakes: 1000, HandshakeTimeout: 5 * time.Second, HandshakeBytes: 16384, HandshakeHeaders: 50,
			MessageBytes: 262144, MessageTime: 20 * time.Second, Fragments: 64,
			RESTBodyBytes: 3145728, BacklogBytes: 524288, BacklogTotalBytes: 4 << 30, BacklogAge: 10 * time.Second,
			TimestampWindow: time.Minute,
		},
		WebSocket:    main.WebSocketConfig{Compression: "on"},
		PingInterval: 30 * time.Second, PongWait: 15 * time.Second, ActivityTimeout: 90 * time.Second,
		DrainWindow: 20 * time.Second, Loops: 1, StrictProtocol: true,
		Tuning: main.TuningConfig{
			Profile: "latency", CPUAffinity: "auto", GCPercent: 150, MemoryLimit: "2GiB", BatchWindow: 2 * time.Millisecond,
			SendBuffer: 1048576, NotSentLowat: 32768, UserTimeout: 20 * time.Second,
		},
		Webhooks: main.WebhooksConfig{
			LeaveDelay: 5 * time.Second, ReturnDelay: time.Minute, QueueEvents: 50000, QueueBytes: 128 << 20, DeadBytes: 16 << 20, DeadFor: 24 * time.Hour,
			Allow: []string{"10.1.0.0/16", "10.2.0.1"}, Deny: []string{"10.1.9.0/24"},
		},
		Cluster: main.ClusterConfig{
			Driver: "nats", Node: "ws-1", Lease: 20 * time.Second,
			NATS: main.NATSConfig{URLs: []string{}, Domain: "hub", Listen: "0.0.0.0:6222",
				Routes: []string{"10.0.0.1:6222", "nats://10.0.0.2:6222", "ws-3.internal:6222"}, Address: "10.0.0.1:6222", Secret: "route-secret", Sync: "always",
				Replicas: 3, Shards: 16, HistoryBytes: 1 << 30, Prefix: "shop",
				TLS: main.LinkTLSConfig{CA: "/etc/gannet/link.pem", Cert: "/etc/gannet/node.pem", Key: "/etc/gannet/node.key"}},
			Redis: main.RedisConfig{URL: "rediss://10.0.0.9:6380/2", Password: "redis-secret", Prefix: "shop:",
				TLS: main.LinkTLSConfig{CA: "/etc/gannet/link.pem", Cert: "r.pem", Key: "r.key"}},
		},
		Tracing: main.TracingConfig{
			Endpoint: "https://otlp.shop.example/v1/traces", Headers: main.Headers{"Api-Key": "trace-secret"}, Sample: 0.25, Service: "shop",
			Attributes: main.Headers{"deployment.environment.name": "staging"},
		},
		Log: main.LogConfig{Level: "warn", Format: "json"},
		Apps: []main.AppConfig{
			{
				ID: "shop", Key: "shop-key", Secret: "shop-secret", ClientEvents: true,
				Origins:       []string{"https://shop.example", "https://www.shop.example"},
				RequireSignIn: true, SubscriptionCount: true, Watchlist: true,
				Limits: main.AppLimits{
					Connections: 5000, ChannelNameLength: 200, EventNameLength: 300, EventBytes: 102400, ChannelsPerEvent: 50,
					BatchEvents: 20, PresenceMembers: 500, MemberBytes: 2048, UserIDLength: 64, Watchlist: 200,
					ClientEventsPerSecond: 25, TotalClientEventsPerSecond: 5000, SubscriptionsPerConnection: 300,
					SubscribesPerSecond: 400, TotalSubscribesPerSecond: 20000, RequestsPerSecond: 1000, KeyRequestsPerSecond: 700, JSONDepth: 16, CacheBytes: 16 << 20, HistoryBytes: 32 << 20, IdempotencyKeys: 5000, IdempotencyWindow: 5 * time.Minute, CacheTTL: time.Hour, SignInTimeout: 10 * time.Second,
				},
				Webhooks: []main.WebhookConfig{
					{
						Name: "main", URL: "https://shop.example/hook?token=sesame", Events: []string{"member_added", "member_removed"},
						Filter: main.FilterConfig{Prefix: "presence-", Suffix: "-eu"}, SkipEncrypted: true,
						Headers: main.Headers{"Authorization": "Bearer sesame", "X-Number": "5"}, Key: "hook-key", Secret: "hook-secret",
						Batch:   main.BatchConfig{Events: 50, Delay: time.Second},
						Timeout: 10 * time.Second, RetryFor: 10 * time.Minute, Workers: 8,
					},
					{
						URL: "https://hooks.example:8443/", Batch: main.BatchConfig{Events: 20, Delay: 250 * time.Millisecond},
						Timeout: 4 * time.Second, RetryFor: 5 * time.Minute, Workers: 4,
					},
				},
				Compat: main.CompatConfig{
					SubscriptionErrorFrame: true, PassClientEventData: true, Quota4100: true, ReacknowledgeSubscribe: true,
					JSONErrors: true, ClientEventsOnPublic: true, TerminateByPresence: true, EncryptedSubscriptionCount: true, TerminateCode: 4200,
				},
				Channels: []main.ChannelConfig{{
					Match: "private-ticker-*", History: main.HistoryConfig{Events: 500, TTL: 5 * time.Minute}, Cache: "keyed", CacheKeys: 200, Key: "channel",
					Slow: "conflate", HighWater: 128 << 10, LowWater: 8 << 10, ClientEvents: new(false),
				}},
			},
			{
				ID: "42", Enabled: true, Limits: main.AppLimits(app.DefaultLimits()),
				Keys: []main.KeyConfig{{Key: "old-key", Secret: "old-secret"}, {Key: "new-key", Secret: "new-secret"}},
			},
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("full.yaml\n got %#v\nwant %#v", got, want)
	}
	// A key that the sample leaves out would be zero or its default above, and nobody would see it.
	text, _ := os.ReadFile("testdata/full.yaml")
	for _, key := range main.Keys() {
		name := key.Path[strings.LastIndexByte(key.Path, '.')+1:]
		if !strings.Contains(string(text), name+":") {
			t.Errorf("full.yaml does not use %s", key.Path)
		}
	}
}

func TestRegisteredAppsAreWhatTheFileSays(t *testing.T) {
	cfg, err := load(t, `
apps:
  - {id: 7, key: k, secret: s, origins: [https://a.example], limits: {connections: 5, event_bytes: 0}}
  - {id: rot, keys: [{key: old, secret: s1}, {key: new, secret: s2}], enabled: false, compat: {terminate_code: 4001}}
  - {id: ruled, key: kr, secret: s, channels: [
      {match: a-*, client_events: true, history: {events: 10}}, {match: b, client_events: false, cache: keyed, cache_keys: 0}, {match: c, history: {ttl: 3s}, key: channel, slow: conflate}, {match: d, slow: drop_oldest, low_water: 1KiB}, {match: "*"}]}
`)
	if err != nil {
		t.Fatal(err)
	}
	limits := app.DefaultLimits()
	limits.Connections, limits.EventBytes = 5, 0
	want := []*app.App{
		{ID: "7", Keys: []app.Key{{Key: "k", Secret: "s"}}, Enabled: true, Origins: []string{"https://a.example"}, Limits: limits},
		{ID: "rot", Keys: []app.Key{{Key: "old", Secret: "s1"}, {Key: "new", Secret: "s2"}}, Limits: app.DefaultLimits(), Compat: app.Compat{TerminateCode: 4001}},
		{ID: "ruled", Keys: []app.Key{{Key: "kr", Secret: "s"}}, Enabled: true, Limits: app.DefaultLimits(), Rules: []app.Rule{
			{Match: "a-*", ClientEvents: app.Allow, History: app.History{Events: 10}, CacheKeys: 1000},
			{Match: "b", ClientEvents: app.Deny, KeyedCache: true},
			{Match: "c", History: app.History{TTL: 3 * time.Second}, CacheKeys: 1000, Key: app.ByChannel,
				Slow: app.Conflate, HighWater: 64 << 10, LowWater: 16 << 10},
			{Match: "d", CacheKeys: 1000, Slow: app.DropOldest, HighWater: 64 << 10, LowWater: 1 << 10},
			{Match: "*", CacheKeys: 1000}}},
	}
	if got := cfg.Registered(); !reflect.DeepEqual(got, want) {
		t.Errorf("Registered\n got %+v\nwant %+v", got, want)
	}
}

func TestBadFilesAreRefusedWithTheirPlace(t *testing.T) {
	tests := []struct{ name, text, want string }{
		// Keys.
		{"unknown key, one near", "lisen: x\n" + oneApp, `gannet.yaml:1:1: unknown key "lisen"; did you mean "listen"?`},
		{"unknown key, letters swapped", "lsiten: x\n" + oneApp, `gannet.yaml:1:1: unknown key "lsiten"; did you mean "listen"?`},
		{"unknown key, none near", "colour: x\n" + oneApp, `gannet.yaml:1:1: unknown key "colour"`},
		{"unknown key below", oneApp + "log:\n  levle: info\n", `gannet.yaml:3:3: unknown key "levle" in log; did you mean "level"?`},
		{"unknown key in flow style", oneApp + "log: {levl: info}\n", `gannet.yaml:2:7: unknown key "levl" in log; did you mean "level"?`},
		{"unknown key in an app", "apps:\n  - id: a\n    key: k\n    secret: s\n    client_event: true\n", `gannet.yaml:5:5: unknown key "client_event" in apps[0]; did you mean "client_events"?`},
		{"known key in the wrong place", "apps: [{id: a, key: k, secret: s, event_bytes: 1}]", `gannet.yaml:1:35: unknown key "event_bytes" in apps[0]; there is apps[].limits.event_bytes`},
		{"camel case", "pathPrefix: /x\n" + oneApp, `gannet.yaml:1:1: unknown key "pathPrefix"; did you mean "path_prefix"?`},
		{"a number as a key", "1: x\n" + oneApp, `gannet.yaml:1:1: unknown key "1"`},
		{"of a later release", oneApp + "regions: {home: eu}\n", `gannet.yaml:2:1: unknown key "regions"`},
		{"key twice", "loops: 1\nloops: 2\n" + oneApp, `gannet.yaml:2:1: not YAML: mapping key "loops" already defined at [1:1]`},
		{"merge key", "apps:\n  - &a {id: a, key: k, secret: s}\n  - <<: *a\n    id: b\n", "gannet.yaml:3:5: merge keys (<<) are not supported; repeat the keys, or use an alias for a whole value"},

		// Types.
		{"text for a number", oneApp + "loops: many\n", "gannet.yaml:2:8: loops: want a whole number, got text"},
		{"fraction for a number", oneApp + "loops: 1.5\n", `gannet.yaml:2:8: loops: want a whole number, got "1.5"`},
		{"quoted number", oneApp + "loops: \"4\"\n", "gannet.yaml:2:8: loops: want a whole number, got text"},
		{"negative number", oneApp + "loops: -1\n", `gannet.yaml:2:8: loops: must not be negative, got "-1"`},
		{"huge number", oneApp + "loops: 99999999999999999999\n", `gannet.yaml:2:8: loops: want a whole number, got text`},
		{"yes for true", oneApp + "strict_protocol: yes\n", "gannet.yaml:2:18: strict_protocol: want true or false, got text"},
		{"number for a bool", oneApp + "strict_protocol: 1\n", "gannet.yaml:2:18: strict_protocol: want true or false, got a number"},
		{"bool for text", oneApp + "path_prefix: true\n", "gannet.yaml:2:14: path_prefix: want text, got true or false"},
		{"list for text", oneApp + "log: {level: [a, b]}\n", "gannet.yaml:2:14: log.level: want text, got a list"},
		{"mapping for text", oneApp + "log: {level: {a: b}}\n", "gannet.yaml:2:14: log.level: want text, got keys and values"},
		{"text for a mapping", oneApp + "limits: none\n", "gannet.yaml:2:9: limits: want keys below it, got text"},
		{"mapping for a list", "apps: {id: a}\n", "gannet.yaml:1:7: apps: want a list, got keys and values"},
		{"text for a list of text", "apps: [{id: a, key: k, secret: s, origins: '*'}]", "gannet.yaml:1:44: apps[0].origins: want a list, got text"},
		{"bool in a list of text", "apps: [{id: a, key: k, secret: s, origins: [true]}]", "gannet.yaml:1:45: apps[0].origins[0]: want text, got true or false"},
		{"text for an app", "apps: [a]\n", "gannet.yaml:1:8: apps[0]: want keys below it, got text"},
		{"file is a list", "- a\n", `gannet.yaml:1:1: want keys such as "listen:", got a list`},
		{"file is a word", "hello\n", `gannet.yaml:1:1: want keys such as "listen:", got text`},
		{"no value", oneApp + "loops:\n", "gannet.yaml:2:1: loops has no value; give it one, or remove the key"},
		{"no value of a mapping", oneApp + "limits:\n", "gannet.yaml:2:1: limits has no value; give it one, or remove the key"},
		{"no value of a list", "apps:\n  - id: a\n    key: k\n    secret: s\n    origins:\n", "gannet.yaml:5:5: apps[0].origins has no value; write [] for an empty list, or remove the key"},
		{"null", oneApp + "loops: null\n", "gannet.yaml:2:1: loops has no value; give it one, or remove the key"},
		{"tag", oneApp + "loops: !!int 4\n", "gannet.yaml:2:8: loops: want a whole number, got a YAML tag"},

		// Durations and sizes.
		{"duration without a unit", oneApp + "pong_wait: 30\n", `gannet.yaml:2:12: pong_wait: want a duration such as 30s or 2m, got "30"`},
		{"duration with a foreign unit", oneApp + "pong_wait: 1d\n", `gannet.yaml:2:12: pong_wait: want a duration such as 30s or 2m, got "1d"`},
		{"negative duration", oneApp + "pong_wait: -1s\n", `gannet.yaml:2:12: pong_wait: must not be negative, got "-1s"`},
		{"decimal unit", oneApp + "limits: {message_bytes: 64kB}\n", `gannet.yaml:2:25: limits.message_bytes: want a size in bytes such as 65536 or 64KiB, got "64kB"`},
		{"unit alone", oneApp + "limits: {message_bytes: KiB}\n", `gannet.yaml:2:25: limits.message_bytes: want a size in bytes such as 65536 or 64KiB, got "KiB"`},
		{"size above 512 GiB", oneApp + "limits: {message_bytes: 513GiB}\n", `gannet.yaml:2:25: limits.message_bytes: must be at most 512GiB, got "513GiB"`},
		{"negative size", oneApp + "limits: {message_bytes: -1KiB}\n", `gannet.yaml:2:25: limits.message_bytes: must not be negative, got "-1KiB"`},

		// Values.
		{"listen empty", oneApp + "listen: ''\n", "gannet.yaml:2:9: listen: must not be empty; :6001 listens on every address"},
		{"listen a port alone", oneApp + "listen: 6001\n", `gannet.yaml:2:9: listen: want host:port or :port such as :6001, unix:PATH or systemd:NAME, got "6001"`},
		{"listen a host alone", oneApp + "listen: localhost\n", `gannet.yaml:2:9: listen: want host:port or :port such as :6001, unix:PATH or systemd:NAME, got "localhost"`},
		{"port out of range", oneApp + "listen: ':70000'\n", `gannet.yaml:2:9: listen: the port must be a number from 0 to 65535, got ":70000"`},
		{"port a name", oneApp + "listen: ':http'\n", `gannet.yaml:2:9: listen: the port must be a number from 0 to 65535, got ":http"`},
		{"port with zeros", oneApp + "listen: ':06001'\n", `gannet.yaml:2:9: listen: the port must be a number from 0 to 65535, got ":06001"`},
		{"listen to nothing", oneApp + "listen: []\n", "gannet.yaml:2:9: listen: must not be empty; :6001 listens on every address"},
		{"listen without an address", oneApp + "listen: [{socket_mode: '0666'}]\n", "gannet.yaml:2:10: listen[0]: must not be empty; :6001 listens on every address\n" +
			`gannet.yaml:2:24: listen[0].socket_mode: is for Unix sockets, and "" is none`},
		{"listen to a list of lists", oneApp + "listen: [[a]]\n", "gannet.yaml:2:10: listen[0]: want text, got a list"},
		{"unknown key of a listener", oneApp + "listen: [{adress: x}]\n", `gannet.yaml:2:11: unknown key "adress" in listen[0]; did you mean "address"?`},
		{"one of several", oneApp + "listen: [':6001', x]\n", `gannet.yaml:2:19: listen[1]: want host:port or :port such as :6001, unix:PATH or systemd:NAME, got "x"`},
		{"one twice", oneApp + "listen: [':6001', ':6001']\n", `gannet.yaml:2:19: listen[1]: ":6001" is taken by listen[0]`},
		{"a socket without a path", oneApp + "listen: 'unix:'\n", "gannet.yaml:2:9: listen: want a path behind unix:, such as unix:/run/gannet/gannet.sock"},
		{"a socket with a long path", oneApp + "listen: unix:/" + strings.Repeat("x", 107) + "\n", "gannet.yaml:2:9: listen: the path of a Unix socket must be at most 107 bytes long, got 108"},
		{"a socket mode that is none", oneApp + "listen: {address: 'unix:/s', socket_mode: rw}\n", `gannet.yaml:2:43: listen.socket_mode: want a file mode in octal such as 0660, got "rw"`},
		{"a socket mode that is decimal", oneApp + "listen: {address: 'unix:/s', socket_mode: 0680}\n", `gannet.yaml:2:43: listen.socket_mode: want a file mode in octal such as 0660, got "0680"`},
		{"a mode for a port", oneApp + "listen: {address: ':1', socket_mode: '0666'}\n", `gannet.yaml:2:38: listen.socket_mode: is for Unix sockets, and ":1" is none`},
		{"systemd without a name", oneApp + "listen: 'systemd:'\n", "gannet.yaml:2:9: listen: want a name behind systemd:, as in FileDescriptorName of the socket unit, or systemd alone"},
		{"compression of another kind", oneApp + "websocket: {compression: gzip}\n", `gannet.yaml:2:26: websocket.compression: must be one of off, on, got "gzip"`},
		{"and on one address", oneApp + "listen: [{address: ':1', compression: offer}]\n", `gannet.yaml:2:39: listen[0].compression: must be one of off, on, got "offer"`},
		{"PROXY headers of nobody on one", oneApp + "listen: [{address: ':1', proxy_protocol: optional}]\n", "gannet.yaml:2:42: listen[0].proxy_protocol: nobody may send PROXY headers; list your proxies in proxies.trusted"},
		{"soketi prefix", oneApp + "admin: {soketi_prefix: soketi}\n", `gannet.yaml:2:24: admin.soketi_prefix: want small letters, digits and _ with _ at the end, such as soketi_ or sockudo_, got "soketi"`},
		{"soketi prefix of ours", oneApp + "admin: {soketi_prefix: gannet_node_}\n", `gannet.yaml:2:24: admin.soketi_prefix: want small letters, digits and _ with _ at the end, such as soketi_ or sockudo_, got "gannet_node_"`},
		{"a console's URL without a scheme", oneApp + "admin: {console_url: n1.example}\n", `gannet.yaml:2:22: admin.console_url: want a URL such as https://n1.example.com/, got "n1.example"`},
		{"client certificates without TLS", oneApp + "admin: {tls: {client_ca: c.pem}}\n", `gannet.yaml:2:26: admin.tls.client_ca: clients show certificates over TLS alone; name the server's own in admin.tls.certificates`},
		{"a door's certificate without its key", oneApp + "rest: {tls: {certificates: [{cert: c.pem}]}}\n", `gannet.yaml:2:29: rest.tls.certificates[0].key: want the name of a PEM file with the private key`},
		{"an old TLS of the admin listener", oneApp + "admin: {tls: {min_version: '1.1'}}\n", `gannet.yaml:2:28: admin.tls.min_version: must be one of 1.2, 1.3, got "1.1"; did you mean "1.2"?`},
		{"a console's URL with a query", oneApp + "admin: {console_url: 'http://h/?a'}\n", `gannet.yaml:2:22: admin.console_url: want a URL such as https://n1.example.com/, got "http://h/?a"`},
		{"a console's URL with a password", oneApp + "admin: {console_url: 'http://u:sesame@h/'}\n", "gannet.yaml:2:22: admin.console_url: user and password do not go into the URL, since other nodes show it"},
		{"address twice", oneApp + "admin: {listen: ':6001', password: 12345678}\n", `gannet.yaml:2:17: admin.listen: ":6001" is taken by listen`},
		{"prefix without a slash", oneApp + "path_prefix: realtime\n", `gannet.yaml:2:14: path_prefix: want a path such as /realtime, with a slash before and none after, got "realtime"`},
		{"prefix with a slash after", oneApp + "path_prefix: /realtime/\n", `gannet.yaml:2:14: path_prefix: want a path such as /realtime, with a slash before and none after, got "/realtime/"`},
		{"prefix with a query", oneApp + "path_prefix: /a?b\n", `gannet.yaml:2:14: path_prefix: want a path such as /realtime, with a slash before and none after, got "/a?b"`},
		{"too many loops", oneApp + "loops: 257\n", "gannet.yaml:2:8: loops: must be from 0 to 256, got 257"},
		{"ping below a second", oneApp + "ping_interval: 10ms\n", "gannet.yaml:2:16: ping_interval: must be at least 1s, or 0 for no pings"},
		{"pong at once", oneApp + "pong_wait: 0s\n", "gannet.yaml:2:12: pong_wait: must be at least 1s while pings are sent"},
		{"activity of half seconds", oneApp + "activity_timeout: 1500ms\n", "gannet.yaml:2:19: activity_timeout: must be whole seconds and at least 1s: clients are told it as a number of seconds"},
		{"activity 0", oneApp + "activity_timeout: 0\n", "gannet.yaml:2:19: activity_timeout: must be whole seconds and at least 1s: clients are told it as a number of seconds"},
		{"below a range", oneApp + "limits: {handshake_bytes: 1023}\n", "gannet.yaml:2:27: limits.handshake_bytes: must be from 1KiB to 64KiB, or 0 for the most"},
		{"above a range", oneApp + "limits: {handshake_bytes: 65537}\n", "gannet.yaml:2:27: limits.handshake_bytes: must be from 1KiB to 64KiB, or 0 for the most"},
		{"below an open range", oneApp + "limits: {message_time: 999ms}\n", "gannet.yaml:2:24: limits.message_time: must be at least 1s, or 0 for no limit"},
		{"range in an app", "apps: [{id: a, key: k, secret: s, limits: {json_depth: 65}}]\n", "gannet.yaml:1:56: apps[0].limits.json_depth: must be from 4 to 64, or 0 for the most"},
		{"timestamp window of half seconds", oneApp + "limits: {timestamp_window: 1500ms}\n", "gannet.yaml:2:28: limits.timestamp_window: must be whole seconds, as time stamps are, or 0 for any time"},
		// The cluster.
		{"another driver", oneApp + "cluster: {driver: kafka}\n", `gannet.yaml:2:19: cluster.driver: must be one of none, nats, redis, got "kafka"`},
		{"a driver misspelt", oneApp + "cluster: {driver: natts}\n", `gannet.yaml:2:19: cluster.driver: must be one of none, nats, redis, got "natts"; did you mean "nats"?`},
		{"a name with a dot", oneApp + "cluster: {driver: nats, node: a.b}\n", `gannet.yaml:2:31: cluster.node: must be up to 64 letters, digits, - and _, got "a.b"`},
		{"no lease", oneApp + "cluster: {lease: 0}\n", `gannet.yaml:2:18: cluster.lease: must be from 1s to 10m, got 0s`},
		{"a server with a password in it", oneApp + "cluster: {driver: nats, nats: {urls: ['nats://me:sesame@h:4222']}}\n", `gannet.yaml:2:39: cluster.nats.urls[0]: user and password do not go into the URL, since it is shown in places; they have keys of their own`},
		{"a server without a scheme", oneApp + "cluster: {driver: nats, nats: {urls: ['h:4222']}}\n", `gannet.yaml:2:39: cluster.nats.urls[0]: want a URL such as nats://10.0.0.1:4222, got "h:4222"`},
		{"two ways to log in", oneApp + "cluster: {driver: nats, nats: {urls: ['nats://h'], token: sesame, user: me, password: x}}\n", `gannet.yaml:2:31: cluster.nats: give one of credentials, nkey, user with password, and token`},
		{"a user without a password", oneApp + "cluster: {driver: nats, nats: {urls: ['nats://h'], user: me}}\n", `gannet.yaml:2:58: cluster.nats.user: user and password go together`},
		{"a token for nobody", oneApp + "cluster: {driver: nats, nats: {token: sesame}}\n", `gannet.yaml:2:31: cluster.nats: credentials, nkey, user, password and token are for the servers in cluster.nats.urls; nodes with a server inside share cluster.nats.secret`},
		{"inside and outside", oneApp + "cluster: {driver: nats, nats: {urls: ['nats://h'], listen: ':6222'}}\n", `gannet.yaml:2:60: cluster.nats.listen: listen, routes and address are for a server inside, and urls names others; give one or the other`},
		{"two that keep data", oneApp + "cluster: {driver: nats, nats: {listen: '127.0.0.1:1', routes: ['a:1', 'b:1']}}\n", `gannet.yaml:2:63: cluster.nats.routes: lists the nodes that keep data, of which most have to be there: want 1, 3 or 5, got 2; further nodes join them unlisted`},
		{"more copies than nodes", oneApp + "cluster: {driver: nats, nats: {replicas: 3}}\n", `gannet.yaml:2:42: cluster.nats.replicas: there cannot be 3 copies while 1 nodes keep data`},
		{"a route with a secret in it", oneApp + "cluster: {driver: nats, nats: {listen: '127.0.0.1:1', routes: ['nats://x:sesame@a:1']}}\n", `gannet.yaml:2:64: cluster.nats.routes[0]: want host:port alone; the secret of all nodes goes into cluster.nats.secret`},
		{"a route without a port", oneApp + "cluster: {driver: nats, nats: {listen: '127.0.0.1:1', routes: ['a']}}\n", `gannet.yaml:2:64: cluster.nats.routes[0]: want an address such as 10.0.0.1:6222, got "a"`},
		{"routes that lead nowhere", oneApp + "cluster: {driver: nats, nats: {routes: ['a:1']}}\n", `gannet.yaml:2:31: cluster.nats.listen: the nodes in cluster.nats.routes have to reach this one; give it an address such as 0.0.0.0:6222`},
		{"open to everybody", oneApp + "cluster: {driver: nats, nats: {listen: ':6222'}}\n", `gannet.yaml:2:31: cluster.nats.secret: whoever reaches cluster.nats.listen could join the cluster; set the same secret on all nodes`},
		{"nodes without certificates", oneApp + "cluster: {driver: nats, nats: {listen: '127.0.0.1:1', tls: {ca: a}}}\n", `gannet.yaml:2:60: cluster.nats.tls.cert: nodes with a server inside show each other certificates; name this one's with its key`},
		{"nodes that trust everybody", oneApp + "cluster: {driver: nats, nats: {listen: '127.0.0.1:1', tls: {cert: a, key: a}}}\n", `gannet.yaml:2:60: cluster.nats.tls.ca: nodes with a server inside show each other certificates; name the authority that has to have signed them`},
		{"no Redis", oneApp + "cluster: {driver: redis}\n", `gannet.yaml:2:10: cluster.redis.url: want a URL such as redis://10.0.0.1:6379`},
		{"Redis without a scheme", oneApp + "cluster: {driver: redis, redis: {url: 'me:sesame@h'}}\n", `gannet.yaml:2:39: cluster.redis.url: want a URL such as redis://10.0.0.1:6379`},
		{"Redis over HTTP", oneApp + "cluster: {driver: redis, redis: {url: 'http://me:sesame@h'}}\n", `gannet.yaml:2:39: cluster.redis.url: want a URL that begins with redis:// or, for TLS, rediss://, and for more than one server redis+sentinel:// or redis+cluster://`},
		{"Redis without a name of the master", oneApp + "cluster: {driver: redis, redis: {url: 'redis+sentinel://me:sesame@h:1,h2:1'}}\n", `gannet.yaml:2:39: cluster.redis.url: the URL names no master: redis+sentinel://host:26379/master`},
		{"two passwords", oneApp + "cluster: {driver: redis, redis: {url: 'redis://:a@h', password: b}}\n", `gannet.yaml:2:65: cluster.redis.password: the URL has a password, too; give one`},
		{"a certificate without a key", oneApp + "cluster: {driver: redis, redis: {url: 'rediss://h', tls: {cert: a}}}\n", `gannet.yaml:2:58: cluster.redis.tls: cert and key go together`},
		{"TLS for a plain URL", oneApp + "cluster: {driver: redis, redis: {url: 'redis://h', tls: {ca: a}}}\n", `gannet.yaml:2:57: cluster.redis.tls: is for a URL that begins with rediss`},

		{"log level", oneApp + "log: {level: warning}\n", `gannet.yaml:2:14: log.level: must be one of debug, info, warn, error, got "warning"`},
		{"log level misspelt", oneApp + "log: {level: Debig}\n", `gannet.yaml:2:14: log.level: must be one of debug, info, warn, error, got "Debig"; did you mean "debug"?`},
		{"log format", oneApp + "log: {format: xml}\n", `gannet.yaml:2:15: log.format: must be one of text, json, got "xml"`},

		// Apps.
		{"no apps", "loops: 1\n", `gannet.yaml: there is no app to serve; list one under "apps:" in a file for --config, or set GANNET_APP_ID, GANNET_APP_KEY and GANNET_APP_SECRET, or use --dev for the development app`},
		{"empty list of apps", "apps: []\n", `gannet.yaml:1:7: there is no app to serve; list one under "apps:" in a file for --config, or set GANNET_APP_ID, GANNET_APP_KEY and GANNET_APP_SECRET, or use --dev for the development app`},
		{"app without an id", "apps:\n  - key: k\n    secret: s\n", "gannet.yaml:2:5: apps[0].id: must not be empty"},
		{"app without a secret", "apps:\n  - id: a\n    key: k\n", "gannet.yaml:2:5: apps[0].secret: must not be empty"},
		{"app without a key", "apps:\n  - id: a\n    secret: s\n", "gannet.yaml:2:5: apps[0].key: must not be empty"},
		{"pair without a secret", "apps: [{id: a, keys: [{key: k}]}]", "gannet.yaml:1:23: apps[0].keys[0].secret: must not be empty"},
		{"both forms of keys", "apps: [{id: a, key: k, secret: s, keys: [{key: l, secret: t}]}]", "gannet.yaml:1:41: apps[0].keys: give either keys or the short form key and secret, not both"},
		{"id with a slash", "apps: [{id: a/b, key: k, secret: s}]", `gannet.yaml:1:13: apps[0].id: must be printable ASCII without blanks and without any of /?#%&, got "a/b"`},
		{"key with a colon", "apps: [{id: a, key: 'k:l', secret: s}]", `gannet.yaml:1:21: apps[0].key: must be printable ASCII without blanks and without any of /?#%&:, got "k:l"`},
		{"id twice", "apps:\n  - {id: a, key: k, secret: s}\n  - {id: a, key: l, secret: s}\n", `gannet.yaml:3:10: apps[1].id: "a" is already used by apps[0].id at gannet.yaml:2:10`},
		{"key twice", "apps:\n  - {id: a, key: k, secret: s}\n  - {id: b, keys: [{key: l, secret: s}, {key: k, secret: s}]}\n", `gannet.yaml:3:47: apps[1].keys[1].key: "k" is already used by apps[0].key at gannet.yaml:2:18`},
		{"blank origin", "apps: [{id: a, key: k, secret: s, origins: [https://a, '']}]", "gannet.yaml:1:56: apps[0].origins[1]: want an origin such as \"https://shop.example\", a host or \"*.shop.example\", got \"\""},
		{"host with a scheme", oneApp + "hosts: [a.example, \"https://b.example\"]\n", `gannet.yaml:2:20: hosts[1]: want a host without a scheme, such as "b.example", got "https://b.example"`},
		{"a star within an origin", "apps: [{id: a, key: k, secret: s, origins: [\"a*.example\"]}]", `gannet.yaml:1:45: apps[0].origins[0]: a "*" stands for sub-domains, as in "*.shop.example", or alone, got "a*.example"`},
		{"trusting a name", oneApp + "proxies: {trusted: [10.0.0.0/8, lb.internal]}\n", `gannet.yaml:2:33: proxies.trusted[1]: want a network such as 10.0.0.0/8 or an address, got "lb.internal"`},
		{"trusting half a network", oneApp + "proxies: {trusted: [10.1.0.0/8]}\n", `gannet.yaml:2:21: proxies.trusted[0]: "10.1.0.0/8" has bits behind its mask; the network is 10.0.0.0/8, the address 10.1.0.0`},
		{"another header", oneApp + "proxies: {header: x-real-ip}\n", `gannet.yaml:2:19: proxies.header: must be one of x-forwarded-for, forwarded, got "x-real-ip"`},
		{"PROXY headers of nobody", oneApp + "proxies: {proxy_protocol: required}\n", `gannet.yaml:2:27: proxies.proxy_protocol: nobody may send PROXY headers; list your proxies in proxies.trusted`},
		{"terminate code", "apps: [{id: a, key: k, secret: s, compat: {terminate_code: 1000}}]", "gannet.yaml:1:60: apps[0].compat.terminate_code: must be a close code from 4000 to 4299, or 0 for 4009, got 1000"},

		// Rules of channels.
		{"a rule without a pattern", "apps: [{id: a, key: k, secret: s, channels: [{client_events: true}]}]", "gannet.yaml:1:46: apps[0].channels[0].match: must not be empty; * matches every channel"},
		{"a pattern that nothing matches", "apps: [{id: a, key: k, secret: s, channels: [{match: news/*}]}]", "gannet.yaml:1:54: apps[0].channels[0].match: no channel has such a name: want letters, digits and _-=@,.; with * for any of them, got \"news/*\""},
		{"a rule behind one for all", "apps: [{id: a, key: k, secret: s, channels: [{match: '*'}, {match: b}]}]", "gannet.yaml:1:68: apps[0].channels[1].match: is never used: \"*\" at gannet.yaml:1:54 comes first and matches all of it"},
		{"a rule twice", "apps: [{id: a, key: k, secret: s, channels: [{match: b*}, {match: b*}]}]", "gannet.yaml:1:67: apps[0].channels[1].match: is never used: \"b*\" at gannet.yaml:1:54 comes first and matches all of it"},
		{"too much history", "apps: [{id: a, key: k, secret: s, channels: [{match: b, history: {events: 20000000}}]}]", "gannet.yaml:1:75: apps[0].channels[0].history.events: must be from 0 to 10000000, got 20000000"},
		{"history in a word", "apps: [{id: a, key: k, secret: s, channels: [{match: b, history: on}]}]", "gannet.yaml:1:66: apps[0].channels[0].history: want keys below it, got text"},
		{"an unknown policy", "apps: [{id: a, key: k, secret: s, channels: [{match: b, slow: conflated}]}]", "gannet.yaml:1:63: apps[0].channels[0].slow: must be one of disconnect, conflate, drop_oldest, got \"conflated\"; did you mean \"conflate\"?"},
		{"a mark that is never reached", "apps: [{id: a, key: k, secret: s, channels: [{match: b, slow: conflate, high_water: 1MiB}]}]", "gannet.yaml:1:85: apps[0].channels[0].high_water: must be less than limits.backlog_bytes, where the client is closed: that is 1MiB"},
		{"marks the wrong way round", "apps: [{id: a, key: k, secret: s, channels: [{match: b, slow: drop_oldest, high_water: 1KiB, low_water: 2KiB}]}]", "gannet.yaml:1:105: apps[0].channels[0].low_water: must not be more than high_water, which is 1KiB"},
		{"an unknown cache", "apps: [{id: a, key: k, secret: s, channels: [{match: b, cache: keyd}]}]", "gannet.yaml:1:64: apps[0].channels[0].cache: must be one of keyed, got \"keyd\"; did you mean \"keyed\"?"},
		{"an unknown key", "apps: [{id: a, key: k, secret: s, channels: [{match: b, key: events}]}]", "gannet.yaml:1:62: apps[0].channels[0].key: must be one of event, channel, got \"events\"; did you mean \"event\"?"},
		{"a word for a bool that may be open", "apps: [{id: a, key: k, secret: s, channels: [{match: b, client_events: maybe}]}]", "gannet.yaml:1:72: apps[0].channels[0].client_events: want true or false, got text"},

		// The text itself.
		{"tab", "log:\n\tlevel: info\n", "gannet.yaml:2:1: not YAML: found character '\t' that cannot start any token"},
		{"unclosed bracket", "apps: [\n", "gannet.yaml:1:7: not YAML: sequence end token ']' not found"},
		{"unclosed quote", "listen: \"a\n", "gannet.yaml:1:9: not YAML: could not find end character of double-quoted text"},
		{"not UTF-8", "loops: 1\nlisten: \"\xff\"\n", "gannet.yaml:2:1: the line is not valid UTF-8"},
		{"two documents", oneApp + "---\nloops: 1\n", "gannet.yaml:3:1: a second document; the configuration is one"},
		{"alias to nothing", "apps: [{id: a, key: *k, secret: s}]", "gannet.yaml:1:21: apps[0].key: nothing before this place is anchored as &k"},
		{"alias to itself", "apps: &a [*a]\n", "gannet.yaml:1:11: apps[0]: nothing before this place is anchored as &a"},
		{"after non-ASCII text", "apps: [{id: ä, key: k, secret: s}]", `gannet.yaml:1:13: apps[0].id: must be printable ASCII without blanks and without any of /?#%&, got "ä"`},
		{"column after non-ASCII text", "apps: [{secret: ä, kye: k}]", `gannet.yaml:1:20: unknown key "kye" in apps[0]; did you mean "key"?`},
		{"CRLF", "apps: [{id: a, key: k, secret: s}]\r\nlisen: x\r\n", `gannet.yaml:2:1: unknown key "lisen"; did you mean "listen"?`},
		{"byte order mark", "\ufefflisen: x\n" + oneApp, `gannet.yaml:1:1: unknown key "lisen"; did you mean "listen"?`},

		// Everything at once.
		{"several", "lisen: x\nloops: many\nlog: {level: 3}\n", "gannet.yaml:1:1: unknown key \"lisen\"; did you mean \"listen\"?\n" +
			"gannet.yaml:2:8: loops: want a whole number, got text"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := load(t, tt.text)
			if err == nil {
				t.Fatalf("loaded:\n%s\nwant %s", tt.text, tt.want)
			}
			if err.Error() != tt.want {
				t.Errorf("%s\n got %s\nwant %s", tt.text, err, tt.want)
			}
		})
	}
}

func TestSecretsAreNeverInAnError(t *testing.T) {
	for _, text := range []string{
		"apps:\n  - {id: a, key: k, secret: [hush]}\n",
		"apps:\n  - {id: a, key: k, secret: {hush: hush2}}\n",
		"apps:\n  - {id: 'a b', key: 'k:', secret: hush}\n  - {id: b, key: b, secret: hush, x: y}\n",
		"apps:\n  - id: a\n    secret: hush\n    key: [\n",
		"apps:\n  - id: a\n    secret: \"hush\n",
		"apps:\n  - id: a\n    secret: hush\n\tkey: k\n",
		"apps:\n  - id: a\n    secret: hush: hush\n",
		"apps:\n  - id: a\n    secret: *hush\n    key: k\n  - secret: &b hush\n    id: *b2\n",
		"apps:\n  - {id: a, key: k, secret: hush, keys: [{key: l, secret: hush}]}\n",
	} {
		_, err := load(t, text)
		if err == nil {
			t.Errorf("loaded:\n%s", text)
			continue
		}
		// The name of an alias is no secret.
		if message := strings.ReplaceAll(err.Error(), "&hush", ""); strings.Contains(message, "hush") {
			t.Errorf("%s\nthe error shows the secret: %s", text, err)
		}
	}
}

func TestGoodFilesLoad(t *testing.T) {
	tests := []struct {
		name, text string
		check      func(*main.Config) bool
	}{
		{"numbers as ids", "apps: [{id: 0123, key: 1e5, secret: 7}]", func(c *main.Config) bool {
			return c.Apps[0].ID == "0123" && c.Apps[0].Key == "1e5" && c.Apps[0].Secret == "7"
		}},
		{"aliases", "apps:\n  - {id: a, key: k, secret: s, limits: &l {connections: 3}}\n  - {id: b, key: l, secret: s, limits: *l}\n", func(c *main.Config) bool {
			return c.Apps[1].Limits.Connections == 3 && c.Apps[1].Limits.EventBytes == 10240
		}},
		{"literal text", "apps:\n  - id: a\n    key: k\n    secret: |-\n      many words\n", func(c *main.Config) bool { return c.Apps[0].Secret == "many words" }},
		{"comments and blank lines", "# one\n\n" + oneApp + "\n# two\n", func(c *main.Config) bool { return len(c.Apps) == 1 }},
		{"document marker", "---\n" + oneApp, func(c *main.Config) bool { return len(c.Apps) == 1 }},
		{"one key in a mapping", oneApp + "log:\n  level: error\n", func(c *main.Config) bool { return c.Log.Level == "error" && c.Log.Format == "text" }},
		{"no limit", oneApp + "limits: {backlog_bytes: 0, backlog_age: 0}\n", func(c *main.Config) bool {
			return c.Limits.BacklogBytes == 0 && c.Limits.BacklogAge == 0 && c.Limits.Fragments == 128
		}},
		{"no admin", oneApp + "admin: {listen: ''}\n", func(c *main.Config) bool { return c.Admin.Listen == "" }},
		{"free ports", oneApp + "listen: '127.0.0.1:0'\nadmin: {listen: '127.0.0.1:0'}\n", func(c *main.Config) bool { return c.Listen.String() == c.Admin.Listen }},
		{"IPv6", oneApp + "listen: '[::1]:6001'\n", func(c *main.Config) bool { return c.Listen.String() == "[::1]:6001" }},
		{"no pings", oneApp + "ping_interval: 0\npong_wait: 0\n", func(c *main.Config) bool { return c.PingInterval == 0 }},
		{"ends of ranges", oneApp + "limits: {handshake_bytes: 64KiB, message_time: 1s}\n", func(c *main.Config) bool {
			return c.Limits.HandshakeBytes == 65536 && c.Limits.MessageTime == time.Second
		}},
		{"0 in a range", oneApp + "limits: {handshake_bytes: 0, message_time: 0}\n", func(c *main.Config) bool {
			return c.Limits.HandshakeBytes == 0 && c.Limits.MessageTime == 0
		}},
		{"sizes", oneApp + "limits: {message_bytes: 1 MiB, rest_body_bytes: 70000}\n", func(c *main.Config) bool {
			return c.Limits.MessageBytes == 1<<20 && c.Limits.RESTBodyBytes == 70000
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg, err := load(t, tt.text)
			if err != nil {
				t.Fatalf("%s\n%s", tt.text, err)
			}
			if !tt.check(cfg) {
				t.Errorf("%s\ngot %#v", tt.text, cfg)
			}
		})
	}
}

func TestUnreadableFilesAreRefused(t *testing.T) {
	dir := t.TempDir()
	for _, tt := range []struct{ path, want string }{
		{filepath.Join(dir, "none.yaml"), filepath.Join(dir, "none.yaml") + ": there is no such file"},
		{dir, dir + ": is a directory"},
	} {
		if _, err := main.Load(main.Sources{File: tt.path, Dev: true}); err == nil || err.Error() != tt.want {
			t.Errorf("Load(%q)\n got %v\nwant %s", tt.path, err, tt.want)
		}
	}
}

func TestFlagWinsOverEnvironmentOverFileOverDefault(t *testing.T) {
	file := write(t, oneApp+"log: {level: warn}\n")
	src := main.Sources{}
	step := func(want string) {
		t.Helper()
		src.Dev = src.File == ""
		cfg, err := main.Load(src)
		if err != nil {
			t.Fatal(err)
		}
		if cfg.Log.Level != want {
			t.Errorf("%+v: log.level %q, want %q", src, cfg.Log.Level, want)
		}
	}
	step("info")
	src.File = file
	step("warn")
	src.Environ = []string{"GANNET_LOG_LEVEL="}
	step("warn")
	src.Environ = []string{"GANNET_LOG_LEVEL=error"}
	step("error")
	src.Flags = map[string]string{"log.level": "debug"}
	step("debug")
}

func TestEnvironmentReachesEveryKeyOfTheServer(t *testing.T) {
	values := map[string]string{"text": "127.0.0.1:9", "bool": "true", "number": "7", "bytes": "1KiB", "duration": "9s", "list of text": "10.0.0.0, 10.0.0.1,",
		"share": "0.5", "names and values": "a=b=c, d = e,"}
	special := map[string]string{
		"loops": "1", "websocket.compression": "on", "tuning.profile": "density", "tuning.cpu_affinity": "auto", "tuning.memory_limit": "1GiB",
		"webhooks.queue_events": "1001", "webhooks.queue_bytes": "2MiB", "webhooks.dead_bytes": "3MiB", "webhooks.allow": "10.0.0.0/8", "webhooks.deny": "10.0.0.1",
		"tuning.batch_window": "3ms", "limits.handshake_headers": "17", "limits.backlog_total_bytes": "1MiB", "tuning.notsent_lowat": "8KiB",
		"proxies.header": "forwarded", "proxies.proxy_protocol": "optional",
		"cluster.driver": "redis", "cluster.node": "n1", "cluster.nats.listen": "127.0.0.1:7", "cluster.nats.sync": "always", "cluster.nats.prefix": "p", "cluster.nats.history_bytes": "16MiB",
		"cluster.redis.url": "rediss://h", "cluster.nats.replicas": "3",
		"tls.min_version": "1.3", "admin.tls.min_version": "1.3", "admin.tls.client_ca": "", "rest.tls.min_version": "1.3", "rest.tls.client_ca": "", "tls.acme.directory": "https://d", "tls.acme.challenge": "tls-alpn-01", "tls.ticket_secrets": "/s", "path_prefix": "/p", "data_dir": "/d", "log.level": "warn", "log.format": "json", "listen": ":1, unix:/s", "admin.listen": ":2",
		"admin.token": "0123456789abcdef", "admin.token_file": "", "admin.password_file": "", "admin.public": "metrics", "admin.soketi_prefix": "soketi_", "admin.console_url": "http://a", "tracing.endpoint": "http://collector:4318/in"}
	var environ []string
	for _, key := range main.Keys() {
		if key.Env == "" {
			continue
		}
		value := values[key.Type]
		if v, ok := special[key.Path]; ok {
			value = v
		}
		environ = append(environ, key.Env+"="+value)
	}
	cfg, err := main.Load(main.Sources{Environ: environ, Dev: true})
	if err != nil {
		t.Fatal(err)
	}
	want := &main.Config{
		Listen: main.At(":1", "unix:/s"), Admin: main.AdminConfig{Listen: ":2", Token: "0123456789abcdef", Password: "127.0.0.1:9", Hosts: []string{"10.0.0.0", "10.0.0.1"}, Public: []string{"metrics"}, SoketiPrefix: "soketi_", ConsoleURL: "http://a", TLS: main.DoorTLSConfig{MinVersion: "1.3"}}, REST: main.RESTConfig{Listen: "127.0.0.1:9", TLS: main.DoorTLSConfig{MinVersion: "1.3"}}, PathPrefix: "/p",
		DataDir: "/d", Hosts: []string{"10.0.0.0", "10.0.0.1"}, TLS: main.TLSConfig{Require: true, ACME: main.ACMEConfig{Domains: []string{"10.0.0.0", "10.0.0.1"}, Email: "127.0.0.1:9", Directory: "https://d", CA: "127.0.0.1:9", Challenge: "tls-alpn-01"}, MinVersion: "1.3", HSTS: 9 * time.Second, TicketSecrets: "/s", Handshakes: 7},
		Proxies: main.ProxiesConfig{Trusted: []string{"10.0.0.0", "10.0.0.1"}, Header: "forwarded", ProxyProtocol: "optional"},
		Limits: main.ServerLimits{Connections: 7, ConnectionsPerAddress: 7, ConnectsPerSecondPerAddress: 7, AcceptsPerSecond: 7,
			Handshakes: 7, HandshakeTimeout: 9 * time.Second, HandshakeBytes: 1024, HandshakeHeaders: 17,
			MessageBytes: 1024, MessageTime: 9 * time.Second, Fragments: 7,
			RESTBodyBytes: 1024, BacklogBytes: 1024, BacklogTotalBytes: 1 << 20, BacklogAge: 9 * time.Second, TimestampWindow: 9 * time.Second},
		WebSocket:    main.WebSocketConfig{Compression: "on"},
		PingInterval: 9 * time.Second, PongWait: 9 * time.Second, ActivityTimeout: 9 * time.Second, DrainWindow: 9 * time.Second,
		Loops: 1, StrictProtocol: true,
		Tuning: main.TuningConfig{Profile: "density", CPUAffinity: "auto", GCPercent: 7, MemoryLimit: "1GiB",
			BatchWindow: 3 * time.Millisecond, SendBuffer: 1024, NotSentLowat: 8192, UserTimeout: 9 * time.Second},
		Webhooks: main.WebhooksConfig{LeaveDelay: 9 * time.Second, ReturnDelay: 9 * time.Second, QueueEvents: 1001, QueueBytes: 2 << 20, DeadBytes: 3 << 20, DeadFor: 9 * time.Second,
			Allow: []string{"10.0.0.0/8"}, Deny: []string{"10.0.0.1"}},
		Cluster: main.ClusterConfig{
			Driver: "redis", Node: "n1", Lease: 9 * time.Second,
			NATS: main.NATSConfig{URLs: []string{"10.0.0.0", "10.0.0.1"}, Credentials: "127.0.0.1:9", User: "127.0.0.1:9", Password: "127.0.0.1:9", Token: "127.0.0.1:9",
				NKey: "127.0.0.1:9", Domain: "127.0.0.1:9", Listen: "127.0.0.1:7", Routes: []string{"10.0.0.0", "10.0.0.1"}, Address: "127.0.0.1:9", Secret: "127.0.0.1:9",
				Sync: "always", Replicas: 3, Shards: 7, HistoryBytes: 16 << 20, Prefix: "p", TLS: main.LinkTLSConfig{CA: "127.0.0.1:9", Cert: "127.0.0.1:9", Key: "127.0.0.1:9"}},
			Redis: main.RedisConfig{URL: "rediss://h", Password: "127.0.0.1:9", Prefix: "127.0.0.1:9", TLS: main.LinkTLSConfig{CA: "127.0.0.1:9", Cert: "127.0.0.1:9", Key: "127.0.0.1:9"}},
		},
		Tracing: main.TracingConfig{Endpoint: "http://collector:4318/in", Sample: 0.5, Service: "127.0.0.1:9",
			Headers: main.Headers{"a": "b=c", "d": "e"}, Attributes: main.Headers{"a": "b=c", "d": "e"}},
		Log:  main.LogConfig{Level: "warn", Format: "json"},
		Apps: cfg.Apps, Dev: true, Warnings: cfg.Warnings,
	}
	if !reflect.DeepEqual(cfg, want) {
		t.Errorf("%v\n got %+v\nwant %+v", environ, cfg, want)
	}
}

func TestBadEnvironmentAndFlagsAreNamed(t *testing.T) {
	for _, tt := range []struct {
		environ []string
		flags   map[string]string
		want    string
	}{
		{[]string{"GANNET_LOOPS=many"}, nil, `GANNET_LOOPS: want a whole number, got "many"`},
		{[]string{"GANNET_STRICT_PROTOCOL=1"}, nil, `GANNET_STRICT_PROTOCOL: want true or false, got "1"`},
		{[]string{"GANNET_LISTEN=6001"}, nil, `GANNET_LISTEN: listen: want host:port or :port such as :6001, unix:PATH or systemd:NAME, got "6001"`},
		{nil, map[string]string{"loops": "x"}, `--loops: want a whole number, got "x"`},
		{nil, map[string]string{"log.level": "x"}, `--log-level: log.level: must be one of debug, info, warn, error, got "x"`},
		{nil, map[string]string{"drain_window": "5"}, `--drain-window: want a duration such as 30s or 2m, got "5"`},
		{[]string{"GANNET_APP_KEY=k", "GANNET_APP_SECRET=s"}, nil, "GANNET_APP_ID: is not set; an app needs GANNET_APP_ID, GANNET_APP_KEY and GANNET_APP_SECRET"},
		{[]string{"GANNET_APP_KEY=k:", "GANNET_APP_SECRET=s", "GANNET_APP_ID=i"}, nil, `GANNET_APP_KEY: apps[0].key: must be printable ASCII without blanks and without any of /?#%&:, got "k:"`},
	} {
		_, err := main.Load(main.Sources{Environ: tt.environ, Flags: tt.flags, Dev: true})
		if err == nil || err.Error() != tt.want {
			t.Errorf("%v %v\n got %v\nwant %s", tt.environ, tt.flags, err, tt.want)
		}
	}
}

func TestAppFromTheEnvironmentJoinsThoseOfTheFile(t *testing.T) {
	environ := []string{"GANNET_APP_ID=env", "GANNET_APP_KEY=ek", "GANNET_APP_SECRET=es"}
	cfg, err := main.Load(main.Sources{Environ: environ})
	if err != nil {
		t.Fatal(err)
	}
	if a := cfg.Registered(); len(a) != 1 || a[0].ID != "env" || a[0].Keys[0] != (app.Key{Key: "ek", Secret: "es"}) || !a[0].Enabled {
		t.Errorf("without a file: %+v", a)
	}
	cfg, err = load(t, oneApp, environ...)
	if err != nil {
		t.Fatal(err)
	}
	if len(cfg.Apps) != 2 || cfg.Apps[0].ID != "a" || cfg.Apps[1].ID != "env" {
		t.Errorf("with a file: %+v", cfg.Apps)
	}
	_, err = load(t, "apps: [{id: env, key: k, secret: s}]", environ...)
	if want := `GANNET_APP_ID: apps[1].id: "env" is already used by apps[0].id at gannet.yaml:1:13`; err == nil || err.Error() != want {
		t.Errorf("the same id in the file\n got %v\nwant %s", err, want)
	}
	// The client commands read GANNET_APP_ID too; alone it is none of the server's business.
	if cfg, err = load(t, oneApp, "GANNET_APP_ID=env"); err != nil || len(cfg.Apps) != 1 {
		t.Errorf("GANNET_APP_ID alone: %v, %v", cfg, err)
	}
}

func TestDevAddsTheDevelopmentApp(t *testing.T) {
	cfg, err := main.Load(main.Sources{Dev: true})
	if err != nil {
		t.Fatal(err)
	}
	want := []*app.App{{
		ID: "app-id", Keys: []app.Key{{Key: "app-key", Secret: "app-secret"}}, Enabled: true,
		ClientEvents: true, SubscriptionCount: true, Watchlist: true, Limits: app.DefaultLimits(),
	}}
	if got := cfg.Registered(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if len(cfg.Warnings) != 0 {
		t.Errorf("warnings %q, want none", cfg.Warnings)
	}
	// Neither its id nor its key is taken from an app of the file.
	for _, text := range []string{"apps: [{id: app-id, key: k, secret: s}]", "apps: [{id: a, keys: [{key: app-key, secret: s}]}]"} {
		cfg, err := main.Load(main.Sources{File: write(t, text), Dev: true})
		if err != nil || len(cfg.Apps) != 1 {
			t.Errorf("%s: %v, %v; want the file's app alone", text, cfg, err)
		}
	}
}

func TestDevListensOnLoopbackUnlessToldOtherwise(t *testing.T) {
	for _, tt := range []struct {
		name string
		src  main.Sources
		want string
	}{
		{"dev", main.Sources{Dev: true}, "127.0.0.1:6001"},
		{"not dev", main.Sources{File: write(t, oneApp)}, ":6001"},
		{"flag", main.Sources{Dev: true, Flags: map[string]string{"listen": ":6001"}}, ":6001"},
		{"environment", main.Sources{Dev: true, Environ: []string{"GANNET_LISTEN=:7001"}}, ":7001"},
		{"file", main.Sources{Dev: true, File: write(t, "listen: ':8001'\n")}, ":8001"},
		{"file without", main.Sources{Dev: true, File: write(t, "rest: {listen: ':8001'}\n")}, "127.0.0.1:6001"},
	} {
		cfg, err := main.Load(tt.src)
		if err != nil || cfg.Listen.String() != tt.want {
			t.Errorf("%s: got %+v, %v, want to listen on %s", tt.name, cfg, err, tt.want)
		}
	}
}

func TestWarningsNameWhatIsLegalAndLooksWrong(t *testing.T) {
	for _, tt := range []struct {
		text    string
		environ []string
		want    []string
	}{
		{oneApp, nil, nil},
		{oneApp + "proxies: {trusted: [10.0.0.0/8, 0.0.0.0/0]}\n", nil, []string{"gannet.yaml:2:33: proxies.trusted has 0.0.0.0/0: anybody may claim any address"}},
		{"apps: [{id: a, key: k, secret: app-secret}]", nil, []string{`gannet.yaml:1:32: app "a" uses the development secret, which everybody knows`}},
		{"apps: [{id: a, keys: [{key: k, secret: s}, {key: l, secret: app-secret}]}]", nil, []string{`gannet.yaml:1:61: app "a" uses the development secret, which everybody knows`}},
		{"apps: [{id: a, key: k, secret: s, limits: {subscribes_per_second: 100}}]", nil, []string{`gannet.yaml:1:67: a client of app "a" that reconnects asks for all of its channels at once, but may ask for 100 a second`}},
		{"apps: [{id: a, key: k, secret: s, limits: {subscribes_per_second: 100, subscriptions_per_connection: 100}}]", nil, nil},
		{"apps: [{id: a, key: k, secret: s, limits: {event_bytes: 2MiB}}]", nil, []string{`gannet.yaml:1:57: app "a" allows events of 2MiB, but limits.rest_body_bytes stops requests at 1MiB`}},
		{oneApp, []string{"GANNET_LISEN=:1", "GANNET_PORT=tcp://10.0.0.1:6001", "GANNET_SERVICE_HOST=10.0.0.1", "GANNET_URL=x"},
			[]string{"GANNET_LISEN: is not a variable of Gannet; did you mean GANNET_LISTEN?"}},
	} {
		cfg, err := load(t, tt.text, tt.environ...)
		if err != nil {
			t.Errorf("%s: %v", tt.text, err)
			continue
		}
		if !reflect.DeepEqual(cfg.Warnings, tt.want) {
			t.Errorf("%s %v\n got %q\nwant %q", tt.text, tt.environ, cfg.Warnings, tt.want)
		}
	}
}

func FuzzLoadNeverPanicsOrShowsASecret(f *testing.F) {
	for _, seed := range []string{oneApp, "apps:\n  - &a {id: 1, key: *a}\n", "- a", "a: [", "? x\n: y", "loops: !!int 3", "\xff", "---\n...\n---\na", "{}", "a: |\n  b", "log: {level: \"\\u0000\"}"} {
		f.Add(seed)
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(dir, "f.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		cfg, err := main.Load(main.Sources{File: path})
		if err == nil && len(cfg.Apps) == 0 {
			t.Errorf("%q loaded without an app", text)
		}
	})
}
