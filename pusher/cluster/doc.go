// Package cluster stands between a node and the bus that connects it with the others.
//
// An [Envelope] is what a message looks like on the way. All nodes of a cluster read the envelopes of the versions before their own, and skip what
// newer ones have added to their version, so that nodes can be replaced one after the other.
package cluster
