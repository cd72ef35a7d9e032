package pusher

import "strings"

// A Kind is the set of rules a channel's name puts it under. The zero value, Public, has none.
type Kind uint8

// The rules a name can ask for. A presence channel carries Presence alone, not Presence|Private: ask NeedsAuth when
// the question is whether a signature is wanted.
const (
	Private      Kind = 1 << iota // private-: a signature is needed
	Presence                      // presence-: a signature and a member are needed
	Encrypted                     // private-encrypted-: data is opaque to the server; always with Private
	Cache                         // …cache-: the last published event is kept for new subscribers
	ServerToUser                  // #server-to-user-: only for a connection signed in as that user

	Public Kind = 0 // any other name: everybody may subscribe
)

// ServerToUserPrefix begins the name of the channel that reaches one signed-in user; the user id follows. No other
// name may hold a '#'.
const ServerToUserPrefix = "#server-to-user-"

// KindOf returns the kind channel's name asks for. Prefixes are anchored, case-sensitive and end with their dash:
// "privately", "my-private-x" and "cached-x" are public. There is no encrypted presence channel, so
// "presence-encrypted-x" is plain presence. The name is not checked; see ValidChannel. Any goroutine.
func KindOf(channel string) Kind {
	if rest, ok := strings.CutPrefix(channel, "private-"); ok {
		kind := Private
		if encrypted, ok := strings.CutPrefix(rest, "encrypted-"); ok {
			kind |= Encrypted
			rest = encrypted
		}
		return kind | cacheOf(rest)
	}
	if rest, ok := strings.CutPrefix(channel, "presence-"); ok {
		return Presence | cacheOf(rest)
	}
	if strings.HasPrefix(channel, ServerToUserPrefix) {
		return ServerToUser
	}
	return cacheOf(channel)
}

func cacheOf(rest string) Kind {
	if strings.HasPrefix(rest, "cache-") {
		return Cache
	}
	return Public
}

// NeedsAuth reports whether subscribing needs a signature. ServerToUser does not: it needs a sign-in instead.
func (k Kind) NeedsAuth() bool { return k&(Private|Presence) != 0 }

// ClientEvents reports whether subscribers may send client events: on private and presence channels only, with or
// without a cache ("Client events" in the Pusher documentation).
func (k Kind) ClientEvents() bool { return k.NeedsAuth() }
