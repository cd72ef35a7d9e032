// Package appstatic is a registry of apps that are known when it is made, such as those of the configuration file.
//
// It never blocks and never changes; a reloaded file makes a new [Registry].
package appstatic

import (
	"context"
	"fmt"

	"github.com/gannet-io/gannet/pusher/app"
)

// A Registry answers from two maps. It implements app.Registry. Any goroutine.
type Registry struct {
	// Set once by New.
	byKey, byID map[string]*app.App
}

// New makes a registry of apps, which it takes: neither the Apps nor what they point to may be changed afterwards.
//
// It refuses an app that app.App.Check refuses, and an id or a key that two apps share. No apps at all is allowed.
func New(apps []*app.App) (*Registry, error) {
	r := &Registry{byKey: make(map[string]*app.App, len(apps)), byID: make(map[string]*app.App, len(apps))}
	for _, a := range apps {
		if err := a.Check(); err != nil {
			return nil, fmt.Errorf("appstatic: %w", err)
		}
		if r.byID[a.ID] != nil {
			return nil, fmt.Errorf("appstatic: two apps have the id %q", a.ID)
		}
		r.byID[a.ID] = a
		for _, k := range a.Keys {
			if other := r.byKey[k.Key]; other != nil {
				return nil, fmt.Errorf("appstatic: apps %q and %q share the key %q", other.ID, a.ID, k.Key)
			}
			r.byKey[k.Key] = a
		}
	}
	return r, nil
}

// ByKey implements app.Registry. It does not block.
func (r *Registry) ByKey(_ context.Context, key string) (*app.App, error) { return found(r.byKey[key]) }

// ByID implements app.Registry. It does not block.
func (r *Registry) ByID(_ context.Context, id string) (*app.App, error) { return found(r.byID[id]) }

func found(a *app.App) (*app.App, error) {
	if a == nil {
		return nil, app.ErrNotFound
	}
	return a, nil
}
