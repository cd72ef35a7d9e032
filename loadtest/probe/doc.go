// Package probe looks at a server from outside: what its processes use, from /proc, and what it
// says of itself, from a page of metrics in the Prometheus text format.
//
// A Prober reads everything at one instant into a Reading; the difference of two is what a run
// cost. What cannot be read is left out, never guessed. Any goroutine.
package probe
