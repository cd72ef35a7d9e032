// Package pusher holds the nouns of the Pusher Channels protocol, version 7: kinds of channels, the alphabets and
// lengths of names, reserved events, documented limits, and one constructor for each refusal a client can be given.
//
// It says what a name means, not what to do about it: the rules of joining live in pusher/channel, the JSON in
// pusher/wire, the signatures in pusher/auth. It knows no socket, clock or goroutine, and everything in it may be
// called from any goroutine.
//
// The rules come from the "Channels" and "Library authoring guide" pages of the Pusher documentation. Where those are
// silent, the comment says which choice was made.
package pusher
