// Package wire holds every JSON shape of the Pusher protocol: frames from clients, frames to clients, bodies of the
// HTTP API and its answers. Parse functions turn bytes into values, Append functions turn values into bytes; neither
// decides anything, so names, sizes and rights are checked elsewhere.
//
// # Trust
//
// Whatever enters is validated before it is scanned (see valid.go), because values are copied verbatim into frames for
// other clients: a lenient reader would let one client add members to what another receives. Keys are compared exactly
// after decoding their escapes, never without regard to case as encoding/json does, and of duplicate members the last
// one wins everywhere.
//
// # Who owns the bytes
//
// Fields of type []byte are borrowed from the input unless their comment says otherwise, and so are the strings of a
// Frame. All other strings are copies. Append functions extend dst, never keep it, and never keep their arguments.
//
// # Encoding twice
//
// On the way to a client nearly every data is a JSON string that holds JSON ("pusher:error" and
// "pusher:signin_success" are the exceptions). A published event's data arrives here as such a string token and leaves
// as the same bytes. On the way to the server data is an object, or any value in a client event.
//
// Every function may be called from any goroutine.
package wire
