package pusher

import (
	"math/bits"
	"strings"
)

// A Hook is one kind of event that webhooks tell of; or'ed together they are a set of kinds.
type Hook uint8

// The kinds ("Webhooks" in the Pusher documentation).
const (
	HookOccupied      Hook = 1 << iota // channel_occupied: the first subscriber of a channel
	HookVacated                        // channel_vacated: the last one has left
	HookMemberAdded                    // member_added: a new user on a presence channel
	HookMemberRemoved                  // member_removed: the last connection of a user has left it
	HookClientEvent                    // client_event: a client's event was accepted
	HookCacheMiss                      // cache_miss: somebody found a cache channel empty
	HookCount                          // subscription_count: the number of connections has changed

	AllHooks = HookOccupied | HookVacated | HookMemberAdded | HookMemberRemoved | HookClientEvent | HookCacheMiss | HookCount
)

// A Ticket stands for an event of a cluster's board until webhooks have been told of it.
type Ticket struct {
	Number uint64 // 0: nobody waits for it
	// Sure says that a node that is gone may have told it: it is told even if it is soon undone, so that what follows fits to it.
	Sure bool
}

var hookNames = [...]string{"channel_occupied", "channel_vacated", "member_added", "member_removed", "client_event", "cache_miss", "subscription_count"}

// HookNames returns the names of all kinds as they stand in webhooks.
func HookNames() []string { return append([]string(nil), hookNames[:]...) }

// String returns the name of h, of a set all names with commas between.
func (h Hook) String() string {
	var names []string
	for set := h & AllHooks; set != 0; set &= set - 1 {
		names = append(names, hookNames[bits.TrailingZeros8(uint8(set))])
	}
	return strings.Join(names, ",")
}

// ParseHook returns the kind of that name.
func ParseHook(name string) (Hook, bool) {
	for i := range hookNames {
		if hookNames[i] == name {
			return 1 << i, true
		}
	}
	return 0, false
}
