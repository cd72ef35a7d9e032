// Package membus is a backbone in the process's own memory: for tests of nodes, and of what they do when the network lets them down.
//
// A [Net] is the network and the backbone in one; [Net.Node] makes the bus of one node. Faults are methods of the Net: a node can be cut off,
// paused or crash, and the board or a log can lose its memory.
//
// A Net made by [New] runs by itself. One made by [NewStepped] stands still: each thing that could happen next, a request reaching the
// backbone or a word of it reaching a node, happens by a call of [Net.Step], which picks one of them by a seeded source, and time passes by
// [Net.Advance]. Order is kept where [backbone.Bus] promises it and nowhere else, so many seeds see many orders, and each seed
// always the same.
package membus
