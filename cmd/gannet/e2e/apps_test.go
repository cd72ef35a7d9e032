//go:build e2e

package e2e

import "strings"

// An account is what the holder of an app knows.
type account struct {
	ID     string `json:"id"`
	Key    string `json:"key"`
	Secret string `json:"secret"`
}

// The apps of every server the tests start; configuration says what each is for.
var (
	full     = newAccount("full")     // everything on, Pusher's limits
	quiet    = newAccount("quiet")    // everything off
	small    = newAccount("small")    // one connection
	crowded  = newAccount("crowded")  // two members of a presence channel
	guarded  = newAccount("guarded")  // wants sign-in or authorization
	disabled = newAccount("disabled") // switched off
	roomy    = newAccount("roomy")    // large events
	fenced   = newAccount("fenced")   // one origin
	migrated = newAccount("migrated") // behaves as other servers do
	chatty   = newAccount("chatty")   // client events and no subscription counts
	rotated  = newAccount("rotated")  // two keys; the account holds the newer one
	lasting  = newAccount("lasting")  // every channel has a history, that of brief ones is short
)

func newAccount(name string) account {
	return account{ID: "id-" + name, Key: "key-" + name, Secret: "secret-" + name}
}

// accounts are the apps by name, as the node tests see them.
var accounts = map[string]account{
	"full": full, "quiet": quiet, "small": small, "crowded": crowded, "guarded": guarded,
	"disabled": disabled, "roomy": roomy, "fenced": fenced, "migrated": migrated, "chatty": chatty, "rotated": rotated, "lasting": lasting,
}

// configured returns the file of a server with settings, which need not say where it listens.
func configured(settings string) string {
	if !strings.HasPrefix(settings, "listen:") && !strings.Contains(settings, "\nlisten:") {
		settings = "listen: \"127.0.0.1:0\"\n" + settings
	}
	return settings + encryption() + configuration
}

// configuration is what the file of every server has.
const configuration = `admin: { listen: "127.0.0.1:0" }
apps:
  - id: id-full
    key: key-full
    secret: secret-full
    client_events: true
    subscription_count: true
    watchlist: true
  - { id: id-quiet, key: key-quiet, secret: secret-quiet }
  - { id: id-small, key: key-small, secret: secret-small, limits: { connections: 1 } }
  - { id: id-crowded, key: key-crowded, secret: secret-crowded, limits: { presence_members: 2 } }
  - { id: id-guarded, key: key-guarded, secret: secret-guarded, require_sign_in: true, limits: { sign_in_timeout: 1s } }
  - { id: id-disabled, key: key-disabled, secret: secret-disabled, enabled: false }
  - { id: id-roomy, key: key-roomy, secret: secret-roomy, limits: { event_bytes: 4MiB } }
  - { id: id-fenced, key: key-fenced, secret: secret-fenced, origins: ["https://good.example"] }
  - { id: id-chatty, key: key-chatty, secret: secret-chatty, client_events: true, watchlist: true }
  - id: id-migrated
    key: key-migrated
    secret: secret-migrated
    client_events: true
    limits: { connections: 3 }
    compat:
      subscription_error_frame: true
      pass_client_event_data: true
      quota_4100: true
      reacknowledge_subscribe: true
      json_errors: true
      client_events_on_public: true
      terminate_by_presence: true
      terminate_code: 4200
  - id: id-rotated
    keys:
      - { key: key-old, secret: secret-old }
      - { key: key-rotated, secret: secret-rotated }
  - id: id-lasting
    key: key-lasting
    secret: secret-lasting
    client_events: true
    channels:
      - { match: "*brief-*", history: { events: 3 } }
      - { match: "*", history: { events: 1000, ttl: 5m } }
`

// shared are the settings of the server most tests use together.
const shared = `drain_window: 500ms
limits: { handshake_timeout: 1m, rest_body_bytes: 5MiB }
`
