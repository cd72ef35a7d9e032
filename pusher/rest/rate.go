package rest

import (
	"strings"
	"sync"
	"time"

	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/quota"
)

// rates hold how often each app, and each of its keys, may still ask. Only who has signed a request with a key is
// counted, so that nobody can use up what is another's; and there is one entry for each key that exists or existed, made
// when the app has a limit.
type rates struct {
	mu   sync.Mutex
	apps map[string]*appRates // by app id; guarded by mu
}

type appRates struct {
	all  quota.Bucket
	keys map[string]*quota.Bucket
}

// admit takes a token of a and one of its key, or returns what to refuse the request with; then it takes none.
func (r *rates) admit(a *app.App, key string, now time.Time) *refusal {
	limits := &a.Limits
	if limits.RequestsPerSecond <= 0 && limits.KeyRequestsPerSecond <= 0 {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	of := r.apps[a.ID]
	if of == nil {
		of = &appRates{keys: make(map[string]*quota.Bucket)}
		if r.apps == nil {
			r.apps = make(map[string]*appRates)
		}
		r.apps[a.ID] = of
	}
	one := of.keys[key]
	if one == nil {
		one = new(quota.Bucket)
		of.keys[strings.Clone(key)] = one // it may be a part of the query
	}
	if wait := one.Wait(now, limits.KeyRequestsPerSecond); wait > 0 {
		return tooManyRequests("key_request_rate", "this key", limits.KeyRequestsPerSecond, wait)
	}
	if wait := of.all.Wait(now, limits.RequestsPerSecond); wait > 0 {
		return tooManyRequests("request_rate", "this app", limits.RequestsPerSecond, wait)
	}
	one.Allow(now, limits.KeyRequestsPerSecond)
	of.all.Allow(now, limits.RequestsPerSecond)
	return nil
}
