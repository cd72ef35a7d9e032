// Package tally counts what a load test sees: counters, and distributions of time as HDR
// histograms, both in a form that travels between processes and adds up.
//
// A worker fills one set per interval of the time line and takes it out at the interval's end; the
// sum of all intervals of all workers is the result. A value belongs to one goroutine at a time.
package tally
