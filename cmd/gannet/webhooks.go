package main

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"github.com/gannet-io/gannet/engine/proxies"
	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/webhook"
	"github.com/gannet-io/gannet/pusher/webhook/journal"
)

// WebhooksConfig says how webhooks are sent, whosever they are.
type WebhooksConfig struct {
	LeaveDelay  time.Duration `yaml:"leave_delay"`                            // 0: absences are told at once
	ReturnDelay time.Duration `yaml:"return_delay" range:"1s-"`               // after a restart
	QueueEvents int           `yaml:"queue_events" range:"1000-"`             // of one webhook
	QueueBytes  int           `yaml:"queue_bytes" unit:"bytes" range:"1MiB-"` // of all
	DeadBytes   int           `yaml:"dead_bytes" unit:"bytes" range:"1MiB-"`  // of all dead letters
	DeadFor     time.Duration `yaml:"dead_for"`                               // that they are kept
	Allow       []string      `yaml:"allow"`                                  // networks and addresses that are not public
	Deny        []string      `yaml:"deny"`                                   // wins over Allow
}

func defaultWebhooks() WebhooksConfig {
	return WebhooksConfig{
		LeaveDelay:  pusher.DefaultHookLeaveDelay,
		ReturnDelay: webhook.DefaultReturnDelay,
		QueueEvents: webhook.DefaultQueueEvents,
		QueueBytes:  webhook.DefaultQueueBytes,
		DeadBytes:   32 << 20,
		DeadFor:     7 * 24 * time.Hour,
	}
}

// WebhookConfig is one entry of an app's webhooks.
type WebhookConfig struct {
	Name          string        `yaml:"name"`   // "": the host of URL
	URL           Secret        `yaml:"url"`    // may hold a token
	Events        []string      `yaml:"events"` // empty: all
	Filter        FilterConfig  `yaml:"filter"`
	SkipEncrypted bool          `yaml:"skip_encrypted"`
	Headers       Headers       `yaml:"headers"`
	Key           string        `yaml:"key"` // "": the app's oldest
	Secret        Secret        `yaml:"secret"`
	Batch         BatchConfig   `yaml:"batch"`
	Timeout       time.Duration `yaml:"timeout"`
	RetryFor      time.Duration `yaml:"retry_for"` // 0: for ever
	Workers       int           `yaml:"workers"`
	TLS           HookTLSConfig `yaml:"tls"`
}

// FilterConfig says of which channels a webhook hears.
type FilterConfig struct {
	Prefix string `yaml:"prefix"`
	Suffix string `yaml:"suffix"`
}

// BatchConfig says how events are put together in requests.
type BatchConfig struct {
	Events int           `yaml:"events"`
	Delay  time.Duration `yaml:"delay"`
}

// HookTLSConfig names files in PEM.
type HookTLSConfig struct {
	Cert string `yaml:"cert"` // shown to receivers that ask
	Key  string `yaml:"key"`
	CA   string `yaml:"ca"` // trusted instead of the system's authorities
}

// Headers are headers of a request, by name. They print their names alone.
type Headers map[string]Secret

// DefaultWebhook returns what an entry of an app's webhooks starts from.
func DefaultWebhook() WebhookConfig {
	w := app.DefaultWebhook()
	return WebhookConfig{
		Batch:   BatchConfig{Events: w.BatchEvents, Delay: w.BatchDelay},
		Timeout: w.Timeout, RetryFor: w.RetryFor, Workers: w.Workers,
	}
}

func (a *AppConfig) webhooks() []app.Webhook {
	var list []app.Webhook
	for i := range a.Webhooks {
		list = append(list, a.Webhooks[i].webhook())
	}
	return list
}

func (w *WebhookConfig) webhook() app.Webhook {
	hook := app.Webhook{
		Name:          cmp.Or(w.Name, app.WebhookName(string(w.URL))),
		URL:           string(w.URL),
		Prefix:        w.Filter.Prefix,
		Suffix:        w.Filter.Suffix,
		SkipEncrypted: w.SkipEncrypted,
		Key:           app.Key{Key: w.Key, Secret: string(w.Secret)},
		BatchEvents:   w.Batch.Events,
		BatchDelay:    w.Batch.Delay,
		Timeout:       w.Timeout,
		RetryFor:      w.RetryFor,
		Workers:       w.Workers,
		CertFile:      w.TLS.Cert, KeyFile: w.TLS.Key, AuthoritiesFile: w.TLS.CA,
	}
	for _, name := range w.Events {
		kind, _ := pusher.ParseHook(name)
		hook.Events |= kind
	}
	if len(w.Events) == 0 {
		hook.Events = pusher.AllHooks
	}
	for _, name := range slices.Sorted(maps.Keys(w.Headers)) {
		hook.Headers = append(hook.Headers, app.Header{Name: name, Value: string(w.Headers[name])})
	}
	return hook
}

