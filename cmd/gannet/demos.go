package main

import (
	"slices"

	"github.com/gannet-io/gannet/pusher/app"
)

// demoApp returns the app of the demos among those that were registered, nil when there are none: they are for a development server alone,
// with the secret that everybody knows and nobody has anything behind, and need client events and watchlists, which the development app
// has unless a file says otherwise.
func (c *Config) demoApp(registered []*app.App) *app.App {
	if !c.Dev || !c.hasKnownDevApp() {
		return nil
	}
	i := slices.IndexFunc(registered, func(a *app.App) bool {
		return a.ID == devAppID && len(a.Keys) == 1 && a.Enabled && a.ClientEvents && a.Watchlist
	})
	if i < 0 {
		return nil
	}
	return registered[i]
}
