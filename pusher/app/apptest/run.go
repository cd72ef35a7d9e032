// Package apptest is the suite every app.Registry passes: the contract of the interface, turned into cases.
package apptest

import (
	"context"
	"errors"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/gannet-io/gannet/pusher/app"
)

// Run tests the registries that open makes. open gets apps to fill one with, fresh values for each call, which it
// takes; it registers its own clean-up with t. A registry that cannot store some field of App fails.
func Run(t *testing.T, open func(t *testing.T, apps []*app.App) app.Registry) {
	t.Run("FindsEveryAppByItsIDAndAllItsKeys", func(t *testing.T) {
		r := open(t, apps())
		for _, want := range apps() {
			got, err := r.ByID(t.Context(), want.ID)
			same(t, "ByID "+want.ID, got, err, want)
			for _, k := range want.Keys {
				got, err := r.ByKey(t.Context(), k.Key)
				same(t, "ByKey "+k.Key, got, err, want)
			}
		}
	})

	t.Run("AnswersErrNotFoundForWhatIsNotThere", func(t *testing.T) {
		r := open(t, apps())
		// Near misses: case, a blank, a secret, a percent sign that a LIKE would match, and each method asked for the
		// other's names.
		for _, key := range []string{"", "nokey", "KEY-A", "key-a ", "key_a", "secret-a", "%", "1", "two"} {
			notFound(t, "ByKey", key, r.ByKey)
		}
		for _, id := range []string{"", "3", "TWO", "two ", "01", "t%", "key-a", "1\x00"} {
			notFound(t, "ByID", id, r.ByID)
		}
	})

	t.Run("AnswersErrNotFoundWhenEmpty", func(t *testing.T) {
		r := open(t, nil)
		notFound(t, "ByKey", "key-a", r.ByKey)
		notFound(t, "ByID", "1", r.ByID)
	})

	t.Run("NeverCallsAnAppUnknownWhenTheContextHasEnded", func(t *testing.T) {
		r := open(t, apps())
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		// A registry that need not wait may answer; one that gave up must not say that the app does not exist.
		if _, err := r.ByID(ctx, "1"); errors.Is(err, app.ErrNotFound) {
			t.Errorf("ByID with an ended context: %v", err)
		}
		if _, err := r.ByKey(ctx, "key-a"); errors.Is(err, app.ErrNotFound) {
			t.Errorf("ByKey with an ended context: %v", err)
		}
	})

	t.Run("AnswersManyAtOnce", func(t *testing.T) {
		r := open(t, apps())
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 50 {
					if a, err := r.ByKey(t.Context(), "key-b"); err != nil || a.ID != "two" {
						t.Errorf("ByKey key-b: %v, %v", a, err)
						return
					}
					if _, err := r.ByID(t.Context(), "nobody"); !errors.Is(err, app.ErrNotFound) {
						t.Errorf("ByID nobody: %v", err)
						return
					}
				}
			})
		}
		wg.Wait()
	})
}

// apps has one app with everything set and one with nothing but what it must have.
func apps() []*app.App {
	full := &app.App{
		ID:            "1",
		Keys:          []app.Key{{Key: "key-a", Secret: "secret-a"}, {Key: "key-a2", Secret: "sécret ✓ 'a2'"}},
		Enabled:       true,
		ClientEvents:  true,
		RequireSignIn: true, SubscriptionCount: true, Watchlist: true,
		Origins: []string{"https://example.com", "https://*.example.org"},
		Limits:  app.DefaultLimits(),
		Compat: app.Compat{
			SubscriptionErrorFrame: true, PassClientEventData: true, Quota4100: true, ReacknowledgeSubscribe: true,
			JSONErrors: true, ClientEventsOnPublic: true, TerminateByPresence: true, EncryptedSubscriptionCount: true,
			TerminateCode: 4200,
		},
	}
	full.Limits.Connections = 1_000_000
	full.Limits.SubscriptionsPerConnection = 500
	full.Limits.CacheBytes = 1 << 20
	full.Limits.CacheTTL = 90 * time.Second
	return []*app.App{full, {ID: "two", Keys: []app.Key{{Key: "key-b", Secret: "secret-b"}}}}
}

func same(t *testing.T, what string, got *app.App, err error, want *app.App) {
	t.Helper()
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\n got %+v\nwant %+v", what, got, want)
	}
}

func notFound(t *testing.T, what, name string, look func(context.Context, string) (*app.App, error)) {
	t.Helper()
	if a, err := look(t.Context(), name); !errors.Is(err, app.ErrNotFound) || a != nil {
		t.Errorf("%s %q = %+v, %v, want nil and ErrNotFound", what, name, a, err)
	}
}
