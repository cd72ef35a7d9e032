// Package backbone is the contract for what connects the nodes of a cluster: a [Bus], told to a [Sink].
//
// Three things go over it, and no node ever asks another one anything.
//
// # Messages
//
// Publish hands a message to every other node that is attached to its topic, in the order of each sender. Nothing is kept.
//
// # Stored messages
//
// Append gives a message the next offset of its topic's log, for all nodes the same, keeps it, and hands it to every
// node that is attached, the sender too. Offsets of one epoch count from 1 without holes. Whoever attaches is told the newest
// messages first (a [Tail]), and then every one that follows; when the bus was away it fetches what was missed. What cannot be
// fetched any more, or when the log has lost its memory, is seen by a Tail that does not join on to what came before.
//
// # The board
//
// The board says which node has what: entries under opaque keys, each the writing node's own. All changes have one order,
// and every node is told all of them in it, its own too. So each node can work out for itself what a change meant, such as
// which join was the first anywhere, and all come to the same result.
//
// A node is on the board as an incarnation, and only while it renews a lease. When that lapses, or it leaves, the others are
// told Gone, in the board's order, and all entries of the incarnation are void; so are those that it may still write. A node that
// finds itself gone, or a board that has lost its memory, takes a new incarnation ([Sink.Rejoin]) and writes everything again.
//
// # Away
//
// A bus that cannot reach its backbone says so ([Sink.State]) and comes back by itself. What it was asked to do meanwhile fails with
// ErrUnavailable, but attachments, which are made as soon as they can be.
package backbone
