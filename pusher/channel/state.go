package channel

import "github.com/gannet-io/gannet/pusher"

// A State is one channel on this node. Make it with New or Make. Guarded by its owner.
//
// It costs 48 bytes plus the roster of a presence channel and the event of a cache channel.
type State struct {
	roster    *roster // presence channels with members; else nil
	cached    *cached // cache channels with an event; else nil
	announced int64   // Unix nanoseconds of the last announced count; 0: never
	count     uint32  // subscribed connections
	changed   bool    // count differs from what was announced
	kind      pusher.Kind

	// Seat belongs to the owner: what subscribers who are nobody in particular have in common.
	Seat any
}

// New returns the state of a channel of the given kind, with no subscribers.
func New(kind pusher.Kind) *State { return &State{kind: kind} }

// Make returns what New does, as a part of something larger. It must not be copied once it is in use.
func Make(kind pusher.Kind) State { return State{kind: kind} }

// Kind returns the kind the channel was made with.
func (s *State) Kind() pusher.Kind { return s.kind }

// Join counts one more subscribed connection.
//
// On a presence channel m names its user, and added says that this is the user's first connection: the others are to
// get a member_added ("Presence membership": identity is the user, not the connection). A new user is refused when the
// channel has maxMembers already (0: no limit), a further connection of one who is in never is; name is the channel's,
// for the words of that refusal. m is shared. On other channels m is ignored. A refused join changes nothing.
func (s *State) Join(name string, m *Member, maxMembers int) (added bool, err *pusher.Error) {
	if s.kind&pusher.Presence != 0 {
		if s.roster == nil {
			s.roster = new(roster)
		}
		if added, err = s.roster.join(name, m, maxMembers); err != nil {
			return false, err
		}
	}
	s.count++
	s.changed = true
	return added, nil
}

// Leave counts one subscribed connection less. On a presence channel userID is the member it joined as, and removed
// says that this was the user's last connection: the rest is to get a member_removed. On other channels userID is
// ignored.
//
// It panics when nobody, or nobody as that user, is subscribed: every leave belongs to one join, and a count that went
// wrong would keep the channel occupied for ever.
func (s *State) Leave(userID string) (removed bool) {
	if s.count == 0 {
		panic("channel: more connections left than joined")
	}
	if s.kind&pusher.Presence != 0 {
		removed = s.roster.leave(userID)
		if len(s.roster.members) == 0 {
			s.roster = nil
		}
	}
	s.count--
	s.changed = true
	return removed
}

// Count returns how many connections are subscribed.
func (s *State) Count() int { return int(s.count) }
