// Package app describes a tenant: its keys, switches and limits, and where it is looked up.
//
// An [App] is immutable from the moment a [Registry] hands it out, and shared by everybody who holds it: a changed
// configuration is a new App, seen by connections made after the change. Adapters (appstatic and later ones backed by
// databases) implement Registry and pass the suite in apptest.
//
// Filling in defaults is the business of the configuration, not of this package: a zero limit in an App means no limit,
// so that "unlimited" can be said. [DefaultLimits] has Pusher's values.
package app