func (r *reading) checkWebhooks(c *Config) {
	network := func(entry string) error {
		_, err := proxies.ParseNetwork(entry)
		return err
	}
	r.checkEntries("webhooks.allow", c.Webhooks.Allow, network)
	r.checkEntries("webhooks.deny", c.Webhooks.Deny, network)
}

// checkAppWebhooks checks the webhooks of one app.
func (r *reading) checkAppWebhooks(a *AppConfig, path string) {
	names := make(map[string]string)
	for i := range a.Webhooks {
		w, at := &a.Webhooks[i], fmt.Sprintf("%s.webhooks[%d]", path, i)
		for j, event := range w.Events {
			r.checkWord(fmt.Sprintf("%s.events[%d]", at, j), event, pusher.HookNames()...)
		}
		hook := w.webhook()
		if hook.Events == 0 {
			hook.Events = pusher.AllHooks // no good name was among them, and that has been said
		}
		if err := hook.Check(); err != nil {
			r.bad(at+"."+err.Field, "%s", err.Message)
			continue
		}
		if err := webhook.CheckFiles(&hook); err != nil {
			r.bad(at+".tls", "%s", err)
		}
		if first, taken := names[hook.Name]; taken {
			r.bad(at+".name", "%q is already the name of %s at %s; give one of them another, since it tells them apart in metrics and on disk",
				hook.Name, first, r.whereIs(first))
			continue
		}
		names[hook.Name] = at
	}
}

// targets returns where webhooks may go. Load has checked it.
func (c *Config) targets() webhook.Targets {
	return webhook.Targets{Allow: networks(c.Webhooks.Allow), Deny: networks(c.Webhooks.Deny), Private: c.Dev}
}

func networks(entries []string) (list []netip.Prefix) {
	for _, entry := range entries {
		if p, err := proxies.ParseNetwork(entry); err == nil {
			list = append(list, p)
		}
	}
	return list
}

// unreachable says why a webhook goes nowhere, as far as that can be told from its URL alone.
func (c *Config) unreachable(w *WebhookConfig) error {
	u, err := url.Parse(string(w.URL))
	if err != nil {
		return nil
	}
	host := u.Hostname()
	if host == "localhost" {
		host = "127.0.0.1"
	}
	address, err := netip.ParseAddr(host)
	if err != nil {
		return nil // a name; what it stands for is seen when it is asked
	}
	targets := c.targets()
	return targets.Check(address)
}

// journalName is the file in the data directory that keeps what webhooks have to say.
const journalName = "webhooks.db"

// newWebhooks returns the sender of all webhooks, with what it had left to say if there is a data directory.
func (s *server) newWebhooks(apps []*app.App, set *metrics.Set) (*webhook.Sender, error) {
	cfg := &s.cfg.Webhooks
	bounds := journal.Bounds{Bytes: cfg.DeadBytes, Age: cfg.DeadFor}
	var kept journal.Journal = journal.NewMemory(bounds)
	if s.keepsWebhooks(apps) {
		file, err := journal.Open(s.data.file(journalName), bounds)
		if err != nil {
			return nil, err
		}
		kept = file
	}
	sender, err := webhook.New(webhook.Config{
		Apps:        apps,
		Journal:     kept,
		Targets:     s.cfg.targets(),
		LeaveDelay:  cfg.LeaveDelay,
		ReturnDelay: cfg.ReturnDelay,
		Shared:      s.bus != nil,
		Told:        func(tickets []uint64) { s.node.Done(tickets) },
		QueueEvents: orMost(cfg.QueueEvents),
		QueueBytes:  orMost(cfg.QueueBytes),
		Agent:       agent(),
		Log:         s.log,
		Metrics:     set,
	})
	if err != nil {
		_ = kept.Close() // nothing was written
		return nil, err
	}
	return sender, nil
}

// keepsWebhooks reports whether there is a file for what webhooks have to say, or has to be one.
func (s *server) keepsWebhooks(apps []*app.App) bool {
	if s.data == nil {
		return false
	}
	_, err := os.Stat(s.data.file(journalName))
	return err == nil || slices.ContainsFunc(apps, func(a *app.App) bool { return len(a.Webhooks) > 0 })
}

// orMost translates "0 means no limit" where the limit is a number of things.
func orMost(n int) int {
	if n == 0 {
		return math.MaxInt
	}
	return n
}

// agent is the User-Agent of webhooks.
func agent() string {
	v, _ := buildVersion()
	return "Gannet/" + v
}
