// Package plan holds what a load test is going to do, as arithmetic: which client is on which
// channel, which publisher sends which message where and when, and the stamp that each message
// carries.
//
// Everything follows from a Plan and an index, so that any number of processes agree without
// talking: a receiver knows from a stamp alone whether the message was meant for it, which of its
// streams it continues, and how late it is. Nothing here does I/O or reads a clock. All of it may
// be used by any goroutine.
//
// A stream is what one publisher sends on one channel. Its messages are numbered 0, 1, 2, …; gaps,
// repetitions and steps back in that numbering are losses, duplicates and order violations.
package plan
