package app_test

import (
	"strings"
	"testing"
	"time"

	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/app"
)

func webhook(change func(*app.Webhook)) *app.Webhook {
	w := app.DefaultWebhook()
	w.Name, w.URL = "main", "https://example.com/hook?token=sesame"
	change(&w)
	return &w
}

func TestWebhookIsCheckedByField(t *testing.T) {
	header := func(name, value string) func(*app.Webhook) {
		return func(w *app.Webhook) { w.Headers = []app.Header{{Name: name, Value: value}} }
	}
	for name, tt := range map[string]struct {
		change func(*app.Webhook)
		field  string // "": nothing is wrong
	}{
		"as it is":             {func(*app.Webhook) {}, ""},
		"plain http":           {func(w *app.Webhook) { w.URL = "http://10.0.0.1:8080/x" }, ""},
		"no URL":               {func(w *app.Webhook) { w.URL = "" }, "url"},
		"another scheme":       {func(w *app.Webhook) { w.URL = "ftp://sesame.example/" }, "url"},
		"no host":              {func(w *app.Webhook) { w.URL = "https:///sesame" }, "url"},
		"a port alone":         {func(w *app.Webhook) { w.URL = "https://:443/sesame" }, "url"},
		"a password":           {func(w *app.Webhook) { w.URL = "https://u:sesame@example.com/" }, "url"},
		"a fragment":           {func(w *app.Webhook) { w.URL = "https://example.com/#sesame" }, "url"},
		"not a URL":            {func(w *app.Webhook) { w.URL = "https://exa mple.com/sesame" }, "url"},
		"no name":              {func(w *app.Webhook) { w.Name = "" }, "name"},
		"a name with a quote":  {func(w *app.Webhook) { w.Name = `a"b` }, "name"},
		"a name with a slash":  {func(w *app.Webhook) { w.Name = `a/b` }, "name"},
		"no events":            {func(w *app.Webhook) { w.Events = 0 }, "events"},
		"a header":             {header("Authorization", "Bearer sesame"), ""},
		"no header name":       {header("", "sesame"), "headers"},
		"a header name apart":  {header("X Y", "sesame"), "headers"},
		"the signature":        {header("x-pusher-signature", "sesame"), "headers"},
		"the delivery":         {header("X-Gannet-Delivery", "sesame"), "headers"},
		"the type":             {header("Content-type", "sesame"), "headers"},
		"the host":             {header("Host", "sesame"), "headers"},
		"two lines":            {header("X", "sesame\r\nY: z"), "headers"},
		"an own key":           {func(w *app.Webhook) { w.Key = app.Key{Key: "k", Secret: "sesame"} }, ""},
		"half a key":           {func(w *app.Webhook) { w.Key.Key = "k" }, "key"},
		"half a key, secret":   {func(w *app.Webhook) { w.Key.Secret = "sesame" }, "key"},
		"no batch":             {func(w *app.Webhook) { w.BatchEvents = 0 }, "batch.events"},
		"a huge batch":         {func(w *app.Webhook) { w.BatchEvents = 1001 }, "batch.events"},
		"a batch of one":       {func(w *app.Webhook) { w.BatchEvents = 1 }, ""},
		"an endless batch":     {func(w *app.Webhook) { w.BatchDelay = time.Hour }, "batch.delay"},
		"no time":              {func(w *app.Webhook) { w.Timeout = 0 }, "timeout"},
		"no end":               {func(w *app.Webhook) { w.RetryFor = 0 }, ""},
		"nobody":               {func(w *app.Webhook) { w.Workers = 0 }, "workers"},
		"a crowd":              {func(w *app.Webhook) { w.Workers = 1000 }, "workers"},
		"half a certificate":   {func(w *app.Webhook) { w.CertFile = "a.pem" }, "tls.cert"},
		"half a certificate 2": {func(w *app.Webhook) { w.KeyFile = "a.key" }, "tls.cert"},
	} {
		err := webhook(tt.change).Check()
		switch {
		case err == nil && tt.field != "":
			t.Errorf("%s: accepted, want %s refused", name, tt.field)
		case err != nil && err.Field != tt.field:
			t.Errorf("%s: %v, want field %q", name, err, tt.field)
		case err != nil && strings.Contains(err.Error(), "sesame"):
			t.Errorf("%s: the error tells a secret: %v", name, err)
		}
	}
}

func TestWebhookWantsByKindAndChannel(t *testing.T) {
	w := webhook(func(w *app.Webhook) {
		w.Events, w.Prefix, w.Suffix, w.SkipEncrypted = pusher.HookOccupied|pusher.HookVacated, "private-", "-eu", true
	})
	for _, tt := range []struct {
		kinds   pusher.Hook
		channel string
		want    bool
	}{
		{pusher.HookOccupied, "private-a-eu", true},
		{pusher.HookVacated | pusher.HookCount, "private-a-eu", true},
		{pusher.HookCount, "private-a-eu", false},
		{pusher.HookOccupied, "a-eu", false},
		{pusher.HookOccupied, "private-a-us", false},
		{pusher.HookOccupied, "private-encrypted-a-eu", false},
	} {
		if got := w.Wants(tt.kinds, tt.channel); got != tt.want {
			t.Errorf("Wants(%v, %s) = %v", tt.kinds, tt.channel, got)
		}
	}
}

func TestAppHooksAreThoseOfAllItsWebhooks(t *testing.T) {
	a := &app.App{}
	if a.Hooks() != 0 {
		t.Error("an app without webhooks wants something")
	}
	a.Webhooks = []app.Webhook{{Events: pusher.HookCount}, {Events: pusher.HookCacheMiss}}
	if got := a.Hooks(); got != pusher.HookCount|pusher.HookCacheMiss {
		t.Errorf("got %v", got)
	}
}

func TestWebhookNameIsTheHost(t *testing.T) {
	for address, want := range map[string]string{
		"https://example.com/token": "example.com", "http://example.com:8080/x?y": "example.com:8080", "http://[::1]:1/": "[::1]:1", ":": "",
	} {
		if got := app.WebhookName(address); got != want {
			t.Errorf("WebhookName(%q) = %q, want %q", address, got, want)
		}
	}
}

func TestAppWithABadWebhookIsRefused(t *testing.T) {
	good := webhook(func(*app.Webhook) {})
	a := &app.App{ID: "a", Keys: []app.Key{{Key: "k", Secret: "s"}}, Webhooks: []app.Webhook{*good}}
	if err := a.Check(); err != nil {
		t.Errorf("a good one: %v", err)
	}
	a.Webhooks = append(a.Webhooks, *good)
	if err := a.Check(); err == nil || !strings.Contains(err.Error(), `two webhooks called "main"`) {
		t.Errorf("two of one name: %v", err)
	}
	a.Webhooks[1] = *webhook(func(w *app.Webhook) { w.Name, w.Workers = "other", 0 })
	if err := a.Check(); err == nil || !strings.Contains(err.Error(), `webhook "other": workers: `) {
		t.Errorf("a bad one: %v", err)
	}
}
