// Package live is what operators see of a running server: events as they happen, and connections as they are.
//
// A [Feed] is where node and gateway tell what happens. While nobody watches that costs them one atomic load each time, and
// while somebody does little more: a watcher takes so many events a second, and of the others only their number is known. Nobody
// who tells ever waits for one who watches.
//
// The rest is the shapes in which the gateway answers questions about connections.
package live
