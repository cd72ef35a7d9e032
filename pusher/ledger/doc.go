// Package ledger keeps the board of a cluster as one node was told it, and works out what each change meant.
//
// The board's changes have one order, and every node is told all of them in it. So each node that keeps a [Ledger] comes to the same
// result: who was the first on a channel, who the last, and which node speaks of it to those who are to be told once. What clients
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
// Of a change its author does, and of what a node leaves behind that is gone, the incarnation that has been up longest. But of an
// arrival speaks who spoke of the departure before it, as long as he is up: he may not have told anybody yet, since one who is back soon
// was not away. The last departures are remembered for that, and since a node that came after one cannot know of it, it speaks for its arrivals itself.
//
// A Ledger has no lock and no clock: whoever owns it guards it.
package ledger
