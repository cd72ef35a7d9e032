// Package ledger keeps the board of a cluster as one node was told it, and works out what each change meant.
//
// The board's changes have one order, and every node is told all of them in it. So each node that keeps a [Ledger] comes to the same
// result: who was the first on a channel, who the last, and which node is to speak of it to those who are told once. What clients
// of a node are told is another matter: it follows from the node's own truth and from what the ledger says of the others, "elsewhere".
//
// Three kinds of entries are known ([Key]): how many connections of a node are subscribed to a topic, who is a member of one, and who
// is signed in to an app; and one entry says which process a node is, since a process may be on the board as several incarnations, one after
// the other. Entries of another kind, of an incarnation that is not up, or that make no sense, are void.
//
// Whoever is gone is taken off in steps: [Ledger.Leave] and [Ledger.Drop] for each of his topics, then [Ledger.Gone].
//
// # Who speaks
//
// Of all that is told once in the cluster, by webhooks, speaks the node whose process has been on the board without a break for the longest ([Ledger.Leads]): each
// node can tell by the order of the board alone whether it is this one. Whoever was there when it came is before it, whatever clocks say.
//
// A Ledger has no lock and no clock: whoever owns it guards it.
package ledger
