// Package cluster stands between a node and the bus that connects it with the others.
//
// A [Member] writes to the board what the node has, tells the node what the others have, and keeps the ledger in which it is
// looked up. The node marks what has changed under the topic's lock; the Member reads it when it writes, under that lock again, so
// that several changes become one, a write that failed is made again with what is true then, and the last value always wins. Nothing waits for the bus.
//
// An [Envelope] is what a message looks like on the way. All nodes of a cluster read the envelopes of the versions before their own, and skip what
// newer ones have added to their version, so that nodes can be replaced one after the other.
//
// Lock order: topic or tenant, then the ledger's or that of the marks, which are never taken together.
package cluster
