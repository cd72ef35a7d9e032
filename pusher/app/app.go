package app

import (
	"errors"
	"fmt"
)

// A Key is one key of an app with its secret.
//
// The key is public: it stands in WebSocket URLs, auth values and REST queries. The secret signs and never leaves the
// servers; it is used as text, never hex-decoded.
type Key struct {
	Key, Secret string
}

// An App is one tenant. Immutable and shared once a Registry has returned it.
type App struct {
	ID string // in REST paths

	// Keys has at least one, oldest first: the oldest signs webhooks. More than one exist while a secret is rotated.
	Keys []Key

	Enabled           bool // off: connections are refused with 4003
	ClientEvents      bool // clients may publish client- events
	RequireSignIn     bool // "authorized connections": sign in or authorize a channel within Limits.SignInTimeout, or be closed
	SubscriptionCount bool // push pusher_internal:subscription_count
	Watchlist         bool // heed the watchlist of a sign-in

	Origins []string // allowed Origin headers of browsers; empty: any

	Rules []Rule // for channels; the first that matches counts

	Webhooks []Webhook // who is told of what happens on channels

	Limits Limits
	Compat Compat
}

// Secret returns the secret that belongs to key, and whether key is one of this app's. Any goroutine.
func (a *App) Secret(key string) (string, bool) {
	// A handful at most; a map would be slower and would have to be built.
	for i := range a.Keys {
		if a.Keys[i].Key == key {
			return a.Keys[i].Secret, true
		}
	}
	return "", false
}

// Check reports what makes a unusable: no id, no key, an empty key or secret, a key given twice, a key with a colon
// (auth values are split at the first one), a negative limit, a rule that cannot be, a webhook that Webhook.Check
// refuses, two webhooks of one name. The error names the app and never a secret.
func (a *App) Check() error {
	if a.ID == "" {
		return errors.New("app: no id")
	}
	if len(a.Keys) == 0 {
		return fmt.Errorf("app: %q has no key", a.ID)
	}
	for i, k := range a.Keys {
		switch {
		case k.Key == "":
			return fmt.Errorf("app: %q has an empty key", a.ID)
		case k.Secret == "":
			return fmt.Errorf("app: %q: key %q has an empty secret", a.ID, k.Key)
		}
		for _, c := range k.Key {
			if c == ':' {
				return fmt.Errorf("app: %q: key %q contains a colon", a.ID, k.Key)
			}
		}
		for _, earlier := range a.Keys[:i] {
			if earlier.Key == k.Key {
				return fmt.Errorf("app: %q has key %q twice", a.ID, k.Key)
			}
		}
	}
	if name := a.Limits.negative(); name != "" {
		return fmt.Errorf("app: %q: limit %s is negative", a.ID, name)
	}
	for i := range a.Rules {
		if err := a.Rules[i].check(); err != nil {
			return fmt.Errorf("app: %q: %w", a.ID, err)
		}
	}
	for i := range a.Webhooks {
		w := &a.Webhooks[i]
		if err := w.Check(); err != nil {
			return fmt.Errorf("app: %q: webhook %q: %w", a.ID, w.Name, err)
		}
		for j := range i {
			if a.Webhooks[j].Name == w.Name {
				return fmt.Errorf("app: %q has two webhooks called %q", a.ID, w.Name)
			}
		}
	}
	return nil
}
