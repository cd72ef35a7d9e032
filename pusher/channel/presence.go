package channel

import (
	"iter"
	"slices"

	"github.com/gannet-io/gannet/pusher"
)

// A Member is a user of a presence channel.
type Member struct {
	ID   string // as text, also where the client's JSON had a number
	Info []byte // user_info as raw JSON, shared; nil: none given
}

// A roster holds every member once, with the number of its connections.
//
// Members sit in a slice, so that a roster is written out in a steady order and costs no map while it is small. Above
// indexedFrom members a map finds them; Pusher's limit is 100, but a limit can be raised or lifted.
type roster struct {
	members []occupant
	index   map[string]int32 // by user id into members; nil while there are few
}

type occupant struct {
	Member
	conns int
}

const indexedFrom = 16

func (r *roster) join(name string, m *Member, maxMembers int) (added bool, err *pusher.Error) {
	if i := r.find(m.ID); i >= 0 {
		// The info of the first connection stays until the user's last one has left; Pusher's choice is not documented.
		r.members[i].conns++
		return false, nil
	}
	if maxMembers > 0 && len(r.members) >= maxMembers {
		return false, pusher.PresenceFull(name)
	}
	r.members = append(r.members, occupant{*m, 1})
	switch n := len(r.members); {
	case r.index != nil:
		r.index[m.ID] = int32(n - 1)
	case n > indexedFrom:
		r.index = make(map[string]int32, 2*n)
		for i := range r.members {
			r.index[r.members[i].ID] = int32(i)
		}
	}
	return true, nil
}

func (r *roster) leave(id string) (removed bool) {
	i := -1
	if r != nil {
		i = r.find(id)
	}
	if i < 0 {
		panic("channel: a user left who had not joined")
	}
	if r.members[i].conns--; r.members[i].conns > 0 {
		return false
	}
	last := len(r.members) - 1
	r.members[i] = r.members[last]
	r.members[last] = occupant{} // let go of its strings
	r.members = r.members[:last]
	if r.index != nil {
		delete(r.index, id)
		if i != last {
			r.index[r.members[i].ID] = int32(i)
		}
	}
	return true
}

func (r *roster) find(id string) int {
	if r.index != nil {
		if i, ok := r.index[id]; ok {
			return int(i)
		}
		return -1
	}
	return slices.IndexFunc(r.members, func(o occupant) bool { return o.ID == id })
}

// Users returns how many distinct users are members; 0 unless it is a presence channel.
func (s *State) Users() int {
	if s.roster == nil {
		return 0
	}
	return len(s.roster.members)
}

// Member returns the info of a member, and whether the user is one.
func (s *State) Member(userID string) (info []byte, ok bool) {
	if s.roster == nil {
		return nil, false
	}
	i := s.roster.find(userID)
	if i < 0 {
		return nil, false
	}
	return s.roster.members[i].Info, true
}

// Conns returns how many connections a member has; 0 of who is none.
func (s *State) Conns(userID string) int {
	if s.roster == nil {
		return 0
	}
	if i := s.roster.find(userID); i >= 0 {
		return s.roster.members[i].conns
	}
	return 0
}

// Members yields every member's user id and info once, in no promised order. The info is shared, nil when none was
// given. The state must not change meanwhile.
func (s *State) Members() iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		if s.roster == nil {
			return
		}
		for i := range s.roster.members {
			if m := &s.roster.members[i]; !yield(m.ID, m.Info) {
				return
			}
		}
	}
}

// UserIDs returns the ids of all members, in no promised order. The slice is the caller's.
func (s *State) UserIDs() []string {
	ids := make([]string, 0, s.Users())
	for id := range s.Members() {
		ids = append(ids, id)
	}
	return ids
}
