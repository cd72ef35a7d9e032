// Package certs keeps the certificates of a server: it reads them from files, chooses one for
// each handshake, and follows when the files change. It knows nothing of connections and does
// no handshakes.
//
// A [Store] is made by Open, which fails when a file is bad. From then on nothing a file says
// can make it worse: a pair that cannot be used is left aside with a complaint, and the one
// before stays. All handshakes use one tls.Config for the life of the Store, so that session
// tickets outlive a change of certificates; what changes is a snapshot behind it, swapped
// whole.
//
// Ticket keys can be shared by the nodes of a cluster: each derives the same key a day from
// the secrets in a file, see [Config.TicketSecrets].
package certs
