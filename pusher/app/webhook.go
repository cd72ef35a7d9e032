package app

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/gannet-io/gannet/pusher"
)

// A Webhook is one receiver of an app's events. Immutable and shared. [DefaultWebhook] has Pusher's values.
type Webhook struct {
	// Name tells the webhooks of an app apart, in metrics, logs and commands, and in what is kept for it on disk. Unique in
	// its app. See WebhookName.
	Name string
	URL  string // http or https; may hold a token, and is therefore printed nowhere

	Events pusher.Hook // the kinds it gets
	Prefix string      // of the channels it gets events of; "": any
	Suffix string
	// SkipEncrypted leaves events of private-encrypted- channels out: the Go library refuses a whole request for one.
	SkipEncrypted bool

	Headers []Header // sent in addition
	Key     Key      // signs instead of the app's oldest key; zero: that one does

	BatchEvents int           // in one request; at least 1
	BatchDelay  time.Duration // how long an event may wait for others
	Timeout     time.Duration // of one request, from dialling to the status; above 0
	RetryFor    time.Duration // from the first try to the dead letter; 0: for ever
	Workers     int           // requests at once; at least 1

	// Files in PEM. Certificate and its key are shown to receivers that ask; Authorities are trusted instead of the system's.
	CertFile, KeyFile, AuthoritiesFile string
}

// A Header is one header of a request. Its value may be a secret.
type Header struct{ Name, Value string }

// DefaultWebhook returns what a webhook is unless it says otherwise: every kind of event, in batches as Pusher sends them.
func DefaultWebhook() Webhook {
	return Webhook{
		Events:      pusher.AllHooks,
		BatchEvents: pusher.DefaultHookBatchEvents,
		BatchDelay:  pusher.DefaultHookBatchDelay,
		Timeout:     pusher.DefaultHookTimeout,
		RetryFor:    pusher.DefaultHookRetryFor,
		Workers:     pusher.DefaultHookWorkers,
	}
}

// Wants reports whether the webhook gets events of these kinds, one of them at least, on a channel.
func (w *Webhook) Wants(kinds pusher.Hook, channel string) bool {
	return w.Events&kinds != 0 && strings.HasPrefix(channel, w.Prefix) && strings.HasSuffix(channel, w.Suffix) &&
		!(w.SkipEncrypted && pusher.KindOf(channel)&pusher.Encrypted != 0)
}

// Hooks returns the kinds that webhooks of a want, on whatever channels.
func (a *App) Hooks() (kinds pusher.Hook) {
	for i := range a.Webhooks {
		kinds |= a.Webhooks[i].Events
	}
	return kinds
}

// WebhookName returns what a webhook is called when nobody has named it: the host and port of its URL, which is no secret.
func WebhookName(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}

// A WebhookError says what is wrong with a webhook. It holds nothing secret.
type WebhookError struct {
	Field   string // as the configuration names it: "url", "headers"
	Message string // a phrase to follow the field's name
}

func (e *WebhookError) Error() string { return e.Field + ": " + e.Message }

// maxHookWorkers bounds requests at once to one receiver, maxHookBatch events in one request.
const (
	maxHookWorkers = 256
	maxHookBatch   = 1000
)

// Check returns the first thing that makes w unusable, or nil.
func (w *Webhook) Check() *WebhookError {
	bad := func(field, format string, args ...any) *WebhookError {
		return &WebhookError{field, fmt.Sprintf(format, args...)}
	}
	if problem := badURL(w.URL); problem != "" {
		return bad("url", "%s", problem)
	}
	if w.Name == "" || len(w.Name) > 100 || strings.ContainsFunc(w.Name, func(c rune) bool { return c <= ' ' || c > '~' || c == '"' || c == '\\' || c == '/' }) {
		return bad("name", "must be up to 100 printable ASCII characters without blanks, quotes and slashes, got %q", w.Name)
	}
	if w.Events&pusher.AllHooks == 0 {
		return bad("events", "must not be empty")
	}
	for _, h := range w.Headers {
		if problem := badHeader(h); problem != "" {
			return bad("headers", "%s", problem)
		}
	}
	switch {
	case (w.Key.Key == "") != (w.Key.Secret == ""):
		return bad("key", "needs a secret, and the secret a key")
	case w.BatchEvents < 1 || w.BatchEvents > maxHookBatch:
		return bad("batch.events", "must be from 1, which sends each event by itself, to %d, got %d", maxHookBatch, w.BatchEvents)
	case w.BatchDelay < 0 || w.BatchDelay > time.Minute:
		return bad("batch.delay", "must be from 0 to 1m")
	case w.Timeout <= 0 || w.Timeout > time.Minute:
		return bad("timeout", "must be more than 0 and at most 1m")
	case w.RetryFor < 0:
		return bad("retry_for", "must not be negative")
	case w.Workers < 1 || w.Workers > maxHookWorkers:
		return bad("workers", "must be from 1 to %d, got %d", maxHookWorkers, w.Workers)
	case (w.CertFile == "") != (w.KeyFile == ""):
		return bad("tls.cert", "needs tls.key, and the key a certificate")
	}
	return nil
}

// badURL says what is wrong with an address, without quoting it: there may be a token in it.
func badURL(address string) string {
	u, err := url.Parse(address)
	switch {
	case address == "":
		return "must not be empty"
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return "want a URL such as https://example.com/hook"
	case u.User != nil:
		return "must not hold a password; put it into headers, as Authorization"
	case u.Fragment != "":
		return "must not have a fragment, which is never sent"
	}
	return ""
}

// ownHeaders are set by the sender, or by HTTP.
var ownHeaders = []string{"content-type", "content-length", "transfer-encoding", "connection", "keep-alive", "upgrade", "te", "trailer", "host",
	"content-encoding", "accept-encoding", "expect", "proxy-connection"}

// badHeader says what is wrong with a header, without its value.
func badHeader(h Header) string {
	token := func(c rune) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("!#$%&'*+-.^_`|~", c)
	}
	if h.Name == "" || strings.ContainsFunc(h.Name, func(c rune) bool { return !token(c) }) {
		return fmt.Sprintf("%q is no name of a header", h.Name)
	}
	lower := strings.ToLower(h.Name)
	if strings.HasPrefix(lower, "x-pusher-") || strings.HasPrefix(lower, "x-gannet-") {
		return fmt.Sprintf("%s is for the server to set", h.Name)
	}
	for _, own := range ownHeaders {
		if lower == own {
			return fmt.Sprintf("%s is for the server to set", h.Name)
		}
	}
	if strings.ContainsFunc(h.Value, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }) {
		return fmt.Sprintf("the value of %s must not hold control characters", h.Name)
	}
	return ""
}
