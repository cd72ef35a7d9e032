// Package rest is the HTTP API door: what Pusher calls the "HTTP API", spoken by every
// official server library.
//
//	POST /apps/{id}/events                              events.go
//	POST /apps/{id}/batch_events                        batch.go
//	GET  /apps/{id}/channels                            channels.go
//	GET  /apps/{id}/channels/{channel}                  channels.go
//	GET  /apps/{id}/channels/{channel}/users            users.go
//	GET  /apps/{id}/channels/{channel}/events           history.go; not Pusher's
//	POST /apps/{id}/users/{user}/terminate_connections  users.go
//	POST /users/{user}/terminate_connections            users.go, as the Python library asks
//	GET  / /up /healthz /readyz                         health.go, unsigned
//	GET  /resume.js /resume.mjs                         script.go, unsigned
//	/ in browsers, and what is below /demo/             pages.go, unsigned, by Config.Pages
//
// and gives connections away on which a client asks for a WebSocket, in upgrade.go.
//
// It turns one signed request into calls of a [Node] and its answer into JSON. Rules of
// channels, fan-out and what other nodes know are the node's; JSON is pusher/wire's and
// signatures are pusher/auth's. The 2012 endpoints (stats, one-channel events) are left out.
//
// # Order of the checks
//
//  1. Path (404), content coding (415).
//  2. Signature (401). An app id nobody has is treated like an app without keys, so it
//     answers "Unknown auth_key": whether an app exists is only told to who can sign
//     for it. Departs from soketi and sockudo, which say 404; Pusher's answer is unknown.
//  3. Method (405), app disabled (403).
//  4. Body (400), fields (400), size of the data (413).
//  5. Work, only after everything was found good: of a hundred channels with one bad
//     name, none gets the event.
//
// A success is always 200 with a JSON object, because PHP takes 202 and 204 for errors
// and Go parses every body. Errors are plain text, as Pusher's are, or JSON in an app with
// Compat.JSONErrors. A body larger than Config.MaxBodyBytes is refused with 413 before
// anything else. One above 64 KiB is only read after the signature, which is in the query, was
// found good; body_md5 is compared when it is there.
//
// # Life of a Server
//
// New, then Serve or ServeShared for each listener, then one Shutdown. All methods may be called by any
// goroutine. An answer does not wait for deliveries, unless subscribers
// are so far behind that publishers must be slowed down, and then for two seconds at most.
package rest
