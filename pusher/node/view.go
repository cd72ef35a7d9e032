package node

import (
	"iter"

	"github.com/gannet-io/gannet/engine/hub"
	"github.com/gannet-io/gannet/frame"
	"github.com/gannet-io/gannet/pusher"
	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/channel"
	"github.com/gannet-io/gannet/pusher/wire"
)

// What clients are told of a channel is this node's view: what it has itself, at once, and what the board says of the other
// nodes, which changes under the topic's lock alone. Where a node is alone the view is what it has.

// join lets m, or nobody in particular, into the channel. added says that the user was not on this node, known that he is on
// another one, so that nobody is told.
func (n *Node) join(t *hub.Topic, p *place, a *app.App, name string, m *channel.Member) (added, known bool, refusal *pusher.Error) {
	limit := a.Limits.PresenceMembers
	if n.member != nil && p.Kind()&pusher.Presence != 0 {
		known = n.member.MemberElsewhere(t.Key(), m.ID)
		if _, here := p.Member(m.ID); limit > 0 && !here && !known && n.users(t.Key(), &p.State) >= limit {
			return false, false, pusher.PresenceFull(name)
		}
		limit = 0
	}
	added, refusal = p.Join(name, m, limit)
	return added, known, refusal
}

// mark has the board hear that connections have changed, and member too with changed.
func (n *Node) mark(t *hub.Topic, changed bool, m *channel.Member) {
	if n.member == nil {
		return
	}
	user := ""
	if changed {
		user = m.ID
	}
	n.member.Mark(t.Key(), user)
}

func (n *Node) memberElsewhere(t *hub.Topic, userID string) bool {
	return n.member != nil && n.member.MemberElsewhere(t.Key(), userID)
}

// subscriptions returns how many connections are subscribed.
func (n *Node) subscriptions(t *hub.Topic) int {
	if n.member == nil {
		return t.Count()
	}
	return t.Count() + n.member.Elsewhere(t.Key())
}

// users returns how many distinct users are members. s is what this node has of the channel; the zero State when that is nothing.
func (n *Node) users(key string, s *channel.State) int {
	if n.member == nil || s.Kind()&pusher.Presence == 0 {
		return s.Users()
	}
	return s.Users() + n.countOthers(key, s)
}

func (n *Node) countOthers(key string, s *channel.State) (users int) {
	for range n.others(key, s) {
		users++
	}
	return users
}

// others yields the members that are not on this node.
func (n *Node) others(key string, s *channel.State) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for user, info := range n.member.MembersElsewhere(key) {
			if _, here := s.Member(user); here {
				continue
			}
			if !yield(user, infoOf(info)) {
				return
			}
		}
	}
}

// infoOf returns the info of a member as the board has it.
func infoOf(info string) []byte {
	if info == "" {
		return nil
	}
	return []byte(info)
}

// members yields every member once, those of this node with the info they brought here.
func (n *Node) members(key string, s *channel.State) iter.Seq2[string, []byte] {
	if n.member == nil {
		return s.Members()
	}
	return func(yield func(string, []byte) bool) {
		for user, info := range s.Members() {
			if !yield(user, info) {
				return
			}
		}
		n.others(key, s)(yield)
	}
}

func memberAdded(name, user string, info []byte) *frame.Prepared {
	buf := frame.NewBuffer(len(name) + len(user) + len(info) + 128)
	return text(wire.AppendMemberAdded(buf, name, user, info))
}

func memberRemoved(name, user string) *frame.Prepared {
	return text(wire.AppendMemberRemoved(frame.NewBuffer(len(name)+len(user)+112), name, user))
}
