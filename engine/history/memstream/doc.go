// Package memstream is the [history.Stream] of one process: a ring of the frames that subscribers were sent, and beside it,
// where the owner wants that, the newest event of each key.
//
// Nothing is copied: an event costs its frame, which the fan-out has made anyway, and some tens of bytes (see EventBytes).
// Offsets are given out by the stream itself, and Deliver is called before Append returns. It has no lock, no clock and
// no source of epochs: the owner passes them in.
package memstream
