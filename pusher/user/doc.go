// Package user keeps who is signed in to one app on this node, and who watches whom.
//
// A user is online while at least one connection is signed in as that user; presence channels do not count (Pusher
// documentation, "Watchlist events"). Connections are the caller's numbers, opaque here. What frames follow from a
// change is the node's business, and who is online on other nodes is the cluster's.
//
// A [Table] has no lock: whoever owns it guards it.
package user
